# %% puzzle [markdown]
# # 00 · Start here
#
# Somebody trains a net on five kinds of flowers. After each hour it prints the loss: `1.609`, `1.610`, `1.609`, `1.608`. The program runs without an error.
#
# **What does the number 1.609 say?** You need no code to find out, and at the end of this chapter you will know it at sight.
#
# In this chapter you meet Paddle (ten minutes), learn how exercises work, and train a first AlexNet on this machine (less than a minute).
#
# You need: Python and a little NumPy. No GPU, no network.

# %% setup
import alexnet_paddle  # isort: skip  (first: it sets up the CPU before paddle is loaded)
import math
import tempfile
from pathlib import Path

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import nn

paddle.seed(0)
FULL = False  # True: train as long as the recipe says, which takes up to a minute more

print(f"Paddle {paddle.__version__}, alexnet_paddle {alexnet_paddle.__version__}")

# %% tensors-text [markdown]
# ## Tensors
#
# A tensor is an array that Paddle can compute with, on a CPU or a GPU, and that can remember how it was made.
#
# Pictures travel through a net in batches of shape `[N, C, H, W]`: number of pictures, channels (red, green, blue), height, width. Files and NumPy have it as `[H, W, C]`. Mixing up the two is the commonest mistake of the first week. A layer that expects 3 channels refuses 64; but an array that was *reshaped* where it should have been transposed has the right shape, and still *runs*.
#
# **Predict** the three shapes before you run the cell.

# %% tensors
batch = paddle.zeros([8, 3, 64, 64])
print(batch.shape, batch.dtype)
print(batch[0].shape)
print(batch.mean(axis=[0, 2, 3]).shape)

# %% traps-text [markdown]
# Four things that surprise people who come from NumPy:

# %% traps
print("float64 stays float64: ", paddle.to_tensor(np.ones(2)).dtype)
print("Python floats become:  ", paddle.to_tensor([1.0, 2.0]).dtype)
print("a number out of a tensor:", paddle.to_tensor([2.5]).item())
copied = np.ones(2, "float32")
tensor = paddle.to_tensor(copied)
copied[0] = 7
print("to_tensor copies:      ", tensor.numpy())

# %% exercises-text [markdown]
# ## How exercises work
#
# An exercise is a cell with a signature, an example and `raise NotImplementedError()`. Replace that line by your code and run the cell. Then run the next one. It checks your answer with `assert`:
#
# - nothing happens: right, these points are yours;
# - an `AssertionError`: it says what you gave, what was expected, and gives a hint.
#
# After it comes a cell that is nearly empty. When your work is graded, it checks other values. It asks for nothing that the text does not ask for.
#
# ## Exercise 1: the loss of a guess
#
# A net that knows nothing gives each of `C` classes the probability `1 / C`. The loss of one picture is the negative natural logarithm of the probability that the right class got. Write `chance_loss(num_classes)`: the loss of guessing, a `float`.


# %% chance-loss nbgrader={"grade": false, "grade_id": "chance-loss", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["chance_loss"] needs=["setup"]
def chance_loss(num_classes):
    """Loss of a net that gives all classes the same probability. Example: chance_loss(2) is about 0.693."""
    ### BEGIN SOLUTION
    return math.log(num_classes)
    ### END SOLUTION


# %% chance-loss-visible nbgrader={"grade": true, "grade_id": "chance-loss-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="the loss for five classes" needs=["chance-loss"]
got = chance_loss(5)
assert type(got) is float, f"chance_loss(5): got a {type(got).__name__}, expected a float."
assert abs(got - 1.6094379) < 1e-6, f"chance_loss(5): got {got}, expected 1.609438. It is -ln(1/5)."

# %% chance-loss-hidden nbgrader={"grade": true, "grade_id": "chance-loss-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="other numbers of classes" needs=["chance-loss"]
# More class counts, when your work is graded.
### BEGIN HIDDEN TESTS
for num_classes, expected in ((2, 0.69314718), (10, 2.30258509), (1000, 6.90775528)):
    got = chance_loss(num_classes)
    assert type(got) is float, f"chance_loss({num_classes}): got a {type(got).__name__}, expected a float."
    assert abs(got - expected) < 1e-6, f"chance_loss({num_classes}): got {got}, expected {expected}."
### END HIDDEN TESTS

