# %% wrong-one-bias-for-all
def conv_product(x, w, b, s=1, p=0):
    filters, f = w.shape[0], w.shape[2]
    height, width = ((side + 2 * p - f) // s + 1 for side in x.shape[2:])
    out = w.reshape(filters, -1) @ im2col(x, f, s, p) + b[0]
    return out.reshape(len(x), filters, height, width)


# %% wrong-no-bias
def conv_product(x, w, b, s=1, p=0):
    filters, f = w.shape[0], w.shape[2]
    height, width = ((side + 2 * p - f) // s + 1 for side in x.shape[2:])
    return (w.reshape(filters, -1) @ im2col(x, f, s, p)).reshape(len(x), filters, height, width)


# %% wrong-filters-flattened-across
def conv_product(x, w, b, s=1, p=0):
    filters, f = w.shape[0], w.shape[2]
    height, width = ((side + 2 * p - f) // s + 1 for side in x.shape[2:])
    flat = w.transpose(1, 2, 3, 0).reshape(filters, -1)
    out = flat @ im2col(x, f, s, p) + b[:, None]
    return out.reshape(len(x), filters, height, width)


# %% wrong-height-and-width-swapped
def conv_product(x, w, b, s=1, p=0):
    filters, f = w.shape[0], w.shape[2]
    height, width = ((side + 2 * p - f) // s + 1 for side in x.shape[2:])
    out = w.reshape(filters, -1) @ im2col(x, f, s, p) + b[:, None]
    return out.reshape(len(x), filters, width, height)


# %% wrong-filters-turned-round
def conv_product(x, w, b, s=1, p=0):
    filters, f = w.shape[0], w.shape[2]
    height, width = ((side + 2 * p - f) // s + 1 for side in x.shape[2:])
    out = w.reshape(filters, -1)[:, ::-1] @ im2col(x, f, s, p) + b[:, None]
    return out.reshape(len(x), filters, height, width)


# %% right-einsum
def conv_product(x, w, b, s=1, p=0):
    f = w.shape[-1]
    out = np.einsum("ok,nkl->nol", w.reshape(len(w), -1), im2col(x, f, s, p)) + b.reshape(1, -1, 1)
    return out.reshape(len(x), len(w), (x.shape[2] + 2 * p - f) // s + 1, -1)


# %% right-product-from-the-right
def conv_product(x, w, b, s=1, p=0):
    filters, f = w.shape[0], w.shape[2]
    height = (x.shape[2] + 2 * p - f) // s + 1
    rows = im2col(x, f, s, p).transpose(0, 2, 1)
    out = rows @ w.reshape(filters, -1).T + b
    return np.moveaxis(out, 2, 1).reshape(len(x), filters, height, -1)
