# %% wrong-always-down
def conv_out_rounded(n, f, p, s, rounding):
    return (n - f + 2 * p) // s + 1


# %% wrong-adds-before-rounding-twice
def conv_out_rounded(n, f, p, s, rounding):
    return (n - f + 2 * p) // s + (2 if rounding == "ceil" else 1)


# %% wrong-float-division
def conv_out_rounded(n, f, p, s, rounding):
    from math import ceil, floor

    return (ceil if rounding == "ceil" else floor)((n - f + 2 * p) / s) + 1


# %% wrong-to-the-nearest
def conv_out_rounded(n, f, p, s, rounding):
    steps = (n - f + 2 * p) / s
    return (int(steps + 0.75) if rounding == "ceil" else int(steps)) + 1


# %% wrong-the-other-way-round
def conv_out_rounded(n, f, p, s, rounding):
    steps = n - f + 2 * p
    return (steps // s if rounding == "ceil" else -(-steps // s)) + 1


# %% right-negative-division
def conv_out_rounded(n, f, p, s, rounding):
    steps = n - f + 2 * p
    return 1 + (-(-steps // s) if rounding == "ceil" else steps // s)


# %% right-adds-what-is-missing
def conv_out_rounded(n, f, p, s, rounding):
    span = n - f + 2 * p
    if rounding == "ceil":
        span += s - 1
    return 1 + span // s
