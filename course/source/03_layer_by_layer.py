# %% puzzle [markdown]
# # 03 · AlexNet layer by layer
#
# The paper says that its network has "60 million parameters".
# Programs that call themselves AlexNet have 60,965,224, or 62,378,344, or 61,100,840, or 16,630,440.
#
# **Which of these is the network of the paper, and what are the others?**
#
# You do not have to believe anybody.
# In this chapter you build the network one stage at a time.
# Before each stage you predict its shape and its parameters on paper, then Paddle tells you whether you were right.
# At the end the count comes out by itself.
#
# The drawing below is made from the table of layers, to scale:
# the height of a box is the side of the picture, its length is the number of channels.
# Look at it first and ask: where do the two halves exchange what they know?

# %% setup
from alexnet_paddle import VARIANTS  # isort: skip  (first: it sets up the CPU before paddle is imported)
import math

import matplotlib.pyplot as plt
import numpy as np
import paddle

from alexnet_paddle import plots
from alexnet_paddle.arithmetic import totals, trace
from alexnet_paddle.nets import model as package
from alexnet_paddle.nets.config import LRN

repeatable = paddle.seed(3)

# %% to-scale needs=["setup"]
figure = plots.net_to_scale(VARIANTS["paper"])
figure

# %% conv-cost-task [markdown]
# ## The cost of one convolution
#
# The two rows of boxes are the **two towers**, and the orange lines are the places where they meet.
# In 2012 each row ran on a card of its own, with 3 GB of memory.
# conv2, conv4 and conv5 read only their own tower.
# conv3 and the fully connected layers read both.
# One graph does the same with `groups=2`: the channels are cut into two halves, and each half of the filters sees one
# half.
#
# A filter of a convolution has `f * f` weights for every channel **that it sees**, and one bias.
# A **MAC** (multiply-accumulate) is one weight times one input, added to a sum.
# Every weight is used once at each position of the output. Biases are not counted as MACs.
#
# Predict on paper, then go on:
#
# | | filters | window | channels in | groups | parameters? | side out? | MACs? |
# | --- | --- | --- | --- | --- | --- | --- | --- |
# | conv1 on 227 x 227 | 96 | 11, stride 4, padding 0 | 3 | 1 | | | |
# | conv2 on 27 x 27 | 256 | 5, stride 1, padding 2 | 96 | 2 | | | |
#
# **Exercise `conv_cost`.** Return two whole numbers, the parameters (weights and biases) and the MACs for one picture.
# `side` is the side of the *input*. The output's side follows the rule of chapter 01, rounded down.
# The function has to work for any number of groups.


# %% conv-cost nbgrader={"grade": false, "grade_id": "conv-cost", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["conv_cost"] needs=["setup"]
def conv_cost(side, in_channels, out_channels, f, s=1, p=0, groups=1):
    """Parameters and MACs of one convolution. Example: conv_cost(5, 2, 4, 3) is (76, 648)."""
    ### BEGIN SOLUTION
    weights = out_channels * (in_channels // groups) * f * f
    out = (side - f + 2 * p) // s + 1
    return weights + out_channels, weights * out * out
    ### END SOLUTION


# %% conv-cost-visible nbgrader={"grade": true, "grade_id": "conv-cost-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="the example, conv1 and conv2 of the paper" needs=["conv-cost"]
for call, expected, hint in (
    ((5, 2, 4, 3), (76, 648), "4 filters of 2*3*3 weights and 4 biases; the output is 3 x 3."),
    ((227, 3, 96, 11, 4, 0, 1), (34944, 105415200), "96 biases; the output is 55 x 55."),
    ((27, 96, 256, 5, 1, 2, 2), (307456, 223948800), "With two groups a filter sees 48 channels."),
):
    got = conv_cost(*call)
    assert type(got) is tuple and len(got) == 2, f"conv_cost{call}: got {got!r}, expected a pair (parameters, MACs)."
    assert [type(number) for number in got] == [int, int], (
        f"conv_cost{call}: got {got!r}, expected whole numbers. Use //."
    )
    assert got[0] == expected[0], f"conv_cost{call}: got {got[0]} parameters, expected {expected[0]}. {hint}"
    assert got[1] == expected[1], f"conv_cost{call}: got {got[1]} MACs, expected {expected[1]}. {hint}"

# %% conv-cost-hidden nbgrader={"grade": true, "grade_id": "conv-cost-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="other numbers of groups, and sizes that the stride does not divide" needs=["conv-cost"]
# More checks, with other sizes. They run when your work is graded.
### BEGIN HIDDEN TESTS
for call, expected, hint in (
    ((13, 384, 384, 3, 1, 1, 2), (663936, 112140288), "Sizes of conv4."),
    ((10, 12, 8, 3, 1, 1, 4), (224, 21600), "Four groups: a filter sees 3 channels."),
    ((8, 6, 6, 5, 2, 2, 6), (156, 2400), "Six groups: a filter sees one channel."),
    ((224, 3, 10, 11, 4, 0, 1), (3640, 10585080), "213 / 4 is rounded down: the output is 54 x 54."),
):
    got = conv_cost(*call)
    assert type(got) is tuple and [type(number) for number in got] == [int, int], (
        f"conv_cost{call}: got {got!r}, expected a pair of whole numbers."
    )
    assert got[0] == expected[0], f"conv_cost{call}: got {got[0]} parameters, expected {expected[0]}. {hint}"
    assert got[1] == expected[1], f"conv_cost{call}: got {got[1]} MACs, expected {expected[1]}. {hint}"
### END HIDDEN TESTS

# %% trace-table-text [markdown]
# ## The whole net as arithmetic
#
# The next cell follows one picture through all layers of the paper's net, without building it,
# and checks your function against the package's at each convolution.
# Before you run it: name the layer with most parameters. Where in the net does the side shrink, and where does it not?

# %% trace-table needs=["conv-cost"]
config, side, channels = VARIANTS["paper"], 227, 3
print(f"{'layer':6} {'output':>14} {'parameters':>11} {'MACs':>12}  size")
for (name, layer), row in zip(config.named_layers(), trace(config)):
    if layer.kind == "conv":
        cost = conv_cost(side, channels, layer.out_channels, layer.kernel, layer.stride, layer.padding, layer.groups)
        assert cost == (row.params, row.macs), (name, cost, row)
    if len(row.out_shape) == 3:
        channels, side, _ = row.out_shape
    shape = " x ".join(map(str, row.out_shape))
    print(f"{name:6} {shape:>14} {row.params:11,} {row.macs:12,}  {row.arithmetic}")
print(f"{'sum':21} {totals(trace(config))[0]:11,} {totals(trace(config))[1]:12,}")

# %% stage-one-task [markdown]
# ## Stage 1: 96 filters, ReLU, normalisation, pooling
#
# The table was arithmetic. Now the real thing.
# The paper's first stage is conv1, ReLU, local response normalisation (LRN) and overlapping max pooling, in this order.
# Two of these steps hide a trap.
#
# **The normalisation.** The paper prints, for channel $i$ at one position,
#
# $$b_i = a_i \Big/ \Big(k + \alpha \sum_{j=i-2}^{i+2} a_j^2\Big)^{\beta}, \qquad k = 2,\ \alpha = 10^{-4},\ \beta = 0.75 .$$
#
# Channels that do not exist count as 0. There is no division by $n = 5$ in it.
# Paddle, PyTorch, Caffe and the 2012 source do divide $\alpha$ by $n$, and `k` is 1 by default in Paddle.
# Which `alpha` makes `paddle.nn.LocalResponseNorm` compute the printed formula? Decide before you run the next cell.
#
# **The pooling.** conv1 gives 55 x 55.
# A 3 x 3 window with stride 2 makes 27 of it. And a 2 x 2 window with stride 2? Also 27: the shape will not warn you.
#
# **Exercise `stage_one`.** Return the stage as a `paddle.nn.Layer` (a `paddle.nn.Sequential` or a class of your own).
#
# - convolution: 3 channels in, 96 filters of 11 x 11, stride 4, padding 0
# - ReLU
# - the LRN **as printed**
# - max pooling, 3 x 3, stride 2
#
# Predict first: which shape leaves each of the four steps, for one picture of 227 x 227? How many parameters has the
# stage?

# %% lrn-convention needs=["setup"]
a = np.random.default_rng(3).uniform(0, 200, (1, 8, 4, 4)).astype("float32")
padded = np.pad(a.astype("float64") ** 2, ((0, 0), (2, 2), (0, 0), (0, 0)))
printed = a / (2 + 1e-4 * sum(padded[:, j : j + 8] for j in range(5))) ** 0.75
for alpha in (1e-4, 5e-4):
    for k in (1.0, 2.0):
        got = paddle.nn.LocalResponseNorm(5, alpha=alpha, beta=0.75, k=k)(paddle.to_tensor(a)).numpy()
        print(
            f"alpha={alpha:.0e} k={k:.0f}: largest difference from the printed formula {abs(got - printed).max():9.5f}"
        )


# %% stage-one nbgrader={"grade": false, "grade_id": "stage-one", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["stage_one"] needs=["setup"]
def stage_one():
    """The first stage as a Layer. Example: stage_one()(paddle.zeros([1, 3, 227, 227])).shape is [1, 96, 27, 27]."""
    ### BEGIN SOLUTION
    return paddle.nn.Sequential(
        paddle.nn.Conv2D(3, 96, 11, stride=4),
        paddle.nn.ReLU(),
        paddle.nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0),
        paddle.nn.MaxPool2D(3, 2),
    )
    ### END SOLUTION


