# %% wrong-scales-while-training
def classifier(inputs, hidden, classes):
    nn = paddle.nn
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(hidden, classes),
    )


# %% wrong-dropout-on-the-inputs
def classifier(inputs, hidden, classes):
    nn = paddle.nn
    return nn.Sequential(
        nn.Flatten(),
        nn.Dropout(0.5, mode="downscale_in_infer"),
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Dropout(0.5, mode="downscale_in_infer"),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, classes),
    )


# %% wrong-dropout-on-the-logits
def classifier(inputs, hidden, classes):
    nn = paddle.nn
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Dropout(0.5, mode="downscale_in_infer"),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(0.5, mode="downscale_in_infer"),
        nn.Linear(hidden, classes),
        nn.Dropout(0.5, mode="downscale_in_infer"),
    )


# %% wrong-one-dropout
def classifier(inputs, hidden, classes):
    nn = paddle.nn
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(0.5, mode="downscale_in_infer"),
        nn.Linear(hidden, classes),
    )


# %% wrong-no-dropout
def classifier(inputs, hidden, classes):
    nn = paddle.nn
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, classes),
    )


# %% wrong-no-relu-after-fc7
def classifier(inputs, hidden, classes):
    nn = paddle.nn
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Dropout(0.5, mode="downscale_in_infer"),
        nn.Linear(hidden, hidden),
        nn.Dropout(0.5, mode="downscale_in_infer"),
        nn.Linear(hidden, classes),
    )


# %% wrong-relu-on-logits
def classifier(inputs, hidden, classes):
    nn = paddle.nn
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Dropout(0.5, mode="downscale_in_infer"),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(0.5, mode="downscale_in_infer"),
        nn.Linear(hidden, classes),
        nn.ReLU(),
    )


# %% wrong-softmax
def classifier(inputs, hidden, classes):
    nn = paddle.nn
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Dropout(0.5, mode="downscale_in_infer"),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(0.5, mode="downscale_in_infer"),
        nn.Linear(hidden, classes),
        nn.Softmax(),
    )


# %% wrong-train-mode-left-on
class AlwaysDropping(paddle.nn.Layer):
    def forward(self, x):
        return paddle.nn.functional.dropout(x, 0.5, training=True, mode="downscale_in_infer")


def classifier(inputs, hidden, classes):
    nn = paddle.nn
    fc6, fc7, fc8 = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, classes)
    return nn.Sequential(nn.Flatten(), fc6, nn.ReLU(), AlwaysDropping(), fc7, nn.ReLU(), AlwaysDropping(), fc8)


# %% right-class
class Classifier(paddle.nn.Layer):
    def __init__(self, inputs, hidden, classes):
        super().__init__()
        self.fc6 = paddle.nn.Linear(inputs, hidden)
        self.fc7 = paddle.nn.Linear(hidden, hidden)
        self.fc8 = paddle.nn.Linear(hidden, classes)

    def forward(self, x):
        functional = paddle.nn.functional
        x = x.reshape([x.shape[0], -1])
        for layer in (self.fc6, self.fc7):
            x = functional.relu(layer(x))
            x = functional.dropout(x, 0.5, training=self.training, mode="downscale_in_infer")
        return self.fc8(x)


def classifier(inputs, hidden, classes):
    return Classifier(inputs, hidden, classes)


# %% right-loop-and-dropout-before-relu
def classifier(inputs, hidden, classes):
    layers = [paddle.nn.Flatten(start_axis=1)]
    for width in (inputs, hidden):
        layers.append(paddle.nn.Linear(width, hidden))
        layers.append(paddle.nn.Dropout(p=0.5, mode="downscale_in_infer"))
        layers.append(paddle.nn.ReLU())
    return paddle.nn.Sequential(*layers, paddle.nn.Linear(hidden, classes))
