# %% wrong-one-channel-only
def activation_needed(change, n=5, k=2.0, alpha=1e-4, beta=0.75):
    return (k * ((1 - change) ** (-1 / beta) - 1) / alpha) ** 0.5


# %% wrong-no-root
def activation_needed(change, n=5, k=2.0, alpha=1e-4, beta=0.75):
    return k * ((1 - change) ** (-1 / beta) - 1) / (alpha * n)


# %% wrong-k-always-two
def activation_needed(change, n=5, k=2.0, alpha=1e-4, beta=0.75):
    return (2 * ((1 - change) ** (-1 / beta) - 1) / (alpha * n)) ** 0.5


# %% wrong-beta-always-three-quarters
def activation_needed(change, n=5, k=2.0, alpha=1e-4, beta=0.75):
    return (k * ((1 - change) ** (-4 / 3) - 1) / (alpha * n)) ** 0.5


# %% wrong-straight-line
def activation_needed(change, n=5, k=2.0, alpha=1e-4, beta=0.75):
    return (k * change / beta / (alpha * n)) ** 0.5


# %% wrong-factor-is-the-change
def activation_needed(change, n=5, k=2.0, alpha=1e-4, beta=0.75):
    return (k * (change ** (-1 / beta) - 1) / (alpha * n)) ** 0.5


# %% right-numpy
def activation_needed(change, n=5, k=2.0, alpha=1e-4, beta=0.75):
    scale = np.exp(-np.log1p(-change) / beta)
    return np.sqrt(k * (scale - 1) / alpha / n)


# %% right-by-halving
def activation_needed(change, n=5, k=2.0, alpha=1e-4, beta=0.75):
    low, high = 0.0, 1e6
    for _ in range(200):
        middle = (low + high) / 2
        if (1 + alpha * n * middle**2 / k) ** -beta > 1 - change:
            low = middle
        else:
            high = middle
    return high