# %% stage-one-visible nbgrader={"grade": true, "grade_id": "stage-one-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="output shape, parameter shapes, no negative value" needs=["stage-one"]
stage = stage_one()
assert isinstance(stage, paddle.nn.Layer), f"stage_one(): got a {type(stage).__name__}, expected a paddle.nn.Layer."
shapes = [list(parameter.shape) for parameter in stage.parameters()]
assert shapes == [[96, 3, 11, 11], [96]], (
    f"stage_one(): its parameters have the shapes {shapes}, expected [[96, 3, 11, 11], [96]]. One convolution with a bias."
)
images = np.random.default_rng(1).uniform(-120, 120, (2, 3, 227, 227)).astype("float32")
got = stage(paddle.to_tensor(images))
assert isinstance(got, paddle.Tensor), f"stage_one()(images): got a {type(got).__name__}, expected a paddle.Tensor."
assert list(got.shape) == [2, 96, 27, 27], (
    f"stage_one() on [2, 3, 227, 227]: got {list(got.shape)}, expected [2, 96, 27, 27]. 227 -> 55 -> 27."
)
got = got.numpy()
assert got.min() >= 0, f"stage_one(): got a value of {got.min():.3f}, expected none below 0. Is the ReLU there?"
assert got.max() > 0, "stage_one(): got only zeros, expected positive values too."

# %% stage-one-hidden nbgrader={"grade": true, "grade_id": "stage-one-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} checks="the four steps in their order, compared with the printed formula in NumPy" needs=["stage-one"]
# More checks, with other values. They run when your work is graded.
### BEGIN HIDDEN TESTS
stage = stage_one()
rng = np.random.default_rng(5)
weight, bias = rng.normal(0, 0.05, (96, 3, 11, 11)), rng.normal(0, 20, 96)
shapes = [list(parameter.shape) for parameter in stage.parameters()]
assert shapes == [[96, 3, 11, 11], [96]], f"stage_one(): parameters of the shapes {shapes}, expected one convolution's."
for parameter, value in zip(stage.parameters(), (weight, bias)):
    parameter.set_value(value.astype("float32"))
images = rng.uniform(-120, 120, (1, 3, 99, 99)).astype("float32")
got = stage(paddle.to_tensor(images))
assert isinstance(got, paddle.Tensor), f"stage_one()(images): got a {type(got).__name__}, expected a paddle.Tensor."
got = got.numpy()

x = np.empty((1, 96, 23, 23))
for row in range(23):
    for column in range(23):
        window = images[0, :, 4 * row : 4 * row + 11, 4 * column : 4 * column + 11]
        x[0, :, row, column] = weight.reshape(96, -1) @ window.reshape(-1) + bias
