# %% wrong-interleaved-channels
def conv_groups(x, w, b, s=1, p=0, groups=1):
    filters = len(w) // groups
    parts = [
        conv_product(x[:, k::groups], w[k * filters : (k + 1) * filters], b[k * filters : (k + 1) * filters], s, p)
        for k in range(groups)
    ]
    return np.concatenate(parts, axis=1)


# %% wrong-same-bias-in-each-group
def conv_groups(x, w, b, s=1, p=0, groups=1):
    first = b[: len(b) // groups]
    parts = zip(np.split(x, groups, axis=1), np.split(w, groups))
    return np.concatenate([conv_product(channels, filters, first, s, p) for channels, filters in parts], axis=1)


# %% wrong-adds-the-towers
def conv_groups(x, w, b, s=1, p=0, groups=1):
    parts = zip(np.split(x, groups, axis=1), np.split(w, groups), np.split(b, groups))
    total = sum(conv_product(*part, s, p) for part in parts)
    return np.concatenate([total] * groups, axis=1)


# %% wrong-always-two
def conv_groups(x, w, b, s=1, p=0, groups=1):
    half = x.shape[1] // 2 if groups > 1 else x.shape[1]
    size = w.shape[1]
    parts = []
    for o in range(len(w)):
        start = 0 if o < (len(w) + 1) // 2 else half
        channels = x[:, start : start + size]
        channels = np.pad(channels, ((0, 0), (0, size - channels.shape[1]), (0, 0), (0, 0)))
        parts.append(conv_product(channels, w[o : o + 1], b[o : o + 1], s, p))
    return np.concatenate(parts, axis=1)


# %% wrong-towers-swapped
def conv_groups(x, w, b, s=1, p=0, groups=1):
    parts = zip(np.split(x, groups, axis=1)[::-1], np.split(w, groups), np.split(b, groups))
    return np.concatenate([conv_product(*part, s, p) for part in parts], axis=1)


# %% right-filter-by-filter
def conv_groups(x, w, b, s=1, p=0, groups=1):
    size, filters_a_group = w.shape[1], len(w) // groups
    out = []
    for o in range(len(w)):
        start = o // filters_a_group * size
        out.append(conv_product(x[:, start : start + size], w[o : o + 1], b[o : o + 1], s, p))
    return np.concatenate(out, axis=1)


# %% right-zeros-between-the-towers
def conv_groups(x, w, b, s=1, p=0, groups=1):
    full = np.zeros((len(w), x.shape[1], *w.shape[2:]))
    size, filters = w.shape[1], len(w) // groups
    for k in range(groups):
        full[k * filters : (k + 1) * filters, k * size : (k + 1) * size] = w[k * filters : (k + 1) * filters]
    return conv_product(x, full, b, s, p)
