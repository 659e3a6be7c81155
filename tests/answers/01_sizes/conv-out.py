# %% wrong-forgets-the-first-window
def conv_out(n, f, p, s):
    return (n - f + 2 * p) // s


# %% wrong-rounds-up
def conv_out(n, f, p, s):
    return -((f - n - 2 * p) // s) + 1


# %% wrong-rounds-to-the-nearest
def conv_out(n, f, p, s):
    return round((n - f + 2 * p) / s) + 1


# %% wrong-pads-one-side
def conv_out(n, f, p, s):
    return (n - f + p) // s + 1


# %% wrong-float
def conv_out(n, f, p, s):
    return (n - f + 2 * p) / s + 1


# %% wrong-window-off-by-one
def conv_out(n, f, p, s):
    return (n - f + 2 * p + 1) // s + 1


# %% wrong-at-least-two-pixels-step
def conv_out(n, f, p, s):
    return (n - f + 2 * p) // max(s, 2) + 1


# %% right-counts-the-starts
def conv_out(n, f, p, s):
    return len(range(0, n + 2 * p - f + 1, s))


# %% right-slides
def conv_out(n, f, p, s):
    count, start = 0, -p
    while start + f <= n + p:
        count += 1
        start += s
    return count