x = np.maximum(x, 0)
squares = np.pad(x**2, ((0, 0), (2, 2), (0, 0), (0, 0)))
x = x / (2 + 1e-4 * sum(squares[:, j : j + 96] for j in range(5))) ** 0.75
x = np.max([x[:, :, i : i + 21 : 2, j : j + 21 : 2] for i in range(3) for j in range(3)], axis=0)
assert got.shape == x.shape, f"stage_one() on 99 x 99: got the shape {got.shape}, expected {x.shape}."
worst = abs(got - x).max()
assert worst < 1e-3 * x.max(), (
    f"stage_one() on 99 x 99: differs by {worst:.4f} from conv, ReLU, printed LRN, 3/2 max pooling in NumPy "
    f"(largest value {x.max():.3f}). Look at alpha and k, at the order, and at the pooling window."
)
### END HIDDEN TESTS

# %% stages-two-to-five-task [markdown]
# ## Stages 2 to 5: where the towers are
#
# Fill in the table before you write the code. The paper gives the filters as 5 x 5 x **48**, 3 x 3 x **256**,
# 3 x 3 x **192** and 3 x 3 x **192**. What do these last numbers say about groups?
#
# | stage | convolution | then | output? | parameters? |
# | --- | --- | --- | --- | --- |
# | 2 | 256 of 5 x 5, padding 2, two groups | ReLU, LRN as in stage 1, pooling 3/2 | | |
# | 3 | 384 of 3 x 3, padding 1, one group | ReLU | | |
# | 4 | 384 of 3 x 3, padding 1, two groups | ReLU | | |
# | 5 | 256 of 3 x 3, padding 1, two groups | ReLU, pooling 3/2 | | |
#
# What would stage 2 cost with one group? 256 filters see 48 more channels of 25 weights each: 307,200 more.
# Keep this number; the puzzle needs it. Do the same for conv4 and conv5.
#
# **Exercise `stages_two_to_five`.** Return the four stages as one `paddle.nn.Layer`,
# which takes what `stage_one` gives, [N, 96, 27, 27]. Create the layers in the order of the table.


# %% stages-two-to-five nbgrader={"grade": false, "grade_id": "stages-two-to-five", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["stages_two_to_five"] needs=["setup"]
def stages_two_to_five():
    """Stages 2 to 5. Example: stages_two_to_five()(paddle.zeros([1, 96, 27, 27])).shape is [1, 256, 6, 6]."""
    ### BEGIN SOLUTION
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
        nn.MaxPool2D(3, 2),
    )
    ### END SOLUTION


# %% stages-two-to-five-visible nbgrader={"grade": true, "grade_id": "stages-two-to-five-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="output shape, parameter shapes (groups show in them), no negative value" needs=["stages-two-to-five"]
stages = stages_two_to_five()
assert isinstance(stages, paddle.nn.Layer), (
    f"stages_two_to_five(): got a {type(stages).__name__}, expected a paddle.nn.Layer."
)
shapes = [list(parameter.shape) for parameter in stages.parameters()]
expected = [[256, 48, 5, 5], [256], [384, 256, 3, 3], [384], [384, 192, 3, 3], [384], [256, 192, 3, 3], [256]]
assert shapes == expected, (
    f"stages_two_to_five(): its parameters have the shapes {shapes}, expected {expected}. "
    "The second number is what one filter sees: half of the channels with groups=2."
)
values = np.random.default_rng(1).uniform(0, 20, (2, 96, 27, 27)).astype("float32")
got = stages(paddle.to_tensor(values))
assert isinstance(got, paddle.Tensor), f"stages_two_to_five()(x): got a {type(got).__name__}, expected a paddle.Tensor."
assert list(got.shape) == [2, 256, 6, 6], (
    f"stages_two_to_five() on [2, 96, 27, 27]: got {list(got.shape)}, expected [2, 256, 6, 6]. 27 -> 13 -> 6."
)
got = got.numpy()
assert got.min() >= 0, (
    f"stages_two_to_five(): got a value of {got.min():.3f}, expected none below 0 after conv5's ReLU."
)
assert got.max() > 0, "stages_two_to_five(): got only zeros, expected positive values too."

# %% stages-two-to-five-hidden nbgrader={"grade": true, "grade_id": "stages-two-to-five-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} checks="every step of the table in its order, compared with NumPy and Paddle's functional convolution" needs=["stages-two-to-five"]
# More checks, with other values. They run when your work is graded.
### BEGIN HIDDEN TESTS
stages = stages_two_to_five()
shapes = [list(parameter.shape) for parameter in stages.parameters()]
expected = [[256, 48, 5, 5], [256], [384, 256, 3, 3], [384], [384, 192, 3, 3], [384], [256, 192, 3, 3], [256]]
assert shapes == expected, f"stages_two_to_five(): parameters of the shapes {shapes}, expected {expected}."
rng = np.random.default_rng(8)
for parameter in stages.parameters():
    shape = list(parameter.shape)
    spread = 5.0 if len(shape) == 1 else math.sqrt(2 / math.prod(shape[1:]))
    parameter.set_value(rng.normal(0, spread, shape).astype("float32"))
values = rng.uniform(0, 100, (1, 96, 27, 27)).astype("float32")
got = stages(paddle.to_tensor(values))
assert isinstance(got, paddle.Tensor), f"stages_two_to_five()(x): got a {type(got).__name__}, expected a paddle.Tensor."
got = got.numpy()

x = values
weights = stages.parameters()
for number, padding, groups in ((2, 2, 2), (3, 1, 1), (4, 1, 2), (5, 1, 2)):
    weight, bias = weights[2 * number - 4], weights[2 * number - 3]
    x = paddle.nn.functional.conv2d(paddle.to_tensor(x), weight, bias, padding=padding, groups=groups).numpy()
    x = np.maximum(x, 0)
    if number == 2:
        squares = np.pad(x.astype("float64") ** 2, ((0, 0), (2, 2), (0, 0), (0, 0)))
        x = x / (2 + 1e-4 * sum(squares[:, j : j + 256] for j in range(5))) ** 0.75
    if number in (2, 5):
        end = x.shape[2] - 2
        x = np.max([x[:, :, i : i + end : 2, j : j + end : 2] for i in range(3) for j in range(3)], axis=0)
    x = x.astype("float32")
assert got.shape == x.shape, f"stages_two_to_five(): got the shape {got.shape}, expected {x.shape}."
worst = abs(got - x).max()
assert worst < 2e-3 * x.max(), (
    f"stages_two_to_five(): differs by {worst:.4f} from the table's steps (largest value {x.max():.3f}). "
    "Look for a missing ReLU, the LRN's alpha and k, the pooling window, the order."
)
### END HIDDEN TESTS

