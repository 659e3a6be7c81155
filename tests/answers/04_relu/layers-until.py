# %% wrong-rounded-up-logarithm
def layers_until(slope, share, most=100):
    if slope >= 1:
        return None
    layers = math.ceil(math.log(share) / math.log(slope))
    return layers if layers <= most else None


# %% wrong-at-most
def layers_until(slope, share, most=100):
    for layers in range(1, most + 1):
        if slope**layers <= share:
            return layers
    return None


# %% wrong-last-one-above
def layers_until(slope, share, most=100):
    for layers in range(1, most + 1):
        if slope**layers < share:
            return layers - 1
    return None


# %% wrong-gives-most
def layers_until(slope, share, most=100):
    layers = 1
    while slope**layers >= share and layers < most:
        layers += 1
    return layers


# %% wrong-no-limit
def layers_until(slope, share, most=100):
    if slope >= 1:
        return None
    layers = 1
    while slope**layers >= share:
        layers += 1
    return layers


# %% wrong-limit-left-out
def layers_until(slope, share, most=100):
    return next((layers for layers in range(1, most) if slope**layers < share), None)


# %% right-generator
def layers_until(slope, share, most=100):
    return next((layers for layers in range(1, most + 1) if slope**layers < share), None)


# %% right-cumulative-product
def layers_until(slope, share, most=100):
    below = np.flatnonzero(np.cumprod(np.full(most, slope)) < share)
    return int(below[0]) + 1 if len(below) else None
