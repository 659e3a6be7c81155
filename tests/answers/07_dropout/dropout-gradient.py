# %% wrong-mask-without-scale
def dropout_gradient(g, mask, p, training, mode):
    if training:
        return g * mask
    return g * (1 - p) if mode == "downscale_in_infer" else g.copy()


# %% wrong-ignores-the-mask
def dropout_gradient(g, mask, p, training, mode):
    if training:
        return g / (1 - p) if mode == "upscale_in_train" else g.copy()
    return g * (1 - p) if mode == "downscale_in_infer" else g.copy()


# %% wrong-mask-at-test-time
def dropout_gradient(g, mask, p, training, mode):
    return g * mask / (1 - p) if mode == "upscale_in_train" else g * mask


# %% wrong-no-scale-at-test-time
def dropout_gradient(g, mask, p, training, mode):
    if not training:
        return g.copy()
    return g * mask / (1 - p) if mode == "upscale_in_train" else g * mask


# %% wrong-divides-by-p
def dropout_gradient(g, mask, p, training, mode):
    if training:
        return g * mask / p if mode == "upscale_in_train" else g * mask
    return g * (1 - p) if mode == "downscale_in_infer" else g.copy()


# %% wrong-dropped-units-learn
def dropout_gradient(g, mask, p, training, mode):
    return dropout_gradient_of(g, ~mask, p, training, mode)


def dropout_gradient_of(g, mask, p, training, mode):
    if training:
        return g * mask / (1 - p) if mode == "upscale_in_train" else g * mask
    return g * (1 - p) if mode == "downscale_in_infer" else g.copy()


# %% right-table
def dropout_gradient(g, mask, p, training, mode):
    scale = {
        (True, "upscale_in_train"): mask / (1 - p),
        (True, "downscale_in_infer"): mask.astype("float64"),
        (False, "upscale_in_train"): np.ones(g.shape),
        (False, "downscale_in_infer"): np.full(g.shape, 1 - p),
    }[training, mode]
    return scale * g


# %% right-assignment
def dropout_gradient(g, mask, p, training, mode):
    back = np.array(g, dtype="float64")
    if training:
        back[~mask] = 0
    if training and mode == "upscale_in_train":
        back /= 1 - p
    if not training and mode == "downscale_in_infer":
        back *= 1 - p
    return back
