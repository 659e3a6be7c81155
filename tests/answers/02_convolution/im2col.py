# %% wrong-windows-as-rows
def im2col(x, f, s=1, p=0):
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (f, f), axis=(2, 3))[:, :, ::s, ::s]
    n, channels, height, width = windows.shape[:4]
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n, height * width, channels * f * f)


# %% wrong-position-first-then-reshape
def im2col(x, f, s=1, p=0):
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (f, f), axis=(2, 3))[:, :, ::s, ::s]
    n, channels, height, width = windows.shape[:4]
    return windows.reshape(n, channels * f * f, height * width)


# %% wrong-channel-last-within-a-column
def im2col(x, f, s=1, p=0):
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (f, f), axis=(2, 3))[:, :, ::s, ::s]
    n, channels, height, width = windows.shape[:4]
    return windows.transpose(0, 4, 5, 1, 2, 3).reshape(n, channels * f * f, height * width)


# %% wrong-columns-by-column
def im2col(x, f, s=1, p=0):
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (f, f), axis=(2, 3))[:, :, ::s, ::s]
    n, channels, height, width = windows.shape[:4]
    return windows.transpose(0, 1, 4, 5, 3, 2).reshape(n, channels * f * f, height * width)


# %% wrong-no-padding
def im2col(x, f, s=1, p=0):
    windows = np.lib.stride_tricks.sliding_window_view(x, (f, f), axis=(2, 3))[:, :, ::s, ::s]
    n, channels, height, width = windows.shape[:4]
    return windows.transpose(0, 1, 4, 5, 2, 3).reshape(n, channels * f * f, height * width)


# %% right-window-view
def im2col(x, f, s=1, p=0):
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (f, f), axis=(2, 3))[:, :, ::s, ::s]
    n, channels, height, width = windows.shape[:4]
    return windows.transpose(0, 1, 4, 5, 2, 3).reshape(n, channels * f * f, height * width)


# %% right-window-by-window
def im2col(x, f, s=1, p=0):
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    rows, columns = range(0, x.shape[2] - f + 1, s), range(0, x.shape[3] - f + 1, s)
    return np.stack([x[:, :, r : r + f, c : c + f].reshape(len(x), -1) for r in rows for c in columns], axis=-1)
