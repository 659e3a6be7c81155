# %% wrong-goes-uphill
def sgd_step(w, v, g, lr):
    v = 0.9 * v - 0.0005 * lr * w + lr * g
    return w + v, v


# %% wrong-no-momentum
def sgd_step(w, v, g, lr):
    v = -0.0005 * lr * w - lr * g
    return w + v, v


# %% wrong-in-place
def sgd_step(w, v, g, lr):
    v *= 0.9
    v -= 0.0005 * lr * w + lr * g
    return w + v, v


# %% wrong-decay-not-times-the-rate
def sgd_step(w, v, g, lr):
    v = 0.9 * v - 0.0005 * w - lr * g
    return w + v, v


# %% wrong-old-velocity
def sgd_step(w, v, g, lr):
    new = 0.9 * v - 0.0005 * lr * w - lr * g
    return w + v, new


# %% wrong-order
def sgd_step(w, v, g, lr):
    v = 0.9 * v - 0.0005 * lr * w - lr * g
    return v, w + v


# %% right-terms-by-name
def sgd_step(w, v, g, lr):
    momentum, decay, descent = 0.9 * v, 0.0005 * lr * w, lr * g
    velocity = momentum - decay - descent
    return (np.add(w, velocity), velocity)


# %% right-decay-in-the-gradient
def sgd_step(w, v, g, lr):
    velocity = v * 0.9 - lr * (g + 0.0005 * w)
    return w.copy() + velocity, velocity
