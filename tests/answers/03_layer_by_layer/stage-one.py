# %% wrong-alpha-divided-by-size
def stage_one():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(3, 96, 11, stride=4),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0),
        nn.MaxPool2D(3, 2),
    )


# %% wrong-default-k
def stage_one():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(3, 96, 11, stride=4), nn.ReLU(), nn.LocalResponseNorm(5, alpha=5e-4), nn.MaxPool2D(3, 2)
    )


# %% wrong-plain-pooling
def stage_one():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(3, 96, 11, stride=4),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.MaxPool2D(2, 2),
    )


# %% wrong-average-pooling
def stage_one():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(3, 96, 11, stride=4),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.AvgPool2D(3, 2),
    )


# %% wrong-norm-before-relu
def stage_one():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(3, 96, 11, stride=4),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.ReLU(),
        nn.MaxPool2D(3, 2),
    )


# %% wrong-norm-after-pool
def stage_one():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(3, 96, 11, stride=4),
        nn.ReLU(),
        nn.MaxPool2D(3, 2),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
    )


# %% wrong-no-relu
def stage_one():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(3, 96, 11, stride=4),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.MaxPool2D(3, 2),
    )


# %% wrong-no-norm
def stage_one():
    nn = paddle.nn
    return nn.Sequential(nn.Conv2D(3, 96, 11, stride=4), nn.ReLU(), nn.MaxPool2D(3, 2))


# %% wrong-half-net
def stage_one():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(3, 48, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.MaxPool2D(3, 2),
    )


# %% wrong-padding-two
def stage_one():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(3, 96, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.MaxPool2D(3, 2),
    )


# %% right-class
class StageOne(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.conv = paddle.nn.Conv2D(3, 96, [11, 11], stride=[4, 4])

    def forward(self, images):
        functional = paddle.nn.functional
        x = functional.relu(self.conv(images))
        x = functional.local_response_norm(x, size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)
        return functional.max_pool2d(x, kernel_size=3, stride=2)


def stage_one():
    return StageOne()


# %% right-printed-formula
class PrintedNorm(paddle.nn.Layer):
    def forward(self, x):
        channels, squares = x.shape[1], x * x
        windows = [squares[:, max(0, c - 2) : c + 3].sum(axis=1) for c in range(channels)]
        total = paddle.stack(windows, axis=1)
        return x / (2 + 1e-4 * total) ** 0.75


def stage_one():
    stage = paddle.nn.Sequential()
    stage.add_sublayer("conv1", paddle.nn.Conv2D(3, 96, 11, 4))
    stage.add_sublayer("relu1", paddle.nn.ReLU())
    stage.add_sublayer("norm1", PrintedNorm())
    stage.add_sublayer("pool1", paddle.nn.MaxPool2D(kernel_size=3, stride=2))
    return stage