# %% puzzle-solved [markdown]
# So 1.609 is the loss of a guess among five. The net in the puzzle has learned *nothing* in all those hours. Remember `ln 5 = 1.609`, `ln 10 = 2.303`, `ln 1000 = 6.908`: a loss that stays there is a net that does not start. Chapter 09 is about that.
#
# ## Exercise 2: pictures into a batch
#
# Write `to_batch(pictures)`. It takes a list of NumPy arrays of shape `[H, W, 3]`, type `uint8` (values 0 to 255), all of one size. It returns one NumPy array of shape `[N, 3, H, W]`, type `float32`, with the same values. Channel 0 of the result is channel 0 of the pictures, row by row as it was.


# %% to-batch nbgrader={"grade": false, "grade_id": "to-batch", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["to_batch"] needs=["setup"]
def to_batch(pictures):
    """A list of N arrays [H, W, 3] uint8 -> one array [N, 3, H, W] float32, same values.

    Example: to_batch([np.zeros((4, 6, 3), np.uint8)]).shape is (1, 3, 4, 6).
    """
    ### BEGIN SOLUTION
    return np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32)
    ### END SOLUTION


# %% to-batch-visible nbgrader={"grade": true, "grade_id": "to-batch-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="shape, type and values for two square pictures" needs=["to-batch"]
pictures = [np.full((5, 5, 3), (10, 20, 200), np.uint8), np.zeros((5, 5, 3), np.uint8)]
got = to_batch(pictures)
assert type(got) is np.ndarray, f"to_batch: got a {type(got).__name__}, expected a NumPy array."
assert got.shape == (2, 3, 5, 5), f"to_batch: got shape {got.shape}, expected (2, 3, 5, 5)."
assert got.dtype == np.float32, f"to_batch: got {got.dtype}, expected float32. astype changes it."
assert [float(got[0, c].mean()) for c in range(3)] == [10, 20, 200], (
    f"to_batch: the channels of picture 0 have the means {got[0].mean(axis=(1, 2))}, expected 10, 20, 200."
)

# %% to-batch-hidden nbgrader={"grade": true, "grade_id": "to-batch-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="pictures that are wider than high, pixel by pixel" needs=["to-batch"]
# Other pictures, when your work is graded.
### BEGIN HIDDEN TESTS
for height, width in ((4, 7), (6, 6)):
    pictures = [np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8) for seed in range(3)]
    got = to_batch(pictures)
    assert type(got) is np.ndarray and got.dtype == np.float32, "to_batch: expected a NumPy array of float32."
    assert got.shape == (3, 3, height, width), f"to_batch: got shape {got.shape}, expected (3, 3, {height}, {width})."
    for n, c, y, x in ((0, 0, 1, 3), (1, 2, 3, 0), (2, 1, 2, 3), (0, 2, 0, 2)):
        assert float(got[n, c, y, x]) == int(pictures[n][y, x, c]), (
            f"to_batch: picture {n}, channel {c}, row {y}, column {x} holds {got[n, c, y, x]}, "
            f"expected {pictures[n][y, x, c]}. Move the axis of the channels, keep rows and columns in order."
        )
### END HIDDEN TESTS

# %% autograd-text [markdown]
# ## Gradients
#
# Training means: change each weight a little so that the loss goes down. The gradient says in which direction, and Paddle computes it. One line asks a tensor to remember (`stop_gradient = False`), `backward()` goes back from the loss.
#
# **Predict:** the loss is `(w * 3 - 5)²`. What is its derivative at `w = 2`?

# %% autograd
w = paddle.to_tensor(2.0, stop_gradient=False)
loss = (w * 3 - 5) ** 2
loss.backward()
print("Paddle:           ", w.grad.item())

h = 1e-4
print("by two nearby values:", ((3 * (2 + h) - 5) ** 2 - (3 * (2 - h) - 5) ** 2) / (2 * h))

# %% gradient-text [markdown]
# By hand: `2 * (3w - 5) * 3`, which is 6 at `w = 2`. Three ways, one number. Whenever you write a gradient in this course, you check it like this.
#
# ## Exercise 3: one gradient by hand
#
# A straight line `w * x + b` shall fit points. The loss is the **mean** of `(w * x + b - y)²` over all points. Write `line_gradient(w, b, x, y)`: its derivatives by `w` and by `b`, as a tuple of two floats. `x` and `y` are NumPy arrays of one length.


