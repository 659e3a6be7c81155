# %% wrong-reads-the-attribute
def scaling_of(layer):
    return layer.mode


# %% wrong-training-only
def scaling_of(layer):
    layer.train()
    return "upscale_in_train" if float(layer(paddle.ones([10, 100])).max()) > 1.01 else "downscale_in_infer"


# %% wrong-test-time-only
def scaling_of(layer):
    layer.eval()
    return "downscale_in_infer" if float(layer(paddle.ones([10, 100])).max()) < 0.99 else "upscale_in_train"


# %% wrong-exchanged
def scaling_of(layer):
    ones = paddle.ones([10, 100])
    layer.train()
    up = float(layer(ones).max()) > 1.01
    layer.eval()
    down = float(layer(ones).max()) < 0.99
    if up and down:
        return "both"
    return "downscale_in_infer" if up else "upscale_in_train" if down else "none"


# %% wrong-leaves-the-mode-as-it-came
def scaling_of(layer):
    ones = paddle.ones([10, 100])
    up = float(layer(ones).max()) > 1.01
    layer.eval()
    down = float(layer(ones).max()) < 0.99
    if up and down:
        return "both"
    return "upscale_in_train" if up else "downscale_in_infer" if down else "none"


# %% wrong-compares-the-two-modes
def scaling_of(layer):
    ones = paddle.ones([100, 1000])
    layer.train()
    train = float(layer(ones).mean())
    layer.eval()
    test = float(layer(ones).mean())
    if abs(train - test) > 0.05:
        return "both" if train > test else "none"
    return "upscale_in_train"


# %% right-means
def scaling_of(layer):
    ones = paddle.ones([100, 1000])
    layer.train()
    out = layer(ones)
    kept = float((out != 0).astype("float32").mean())
    up = abs(float(out.mean()) - 1) < abs(float(out.mean()) - kept)
    layer.eval()
    down = abs(float(layer(ones).mean()) - kept) < abs(float(layer(ones).mean()) - 1)
    return ["none", "downscale_in_infer", "upscale_in_train", "both"][2 * up + down]


# %% right-with-numpy
def scaling_of(layer):
    found = []
    for switch in (layer.train, layer.eval):
        switch()
        out = layer(paddle.full([5, 100], 3.0)).numpy()
        found.append(bool(abs(out[out != 0][0] - 3) > 1e-3))
    if found == [True, True]:
        return "both"
    if found == [False, False]:
        return "none"
    return "upscale_in_train" if found[0] else "downscale_in_infer"