# %% towers-text [markdown]
# ## Do the towers really not meet?
#
# `groups=2` should be the same as two convolutions, each on its own half of the channels, put side by side.
# And if one input channel of the second tower is changed, say channel 90 of 96, who notices?
# Predict for conv2 (two groups) and for a conv3 behind it (one group): which of their output channels change?

# %% towers needs=["setup"]
repeatable = paddle.seed(3)
conv2, conv3 = paddle.nn.Conv2D(96, 256, 5, padding=2, groups=2), paddle.nn.Conv2D(256, 384, 3, padding=1)
relu, functional = paddle.nn.functional.relu, paddle.nn.functional
before = paddle.to_tensor(np.random.default_rng(3).normal(0, 1, (1, 96, 27, 27)).astype("float32"))
after = before.numpy().copy()
after[:, 90] += 1
after = paddle.to_tensor(after)

with paddle.no_grad():
    w, b = conv2.weight, conv2.bias
    apart = [
        functional.conv2d(before[:, :48], w[:128], b[:128], padding=2),
        functional.conv2d(before[:, 48:], w[128:], b[128:], padding=2),
    ]
    assert np.allclose(conv2(before).numpy(), paddle.concat(apart, axis=1).numpy(), atol=1e-4)
    change2 = paddle.abs(conv2(after) - conv2(before)).mean(axis=[0, 2, 3]).numpy()
    change3 = paddle.abs(conv3(relu(conv2(after))) - conv3(relu(conv2(before)))).mean(axis=[0, 2, 3]).numpy()

figure, panels = plt.subplots(1, 2, figsize=(9, 2.8), layout="constrained")
for panel, name, change in zip(panels, ("conv2, groups=2", "conv3, groups=1"), (change2, change3)):
    half = len(change) // 2
    panel.bar(range(half), change[:half], 1.0, color="#0072B2", label="first half of the channels")
    panel.bar(range(half, 2 * half), change[half:], 1.0, color="#E69F00", label="second half")
    panel.set_title(f"{name}: {(change > 0).sum()} of {2 * half} channels change")
    panel.set_xlabel("output channel")
panels[0].set_ylabel("mean change of the output")
panels[0].legend()
plt.show()

# %% classifier-task [markdown]
# ## The classifier: 9216 numbers in, 1000 out
#
# 256 channels of 6 x 6 are 9216 numbers. A fully connected layer sees them as one row: no channels, no places any more.
# Predict: how many parameters does fc6 have, with 4096 outputs? Compare it with all five convolutions together.
#
# The paper puts dropout "in the first two fully-connected layers": the **output** of each of their neurons is set to 0
# with probability 0.5. At test time it keeps all neurons and multiplies their outputs by 0.5.
# Paddle calls this `mode="downscale_in_infer"`. Its default, `upscale_in_train`, scales while training instead.
# (Many ports put the dropout on the *inputs* of fc6 and fc7. Then pool5 is thinned and fc7's output is not.)
#
# **Exercise `classifier`.** Return a `paddle.nn.Layer`: flatten all but the first axis, fc6, ReLU, dropout, fc7, ReLU,
# dropout, fc8. fc6 has `inputs` inputs; fc6 and fc7 have `hidden` outputs, fc8 has `classes`.
# The paper's is `classifier(9216, 4096, 1000)`; small sizes are for testing.
# It returns the raw numbers of fc8, the **logits**: no ReLU and no softmax after it.


# %% classifier nbgrader={"grade": false, "grade_id": "classifier", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["classifier"] needs=["setup"]
def classifier(inputs, hidden, classes):
    """fc6, fc7, fc8 as a Layer. Example: classifier(8, 5, 3)(paddle.zeros([4, 2, 2, 2])).shape is [4, 3]."""
    ### BEGIN SOLUTION
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
    )
    ### END SOLUTION


# %% classifier-visible nbgrader={"grade": true, "grade_id": "classifier-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="shapes, negative logits, dropout on in train() and off in eval()" needs=["classifier"]
layers = classifier(24, 200, 3)
assert isinstance(layers, paddle.nn.Layer), f"classifier(24, 200, 3): got a {type(layers).__name__}, expected a Layer."
shapes = [list(parameter.shape) for parameter in layers.parameters()]
expected = [[24, 200], [200], [200, 200], [200], [200, 3], [3]]
assert shapes == expected, f"classifier(24, 200, 3): parameters of the shapes {shapes}, expected {expected}."
x = paddle.to_tensor(np.random.default_rng(1).uniform(0, 1, (2, 6, 2, 2)).astype("float32"))
layers.eval()
got = layers(x)
assert isinstance(got, paddle.Tensor), (
    f"classifier(24, 200, 3)(x): got a {type(got).__name__}, expected a paddle.Tensor."
)
assert list(got.shape) == [2, 3], f"classifier(24, 200, 3) on [2, 6, 2, 2]: got {list(got.shape)}, expected [2, 3]."
assert np.allclose(got.numpy(), layers(x).numpy()), "classifier in eval(): two calls differ. Is dropout always on?"
layers.train()
assert not np.allclose(layers(x).numpy(), layers(x).numpy()), (
    "classifier in train(): two calls agree. Is dropout there?"
)
layers.parameters()[5].set_value(np.full(3, -100, "float32"))
top = layers(x).numpy().max()
assert top < 0, f"classifier with a bias of -100 in fc8: got {top:.3f}, expected a negative logit. Nothing follows fc8."

# %% classifier-hidden nbgrader={"grade": true, "grade_id": "classifier-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} checks="where dropout acts, how it scales in train() and eval(), ReLU in both hidden layers" needs=["classifier"]
# More checks. They run when your work is graded.
### BEGIN HIDDEN TESTS
SIZE = 400


def with_values(**values):
    """A classifier of 400, 400, 400 whose layers copy their input (w=1) or ignore it (w=0), with a bias b."""
    layers = classifier(SIZE, SIZE, SIZE)
    parameters = layers.parameters()
    shapes = [list(parameter.shape) for parameter in parameters]
    expected = [[SIZE, SIZE], [SIZE]] * 3
    assert shapes == expected, f"classifier({SIZE}, {SIZE}, {SIZE}): parameters {shapes}, expected {expected}."
    for position, name in enumerate(("w6", "b6", "w7", "b7", "w8", "b8")):
        value = values.get(name, 1.0 if name[0] == "w" else 0.0)
        full = np.eye(SIZE) * value if name[0] == "w" else np.full(SIZE, value)
        parameters[position].set_value(full.astype("float32"))
    return layers


