# %% wrong-keeps-with-p
def dropout_upscale(x, p, training, rng):
    if not training:
        return x.copy()
    return x * (rng.random(x.shape) < p) / (1 - p)


# %% wrong-divides-by-p
def dropout_upscale(x, p, training, rng):
    if not training:
        return x.copy()
    return x * (rng.random(x.shape) >= p) / p if p else x.copy()


# %% wrong-not-scaled
def dropout_upscale(x, p, training, rng):
    return x * (rng.random(x.shape) >= p) if training else x.copy()


# %% wrong-always-on
def dropout_upscale(x, p, training, rng):
    return x * (rng.random(x.shape) >= p) / (1 - p)


# %% wrong-one-mask-for-the-batch
def dropout_upscale(x, p, training, rng):
    if not training:
        return x.copy()
    return x * (rng.random(x.shape[-1]) >= p) / (1 - p)


# %% wrong-own-generator
def dropout_upscale(x, p, training, rng):
    if not training:
        return x.copy()
    return x * (np.random.random(x.shape) >= p) / (1 - p)


# %% wrong-same-mask-in-each-call
def dropout_upscale(x, p, training, rng):
    if not training:
        return x.copy()
    return x * (np.random.default_rng(0).random(x.shape) >= p) / (1 - p)


# %% wrong-x-itself-at-test-time
def dropout_upscale(x, p, training, rng):
    if not training:
        return x
    return x * (rng.random(x.shape) >= p) / (1 - p)


# %% wrong-view-at-test-time
def dropout_upscale(x, p, training, rng):
    return x * (rng.random(x.shape) >= p) / (1 - p) if training else x[...]


# %% wrong-in-place
def dropout_upscale(x, p, training, rng):
    if training:
        x *= (rng.random(x.shape) >= p) / (1 - p)
    return x


# %% right-where
def dropout_upscale(x, p, training, rng):
    scale = np.where(rng.random(x.shape) < p, 0.0, 1 / (1 - p)) if training else 1.0
    return x * scale


# %% right-binomial-and-assignment
def dropout_upscale(x, p, training, rng):
    out = np.array(x, dtype="float64")
    if training and p > 0:
        out /= 1 - p
        out[rng.binomial(1, p, size=out.shape).astype(bool)] = 0
    return out
