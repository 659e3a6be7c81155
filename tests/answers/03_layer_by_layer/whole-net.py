# %% wrong-parts-in-a-list
class PaperNet(paddle.nn.Layer):
    def __init__(self, num_classes=1000, hidden=4096):
        super().__init__()
        self.parts = [stage_one(), stages_two_to_five(), classifier(9216, hidden, num_classes)]

    def forward(self, images):
        for part in self.parts:
            images = part(images)
        return images


# %% wrong-softmax-at-the-end
class PaperNet(paddle.nn.Layer):
    def __init__(self, num_classes=1000, hidden=4096):
        super().__init__()
        self.features = paddle.nn.Sequential(stage_one(), stages_two_to_five())
        self.classifier = classifier(9216, hidden, num_classes)

    def forward(self, images):
        return paddle.nn.functional.softmax(self.classifier(self.features(images)))


# %% wrong-always-1000-classes
class PaperNet(paddle.nn.Layer):
    def __init__(self, num_classes=1000, hidden=4096):
        super().__init__()
        self.features = paddle.nn.Sequential(stage_one(), stages_two_to_five())
        self.classifier = classifier(9216, hidden, 1000)

    def forward(self, images):
        return self.classifier(self.features(images))


# %% wrong-hidden-ignored
class PaperNet(paddle.nn.Layer):
    def __init__(self, num_classes=1000, hidden=4096):
        super().__init__()
        self.features = paddle.nn.Sequential(stage_one(), stages_two_to_five())
        self.classifier = classifier(9216, 4096, num_classes)

    def forward(self, images):
        return self.classifier(self.features(images))


# %% wrong-relu-at-the-end
class PaperNet(paddle.nn.Layer):
    def __init__(self, num_classes=1000, hidden=4096):
        super().__init__()
        self.features = paddle.nn.Sequential(stage_one(), stages_two_to_five())
        self.classifier = classifier(9216, hidden, num_classes)

    def forward(self, images):
        return paddle.nn.functional.relu(self.classifier(self.features(images)))


# %% wrong-eval-inside
class PaperNet(paddle.nn.Layer):
    def __init__(self, num_classes=1000, hidden=4096):
        super().__init__()
        self.features = paddle.nn.Sequential(stage_one(), stages_two_to_five())
        self.classifier = classifier(9216, hidden, num_classes)

    def forward(self, images):
        self.eval()
        return self.classifier(self.features(images))


# %% wrong-through-numpy
class PaperNet(paddle.nn.Layer):
    def __init__(self, num_classes=1000, hidden=4096):
        super().__init__()
        self.features = paddle.nn.Sequential(stage_one(), stages_two_to_five())
        self.classifier = classifier(9216, hidden, num_classes)

    def forward(self, images):
        return self.classifier(paddle.to_tensor(self.features(images).numpy()))


# %% wrong-halved-once-more
class PaperNet(paddle.nn.Layer):
    def __init__(self, num_classes=1000, hidden=4096):
        super().__init__()
        self.features = paddle.nn.Sequential(stage_one(), stages_two_to_five())
        self.classifier = classifier(9216, hidden, num_classes)

    def forward(self, images):
        x = self.features(images)
        return self.classifier(0.5 * x)


# %% wrong-no-groups-no-norm
class PaperNet(paddle.nn.Layer):
    def __init__(self, num_classes=1000, hidden=4096):
        super().__init__()
        nn = paddle.nn
        self.features = nn.Sequential(
            *(nn.Conv2D(3, 96, 11, stride=4), nn.ReLU(), nn.MaxPool2D(3, 2)),
            *(nn.Conv2D(96, 256, 5, padding=2), nn.ReLU(), nn.MaxPool2D(3, 2)),
            *(nn.Conv2D(256, 384, 3, padding=1), nn.ReLU(), nn.Conv2D(384, 384, 3, padding=1), nn.ReLU()),
            *(nn.Conv2D(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2D(3, 2)),
        )
        self.classifier = classifier(9216, hidden, num_classes)

    def forward(self, images):
        return self.classifier(self.features(images))


# %% right-three-attributes
class PaperNet(paddle.nn.Layer):
    def __init__(self, num_classes=1000, hidden=4096):
        super().__init__()
        self.first, self.middle = stage_one(), stages_two_to_five()
        self.last = classifier(9216, hidden, num_classes)

    def forward(self, images):
        return self.last(self.middle(self.first(images)))


# %% right-sequential-subclass
class PaperNet(paddle.nn.Sequential):
    def __init__(self, num_classes=1000, hidden=4096):
        super().__init__(stage_one(), stages_two_to_five(), classifier(256 * 6 * 6, hidden, num_classes))


# %% right-layer-list
class PaperNet(paddle.nn.Layer):
    def __init__(self, num_classes=1000, hidden=4096):
        super().__init__()
        parts = [*stage_one().children(), *stages_two_to_five().children()]
        self.parts = paddle.nn.LayerList([*parts, classifier(9216, hidden, num_classes)])

    def forward(self, images):
        x = images
        for part in self.parts:
            x = part(x)
        return x
