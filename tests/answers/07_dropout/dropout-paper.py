# %% wrong-times-p-at-test
def dropout_paper(x, p, training, rng):
    return x * (rng.random(x.shape) >= p) if training else x * p


# %% wrong-always-a-half
def dropout_paper(x, p, training, rng):
    return x * (rng.random(x.shape) >= p) if training else x * 0.5


# %% wrong-scaled-twice
def dropout_paper(x, p, training, rng):
    return x * (rng.random(x.shape) >= p) / (1 - p) if training else x * (1 - p)


# %% wrong-not-scaled
def dropout_paper(x, p, training, rng):
    return x * (rng.random(x.shape) >= p) if training else x.copy()


# %% wrong-keeps-with-p
def dropout_paper(x, p, training, rng):
    return x * (rng.random(x.shape) < p) if training else x * (1 - p)


# %% wrong-one-mask-for-the-batch
def dropout_paper(x, p, training, rng):
    return x * (rng.random(x.shape[-1]) >= p) if training else x * (1 - p)


# %% right-in-two-steps
def dropout_paper(x, p, training, rng):
    out = x.copy()
    if training:
        out[rng.random(x.shape) < p] = 0
    else:
        out = out - p * out
    return out


# %% right-choice
def dropout_paper(x, p, training, rng):
    kept = rng.choice([0.0, 1.0], size=x.shape, p=[p, 1 - p]) if training else np.full(x.shape, 1.0 - p)
    return kept * x
