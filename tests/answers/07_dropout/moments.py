# %% wrong-variance-only-thinned
def moments(mean, variance, p, scaled):
    q = 1 - p
    return (mean, variance / q) if scaled else (q * mean, q * variance)


# %% wrong-drop-rate-for-keep-rate
def moments(mean, variance, p, scaled):
    q = p if p > 0 else 1
    first, second = q * mean, q * (variance + mean**2)
    factor = 1 / q if scaled else 1
    return factor * first, factor**2 * (second - first**2)


# %% wrong-factor-not-squared
def moments(mean, variance, p, scaled):
    q = 1 - p
    first, second = q * mean, q * (variance + mean**2)
    factor = 1 / q if scaled else 1
    return factor * first, factor * (second - first**2)


# %% wrong-square-of-the-mean-not-taken-off
def moments(mean, variance, p, scaled):
    q = 1 - p
    return (mean, (variance + mean**2) / q) if scaled else (q * mean, q * (variance + mean**2))


# %% wrong-standard-deviation
def moments(mean, variance, p, scaled):
    q = 1 - p
    first, second = q * mean, q * (variance + mean**2)
    factor = 1 / q if scaled else 1
    return factor * first, factor * (second - first**2) ** 0.5


# %% wrong-of-the-mean-as-if-half
def moments(mean, variance, p, scaled):
    q = 1 - p
    return (mean, variance / q + mean**2) if scaled else (q * mean, q * variance + mean**2 / 4)


# %% right-by-parts
def moments(mean, variance, p, scaled):
    if scaled:
        return mean, variance / (1 - p) + mean**2 * p / (1 - p)
    return (1 - p) * mean, (1 - p) * variance + p * (1 - p) * mean**2


# %% right-total-variance
def moments(mean, variance, p, scaled):
    outcomes = np.array([0.0, 1 / (1 - p) if scaled else 1.0])
    chances = np.array([p, 1 - p])
    centre = chances @ (outcomes * mean)
    within = chances @ (outcomes**2 * variance)
    between = chances @ (outcomes * mean - centre) ** 2
    return centre, within + between
