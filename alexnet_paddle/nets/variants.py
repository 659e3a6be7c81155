"""Every AlexNet as a table: `VARIANTS["paper"]`. An ablation is `.replace(activation="sigmoid")`.

Importing this does not load paddle. The sources named below are: "paper", Krizhevsky, Sutskever and Hinton,
NIPS 2012; "2012 source", the authors' program as published by the Computer History Museum.
"""

from alexnet_paddle.nets.config import (
    LRN,
    PAPER_LRN,
    POOLS,
    Activation,
    AlexNetConfig,
    Conv,
    Dropout,
    GlobalPool,
    Linear,
    SpatialNorm,
)

RELU = Activation("relu")
POOL = POOLS["overlap"]
PLAIN = POOLS["plain"]
SOURCE_LRN = LRN(divide_by_size=True)
TOWER_LRN = LRN(divide_by_size=True, groups=2)
DROP = Dropout()
PAPER_DROP = Dropout(mode="downscale_in_infer")

VARIANTS: dict[str, AlexNetConfig] = {
    config.name: config
    for config in (
        AlexNetConfig(
            name="paper",
            source="paper, section 3.5 and figure 2, as one graph; 227 pixels, because 224 do not give its 55",
            conv_stages=(
                (Conv(96, 11, 4), RELU, PAPER_LRN, POOL),
                (Conv(256, 5, padding=2, groups=2), RELU, PAPER_LRN, POOL),
                (Conv(384, 3, padding=1), RELU),
                (Conv(384, 3, padding=1, groups=2), RELU),
                (Conv(256, 3, padding=1, groups=2), RELU, POOL),
            ),
            fc_stages=((Linear(4096), RELU, PAPER_DROP), (Linear(4096), RELU, PAPER_DROP)),
            init="paper",
            default_recipe="paper",
        ),
        AlexNetConfig(
            name="convnet2012",
            source="one configuration from the 2012 source: layers/layers-145.cfg (40.66% top-1 validation error)",
            conv_stages=(
                (Conv(96, 11, 4), TOWER_LRN, POOL, RELU),
                (Conv(256, 5, padding=2, groups=2), RELU, TOWER_LRN, SpatialNorm(), POOL),
                (Conv(384, 3, padding=1), RELU),
                (Conv(384, 3, padding=1, groups=2), RELU),
                (Conv(256, 3, padding=1, groups=2), POOL, RELU),
            ),
            fc_stages=((Linear(4096), RELU, PAPER_DROP), (Linear(4096), RELU, PAPER_DROP)),
            image_size=224,
            rounding="ceil",
            init="convnet2012",
            default_recipe="paper",
        ),
        AlexNetConfig(
            name="one-tower",
            source="dansuh17's PyTorch port: the paper's net without groups",
            conv_stages=(
                (Conv(96, 11, 4), RELU, SOURCE_LRN, POOL),
                (Conv(256, 5, padding=2), RELU, SOURCE_LRN, POOL),
                (Conv(384, 3, padding=1), RELU),
                (Conv(384, 3, padding=1), RELU),
                (Conv(256, 3, padding=1), RELU, POOL),
            ),
            fc_stages=((DROP, Linear(4096), RELU), (DROP, Linear(4096), RELU)),
            init="dansuh17",
            default_recipe="dansuh17",
        ),
        AlexNetConfig(
            name="half",
            source="Classic-CNN: one of the two towers, half as wide, often shown as the original",
            conv_stages=(
                (Conv(48, 11, 4, padding=2), RELU, SOURCE_LRN, POOL),
                (Conv(128, 5, padding=2), RELU, SOURCE_LRN, POOL),
                (Conv(192, 3, padding=1), RELU),
                (Conv(192, 3, padding=1), RELU),
                (Conv(128, 3, padding=1), RELU, POOL),
            ),
            fc_stages=((DROP, Linear(2048), RELU), (DROP, Linear(2048), RELU)),
            image_size=224,
            init="pytorch",
            default_recipe="classic-cnn",
        ),
        AlexNetConfig(
            name="half-plain",
            source="the half-width tutorial net without LRN; its Kaiming initialisation is off by default there",
            conv_stages=(
                (Conv(48, 11, 4, padding=2), RELU, POOL),
                (Conv(128, 5, padding=2), RELU, POOL),
                (Conv(192, 3, padding=1), RELU),
                (Conv(192, 3, padding=1), RELU),
                (Conv(128, 3, padding=1), RELU, POOL),
            ),
            fc_stages=((DROP, Linear(2048), RELU), (DROP, Linear(2048), RELU)),
            image_size=224,
            init="kaiming",
            default_recipe="classic-cnn",
        ),
        AlexNetConfig(
            name="torchvision",
            source="torchvision and paddle.vision: the net of 'One weird trick', 2014, not the paper's",
            conv_stages=(
                (Conv(64, 11, 4, padding=2), RELU, POOL),
                (Conv(192, 5, padding=2), RELU, POOL),
                (Conv(384, 3, padding=1), RELU),
                (Conv(256, 3, padding=1), RELU),
                (Conv(256, 3, padding=1), RELU, POOL),
            ),
            fc_stages=((DROP, Linear(4096), RELU), (DROP, Linear(4096), RELU)),
            image_size=224,
            init="pytorch",
            default_recipe="classic-cnn",
        ),
        AlexNetConfig(
            name="paddle-tutorial",
            source="Paddle's deep-learning handbook: padding 5 and plain pooling, 7 x 7 at the end",
            conv_stages=(
                (Conv(96, 11, 4, padding=5), RELU, PLAIN),
                (Conv(256, 5, padding=2), RELU, PLAIN),
                (Conv(384, 3, padding=1), RELU),
                (Conv(384, 3, padding=1), RELU),
                (Conv(256, 3, padding=1), RELU, PLAIN),
            ),
            fc_stages=((Linear(4096), RELU, DROP), (Linear(4096), RELU, DROP)),
            image_size=224,
            init="paddle",
            default_recipe="classic-cnn",
        ),
        AlexNetConfig(
            name="full-5x5",
            source="a blog's `Net` with a 5 x 5 conv5, padding mended from 1 to 2 so that its forward pass fits",
            conv_stages=(
                (Conv(96, 11, 4), RELU, POOL),
                (Conv(256, 5, padding=2), RELU, POOL),
                (Conv(384, 3, padding=1), RELU),
                (Conv(384, 3, padding=1), RELU),
                (Conv(256, 5, padding=2), RELU, POOL),
            ),
            fc_stages=((Linear(4096), RELU, DROP), (Linear(4096), RELU, DROP)),
            init="pytorch",
            default_recipe="classic-cnn",
        ),
        # The text of this blog leaves open: conv1's stride and padding (here the paper's 4 and 0), the other
        # paddings (here those that keep the side), dropout (here after each hidden fc layer), the input (here 227).
        AlexNetConfig(
            name="blog",
            source="a blog's description taken literally: 6 x 6 kernels, seven conv layers, four fc layers",
            conv_stages=(
                (Conv(96, 6, 4), RELU, POOL),
                (Conv(256, 5, padding=2), RELU),
                (Conv(384, 3, padding=1), RELU),
                (Conv(384, 3, padding=1), RELU),
                (Conv(384, 3, padding=1), RELU),
                (Conv(256, 3, padding=1), RELU),
                (Conv(384, 3, padding=1), RELU, GlobalPool()),
            ),
            fc_stages=((Linear(4096), RELU, DROP), (Linear(4096), RELU, DROP), (Linear(1000), RELU, DROP)),
            init="pytorch",
            default_recipe="blog",
        ),
        AlexNetConfig(
            name="d2l",
            source="Dive into Deep Learning: padding 1 gives 54 and 6400 inputs to fc6; there with 1 input channel",
            conv_stages=(
                (Conv(96, 11, 4, padding=1), RELU, POOL),
                (Conv(256, 5, padding=2), RELU, POOL),
                (Conv(384, 3, padding=1), RELU),
                (Conv(384, 3, padding=1), RELU),
                (Conv(256, 3, padding=1), RELU, POOL),
            ),
            fc_stages=((Linear(4096), RELU, DROP), (Linear(4096), RELU, DROP)),
            image_size=224,
            num_classes=10,
            init="paddle",
            default_recipe="classic-cnn",
        ),
        AlexNetConfig(
            name="cifar4",
            source="ours, after the paper's figure 1 and its CIFAR-10 remarks: a four-layer net for 32 x 32",
            conv_stages=(
                (Conv(32, 5, padding=2), RELU, PAPER_LRN, POOL),
                (Conv(32, 5, padding=2), RELU, PAPER_LRN, POOL),
                (Conv(64, 5, padding=2), RELU, POOL),
            ),
            image_size=32,
            num_classes=10,
            init="paddle",
            default_recipe="quick",
        ),
        AlexNetConfig(
            name="mini",
            source="ours: the paper's five conv and three fc stages for 64 x 64 input and a laptop's CPU",
            conv_stages=(
                (Conv(24, 5, 2, padding=2), RELU, PAPER_LRN, POOL),
                (Conv(48, 5, padding=2, groups=2), RELU, PAPER_LRN, POOL),
                (Conv(64, 3, padding=1), RELU),
                (Conv(64, 3, padding=1, groups=2), RELU),
                (Conv(48, 3, padding=1, groups=2), RELU, POOL),
            ),
            fc_stages=((Linear(192), RELU, DROP), (Linear(192), RELU, DROP)),
            image_size=64,
            num_classes=5,
            init="paddle",
            default_recipe="quick",
        ),
    )
}
