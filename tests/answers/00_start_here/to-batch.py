# %% wrong-rows-and-columns-swapped
def to_batch(pictures):
    return np.stack(pictures).transpose(0, 3, 2, 1).astype(np.float32)


# %% wrong-reshape
def to_batch(pictures):
    stacked = np.stack(pictures)
    n, height, width, channels = stacked.shape
    return stacked.reshape(n, channels, height, width).astype(np.float32)


# %% wrong-channels-last
def to_batch(pictures):
    return np.stack(pictures).astype(np.float32)


# %% wrong-type
def to_batch(pictures):
    return np.stack(pictures).transpose(0, 3, 1, 2)


# %% wrong-scaled
def to_batch(pictures):
    return np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32) / 255


# %% wrong-first-picture-only
def to_batch(pictures):
    return pictures[0].transpose(2, 0, 1)[None].astype(np.float32)


# %% right-one-by-one
def to_batch(pictures):
    height, width, _ = pictures[0].shape
    batch = np.empty((len(pictures), 3, height, width), np.float32)
    for n, picture in enumerate(pictures):
        for channel in range(3):
            batch[n, channel] = picture[:, :, channel]
    return batch


# %% right-moveaxis
def to_batch(pictures):
    return np.array([np.moveaxis(picture, 2, 0) for picture in pictures], dtype=np.float32)