ones = paddle.ones([4, SIZE])
for values, kept, what in (
    ({}, 0.25, "all layers copy their input, which is 1"),
    ({"w6": 0.0, "b6": 1.0}, 0.25, "fc6 gives 1 whatever its input, fc7 and fc8 copy"),
    ({"w7": 0.0, "b7": 1.0}, 0.5, "fc7 gives 1 whatever its input, fc8 copies"),
    ({"w8": 0.0, "b8": 1.0}, 1.0, "fc8 gives 1 whatever its input"),
):
    layers = with_values(**values)
    layers.train()
    got = layers(ones).numpy()
    share = float((got != 0).mean())
    assert abs(share - kept) < 0.07, (
        f"classifier in train(), {what}: {share:.2f} of the outputs are not 0, expected about {kept}. "
        "Dropout of 0.5 acts on the outputs of fc6 and of fc7, and nowhere else."
    )
    assert np.allclose(got[got != 0], 1), (
        f"classifier in train(), {what}: outputs up to {got.max():.2f}, expected 0 or 1. The paper does not scale here."
    )
    layers.eval()
    got = layers(ones).numpy()
    assert np.allclose(got, kept, atol=1e-5), (
        f"classifier in eval(), {what}: got {got.min():.3f} to {got.max():.3f}, expected {kept}. "
        "At test time the paper multiplies the outputs of fc6 and fc7 by 0.5."
    )
for name in ("b6", "b7"):
    layers = with_values(**{name: -3.0})
    layers.eval()
    got = layers(ones).numpy()
    assert np.allclose(got, 0), (
        f"classifier with a bias of -3 in fc{name[1]}: got {got.min():.3f}, expected 0. A ReLU follows fc6 and fc7."
    )
### END HIDDEN TESTS

# %% whole-net-task [markdown]
# ## The whole net
#
# Join your three parts in a class. Two things that people forget:
#
# - Parts must be attributes (`self.features = ...`) before Paddle finds their parameters. A plain Python list hides
#   them.
# - Call `super().__init__()` first.
#
# **Exercise `PaperNet`.** A `paddle.nn.Layer` from pictures [N, 3, 227, 227] to logits [N, num_classes].
# `hidden` is the width of fc6 and fc7. Create the parts in forward order.
# Predict the number of parameters of `PaperNet()`, as a sum of eight numbers, before you run it.
#
# The cell after the checks then makes the hardest test:
# it copies your weights into the package's `AlexNet(VARIANTS["paper"])` and compares every shape and the logits.


# %% whole-net nbgrader={"grade": false, "grade_id": "whole-net", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["PaperNet"] needs=["setup", "stage-one", "stages-two-to-five", "classifier"]
class PaperNet(paddle.nn.Layer):
    """The paper's net. Example: PaperNet(num_classes=5, hidden=8)(paddle.zeros([1, 3, 227, 227])).shape is [1, 5]."""

    ### BEGIN SOLUTION
    def __init__(self, num_classes=1000, hidden=4096):
        super().__init__()
        self.features = paddle.nn.Sequential(stage_one(), stages_two_to_five())
        self.classifier = classifier(256 * 6 * 6, hidden, num_classes)

    def forward(self, images):
        return self.classifier(self.features(images))

    ### END SOLUTION


# %% whole-net-visible nbgrader={"grade": true, "grade_id": "whole-net-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="60,965,224 parameters, shape of the logits" needs=["whole-net"]
net = PaperNet()
assert isinstance(net, paddle.nn.Layer), f"PaperNet(): got a {type(net).__name__}, expected a paddle.nn.Layer."
count = sum(math.prod(parameter.shape) for parameter in net.parameters())
assert count == 60965224, (
    f"PaperNet(): got {count:,} parameters, expected 60,965,224. "
    "0: parts in a list. 62,378,344: no groups. Less than 4 million: no classifier."
)
net.eval()
got = net(paddle.zeros([1, 3, 227, 227]))
assert isinstance(got, paddle.Tensor), f"PaperNet()(images): got a {type(got).__name__}, expected a paddle.Tensor."
assert list(got.shape) == [1, 1000], f"PaperNet() on [1, 3, 227, 227]: got {list(got.shape)}, expected [1, 1000]."

# %% whole-net-hidden nbgrader={"grade": true, "grade_id": "whole-net-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} checks="other num_classes and hidden, logits from all eight layers, gradients everywhere" needs=["whole-net"]
# More checks, with small fc layers. They run when your work is graded.
### BEGIN HIDDEN TESTS
net = PaperNet(num_classes=7, hidden=48)
shapes = [list(parameter.shape) for parameter in net.parameters()]
expected = [[96, 3, 11, 11], [96], [256, 48, 5, 5], [256], [384, 256, 3, 3], [384], [384, 192, 3, 3], [384]]
expected += [[256, 192, 3, 3], [256], [9216, 48], [48], [48, 48], [48], [48, 7], [7]]
assert shapes == expected, f"PaperNet(num_classes=7, hidden=48): parameters {shapes}, expected {expected}."
rng = np.random.default_rng(4)
for parameter in net.parameters():
    shape = list(parameter.shape)
    fan_in = math.prod(shape[1:]) if len(shape) == 4 else shape[0]
    spread = 1.0 if len(shape) == 1 else math.sqrt(2 / fan_in)
    parameter.set_value(rng.normal(0, spread, shape).astype("float32"))
images = paddle.to_tensor(rng.uniform(-120, 120, (2, 3, 227, 227)).astype("float32"))

functional, p, x = paddle.nn.functional, net.parameters(), images
for number, stride, padding, groups in ((1, 4, 0, 1), (2, 1, 2, 2), (3, 1, 1, 1), (4, 1, 1, 2), (5, 1, 1, 2)):
    x = functional.conv2d(x, p[2 * number - 2], p[2 * number - 1], stride=stride, padding=padding, groups=groups)
    x = np.maximum(x.numpy(), 0)
    if number < 3:
        squares = np.pad(x.astype("float64") ** 2, ((0, 0), (2, 2), (0, 0), (0, 0)))
        x = x / (2 + 1e-4 * sum(squares[:, j : j + x.shape[1]] for j in range(5))) ** 0.75
    x = paddle.to_tensor(x.astype("float32"))
    if number in (1, 2, 5):
        x = functional.max_pool2d(x, 3, 2)
