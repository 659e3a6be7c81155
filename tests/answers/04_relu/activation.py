# %% wrong-overflow
def activation(name, x):
    if name == "relu":
        return np.maximum(x, 0.0), (x > 0).astype("float64")
    with np.errstate(all="ignore"):
        if name == "tanh":
            value = (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))
            return value, 1 - value**2
        value = np.exp(x) / (1 + np.exp(x))
        return value, value * (1 - value)


# %% wrong-slope-one-at-the-kink
def activation(name, x):
    if name == "relu":
        return np.maximum(x, 0.0), (x >= 0).astype("float64")
    if name == "tanh":
        return np.tanh(x), 1 - np.tanh(x) ** 2
    value = 0.5 * (1 + np.tanh(x / 2))
    return value, value * (1 - value)


# %% wrong-tanh-not-squared
def activation(name, x):
    if name == "relu":
        return np.maximum(x, 0.0), (x > 0).astype("float64")
    if name == "tanh":
        return np.tanh(x), 1 - np.tanh(x)
    value = 0.5 * (1 + np.tanh(x / 2))
    return value, value * (1 - value)


# %% wrong-slope-of-x
def activation(name, x):
    if name == "relu":
        return np.maximum(x, 0.0), (x > 0).astype("float64")
    if name == "tanh":
        return np.tanh(x), 1 - x**2
    return 0.5 * (1 + np.tanh(x / 2)), x * (1 - x)


# %% wrong-tanh-as-slope-of-sigmoid
def activation(name, x):
    value = {"relu": np.maximum(x, 0.0), "tanh": np.tanh(x), "sigmoid": 0.5 * (1 + np.tanh(x / 2))}[name]
    return value, (value > 0) * 1.0 if name == "relu" else 1 - value**2


# %% right-by-paddle
def activation(name, x):
    tensor = paddle.to_tensor(x, stop_gradient=False)
    out = getattr(F, name)(tensor)
    return out.numpy(), paddle.grad(out.sum(), tensor)[0].numpy()


# %% right-sigmoid-by-tanh
def activation(name, x):
    x = np.asarray(x, "float64")
    if name == "relu":
        return x * (x > 0), np.where(x > 0, 1.0, 0.0)
    scale = 0.5 if name == "sigmoid" else 1.0
    t = np.tanh(scale * x)
    return (0.5 * (1 + t), 0.25 * (1 + t) * (1 - t)) if name == "sigmoid" else (t, (1 + t) * (1 - t))
