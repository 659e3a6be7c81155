# %% wrong-no-inner-derivative
def line_gradient(w, b, x, y):
    error = w * x + b - y
    return float(np.mean(2 * error)), float(np.mean(2 * error))


# %% wrong-forgets-the-two
def line_gradient(w, b, x, y):
    error = w * x + b - y
    return float(np.mean(error * x)), float(np.mean(error))


# %% wrong-sum
def line_gradient(w, b, x, y):
    error = w * x + b - y
    return float(np.sum(2 * error * x)), float(np.sum(2 * error))


# %% wrong-forgets-b
def line_gradient(w, b, x, y):
    error = w * x - y
    return float(np.mean(2 * error * x)), float(np.mean(2 * error))


# %% wrong-sign
def line_gradient(w, b, x, y):
    error = y - w * x - b
    return float(np.mean(2 * error * x)), float(np.mean(2 * error))


# %% wrong-array
def line_gradient(w, b, x, y):
    error = w * x + b - y
    return np.array([np.mean(2 * error * x), np.mean(2 * error)])


# %% right-loop
def line_gradient(w, b, x, y):
    by_w = by_b = 0.0
    for x_i, y_i in zip(x.tolist(), y.tolist()):
        by_w += 2 * (w * x_i + b - y_i) * x_i / len(x)
        by_b += 2 * (w * x_i + b - y_i) / len(x)
    return by_w, by_b


# %% right-by-paddle
def line_gradient(w, b, x, y):
    parameters = paddle.to_tensor([w, b], dtype="float64", stop_gradient=False)
    loss = ((parameters[0] * paddle.to_tensor(x) + parameters[1] - paddle.to_tensor(y)) ** 2).mean()
    loss.backward()
    return tuple(parameters.grad.tolist())