x = x.numpy().reshape(2, -1)
for number in (6, 7, 8):
    x = x @ p[2 * number - 2].numpy() + p[2 * number - 1].numpy()
    x = 0.5 * np.maximum(x, 0) if number < 8 else x
net.eval()
got = net(images)
assert isinstance(got, paddle.Tensor), f"PaperNet(...)(images): got a {type(got).__name__}, expected a paddle.Tensor."
got = got.numpy()
assert got.shape == (2, 7), f"PaperNet(num_classes=7, hidden=48): logits of the shape {got.shape}, expected (2, 7)."
image, place = np.unravel_index(abs(got - x).argmax(), x.shape)
assert np.allclose(got, x, rtol=1e-2, atol=2e-3 * abs(x).max()), (
    f"PaperNet(...) in eval(), logit {place} of image {image}: got {got[image, place]:.3f}, "
    f"expected {x[image, place]:.3f}. Join the parts as they are, add nothing."
)
net.train()
first, second = net(images), net(images)
assert not np.allclose(first.numpy(), second.numpy()), (
    "PaperNet(...) in train(): two calls agree. Is dropout switched off?"
)
first.sum().backward()
missing = [list(parameter.shape) for parameter in net.parameters() if parameter.grad is None]
assert missing == [], f"PaperNet(...): no gradient reaches the parameters {missing}. Stay in Paddle from end to end."
### END HIDDEN TESTS

# %% compare-package needs=["whole-net"]
mine = PaperNet()
theirs = package.AlexNet(VARIANTS["paper"])
for target, value in zip(theirs.parameters(), mine.parameters()):
    assert target.shape == value.shape
    target.set_value(value)

real_shapes = []
for sublayer in mine.sublayers():
    if isinstance(sublayer, (paddle.nn.Conv2D, paddle.nn.Linear)):
        sublayer.register_forward_post_hook(lambda _, x, y: real_shapes.append(tuple(y.shape[1:])))
mine.eval()
theirs.eval()
image = paddle.to_tensor(np.random.default_rng(3).uniform(-120, 120, (1, 3, 227, 227)).astype("float32"))
with paddle.no_grad():
    logits, expected = mine(image).numpy(), theirs(image).numpy()

for shape, row in zip(real_shapes, [row for row in trace(VARIANTS["paper"]) if row.params]):
    assert shape == row.out_shape
    print(f"{row.name}: arithmetic says {row.out_shape}, Paddle says {shape}")
print(
    f"logits from {expected.min():.2f} to {expected.max():.2f}; largest difference {abs(logits - expected).max():.1e}"
)
assert np.allclose(logits, expected, rtol=1e-3, atol=1e-3 * abs(expected).max())
del mine, theirs  # half a gigabyte

# %% silent-text [markdown]
# ## What a shape check does not see
#
# Below, the same weights run in six nets. All six have the same number of parameters and the same shapes
# behind every convolution, pooling and fully connected layer. One thing is changed in each but the first.
# The bar is the mean change of a logit at test time, as a share of the spread of the right net's logits.
#
# Predict the order. Which mistake moves the logits most?
# And one of the mistakes multiplies every logit by the same number: which mistake, and by what?
# (The weights are random and the picture is noise. Read the bars as large and small, not as accuracies.)
#
# <details><summary>Answer to the last question</summary>
# The dropout. Without the factor 0.5 the outputs of fc6 and of fc7 are twice as large, and here all biases are 0:
# every logit is 4 times as large. The first choice of the net stays the same; its softmax is far too sure.
# A trained net has biases, so there even the order can change.
# </details>

# %% silent needs=["setup"]
repeatable = paddle.seed(3)
right = VARIANTS["paper"].replace(init="paddle", num_classes=10)
mistakes = {
    "the paper's": {},
    "LRN with alpha / 5": {"lrn": LRN(divide_by_size=True)},
    "LRN with k = 1": {"lrn": LRN(k=1.0)},
    "no LRN": {"lrn": False},
    "2 x 2 pooling": {"pool": "plain"},
    "dropout not scaled in eval()": {"dropout_mode": "upscale_in_train"},
}
rng = np.random.default_rng(3)
image = paddle.to_tensor(rng.uniform(-120, 120, (1, 3, 227, 227)).astype("float32"))
base, outputs = None, {}
for name, change in mistakes.items():
    net = package.AlexNet(right.replace(**change))
    base = base or net
    for target, value in zip(net.parameters(), base.parameters()):
        target.set_value(value)
    net.eval()
    with paddle.no_grad():
        outputs[name] = net(image).numpy()[0]
expected = outputs["the paper's"]
print(
    f"largest logits: {expected.max():.2f} the paper's, {outputs['dropout not scaled in eval()'].max():.2f} not scaled"
)
assert np.allclose(outputs["dropout not scaled in eval()"], 4 * expected, rtol=1e-3, atol=1e-3)
changes = {name: float(abs(logits - expected).mean() / expected.std()) for name, logits in outputs.items()}
del base, net

figure, panel = plt.subplots(figsize=(8, 2.8), layout="constrained")
bars = panel.barh(list(changes)[::-1], list(changes.values())[::-1], color="#D55E00")
panel.bar_label(bars, fmt=" %.2f")
panel.set_xlabel("mean change of a logit / spread of the right logits")
panel.set_xlim(0, 1.15 * max(changes.values()))
plt.show()

# %% initialise-task [markdown]
# ## How the paper starts it
#
# Section 5 of the paper: all weights from a normal distribution with mean 0 and **standard deviation** 0.01.
# Biases are 1 in conv2, conv4, conv5 and the hidden fully connected layers, so that their ReLUs see positive inputs
# at first.
# All other biases are 0.
# Predict: how many of the eight biases start at 1? Is fc8 a hidden layer?
#
# (The 2012 configuration `layers-145.cfg` has 0.03 instead of 0.01 in conv3, conv4 and conv5.
# Whether a net gets going from such a start is a question of its own: chapter 09.)
#
# **Exercise `initialise`.** Give the weights and biases of `net` these values, in place.
# `net` is any `paddle.nn.Layer` with five convolutions and three fully connected layers, created in forward order.
# Their sizes and groups may differ from the paper's, and they may sit in nested parts, as they do in your net.
# `net.sublayers()` lists all layers at any depth; `parameter.set_value(array)` writes one.


