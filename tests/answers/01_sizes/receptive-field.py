# %% wrong-multiplies-first
def receptive_field(windows):
    field, step = 1, 1
    for f, s in windows:
        step *= s
        field += (f - 1) * step
    return field, step


# %% wrong-forgets-the-minus-one
def receptive_field(windows):
    field, step = 0, 1
    for f, s in windows:
        field += f * step
        step *= s
    return field, step


# %% wrong-adds-strides
def receptive_field(windows):
    field, step = 1, 0
    for f, s in windows:
        field += (f - 1) * max(step, 1)
        step += s
    return field, step


# %% wrong-begins-with-the-first-window
def receptive_field(windows):
    field, step = 11, 4
    for f, s in windows[1:]:
        field += (f - 1) * step
        step *= s
    return field, step


# %% wrong-field-only
def receptive_field(windows):
    field, step = 1, 1
    for f, s in windows:
        field += (f - 1) * step
        step *= s
    return field


# %% wrong-list
def receptive_field(windows):
    field, step = 1, 1
    for f, s in windows:
        field += (f - 1) * step
        step *= s
    return [field, step]


# %% right-backwards
def receptive_field(windows):
    field, step = 1, 1
    for f, s in reversed(windows):
        field = (field - 1) * s + f
        step *= s
    return field, step


# %% right-edges
def receptive_field(windows):
    first, last, step = 0, 0, 1
    for f, s in windows:
        last += step * (f - 1)
        step = step * s
    return (last - first + 1, step)
