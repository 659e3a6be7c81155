# %% wrong-only-the-first
def paddings(n, f, s, out):
    for p in range(f):
        if (n - f + 2 * p) // s + 1 == out:
            return [p]
    return []


# %% wrong-solves-for-exact-sizes
def paddings(n, f, s, out):
    return [p for p in range(f) if n - f + 2 * p == (out - 1) * s]


# %% wrong-starts-at-one
def paddings(n, f, s, out):
    return [p for p in range(1, f) if (n - f + 2 * p) // s + 1 == out]


# %% wrong-pads-one-side
def paddings(n, f, s, out):
    return [p for p in range(f) if (n - f + p) // s + 1 == out]


# %% wrong-stops-at-half-the-window
def paddings(n, f, s, out):
    return [p for p in range(f // 2 + 1) if (n - f + 2 * p) // s + 1 == out]


# %% wrong-set
def paddings(n, f, s, out):
    return {p for p in range(f) if (n - f + 2 * p) // s + 1 == out}


# %% right-counts-windows
def paddings(n, f, s, out):
    found = []
    for p in range(f):
        if len(range(0, n + 2 * p - f + 1, s)) == out:
            found.append(p)
    return found


# %% right-bounds
def paddings(n, f, s, out):
    least, most = (out - 1) * s + f - n, out * s + f - 1 - n
    return list(filter(lambda p: least <= 2 * p <= most, range(f)))