# %% initialise nbgrader={"grade": false, "grade_id": "initialise", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["initialise"] needs=["setup"]
def initialise(net):
    """Set weights and biases as in the paper. Example: afterwards the bias of the second convolution holds ones."""
    ### BEGIN SOLUTION
    layers = [layer for layer in net.sublayers() if isinstance(layer, (paddle.nn.Conv2D, paddle.nn.Linear))]
    for number, layer in enumerate(layers, start=1):
        constant = 1.0 if number in (2, 4, 5, 6, 7) else 0.0
        layer.weight.set_value(paddle.normal(0.0, 0.01, layer.weight.shape))
        layer.bias.set_value(paddle.full(layer.bias.shape, constant))
    ### END SOLUTION


# %% initialise-visible nbgrader={"grade": true, "grade_id": "initialise-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="biases and spread of the weights in a small net with two towers" needs=["initialise"]
nn = paddle.nn
net = nn.Sequential(
    nn.Sequential(nn.Conv2D(3, 32, 5), nn.ReLU()),
    nn.Sequential(nn.Conv2D(32, 40, 5, groups=2), nn.Conv2D(40, 32, 3), nn.Conv2D(32, 48, 3, groups=2)),
    nn.Sequential(nn.Conv2D(48, 32, 3, groups=2), nn.Flatten()),
    nn.Sequential(nn.Linear(128, 64), nn.Dropout(0.5), nn.Linear(64, 64), nn.Linear(64, 1000)),
)
initialise(net)
names = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
for name, weight, bias in zip(names, net.parameters()[::2], net.parameters()[1::2]):
    expected = 1.0 if name in ("conv2", "conv4", "conv5", "fc6", "fc7") else 0.0
    assert np.all(bias.numpy() == expected), (
        f"initialise: bias of {name} starts {bias.numpy()[:3]}, expected {expected}."
    )
    spread = float(weight.numpy().std())
    assert 0.009 < spread < 0.011, f"initialise: weights of {name} have deviation {spread:.4f}, expected about 0.01."

# %% initialise-hidden nbgrader={"grade": true, "grade_id": "initialise-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="a net of other sizes without groups, the normal distribution, still trainable" needs=["initialise"]
# More checks, with another net. They run when your work is graded.
### BEGIN HIDDEN TESTS


