# %% wrong-alpha-as-it-is
def as_printed(n=5, k=2.0, alpha=1e-4, beta=0.75):
    return paddle.nn.LocalResponseNorm(n, alpha=alpha, beta=beta, k=k)


# %% wrong-k-forgotten
def as_printed(n=5, k=2.0, alpha=1e-4, beta=0.75):
    return paddle.nn.LocalResponseNorm(n, alpha=alpha * n, beta=beta)


# %% wrong-divided
def as_printed(n=5, k=2.0, alpha=1e-4, beta=0.75):
    return paddle.nn.LocalResponseNorm(n, alpha=alpha / n, beta=beta, k=k)


# %% wrong-always-times-five
def as_printed(n=5, k=2.0, alpha=1e-4, beta=0.75):
    return paddle.nn.LocalResponseNorm(n, alpha=alpha * 5, beta=beta, k=k)


# %% wrong-beta-forgotten
def as_printed(n=5, k=2.0, alpha=1e-4, beta=0.75):
    return paddle.nn.LocalResponseNorm(n, alpha=alpha * n, k=k)


# %% wrong-order-of-arguments
def as_printed(n=5, k=2.0, alpha=1e-4, beta=0.75):
    return paddle.nn.LocalResponseNorm(n, k, alpha * n, beta)


# %% right-positions
def as_printed(n=5, k=2.0, alpha=1e-4, beta=0.75):
    return paddle.nn.LocalResponseNorm(n, n * alpha, beta, k)


# %% right-own-layer
class Printed(paddle.nn.Layer):
    def __init__(self, n, k, alpha, beta):
        super().__init__()
        self.settings = {"size": n, "alpha": alpha * n, "beta": beta, "k": k}

    def forward(self, x):
        return F.local_response_norm(x, **self.settings)


def as_printed(n=5, k=2.0, alpha=1e-4, beta=0.75):
    return Printed(n, k, alpha, beta)