# %% gradient nbgrader={"grade": false, "grade_id": "gradient", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["line_gradient"] needs=["setup"]
def line_gradient(w, b, x, y):
    """Derivatives of mean((w * x + b - y)²) by w and b. Example: line_gradient(2.0, 0.0, np.array([3.0]), np.array([5.0])) is (6.0, 2.0)."""
    ### BEGIN SOLUTION
    error = w * x + b - y
    return float(np.mean(2 * error * x)), float(np.mean(2 * error))
    ### END SOLUTION


# %% gradient-visible nbgrader={"grade": true, "grade_id": "gradient-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="one point, as computed by hand above" needs=["gradient"]
got = line_gradient(2.0, 0.0, np.array([3.0]), np.array([5.0]))
assert type(got) is tuple and [type(part) for part in got] == [float, float], (
    f"got {got}, expected a tuple of two floats."
)
assert abs(got[0] - 6) < 1e-9, f"derivative by w: got {got[0]}, expected 6.0. The inner derivative of w * x is x."
assert abs(got[1] - 2) < 1e-9, f"derivative by b: got {got[1]}, expected 2.0. The inner derivative of b is 1."

# %% gradient-hidden nbgrader={"grade": true, "grade_id": "gradient-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="several points, against nearby values of the loss" needs=["gradient"]
# More points, when your work is graded.
### BEGIN HIDDEN TESTS
for seed in (3, 4):
    x, y = np.random.default_rng(seed).normal(size=(2, 6))
    w, b, h = 0.7, -0.4, 1e-5

    def mean_square(w, b, x=x, y=y):
        return float(np.mean((w * x + b - y) ** 2))

    expected = (
        (mean_square(w + h, b) - mean_square(w - h, b)) / (2 * h),
        (mean_square(w, b + h) - mean_square(w, b - h)) / (2 * h),
    )
    got = line_gradient(w, b, x, y)
    assert type(got) is tuple and [type(part) for part in got] == [float, float], f"got {got}, expected two floats."
    assert abs(got[0] - expected[0]) < 1e-6, f"derivative by w, 6 points: got {got[0]}, expected {expected[0]:.6f}."
    assert abs(got[1] - expected[1]) < 1e-6, f"derivative by b, 6 points: got {got[1]}, expected {expected[1]:.6f}."
### END HIDDEN TESTS

# %% loss-text [markdown]
# ## From numbers to a loss
#
# The last layer of a net gives one number a class, the *logits*. Softmax turns them into probabilities, `exp(z_i) / sum(exp(z))`, and the loss of a picture is `-ln` of the probability of its class. Together: *softmax cross-entropy*.
#
# One trap: `exp(1000)` is infinite. But subtracting the largest logit from all of them changes no probability, and then nothing overflows.
#
# ## Exercise 4: softmax cross-entropy
#
# Write `cross_entropy(logits, labels)` in NumPy: logits `[N, C]` (`float64`), labels `[N]` (class numbers). Return the mean loss of the N pictures, a `float`. Logits of 1000 and more must not overflow.


# %% cross-entropy nbgrader={"grade": false, "grade_id": "cross-entropy", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["cross_entropy"] needs=["setup"]
def cross_entropy(logits, labels):
    """Mean softmax cross-entropy. Example: cross_entropy(np.zeros((4, 5)), np.array([0, 1, 2, 3])) is 1.609."""
    ### BEGIN SOLUTION
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())
    ### END SOLUTION


# %% cross-entropy-visible nbgrader={"grade": true, "grade_id": "cross-entropy-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="a guess, and one picture computed by hand" needs=["cross-entropy"]
got = cross_entropy(np.zeros((4, 5)), np.array([0, 1, 2, 3]))
assert type(got) is float, f"cross_entropy: got a {type(got).__name__}, expected a float."
assert abs(got - 1.6094379) < 1e-6, f"cross_entropy of equal logits, 5 classes: got {got}, expected 1.609438 (a guess)."
got = cross_entropy(np.array([[2.0, 0.0, 1.0]]), np.array([2]))
expected = math.log(math.e**2 + 1 + math.e) - 1
assert abs(got - expected) < 1e-6, f"cross_entropy([[2, 0, 1]], [2]): got {got}, expected {expected:.6f}."