class Deep(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.first = paddle.nn.Sequential(paddle.nn.Conv2D(4, 50, 7, stride=2), paddle.nn.ReLU())
        convs = [paddle.nn.Conv2D(50, 50, 3, padding=1) for _ in range(4)]
        self.deeper = paddle.nn.Sequential(paddle.nn.Sequential(*convs), paddle.nn.MaxPool2D(3, 2))
        self.head = paddle.nn.LayerList([paddle.nn.Linear(100, 70), paddle.nn.Linear(70, 70), paddle.nn.Linear(70, 70)])


net = Deep()
shapes = [list(parameter.shape) for parameter in net.parameters()]
initialise(net)
parameters = net.parameters()
assert [list(parameter.shape) for parameter in parameters] == shapes, "initialise: parameters changed their shapes."
for number, (weight, bias) in enumerate(zip(parameters[::2], parameters[1::2]), start=1):
    expected = 1.0 if number in (2, 4, 5, 6, 7) else 0.0
    assert np.all(bias.numpy() == expected), (
        f"initialise, net without groups: bias of layer {number} starts {bias.numpy()[:3]}, expected {expected}."
    )
    values = weight.numpy().astype("float64")
    mean, spread = values.mean(), values.std()
    assert 0.0094 < spread < 0.0106, (
        f"initialise: weights of layer {number} have deviation {spread:.5f}, expected 0.01."
    )
    assert abs(mean) < 0.0008, f"initialise: weights of layer {number} have mean {mean:.5f}, expected about 0."
    far = float((abs(values - mean) > 0.02).mean())
    assert 0.025 < far < 0.07, (
        f"initialise: {far:.1%} of the weights of layer {number} are beyond two deviations, expected about 4.6% (normal)."
    )
    assert not weight.stop_gradient and not bias.stop_gradient, f"initialise: layer {number} can no longer be trained."
assert not np.allclose(parameters[4].numpy(), parameters[6].numpy()), "initialise: two layers got the same weights."
### END HIDDEN TESTS

# %% counts-text [markdown]
# ## The puzzle, answered
#
# The difference of the two counts is 62,378,344 - 60,965,224 = 1,413,120.
# That is 307,200 for conv2, 663,552 for conv4 and 442,368 for conv5: without groups each filter also sees the other
# tower's channels.
# So **60,965,224 is the paper's net**, with its filters of 48 and 192 channels, and **62,378,344 is the same net
# without its towers**.
# Both are "60 million". The count alone does not tell you whether the rest is the paper's, as the next cells show.
#
# Before you run the cell: which layer holds most parameters? Which layer does most multiplications? Is it the same one?

# %% counts needs=["setup"]
weighted = [row for row in trace(VARIANTS["paper"]) if row.params]
figure, (top, bottom) = plt.subplots(2, 1, figsize=(8.5, 7), layout="constrained", height_ratios=(2, 3))
positions = np.arange(len(weighted))
for offset, key, color in ((-0.2, "params", "#0072B2"), (0.2, "macs", "#E69F00")):
    values = np.array([getattr(row, key) for row in weighted])
    label = {"params": "parameters", "macs": "MACs"}[key]
    bars = top.bar(
        positions + offset, 100 * values / values.sum(), 0.38, color=color, label=f"{label}: {values.sum():,}"
    )
    top.bar_label(bars, fmt="%.1f", fontsize=8)
top.set_xticks(positions, [row.name for row in weighted])
top.set_ylim(0, 70)
top.set_ylabel("share of the whole net, %")
top.set_title("the paper's net: where it stores and where it computes")
top.legend()

names = [name for name in VARIANTS if name not in ("cifar4", "mini")]
same = {name: trace(VARIANTS[name].replace(num_classes=1000)) for name in names}
order = sorted(names, key=lambda name: totals(same[name])[0])
conv = np.array([sum(row.params for row in same[name] if row.kind == "conv") for name in order]) / 1e6
fc = np.array([sum(row.params for row in same[name] if row.kind == "fc") for name in order]) / 1e6
bottom.barh(order, conv, color="#009E73", label="convolutions")
bottom.barh(order, fc, left=conv, color="#0072B2", label="fully connected")
for position, name in enumerate(order):
    parameters, macs, _ = totals(same[name])
    bottom.text(
        conv[position] + fc[position] + 0.7, position, f"{parameters:,}   {macs / 1e6:,.0f} M MACs", va="center"
    )
bottom.set_xlim(0, 112)
bottom.set_xlabel("parameters with 1000 classes, millions")
bottom.set_title("published under the name AlexNet")
bottom.legend(loc="lower right")
plt.show()

# %% published [markdown]
# fc6 alone holds more than half of all parameters, and the five convolutions about 4%; yet these do nine tenths of
# the work.
# That is why the towers matter little for the parameters (2%) and much for the work: 724 million MACs against 1,135
# million.
#
# | count | name here | what it is |
# | --- | --- | --- |
# | 60,965,224 | `paper` | the paper, as one graph with groups |
# | 60,965,224 | `convnet2012` | one configuration from the authors' 2012 source (below) |
# | 62,378,344 | `one-tower` | the paper's widths without groups: a PyTorch port |
# | 61,100,840 | `torchvision` | torchvision's and `paddle.vision`'s `alexnet`: the "one weird trick" net of 2014; 64/192/384/256/256 filters, no LRN, no groups |
# | 16,630,440 | `half`, `half-plain` | one tower alone, half of every width, often shown as the original |
# | 63,951,208 | `full-5x5` | a blog's net with a 5 x 5 conv5 |
# | 76,009,832 | `paddle-tutorial` | padding 5 and 2 x 2 pooling: 7 x 7 x 256 = 12,544 inputs for fc6 |
# | 29,391,600 | `blog` | a blog's text taken literally: 6 x 6 kernels in conv1, seven convolutions, four fully connected layers; six times the work |
# | 50,844,008 | `d2l` | Dive into Deep Learning, with 1000 classes and three input channels: conv1 with padding 1 ends at 5 x 5, 6,400 inputs |
#
# ## What the 2012 source did
#
# Equal counts do not mean equal nets. ReLU, LRN and pooling have no parameters, and the next cell prints where
# `layers-145.cfg` of the authors' program differs from the paper's text in just these.
# That run is logged with 40.66% top-1 validation error; the paper's single network has 40.7%. What to look for:
#
# - Input 224, no padding, sizes rounded **up**: 55 again, where the last window reads zeros past the edge.
# - Stage 1 is conv, LRN, pooling, ReLU. So this LRN squares negative values too. In stage 5 the ReLU follows the
#   pooling as well.
#   Does that one change the result? No: the larger of two numbers stays the larger one. Only fewer numbers pass
#   through it.
#   Around an LRN the order does count.
# - The LRN divides alpha by 5, and its windows stay inside a tower of 48, then 128 channels.
# - A second, spatial normalisation follows LRN2: 5 x 5 pixels of one channel.

# %% source-2012 needs=["setup"]
for name in ("paper", "convnet2012"):
    config = VARIANTS[name]
    rows = {row.name: row for row in trace(config)}
    print(f"{name}: input {config.image_size}, rounding {config.rounding}, {totals(trace(config))[0]:,} parameters")
    for number, stage in enumerate(config.conv_stages, start=1):
        steps = []
        for layer in stage:
            size = " x ".join(map(str, rows[f"{layer.label}{number}"].out_shape))
            steps.append(f"{layer.label} {size}" if layer.kind in ("conv", "pool") else layer.label)
        print(f"   {number}: {' -> '.join(steps)}")
    print(f"   LRN2: {[layer for layer in config.conv_stages[1] if layer.kind == 'lrn'][0]}")
    print(f"   {rows['conv1'].arithmetic}\n")

vision = paddle.vision.models.alexnet()
print(f"paddle.vision's alexnet: {sum(math.prod(p.shape) for p in vision.parameters()):,} parameters")
print("its dropout:", {layer.mode for layer in vision.sublayers() if isinstance(layer, paddle.nn.Dropout)})
del vision

# %% traps-and-recap [markdown]
# ## Traps
#
# - **"AlexNet" from a library is not the paper's.** `paddle.vision.models.alexnet` cites the paper of 2012 and is the
#   net of 2014:
#   61,100,840 parameters, no LRN, no towers. Its dropout is in `downscale_in_infer` mode, torchvision's scales while
#   training.
#   Weights moved from one to the other need the matching mode: with the wrong one, the inputs of two layers come out
#   halved or doubled at test time, and no error is raised.
# - **Half a net shown as the whole.** 48/128/192/192/128 filters and 2048 hidden units are one tower.
#   If a count starts with 16 million, you know.
# - **Shapes do not see everything.** Pooling 2/2 for 3/2 (55 -> 27, 27 -> 13 and 13 -> 6 either way), a missing ReLU,
#   a wrong alpha, dropout in the wrong place: all of these pass a shape check and a parameter count. Compare numbers.
# - **A bias too many or too few** is 96, 256, 384 or 4096 parameters: compare exact counts, not "61M".
#
# ## Recap
#
# 1. Two programs both have 60,965,224 parameters. Name three things that may still differ.
#
# <details><summary>Answer</summary>
# Everything without parameters: order of ReLU, LRN and pooling, LRN constants, pooling windows, dropout place and mode,
# strides and paddings that lead to the same 9216 inputs. The paper's text and layers-145 of the 2012 source are such
# a pair.
# </details>
#
# 2. You halve the input's side from 227 to about 113. Which changes more, the parameters or the MACs of conv1 to conv5?
#
# <details><summary>Answer</summary>
# The MACs fall to less than a quarter (the sides are rounded down on the way). The parameters of the convolutions do
# not change: a filter does not know how large the
# picture is. (fc6 does: it would get fewer inputs.)
# </details>
#
# 3. Why does `groups=2` in conv2 halve its weights, although it still has 256 filters that read 96 channels in all?
#
# <details><summary>Answer</summary>
# Each filter reads only the 48 channels of its own tower: 256 x 48 x 25 weights instead of 256 x 96 x 25.
# The 256 biases stay.
# </details>
