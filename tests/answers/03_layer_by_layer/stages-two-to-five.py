# %% wrong-no-groups
def stages_two_to_five():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(96, 256, 5, padding=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.MaxPool2D(3, 2),
        nn.Conv2D(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2D(384, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2D(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2D(3, 2),
    )


# %% wrong-groups-in-conv3-too
def stages_two_to_five():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.MaxPool2D(3, 2),
        nn.Conv2D(256, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2D(384, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2D(384, 256, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.MaxPool2D(3, 2),
    )


# %% wrong-no-norm
def stages_two_to_five():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        nn.MaxPool2D(3, 2),
        nn.Conv2D(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2D(384, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2D(384, 256, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.MaxPool2D(3, 2),
    )


# %% wrong-alpha-divided-by-size
def stages_two_to_five():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0),
        nn.MaxPool2D(3, 2),
        nn.Conv2D(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2D(384, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2D(384, 256, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.MaxPool2D(3, 2),
    )


# %% wrong-default-k
def stages_two_to_five():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75),
        nn.MaxPool2D(3, 2),
        nn.Conv2D(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2D(384, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2D(384, 256, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.MaxPool2D(3, 2),
    )


# %% wrong-plain-pooling
def stages_two_to_five():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.MaxPool2D(2, 2),
        nn.Conv2D(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2D(384, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2D(384, 256, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.MaxPool2D(2, 2),
    )


# %% wrong-relu-forgotten-after-conv4
def stages_two_to_five():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.MaxPool2D(3, 2),
        nn.Conv2D(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2D(384, 384, 3, padding=1, groups=2),
        nn.Conv2D(384, 256, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.MaxPool2D(3, 2),
    )


# %% wrong-no-relu-after-conv5
def stages_two_to_five():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.MaxPool2D(3, 2),
        nn.Conv2D(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2D(384, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2D(384, 256, 3, padding=1, groups=2),
        nn.MaxPool2D(3, 2),
    )


# %% wrong-third-pool-missing
def stages_two_to_five():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.MaxPool2D(3, 2),
        nn.Conv2D(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2D(384, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2D(384, 256, 3, padding=1, groups=2),
        nn.ReLU(),
    )


# %% wrong-norm-after-conv3-too
def stages_two_to_five():
    nn = paddle.nn
    return nn.Sequential(
        nn.Conv2D(96, 256, 5, padding=2, groups=2),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.MaxPool2D(3, 2),
        nn.Conv2D(256, 384, 3, padding=1),
        nn.ReLU(),
        nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        nn.Conv2D(384, 384, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2D(384, 256, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.MaxPool2D(3, 2),
    )


# %% right-class
class Stages(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.conv2 = paddle.nn.Conv2D(96, 256, 5, padding="SAME", groups=2)
        self.conv3 = paddle.nn.Conv2D(256, 384, 3, padding="SAME")
        self.conv4 = paddle.nn.Conv2D(384, 384, 3, padding="SAME", groups=2)
        self.conv5 = paddle.nn.Conv2D(384, 256, 3, padding="SAME", groups=2)

    def forward(self, x):
        functional = paddle.nn.functional
        x = functional.relu(self.conv2(x))
        x = functional.max_pool2d(functional.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0), 3, 2)
        for conv in (self.conv3, self.conv4, self.conv5):
            x = functional.relu(conv(x))
        return functional.max_pool2d(x, 3, 2)


def stages_two_to_five():
    return Stages()


# %% right-relu-after-pool
def stages_two_to_five():
    stages = []
    for number, (seen, filters, window, groups) in enumerate(
        [(96, 256, 5, 2), (256, 384, 3, 1), (384, 384, 3, 2), (384, 256, 3, 2)], start=2
    ):
        stages.append(paddle.nn.Conv2D(seen, filters, window, padding=window // 2, groups=groups))
        if number == 5:
            stages.append(paddle.nn.MaxPool2D(3, stride=2))
        stages.append(paddle.nn.ReLU())
        if number == 2:
            stages += [paddle.nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0), paddle.nn.MaxPool2D(3, stride=2)]
    return paddle.nn.Sequential(*stages)