# %% cross-entropy-hidden nbgrader={"grade": true, "grade_id": "cross-entropy-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} checks="several pictures at once, very large and very small logits" needs=["cross-entropy"]
# More logits, when your work is graded.
### BEGIN HIDDEN TESTS
rng = np.random.default_rng(7)
logits, labels = rng.normal(size=(6, 4)) * 3, rng.integers(0, 4, 6)
expected = sum(math.log(sum(math.exp(z) for z in row)) - row[label] for row, label in zip(logits, labels)) / 6
got = cross_entropy(logits, labels)
assert type(got) is float, f"cross_entropy: got a {type(got).__name__}, expected a float."
assert abs(got - expected) < 1e-6, f"cross_entropy of 6 pictures: got {got}, expected {expected:.6f}, the mean."
for rows, labels, expected in (
    ([[2000.0, 1990.0]], [1], 10.0000454),
    ([[-3000.0, -3000.0], [0.0, 0.0]], [0, 1], 0.69314718),
):
    with np.errstate(all="ignore"):
        got = cross_entropy(np.array(rows), np.array(labels))
    assert type(got) is float, f"cross_entropy: got a {type(got).__name__}, expected a float."
    assert abs(got - expected) < 1e-6, (
        f"cross_entropy({rows}, {labels}): got {got}, expected {expected}. exp overflows."
    )
### END HIDDEN TESTS

# %% loss-compare-text [markdown]
# Paddle's `F.cross_entropy` takes logits too. A common mistake is to apply softmax first: then it is done twice, and the loss can never get near 0.
#
# And one surprise, in the last line below: for logits 1000 and 0 the loss of the second class is 1000. Paddle stops at 64. In training it hardly matters. In a comparison of two programs it does.

# %% loss-compare needs=["setup", "cross-entropy"]
rng = np.random.default_rng(0)
logits, labels = rng.normal(size=(8, 5)), rng.integers(0, 5, 8)
paddles = F.cross_entropy(paddle.to_tensor(logits), paddle.to_tensor(labels)).item()
print(f"yours {cross_entropy(logits, labels):.9f}   Paddle {paddles:.9f}")
assert abs(cross_entropy(logits, labels) - paddles) < 1e-9
logits, labels = np.array([[1000.0, 0.0]]), np.array([1])
paddles = F.cross_entropy(paddle.to_tensor(logits), paddle.to_tensor(labels)).item()
print(f"logits 1000 and 0: yours {cross_entropy(logits, labels):.1f}   Paddle {paddles:.1f}")

# %% step-text [markdown]
# ## One step downhill
#
# The paper gives its rule in section 5: a weight `w` has a velocity `v`, and with the gradient `g` and the learning rate `lr` one step is
#
# $$v \leftarrow 0.9\,v - 0.0005 \cdot lr \cdot w - lr \cdot g \qquad w \leftarrow w + v$$
#
# The 0.9 is the *momentum*, the 0.0005 the *weight decay*: it pulls each weight towards 0.
#
# ## Exercise 5: the paper's step
#
# Write `sgd_step(w, v, g, lr)` for NumPy arrays `w`, `v`, `g` of one shape. Return the tuple `(w, v)` after the step. Do not change the arrays that you are given.


# %% sgd-step nbgrader={"grade": false, "grade_id": "sgd-step", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["sgd_step"] needs=["setup"]
def sgd_step(w, v, g, lr):
    """(w, v) after one step of the paper's rule.

    Example: with w = [1.], v = [0.], g = [2.] and lr = 0.1 the new v is [-0.20005] and the new w is [0.79995].
    """
    ### BEGIN SOLUTION
    v = 0.9 * v - 0.0005 * lr * w - lr * g
    return w + v, v
    ### END SOLUTION


# %% sgd-step-visible nbgrader={"grade": true, "grade_id": "sgd-step-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="one step from rest" needs=["sgd-step"]
got = sgd_step(np.array([1.0]), np.array([0.0]), np.array([2.0]), 0.1)
assert type(got) is tuple and [type(part) for part in got] == [np.ndarray] * 2, f"got {got}, expected (w, v) as arrays."
assert got[1].shape == (1,) and abs(float(got[1][0]) + 0.20005) < 1e-9, f"v: got {got[1]}, expected [-0.20005]."
assert got[0].shape == (1,) and abs(float(got[0][0]) - 0.79995) < 1e-9, (
    f"w: got {got[0]}, expected [0.79995]: the new v is added."
)

