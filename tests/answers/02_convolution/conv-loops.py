# %% wrong-forgets-the-bias
def conv_loops(x, w, b, s=1, p=0):
    return F.conv2d(paddle.to_tensor(x), paddle.to_tensor(w), stride=s, padding=p).numpy()


# %% wrong-turned-round
def conv_loops(x, w, b, s=1, p=0):
    w = w[:, :, ::-1, ::-1].copy()
    return F.conv2d(paddle.to_tensor(x), paddle.to_tensor(w), paddle.to_tensor(b), stride=s, padding=p).numpy()


# %% wrong-transposed-kernel
def conv_loops(x, w, b, s=1, p=0):
    w = w.transpose(0, 1, 3, 2).copy()
    return F.conv2d(paddle.to_tensor(x), paddle.to_tensor(w), paddle.to_tensor(b), stride=s, padding=p).numpy()


# %% wrong-stride-ignored
def conv_loops(x, w, b, s=1, p=0):
    return F.conv2d(paddle.to_tensor(x), paddle.to_tensor(w), paddle.to_tensor(b), padding=p).numpy()


# %% wrong-square-pictures-only
def conv_loops(x, w, b, s=1, p=0):
    out = F.conv2d(paddle.to_tensor(x), paddle.to_tensor(w), paddle.to_tensor(b), stride=s, padding=p).numpy()
    side = min(out.shape[2:])
    return out[:, :, :side, :side]


# %% wrong-pads-two-sides-only
def conv_loops(x, w, b, s=1, p=0):
    x = np.pad(x, ((0, 0), (0, 0), (0, p), (0, p)))
    return F.conv2d(paddle.to_tensor(x), paddle.to_tensor(w), paddle.to_tensor(b), stride=s).numpy()


# %% right-number-by-number
def conv_loops(x, w, b, s=1, p=0):
    pictures, channels, height, width = x.shape
    filters, _, f, _ = w.shape
    out = np.empty((pictures, filters, (height + 2 * p - f) // s + 1, (width + 2 * p - f) // s + 1))
    for n, o, row, column in np.ndindex(*out.shape):
        total = b[o]
        for c in range(channels):
            for i in range(f):
                for j in range(f):
                    y, z = row * s + i - p, column * s + j - p
                    if 0 <= y < height and 0 <= z < width:
                        total += x[n, c, y, z] * w[o, c, i, j]
        out[n, o, row, column] = total
    return out


# %% right-taps
def conv_loops(x, w, b, s=1, p=0):
    f = w.shape[-1]
    x = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)])
    height, width = (x.shape[2] - f) // s + 1, (x.shape[3] - f) // s + 1
    out = np.tile(b[None, :, None, None].astype("float64"), (len(x), 1, height, width))
    for i in range(f):
        for j in range(f):
            seen = x[:, :, i : i + s * (height - 1) + 1 : s, j : j + s * (width - 1) + 1 : s]
            out += np.einsum("nchw,oc->nohw", seen, w[:, :, i, j])
    return out
