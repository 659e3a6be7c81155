# %% wrong-mean-of-the-squares
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    squares = np.pad(x * x, ((0, 0), (n // 2, n // 2), (0, 0), (0, 0)))
    sums = sum(squares[:, i : i + x.shape[1]] for i in range(n))
    return x / (k + alpha / n * sums) ** beta


# %% wrong-wraps-around
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    if x.shape[1] <= n:
        return right(x, n, k, alpha, beta)
    sums = sum(np.roll(x * x, shift, axis=1) for shift in range(-(n // 2), n // 2 + 1))
    return x / (k + alpha * sums) ** beta


def right(x, n, k, alpha, beta):
    squares = np.pad(x * x, ((0, 0), (n // 2, n // 2), (0, 0), (0, 0)))
    sums = sum(squares[:, i : i + x.shape[1]] for i in range(n))
    return x / (k + alpha * sums) ** beta


# %% wrong-window-always-five
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    squares = np.pad(x * x, ((0, 0), (2, 2), (0, 0), (0, 0)))
    sums = sum(squares[:, i : i + x.shape[1]] for i in range(5))
    return x / (k + alpha * sums) ** beta


# %% wrong-one-channel-short
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    out = np.empty(x.shape)
    for c in range(x.shape[1]):
        window = x[:, max(0, c - n // 2) : c + n // 2]
        out[:, c] = x[:, c] / (k + alpha * (window**2).sum(axis=1)) ** beta
    return out


# %% wrong-beta-always-three-quarters
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    squares = np.pad(x * x, ((0, 0), (n // 2, n // 2), (0, 0), (0, 0)))
    sums = sum(squares[:, i : i + x.shape[1]] for i in range(n))
    return x / (k + alpha * sums) ** 0.75


# %% wrong-convolve-same
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    sums = np.apply_along_axis(lambda squares: np.convolve(squares, np.ones(n), "same"), 1, x * x)
    return x / (k + alpha * sums) ** beta


# %% wrong-in-place
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    squares = np.pad(x * x, ((0, 0), (n // 2, n // 2), (0, 0), (0, 0)))
    sums = sum(squares[:, i : i + x.shape[1]] for i in range(n))
    x /= (k + alpha * sums) ** beta
    return x


# %% wrong-over-space-too
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    out = np.empty(x.shape)
    for c in range(x.shape[1]):
        window = x[:, max(0, c - n // 2) : c + n // 2 + 1]
        sums = (window**2).sum(axis=(1, 2, 3))
        out[:, c] = x[:, c] / (k + alpha * sums[:, None, None]) ** beta
    return out


# %% right-channel-by-channel
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    out = np.empty(x.shape)
    for c in range(x.shape[1]):
        window = x[:, max(0, c - n // 2) : c + n // 2 + 1]
        out[:, c] = x[:, c] * (k + alpha * np.square(window).sum(axis=1)) ** -beta
    return out


# %% right-band
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    c = np.arange(x.shape[1])
    near = (np.abs(c[:, None] - c) <= n // 2).astype(float)
    return x * np.power(k + alpha * np.einsum("cd,ndhw->nchw", near, x**2), -beta)
