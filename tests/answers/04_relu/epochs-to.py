# %% wrong-counts-from-0
def epochs_to(errors, target=0.25, parts=4):
    for number, error in enumerate(errors):
        if error <= target:
            return number / parts
    return None


# %% wrong-below
def epochs_to(errors, target=0.25, parts=4):
    for number, error in enumerate(errors):
        if error < target:
            return (number + 1) / parts
    return None


# %% wrong-last-time-above
def epochs_to(errors, target=0.25, parts=4):
    above = [number for number, error in enumerate(errors, start=1) if error > target]
    first = (above[-1] if above else 0) + 1
    return first / parts if first <= len(errors) else None


# %% wrong-never-is-the-length
def epochs_to(errors, target=0.25, parts=4):
    for number, error in enumerate(errors, start=1):
        if error <= target:
            return number / parts
    return len(errors) / parts


# %% wrong-quarters-whatever-is-asked
def epochs_to(errors, target=0.25, parts=4):
    return next((number / 4 for number, error in enumerate(errors, start=1) if error <= target), None)


# %% wrong-whole-epochs
def epochs_to(errors, target=0.25, parts=4):
    for number, error in enumerate(errors, start=1):
        if error <= target:
            return float(math.ceil(number / parts))
    return None


# %% right-numpy
def epochs_to(errors, target=0.25, parts=4):
    there = np.flatnonzero(np.asarray(errors, "float64") <= target)
    return float((there[0] + 1) / parts) if there.size else None


# %% right-while
def epochs_to(errors, target=0.25, parts=4):
    steps = 0
    while steps < len(errors) and not errors[steps] <= target:
        steps += 1
    return None if steps == len(errors) else (steps + 1) * 1.0 / parts
