# %% wrong-forward-difference
def numerical_gradient(function, x, h=1e-5):
    gradient = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        moved = x.astype("float64")
        moved[place] += h
        gradient[place] = (function(moved) - function(x)) / h
    return gradient


# %% wrong-divides-by-h
def numerical_gradient(function, x, h=1e-5):
    gradient = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        above, below = x.astype("float64"), x.astype("float64")
        above[place] += h
        below[place] -= h
        gradient[place] = (function(above) - function(below)) / h
    return gradient


# %% wrong-all-at-once
def numerical_gradient(function, x, h=1e-5):
    slope = (function(x + h) - function(x - h)) / (2 * h)
    return np.full(x.shape, slope / x.size)


# %% wrong-leaves-x-changed
def numerical_gradient(function, x, h=1e-5):
    gradient = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        x[place] += h
        above = function(x)
        x[place] -= 2 * h
        gradient[place] = (above - function(x)) / (2 * h)
        x[place] += h * 1.5
    return gradient


# %% wrong-flat
def numerical_gradient(function, x, h=1e-5):
    gradient = []
    for place in np.ndindex(x.shape):
        above, below = x.astype("float64"), x.astype("float64")
        above[place] += h
        below[place] -= h
        gradient.append((function(above) - function(below)) / (2 * h))
    return np.array(gradient)


# %% right-unit-vectors
def numerical_gradient(function, x, h=1e-5):
    units = np.eye(x.size).reshape(x.size, *x.shape) * h
    return np.array([(function(x + unit) - function(x - unit)) / (2 * h) for unit in units]).reshape(x.shape)


# %% right-copies
def numerical_gradient(function, x, h=1e-5):
    gradient = np.empty(x.shape, "float64")
    for place in np.ndindex(x.shape):
        values = []
        for sign in (1, -1):
            moved = x.astype("float64").copy()
            moved[place] = moved[place] + sign * h
            values.append(function(moved))
        gradient[place] = (values[0] - values[1]) / 2 / h
    return gradient
