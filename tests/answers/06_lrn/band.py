# %% wrong-no-towers
def band(channels, n, groups=1):
    c = np.arange(channels)
    return (np.abs(c[:, None] - c) <= n // 2).astype(float)


# %% wrong-two-towers-at-most
def band(channels, n, groups=1):
    c = np.arange(channels)
    near = np.abs(c[:, None] - c) <= n // 2
    if groups > 1:
        near[: channels // 2, channels // 2 :] = False
        near[channels // 2 :, : channels // 2] = False
    return near.astype(float)


# %% wrong-wraps-around
def band(channels, n, groups=1):
    one = np.zeros((channels // groups, channels // groups))
    for shift in range(-(n // 2), n // 2 + 1):
        one = np.maximum(one, np.roll(np.eye(channels // groups), shift, axis=1))
    return np.kron(np.eye(groups), one)


# %% wrong-window-of-three
def band(channels, n, groups=1):
    c = np.arange(channels // groups)
    return np.kron(np.eye(groups), np.abs(c[:, None] - c) <= 1)


# %% wrong-towers-interleaved
def band(channels, n, groups=1):
    c = np.arange(channels)
    near = (np.abs(c[:, None] - c) <= n // 2) & (c[:, None] % groups == c % groups)
    return near.astype(float)


# %% wrong-n-to-each-side
def band(channels, n, groups=1):
    c = np.arange(channels // groups)
    return np.kron(np.eye(groups), np.abs(c[:, None] - c) < n)


# %% right-row-by-row
def band(channels, n, groups=1):
    size = channels // groups
    rows = np.zeros((channels, channels), "int64")
    for c in range(channels):
        start = c // size * size
        rows[c, max(start, c - n // 2) : min(start + size, c + n // 2 + 1)] = 1
    return rows


# %% right-difference-of-triangles
def band(channels, n, groups=1):
    size, half = channels // groups, n // 2
    one = np.tril(np.ones((size, size)), half) - np.tril(np.ones((size, size)), -half - 1)
    full = np.zeros((channels, channels))
    for start in range(0, channels, size):
        full[start : start + size, start : start + size] = one
    return full
