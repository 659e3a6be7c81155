# %% wrong-each-from-the-input
def chain(n, windows):
    return [(n - f + 2 * p) // s + 1 for f, p, s in windows]


# %% wrong-last-side-only
def chain(n, windows):
    for f, p, s in windows:
        n = (n - f + 2 * p) // s + 1
    return n


# %% wrong-with-the-input
def chain(n, windows):
    sides = [n]
    for f, p, s in windows:
        sides.append((sides[-1] - f + 2 * p) // s + 1)
    return sides


# %% wrong-uses-up-the-list
def chain(n, windows):
    sides = []
    while windows:
        f, p, s = windows.pop(0)
        n = (n - f + 2 * p) // s + 1
        sides.append(n)
    return sides


# %% wrong-same-padding-always
def chain(n, windows):
    sides = []
    for f, p, s in windows:
        n = (n - f) // s + 1 if s > 1 else n
        sides.append(n)
    return sides


# %% right-recursive
def chain(n, windows):
    if not windows:
        return []
    (f, p, s), *rest = windows
    side = len(range(0, n + 2 * p - f + 1, s))
    return [side, *chain(side, rest)]


# %% right-accumulate
def chain(n, windows):
    from itertools import accumulate

    def step(side, window):
        f, p, s = window
        return (side - f + 2 * p) // s + 1

    return list(accumulate(windows, step, initial=n))[1:]
