"""What every entry of the table means, in NumPy: slow float64 loops that share no code with the package.

`forward` reads the table itself, as a person would, and returns every activation by name.
"""

import numpy as np

LABELS = {
    "Conv": "conv",
    "LRN": "lrn",
    "SpatialNorm": "snorm",
    "Pool": "pool",
    "GlobalPool": "pool",
    "Linear": "fc",
    "Dropout": "drop",
}


def forward(config, weights, images):
    """{layer name: activation} in forward order, at evaluation; `weights` is {layer name: (weight, bias)}."""
    x, outputs = images.astype("float64"), {}
    for number, stage in enumerate([*config.conv_stages, *config.fc_stages, None], start=1):
        if number == len(config.conv_stages) + 1:
            x = x.reshape(len(x), -1)
        if stage is None:  # the last layer, which the table leaves out
            outputs[f"fc{number}"] = linear(x, *weights[f"fc{number}"])
            continue
        for layer in stage:
            kind = type(layer).__name__
            name = f"{layer.function if kind == 'Activation' else LABELS[kind]}{number}"
            x = outputs[name] = apply(layer, kind, x, weights.get(name), config.rounding)
    return outputs


def apply(layer, kind, x, weight_and_bias, rounding):
    if kind == "Conv":
        return conv(x, *weight_and_bias, layer.stride, layer.padding, layer.groups, rounding)
    if kind == "Linear":
        return linear(x, *weight_and_bias)
    if kind == "Activation":
        return {"relu": lambda a: a * (a > 0), "tanh": np.tanh, "sigmoid": lambda a: 1 / (1 + np.exp(-a))}[
            layer.function
        ](x)
    if kind == "LRN":
        return lrn(x, layer.size, layer.alpha, layer.beta, layer.k, layer.divide_by_size, layer.groups)
    if kind == "SpatialNorm":
        return spatial_norm(x, layer.kernel, layer.alpha, layer.beta, layer.k)
    if kind == "Pool":
        return max_pool(x, layer.kernel, layer.stride, rounding)
    if kind == "GlobalPool":
        return x.mean(axis=(2, 3), keepdims=True)
    # Dropout at evaluation: nothing, or the expected fraction of what training let through.
    return x * (1 - layer.p) if layer.mode == "downscale_in_infer" else x


def window_starts(n, f, s, rounding):
    """Where windows of f start, every s pixels of n: all that fit; with "ceil" one more for any rest."""
    starts = [start for start in range(0, n, s) if start + f <= n]
    if rounding == "ceil" and starts[-1] + f < n:
        starts.append(starts[-1] + s)
    return starts


def conv(x, weight, bias, stride, padding, groups, rounding):
    count, channels, n, _ = x.shape
    outputs, inputs, f, _ = weight.shape
    starts = window_starts(n + 2 * padding, f, stride, rounding)
    # The last window of "ceil" reads zeros past the edge, fewer than its stride.
    room = np.zeros((count, channels, n + 2 * padding + stride, n + 2 * padding + stride))
    room[:, :, padding : padding + n, padding : padding + n] = x
    y = np.zeros((count, outputs, len(starts), len(starts)))
    for group in range(groups):
        ins = slice(group * inputs, (group + 1) * inputs)
        outs = slice(group * outputs // groups, (group + 1) * outputs // groups)
        kernels = weight[outs].reshape(outputs // groups, -1).T
        for row, top in enumerate(starts):
            for column, left in enumerate(starts):
                window = room[:, ins, top : top + f, left : left + f]
                y[:, outs, row, column] = window.reshape(count, -1) @ kernels
    return y + bias[:, None, None]


def max_pool(x, f, stride, rounding):
    starts = window_starts(x.shape[2], f, stride, rounding)
    y = np.zeros((*x.shape[:2], len(starts), len(starts)))
    for row, top in enumerate(starts):
        for column, left in enumerate(starts):
            # A slice stops at the edge: what lies past it does not take part in the maximum.
            y[:, :, row, column] = x[:, :, top : top + f, left : left + f].max(axis=(2, 3))
    return y


def linear(x, weight, bias):
    return x @ weight + bias


def lrn(x, size, alpha, beta, k, divide_by_size, groups):
    channels = x.shape[1]
    tower = channels // groups
    y = np.zeros_like(x)
    for c in range(channels):
        total = np.zeros_like(x[:, c])
        for neighbour in range(c - size // 2, c - size // 2 + size):
            if 0 <= neighbour < channels and neighbour // tower == c // tower:
                total += x[:, neighbour] ** 2
        y[:, c] = x[:, c] / (k + (alpha / size if divide_by_size else alpha) * total) ** beta
    return y


def spatial_norm(x, size, alpha, beta, k):
    height, width = x.shape[2:]
    reach = size // 2
    y = np.zeros_like(x)
    for i in range(height):
        for j in range(width):
            window = x[:, :, max(i - reach, 0) : i + reach + 1, max(j - reach, 0) : j + reach + 1]
            total = (window**2).sum(axis=(2, 3))
            y[:, :, i, j] = x[:, :, i, j] / (k + alpha / size**2 * total) ** beta
    return y