# %% sgd-step-hidden nbgrader={"grade": true, "grade_id": "sgd-step-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="several steps in a row, with momentum, and that nothing given is changed" needs=["sgd-step"]
# More steps, when your work is graded.
### BEGIN HIDDEN TESTS
w, v, g = np.array([[1.0, -2.0]]), np.array([[0.5, 0.1]]), np.array([[0.3, -0.7]])
kept = [array.copy() for array in (w, v, g)]
got = sgd_step(w, v, g, 0.01)
assert type(got) is tuple and [type(part) for part in got] == [np.ndarray] * 2, "expected (w, v) as arrays."
assert all(float(np.abs(array - copy).max()) == 0 for array, copy in zip((w, v, g), kept)), (
    "sgd_step changed an array that it was given. `v *= 0.9` changes it in place; make a new array."
)
want_v = [[0.9 * 0.5 - 0.0005 * 0.01 * 1.0 - 0.01 * 0.3, 0.9 * 0.1 + 0.0005 * 0.01 * 2.0 + 0.01 * 0.7]]
want_w = [[1.0 + want_v[0][0], -2.0 + want_v[0][1]]]
assert got[1].shape == (1, 2) and float(np.abs(got[1] - np.array(want_v)).max()) < 1e-12, (
    f"v: got {got[1]}, expected {want_v}."
)
assert got[0].shape == (1, 2) and float(np.abs(got[0] - np.array(want_w)).max()) < 1e-12, (
    f"w: got {got[0]}, expected {want_w}."
)
### END HIDDEN TESTS

# %% step-compare-text [markdown]
# Paddle's `Momentum` writes it another way (its velocity has the opposite sign and is not yet multiplied by `lr`). Over three steps both must agree:

# %% step-compare needs=["setup", "sgd-step"]
layer = nn.Linear(3, 1, bias_attr=False)
optimizer = paddle.optimizer.Momentum(0.1, momentum=0.9, weight_decay=0.0005, parameters=layer.parameters())
w, v = layer.weight.numpy().astype("float64"), np.zeros((3, 1))
x = paddle.to_tensor([[1.0, -2.0, 0.5]])
for _ in range(3):
    (layer(x) ** 2).mean().backward()
    w, v = sgd_step(w, v, layer.weight.grad.numpy(), 0.1)
    optimizer.step()
    optimizer.clear_grad()
print("yours ", w.ravel())
print("Paddle", layer.weight.numpy().ravel())
assert np.abs(w - layer.weight.numpy()).max() < 1e-6

# %% top1-text [markdown]
# ## How good is it?
#
# ## Exercise 6: top-1 accuracy
#
# The class with the largest logit is what the net says. Write `top1(logits, labels)`: the share of pictures for which it is the right one, a `float` from 0 to 1. Logits are `[N, C]`, labels `[N]`.


# %% top1 nbgrader={"grade": false, "grade_id": "top1", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["top1"] needs=["setup"]
def top1(logits, labels):
    """Share of rows whose largest logit is at the label. Example: top1(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1])) is 0.5."""
    ### BEGIN SOLUTION
    return float((logits.argmax(axis=1) == labels).mean())
    ### END SOLUTION


