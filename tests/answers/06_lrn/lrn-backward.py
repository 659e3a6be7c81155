# %% wrong-first-term-only
def lrn_backward(x, g, n=5, k=2.0, alpha=1e-4, beta=0.75):
    near = np.abs(np.arange(x.shape[1])[:, None] - np.arange(x.shape[1])) <= n // 2
    scale = k + alpha * np.einsum("cd,ndhw->nchw", near.astype(float), x * x)
    return g / scale**beta


# %% wrong-own-channel-only
def lrn_backward(x, g, n=5, k=2.0, alpha=1e-4, beta=0.75):
    near = np.abs(np.arange(x.shape[1])[:, None] - np.arange(x.shape[1])) <= n // 2
    scale = k + alpha * np.einsum("cd,ndhw->nchw", near.astype(float), x * x)
    return g / scale**beta - 2 * alpha * beta * g * x * x * scale ** (-beta - 1)


# %% wrong-forgets-the-two
def lrn_backward(x, g, n=5, k=2.0, alpha=1e-4, beta=0.75):
    near = np.abs(np.arange(x.shape[1])[:, None] - np.arange(x.shape[1])) <= n // 2
    scale = k + alpha * np.einsum("cd,ndhw->nchw", near.astype(float), x * x)
    sums = np.einsum("cd,ndhw->nchw", near.astype(float), g * x * scale ** (-beta - 1))
    return g / scale**beta - alpha * beta * x * sums


# %% wrong-exponent
def lrn_backward(x, g, n=5, k=2.0, alpha=1e-4, beta=0.75):
    near = np.abs(np.arange(x.shape[1])[:, None] - np.arange(x.shape[1])) <= n // 2
    scale = k + alpha * np.einsum("cd,ndhw->nchw", near.astype(float), x * x)
    sums = np.einsum("cd,ndhw->nchw", near.astype(float), g * x * scale**-2.0)
    return g / scale**beta - 2 * alpha * beta * x * sums


# %% wrong-every-channel
def lrn_backward(x, g, n=5, k=2.0, alpha=1e-4, beta=0.75):
    near = np.abs(np.arange(x.shape[1])[:, None] - np.arange(x.shape[1])) <= n // 2
    scale = k + alpha * np.einsum("cd,ndhw->nchw", near.astype(float), x * x)
    sums = (g * x * scale ** (-beta - 1)).sum(axis=1, keepdims=True)
    return g / scale**beta - 2 * alpha * beta * x * sums


# %% wrong-alpha-of-paddle
def lrn_backward(x, g, n=5, k=2.0, alpha=1e-4, beta=0.75):
    tensor = paddle.to_tensor(x, stop_gradient=False)
    (F.local_response_norm(tensor, n, alpha=alpha, beta=beta, k=k) * paddle.to_tensor(g)).sum().backward()
    return tensor.grad.numpy()


# %% right-by-paddle
def lrn_backward(x, g, n=5, k=2.0, alpha=1e-4, beta=0.75):
    tensor = paddle.to_tensor(x, stop_gradient=False)
    (F.local_response_norm(tensor, n, alpha=n * alpha, beta=beta, k=k) * paddle.to_tensor(g)).sum().backward()
    return tensor.grad.numpy()


# %% right-window-by-window
def lrn_backward(x, g, n=5, k=2.0, alpha=1e-4, beta=0.75):
    dx = np.zeros(x.shape)
    for c in range(x.shape[1]):
        window = slice(max(0, c - n // 2), c + n // 2 + 1)
        scale = k + alpha * (x[:, window] ** 2).sum(axis=1)
        dx[:, c] += g[:, c] * scale**-beta
        dx[:, window] -= 2 * alpha * beta * x[:, window] * (g[:, c] * x[:, c] * scale ** (-beta - 1))[:, None]
    return dx
