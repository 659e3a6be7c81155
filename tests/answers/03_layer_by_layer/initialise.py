# %% wrong-fc8-too
def initialise(net):
    layers = [layer for layer in net.sublayers() if isinstance(layer, (paddle.nn.Conv2D, paddle.nn.Linear))]
    for number, layer in enumerate(layers, start=1):
        layer.weight.set_value(paddle.normal(0.0, 0.01, layer.weight.shape))
        layer.bias.set_value(paddle.full(layer.bias.shape, 1.0 if number in (2, 4, 5, 6, 7, 8) else 0.0))


# %% wrong-counts-from-zero
def initialise(net):
    layers = [layer for layer in net.sublayers() if isinstance(layer, (paddle.nn.Conv2D, paddle.nn.Linear))]
    for number, layer in enumerate(layers, start=0):
        layer.weight.set_value(paddle.normal(0.0, 0.01, layer.weight.shape))
        layer.bias.set_value(paddle.full(layer.bias.shape, 1.0 if number in (2, 4, 5, 6, 7) else 0.0))


# %% wrong-all-biases-zero
def initialise(net):
    layers = [layer for layer in net.sublayers() if isinstance(layer, (paddle.nn.Conv2D, paddle.nn.Linear))]
    for number, layer in enumerate(layers, start=1):
        layer.weight.set_value(paddle.normal(0.0, 0.01, layer.weight.shape))
        layer.bias.set_value(paddle.full(layer.bias.shape, 1.0 if number > 8 else 0.0))


# %% wrong-variance-for-deviation
def initialise(net):
    layers = [layer for layer in net.sublayers() if isinstance(layer, (paddle.nn.Conv2D, paddle.nn.Linear))]
    for number, layer in enumerate(layers, start=1):
        layer.weight.set_value(paddle.normal(0.0, 0.1, layer.weight.shape))
        layer.bias.set_value(paddle.full(layer.bias.shape, 1.0 if number in (2, 4, 5, 6, 7) else 0.0))


# %% wrong-uniform
def initialise(net):
    layers = [layer for layer in net.sublayers() if isinstance(layer, (paddle.nn.Conv2D, paddle.nn.Linear))]
    for number, layer in enumerate(layers, start=1):
        layer.weight.set_value(paddle.uniform(layer.weight.shape, min=-0.01, max=0.01))
        layer.bias.set_value(paddle.full(layer.bias.shape, 1.0 if number in (2, 4, 5, 6, 7) else 0.0))


# %% wrong-uniform-of-the-same-deviation
def initialise(net):
    layers = [layer for layer in net.sublayers() if isinstance(layer, (paddle.nn.Conv2D, paddle.nn.Linear))]
    for number, layer in enumerate(layers, start=1):
        layer.weight.set_value(paddle.uniform(layer.weight.shape, min=-0.01 * 3**0.5, max=0.01 * 3**0.5))
        layer.bias.set_value(paddle.full(layer.bias.shape, 1.0 if number in (2, 4, 5, 6, 7) else 0.0))


# %% wrong-towers-instead-of-places
def initialise(net):
    layers = [layer for layer in net.sublayers() if isinstance(layer, (paddle.nn.Conv2D, paddle.nn.Linear))]
    for number, layer in enumerate(layers, start=1):
        layer.weight.set_value(paddle.normal(0.0, 0.01, layer.weight.shape))
        layer.bias.set_value(
            paddle.full(layer.bias.shape, 1.0 if getattr(layer, "_groups", 1) == 2 or number in (6, 7) else 0.0)
        )


# %% wrong-last-has-1000
def initialise(net):
    layers = [layer for layer in net.sublayers() if isinstance(layer, (paddle.nn.Conv2D, paddle.nn.Linear))]
    for number, layer in enumerate(layers, start=1):
        layer.weight.set_value(paddle.normal(0.0, 0.01, layer.weight.shape))
        layer.bias.set_value(
            paddle.full(
                layer.bias.shape, 1.0 if number in (2, 4, 5) or (number > 5 and layer.bias.shape[0] != 1000) else 0.0
            )
        )


# %% wrong-same-seed-for-each-layer
def initialise(net):
    for number, (weight, bias) in enumerate(zip(net.parameters()[::2], net.parameters()[1::2]), start=1):
        draw = np.random.default_rng(0).normal(0, 0.01, weight.shape)
        weight.set_value(draw.astype("float32"))
        bias.set_value(np.full(bias.shape, number in (2, 4, 5, 6, 7), "float32"))


# %% wrong-convolutions-only
def initialise(net):
    convolutions = [layer for layer in net.sublayers() if isinstance(layer, paddle.nn.Conv2D)]
    for number, layer in enumerate(convolutions, start=1):
        layer.weight.set_value(paddle.normal(0.0, 0.01, layer.weight.shape))
        layer.bias.set_value(paddle.full(layer.bias.shape, float(number in (2, 4, 5))))


# %% right-parameters-in-pairs
def initialise(net):
    rng = np.random.default_rng(12)
    parameters = net.parameters()
    for weight, bias, constant in zip(parameters[0::2], parameters[1::2], (0, 1, 0, 1, 1, 1, 1, 0)):
        weight.set_value(rng.normal(0, 0.01, weight.shape).astype("float32"))
        bias.set_value(np.full(bias.shape, constant, dtype="float32"))


# %% right-initializers
def initialise(net):
    with_weights = [layer for layer in net.sublayers() if hasattr(layer, "weight")]
    for place, layer in enumerate(with_weights):
        paddle.nn.initializer.Normal(mean=0.0, std=0.01)(layer.weight)
        paddle.nn.initializer.Constant(1.0 if place in {1, 3, 4, 5, 6} else 0.0)(layer.bias)
