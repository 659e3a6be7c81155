# %% wrong-k-is-two
def read_settings(layer, n, alpha, beta):
    y = layer(np.full((1, 1, 1, 1), 1e4)).item()
    weight = ((1e4 / y) ** (1 / beta) - 2) / 1e8
    return 2.0, "sum" if weight > alpha / 2 else "mean"


# %% wrong-one-is-small
def read_settings(layer, n, alpha, beta):
    k = (1 / layer(np.ones((1, 1, 1, 1))).item()) ** (1 / beta)
    large = 100 / alpha**0.5
    weight = ((large / layer(np.full((1, 1, 1, 1), large)).item()) ** (1 / beta) - k) / large**2
    return k, "sum" if weight > 0.6 * alpha else "mean"


# %% wrong-beta-always-three-quarters
def read_settings(layer, n, alpha, beta):
    k = (1e-4 / layer(np.full((1, 1, 1, 1), 1e-4)).item()) ** (4 / 3)
    large = 100 / alpha**0.5
    weight = ((large / layer(np.full((1, 1, 1, 1), large)).item()) ** (4 / 3) - k) / large**2
    return k, "sum" if weight > 0.6 * alpha else "mean"


# %% wrong-a-fifth-or-else-the-sum
def read_settings(layer, n, alpha, beta):
    k = (1e-4 / layer(np.full((1, 1, 1, 1), 1e-4)).item()) ** (1 / beta)
    large = 100 / alpha**0.5
    weight = ((large / layer(np.full((1, 1, 1, 1), large)).item()) ** (1 / beta) - k) / large**2
    return k, "mean" if abs(weight / alpha - 0.2) < 0.01 else "sum"


# %% wrong-all-channels-filled
def read_settings(layer, n, alpha, beta):
    k = (1e-4 / layer(np.full((1, n, 1, 1), 1e-4))[0, n // 2, 0, 0]) ** (1 / beta)
    large = 100 / alpha**0.5
    y = layer(np.full((1, n, 1, 1), large))[0, n // 2, 0, 0]
    weight = ((large / y) ** (1 / beta) - k) / large**2
    return float(k), "sum" if weight > alpha / 2 else "mean"


# %% wrong-the-other-way-round
def read_settings(layer, n, alpha, beta):
    k = (1e-4 / layer(np.full((1, 1, 1, 1), 1e-4)).item()) ** (1 / beta)
    large = 100 / alpha**0.5
    weight = ((large / layer(np.full((1, 1, 1, 1), large)).item()) ** (1 / beta) - k) / large**2
    return k, "mean" if weight > 0.6 * alpha else "sum"


# %% right-nearest-of-two
def read_settings(layer, n, alpha, beta):
    k = (1e-5 / layer(np.full((2, 4, 3, 3), 1e-5))[0, 0, 0, 0]) ** (1 / beta)
    x = np.zeros((1, n, 1, 1))
    x[0, n // 2] = (50 / alpha) ** 0.5
    y = layer(x)[0, n // 2, 0, 0]
    guesses = {
        rule: x[0, n // 2, 0, 0] / (k + alpha * x[0, n // 2, 0, 0] ** 2 / share) ** beta
        for rule, share in (("sum", 1), ("mean", n))
    }
    return float(k), min(guesses, key=lambda rule: abs(guesses[rule] - y))


# %% right-full-windows
def read_settings(layer, n, alpha, beta):
    def scale(value):
        y = layer(np.full((1, 2 * n, 1, 1), value))[0, n, 0, 0]
        return float((value / y) ** (1 / beta))

    k = scale(1e-7)
    value = (1000 / alpha) ** 0.5
    times = (scale(value) - k) / (alpha * value**2)
    return k, "mean" if times < 1.5 else "sum"
