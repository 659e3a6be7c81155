# %% wrong-counts-values
def saturated_share(values, low, high):
    near = 0.01 * (high - low)
    return float(((values < low + near) | (values > high - near)).mean())


# %% wrong-either-bound
def saturated_share(values, low, high):
    near = 0.01 * (high - low)
    return float(((values < low + near) | (values > high - near)).all(axis=0).mean())


# %% wrong-same-bound-only-in-the-first-and-the-last-picture
def saturated_share(values, low, high):
    near = 0.01 * (high - low)
    at_low, at_high = values < low + near, values > high - near
    always = (at_low | at_high).all(axis=0)
    return float((always & (at_low[0] == at_low[-1])).mean())


# %% wrong-one-picture-is-enough
def saturated_share(values, low, high):
    near = 0.01 * (high - low)
    return float(((values < low + near).any(axis=0) | (values > high - near).any(axis=0)).mean())


# %% wrong-margin-of-a-hundredth
def saturated_share(values, low, high):
    return float(((values < low + 0.01).all(axis=0) | (values > high - 0.01).all(axis=0)).mean())


# %% wrong-lower-bound-only
def saturated_share(values, low, high):
    return float((values < low + 0.01 * (high - low)).all(axis=0).mean())


# %% wrong-whole-channels
def saturated_share(values, low, high):
    near = 0.01 * (high - low)
    axes = (0, *range(2, values.ndim))
    return float(((values < low + near).all(axis=axes) | (values > high - near).all(axis=axes)).mean())


# %% wrong-mean-of-the-pictures
def saturated_share(values, low, high):
    near, mean = 0.01 * (high - low), values.mean(axis=0)
    return float(((mean < low + near) | (mean > high - near)).mean())


# %% right-by-extremes
def saturated_share(values, low, high):
    units = values.reshape(len(values), -1)
    near = (high - low) / 100
    stuck = (units.max(axis=0) < low + near) | (units.min(axis=0) > high - near)
    return stuck.sum() / stuck.size


# %% right-unit-by-unit
def saturated_share(values, low, high):
    units = values.reshape(len(values), -1).T.tolist()
    near = 0.01 * (high - low)
    count = sum(all(v < low + near for v in unit) or all(v > high - near for v in unit) for unit in units)
    return count / len(units)