# %% top1-visible nbgrader={"grade": true, "grade_id": "top1-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="two pictures, one of them right" needs=["top1"]
got = top1(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
assert type(got) is float, f"top1: got a {type(got).__name__}, expected a float."
assert got == 0.5, f"top1 with one of two right: got {got}, expected 0.5."

# %% top1-hidden nbgrader={"grade": true, "grade_id": "top1-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="other numbers of pictures and classes, negative logits" needs=["top1"]
# More pictures, when your work is graded.
### BEGIN HIDDEN TESTS
logits = np.array([[-5.0, -1.0, -3.0], [2.0, 0.0, 1.0], [0.0, 0.0, 9.0], [-1.0, -2.0, -3.0]])
for labels, expected in (([1, 0, 2, 0], 1.0), ([0, 0, 2, 1], 0.5), ([2, 1, 0, 2], 0.0), ([1, 0, 2, 2], 0.75)):
    got = top1(logits, np.array(labels))
    assert type(got) is float, f"top1: got a {type(got).__name__}, expected a float."
    assert abs(got - expected) < 1e-12, f"top1, labels {labels}: got {got}, expected {expected}."
### END HIDDEN TESTS

# %% data-text [markdown]
# ## The data: petals
#
# The course brings its own pictures, called `petals`: five flowers, 2,000 pictures to train, 500 to validate, 500 to test, each 96 x 96. **They are drawn by a program, not photographed.** That is why no download is needed, and a net that knows them does not know real flowers. (Chapter 13 takes your own photos.) The colour does not give the class away, the shape does.
#
# The first time, drawing them takes about 20 seconds.

# %% data
from alexnet_paddle import datasets, plots

petals = datasets.load("petals")
order = np.random.default_rng(1).permutation(len(petals.train))[:10]
names = [petals.classes[petals.train.labels[index]] for index in order]
plots.predictions([petals.train.image(index) for index in order], [(name, None) for name in names])

# %% net-text [markdown]
# ## A first AlexNet
#
# `mini` is the paper's plan, five convolutions and three fully connected layers, made small enough for a laptop. How small? The package can say it without building the net:

# %% net
from alexnet_paddle import VARIANTS
from alexnet_paddle.arithmetic import totals, trace

rows = trace(VARIANTS["mini"])
for row in rows:
    if row.params:
        print(f"{row.name:6} {str(row.out_shape):14} {row.params:8,} parameters")
print(f"{totals(rows)[0]:,} parameters; the net of the paper has {totals(trace(VARIANTS['paper']))[0]:,}")

# %% train-text [markdown]
# **Predict:** which loss will the first epoch begin with? (You have computed it in this chapter.) And how good will the net be after four times through 2,000 pictures?

# %% train
from alexnet_paddle import reporter
from alexnet_paddle.training.experiment import train
from alexnet_paddle.training.options import Options

run = Path(tempfile.mkdtemp()) / "first"
options = Options(out=str(run), variant="mini", data="petals", recipe="quick", epochs=10 if FULL else 4)
with reporter.filtered(lambda words: words.startswith("epoch")):
    report = train(options)
low, high = report["top1_interval_95"]
print(f"test pictures: {report['top1']:.3f} right, 95% interval {low:.3f} to {high:.3f}; a guess has 0.200")

# %% curves-text [markdown]
# The interval says what 500 test pictures can tell: another 500 of the same kind would probably give another number inside it. Every result in this course has one.

# %% curves
import csv

with open(run / "metrics.csv") as file:
    figure = plots.curves(list(csv.DictReader(file)))
figure

# %% look-text [markdown]
# Numbers hide what pictures show. Here are ten pictures that were not trained on, with what the net says, green where it is right. They are validation pictures: whoever looks at test pictures begins to choose by them. **Before you look on:** which two flowers would *you* mix up?

# %% look
from alexnet_paddle.training.prediction import predict
from alexnet_paddle.training.run_folder import RunFolder

order = np.random.default_rng(2).permutation(len(petals.val))[:10]
pictures = [petals.val.image(index) for index in order]
said = [result[0] for result in predict(RunFolder(run).load_best(), pictures, top=1)]
right = [result["class"] == petals.classes[petals.val.labels[index]] for result, index in zip(said, order)]
plots.predictions(pictures, [(f"{result['class']} {result['probability']:.2f}", ok) for result, ok in zip(said, right)])

# %% trap-text [markdown]
# ## A trap from a published course
#
# A well-known course for Paddle initialises its nets like this, and so do many that copied it. Does it work? **Predict** whether the two lines printed below are the same.

# %% trap
layer = nn.Linear(4, 2)
before = layer.weight.numpy().ravel()
nn.initializer.XavierUniform(layer.weight)
print(before[:4])
print(layer.weight.numpy().ravel()[:4])
assert (layer.weight.numpy().ravel() == before).all()

# %% recap [markdown]
# Nothing happened. In Paddle, `XavierUniform(...)` *makes* an initialiser; the weight becomes its argument `fan_in`, and nobody complains. Give an initialiser when the layer is made (`weight_attr`), or call it: `nn.initializer.XavierUniform()(layer.weight)`.
#
# A line that runs without an error is not a line that does what it says. That is why this course checks everything against a second way.
#
# ## Three questions
#
# 1. A net for 1000 classes shows a loss of 6.91. What do you know?
# 2. A picture has the shape `[480, 640, 3]` in NumPy. Which shape has a batch of 16 of them in Paddle?
# 3. Why subtract the largest logit before `exp`, and why does it change nothing?
#
# <details><summary>Answers</summary>
#
# 1. It guesses: `ln 1000` is 6.908.
# 2. `[16, 3, 480, 640]`.
# 3. `exp` of large numbers overflows. Subtracting `m` divides numerator and denominator of the softmax by `exp(m)`, so the quotient stays.
# </details>
#
# Next: [01 The size of things](01_sizes.ipynb).
