# %% wrong-no-bias
def conv_cost(side, in_channels, out_channels, f, s=1, p=0, groups=1):
    weights = out_channels * (in_channels // groups) * f * f
    out = (side - f + 2 * p) // s + 1
    return weights, weights * out * out


# %% wrong-groups-forgotten
def conv_cost(side, in_channels, out_channels, f, s=1, p=0, groups=1):
    weights = out_channels * in_channels * f * f
    out = (side - f + 2 * p) // s + 1
    return weights + out_channels, weights * out * out


# %% wrong-groups-divide-twice
def conv_cost(side, in_channels, out_channels, f, s=1, p=0, groups=1):
    weights = (out_channels // groups) * (in_channels // groups) * f * f
    out = (side - f + 2 * p) // s + 1
    return weights + out_channels, weights * out * out


# %% wrong-any-groups-are-two
def conv_cost(side, in_channels, out_channels, f, s=1, p=0, groups=1):
    seen = in_channels // 2 if groups > 1 else in_channels
    weights = out_channels * seen * f * f
    out = (side - f + 2 * p) // s + 1
    return weights + out_channels, weights * out * out


# %% wrong-rounded-up
def conv_cost(side, in_channels, out_channels, f, s=1, p=0, groups=1):
    weights = out_channels * (in_channels // groups) * f * f
    out = -((f - side - 2 * p) // s) + 1
    return weights + out_channels, weights * out * out


# %% wrong-macs-with-bias
def conv_cost(side, in_channels, out_channels, f, s=1, p=0, groups=1):
    parameters = out_channels * ((in_channels // groups) * f * f + 1)
    out = (side - f + 2 * p) // s + 1
    return parameters, parameters * out * out


# %% wrong-macs-at-input-positions
def conv_cost(side, in_channels, out_channels, f, s=1, p=0, groups=1):
    weights = out_channels * (in_channels // groups) * f * f
    return weights + out_channels, weights * side * side


# %% wrong-float
def conv_cost(side, in_channels, out_channels, f, s=1, p=0, groups=1):
    weights = out_channels * in_channels / groups * f**2
    out = (side - f + 2 * p) // s + 1
    return weights + out_channels, weights * out**2


# %% right-ask-paddle
def conv_cost(side, in_channels, out_channels, f, s=1, p=0, groups=1):
    layer = paddle.nn.Conv2D(in_channels, out_channels, f, stride=s, padding=p, groups=groups)
    weights, biases = (math.prod(parameter.shape) for parameter in layer.parameters())
    _, _, height, width = layer(paddle.zeros([1, in_channels, side, side])).shape
    return weights + biases, weights * height * width


# %% right-tower-by-tower
def conv_cost(side, in_channels, out_channels, f, s=1, p=0, groups=1):
    positions = len(range(0, side + 2 * p - f + 1, s)) ** 2
    parameters = macs = 0
    for _tower in range(groups):
        filters, seen = out_channels // groups, in_channels // groups
        for _filter in range(filters):
            parameters += seen * f**2 + 1
            macs += seen * f**2 * positions
    return parameters, macs
