# %% puzzle [markdown]
# # 07 · Dropout
#
# A tutorial on the web builds an AlexNet, trains it on photos of five flowers, and reports **75%** test accuracy. Its test function looks like this (PyTorch, shortened):
#
# ```python
# def test():
#     with torch.no_grad():
#         for data in test_loader:
#             input, labels = data
#             y_predict = model(input)
#             ...
# ```
#
# `model.eval()` is called nowhere. The net has two dropout layers with rate 0.5.
#
# **Is 75% right, too low, or too high?** Write your answer down, with a reason. One more thing that its program does: after each epoch it measures the test accuracy, and it keeps the weights of the best epoch. Does that change your answer?
#
# You need: chapter 02. Time: about two hours with the exercises.

# %% setup
import alexnet_paddle  # isort: skip  (first: it sets up the CPU before paddle is loaded)
import itertools
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import paddle
import paddle.nn.functional as F

from alexnet_paddle import plots, reporter
from alexnet_paddle.nets.model import AlexNet
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.study import ablation, measures
from alexnet_paddle.study.ablations import ABLATIONS
from alexnet_paddle.study.data import Data
from alexnet_paddle.training import setup

FULL = False  # True: train longer, with five seeds, about an hour on two idle cores
BLUE, ORANGE, GREEN, PINK, RED, SKY = plots.OKABE_ITO[:6]

print(f"Paddle {paddle.__version__}, alexnet_paddle {alexnet_paddle.__version__}")

# %% by-hand [markdown]
# ## By hand first
#
# Four units put out `2 4 6 8`. The next layer adds them up: `20`. Dropout sets each unit to zero with probability `p`, by a coin of its own, for each picture anew. In this chapter `p` is always the **drop** rate: the probability of being dropped.
#
# Say `p = 0.5`, and the coins drop the second and the fourth unit.
#
# **Predict:** What does the next layer get now? And on average over all coins? At test time nothing is dropped. What does it get then?
#
# <details><summary>Result</summary>
#
# It gets `8` now, `10` on average, and `20` at test time: twice what it learned to work with.
# </details>
#
# So something must be scaled. There are two places to do it:
#
# | | while training | at test time |
# | --- | --- | --- |
# | today's way, "inverted dropout" | drop, then **divide** the rest by `1 - p` | nothing |
# | the paper's way (section 4.2) | drop | **multiply** all by `1 - p` |
#
# Paddle's names for the two are `upscale_in_train` (the default) and `downscale_in_infer`.
#
# ## Exercise 1: scaled while training
#
# Write `dropout_upscale(x, p, training, rng)`. `x` is an array of any shape, `0 <= p < 1`, `rng` a generator of NumPy (`np.random.default_rng(seed)`): take all chance from it, so that the same seed gives the same result. Return a **new** array of the shape of `x`. While training each number is zero with probability `p`, independent of all others, and otherwise divided by `1 - p`. With `training=False` all numbers stay as they are.


# %% dropout-upscale nbgrader={"grade": false, "grade_id": "dropout-upscale", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["dropout_upscale"] needs=["setup"]
def dropout_upscale(x, p, training, rng):
    """Dropout with drop rate p that scales while training.

    Example: dropout_upscale(np.array([2.0, 4.0, 6.0, 8.0]), 0.5, True, rng) may be [4, 0, 12, 0].
    """
    ### BEGIN SOLUTION
    if not training:
        return x.copy()
    kept = rng.random(x.shape) >= p
    return x * kept / (1 - p)
    ### END SOLUTION


# %% dropout-upscale-visible nbgrader={"grade": true, "grade_id": "dropout-upscale-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="the values that can come out, the share of zeros, nothing at test time" needs=["dropout-upscale"]
x = np.full(10_000, 6.0)
got = dropout_upscale(x, 0.25, True, np.random.default_rng(0))
assert type(got) is np.ndarray, f"dropout_upscale: got a {type(got).__name__}, expected a NumPy array."
assert got.shape == (10_000,), f"dropout_upscale: got the shape {got.shape}, expected (10000,)."
values = sorted({round(float(value), 6) for value in got})
assert values == [0, 8], f"dropout_upscale of sixes, p=0.25: got the values {values[:5]}, expected 0 and 6 / 0.75 = 8."
zeros = float((got == 0).mean())
assert abs(zeros - 0.25) < 0.03, f"dropout_upscale, p=0.25: got a share of zeros of {zeros:.3f}, expected about 0.25."
got = dropout_upscale(x, 0.25, False, np.random.default_rng(0))
assert type(got) is np.ndarray, f"dropout_upscale: got a {type(got).__name__}, expected a NumPy array."
assert np.abs(got - 6).max() < 1e-9, (
    f"dropout_upscale with training=False: got {got[:4]}, expected the sixes unchanged."
)

# %% dropout-upscale-hidden nbgrader={"grade": true, "grade_id": "dropout-upscale-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="other rates, a coin for each number of a batch, chance from rng only, x unchanged, a new array" needs=["dropout-upscale"]
# Other rates and sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for seed, (p, shape) in enumerate(((0.1, (100, 80)), (0.7, (60, 5, 40)), (0.5, (20_000,)))):
    x = np.random.default_rng(seed).uniform(1, 2, shape)
    before = x.copy()
    got = dropout_upscale(x, p, True, np.random.default_rng(seed))
    assert type(got) is np.ndarray, f"dropout_upscale: got a {type(got).__name__}, expected a NumPy array."
    assert got.shape == shape, f"dropout_upscale of {shape}: got the shape {got.shape}."
    assert float(np.abs(x - before).max()) == 0, "dropout_upscale changed x. Return a new array."
    kept = got != 0
    assert float(np.abs(got - kept * x / (1 - p)).max()) < 1e-9, (
        f"dropout_upscale, p={p}: what is not zero must be x / {1 - p:.2f}."
    )
    zeros = 1 - float(kept.mean())
    assert abs(zeros - p) < 0.03, f"dropout_upscale, p={p}: got a share of zeros of {zeros:.3f}, expected about {p}."
    for axis in range(len(shape)):
        same = np.abs(np.diff(kept.astype(int), axis=axis)).mean()
        assert float(same) > p * (1 - p), (
            f"dropout_upscale of {shape}, p={p}: neighbours along axis {axis} are dropped together. "
            "Each number has a coin of its own."
        )
    again = dropout_upscale(x, p, True, np.random.default_rng(seed))
    other = dropout_upscale(x, p, True, np.random.default_rng(seed + 100))
    assert float(np.abs(got - again).max()) == 0, "dropout_upscale: the same seed gave two results. Use rng only."
    assert float(np.abs(got - other).max()) > 0, "dropout_upscale: two seeds gave the same result. Use rng."
x = np.arange(6.0).reshape(2, 3)
got = dropout_upscale(x, 0.0, True, np.random.default_rng(0))
assert type(got) is np.ndarray and float(np.abs(got - x).max()) == 0, "dropout_upscale with p=0: expected x as it was."
for p, training in ((0.4, False), (0.4, True), (0.0, True)):
    x = np.random.default_rng(4).uniform(1, 2, (5, 6))
    before = x.copy()
    got = dropout_upscale(x, p, training, np.random.default_rng(0))
    assert type(got) is np.ndarray, f"dropout_upscale: got a {type(got).__name__}, expected a NumPy array."
    assert training or float(np.abs(got - before).max()) == 0, (
        f"dropout_upscale, p={p}, training=False: all numbers must stay as they are."
    )
    assert not np.shares_memory(got, x), (
        f"dropout_upscale, p={p}, training={training}: the result is x itself, or a view of it, and whoever changes the "
        "result changes x. Return a new array, x.copy() for example."
    )
rng = np.random.default_rng(3)
first, second = (dropout_upscale(np.ones(1000), 0.5, True, rng) for _ in range(2))
assert float(np.abs(first - second).max()) > 0, "dropout_upscale: two calls with one rng dropped the same units."
### END HIDDEN TESTS

# %% masks-text [markdown]
# Each call draws a new mask. Here are 12 units (rows of the left picture: passes; white is zero), and what the mean over many passes does.
#
# **Predict:** after 10 passes, how far is the mean from the true values? After 1000?

# %% masks needs=["setup", "dropout-upscale"]
rng = np.random.default_rng(7)
units = np.array([1, 3, 2, 5, 4, 6, 2, 1, 3, 5, 6, 4], "float64")
passes = np.stack([dropout_upscale(units, 0.5, True, rng) for _ in range(1000)])
figure, panels = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained", width_ratios=(1, 1.3))
image = panels[0].imshow(passes[:10], cmap="Blues", vmin=0, vmax=12)
panels[0].set_xlabel("unit")
panels[0].set_ylabel("pass")
panels[0].set_title("ten passes")
figure.colorbar(image, ax=panels[0], shrink=0.7, label="output")
panels[1].bar(np.arange(12), units, color="#DDDDDD", label="without dropout")
for count, color, marker in ((1, ORANGE, "s"), (10, SKY, "^"), (1000, BLUE, "o")):
    panels[1].plot(passes[:count].mean(axis=0), marker, color=color, label=f"mean of {count}")
panels[1].set_xlabel("unit")
panels[1].set_ylabel("output")
panels[1].set_title("scaled while training: the mean is right")
panels[1].legend(ncols=2, loc="upper right")
panels[1].set_ylim(0, 17)
plt.show()

# %% paper-text [markdown]
# ## Exercise 2: the paper's way
#
# "At test time, we use all the neurons but multiply their outputs by 0.5" (section 4.2). Their rate was 0.5, so `p` and `1 - p` are the same number, and the sentence does not say which of the two is meant. You know it: at test time a unit should give what it gave **on average** while training.
#
# Write `dropout_paper(x, p, training, rng)`, with the arguments of exercise 1: with `training=True` only drop, with `training=False` multiply all numbers by the right factor.


# %% dropout-paper nbgrader={"grade": false, "grade_id": "dropout-paper", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["dropout_paper"] needs=["setup"]
def dropout_paper(x, p, training, rng):
    """Dropout with drop rate p that scales at test time.

    Example: dropout_paper(np.array([2.0, 4.0, 6.0, 8.0]), 0.5, True, rng) may be [2, 0, 6, 0].
    """
    ### BEGIN SOLUTION
    if not training:
        return x * (1 - p)
    return np.where(rng.random(x.shape) < p, 0.0, x)
    ### END SOLUTION


# %% dropout-paper-visible nbgrader={"grade": true, "grade_id": "dropout-paper-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="no scaling while training, the factor at test time" needs=["dropout-paper"]
x = np.full(10_000, 8.0)
got = dropout_paper(x, 0.5, True, np.random.default_rng(0))
assert type(got) is np.ndarray, f"dropout_paper: got a {type(got).__name__}, expected a NumPy array."
assert got.shape == (10_000,), f"dropout_paper: got the shape {got.shape}, expected (10000,)."
values = sorted({round(float(value), 6) for value in got})
assert values == [0, 8], f"dropout_paper of eights while training: got the values {values[:5]}, expected 0 and 8."
zeros = float((got == 0).mean())
assert abs(zeros - 0.5) < 0.03, f"dropout_paper, p=0.5: got a share of zeros of {zeros:.3f}, expected about 0.5."
got = dropout_paper(x, 0.5, False, np.random.default_rng(0))
assert type(got) is np.ndarray, f"dropout_paper: got a {type(got).__name__}, expected a NumPy array."
assert np.abs(got - 4).max() < 1e-9, f"dropout_paper of eights, p=0.5, training=False: got {got[:3]}, expected fours."

# %% dropout-paper-hidden nbgrader={"grade": true, "grade_id": "dropout-paper-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="other rates, both times, a coin for each number" needs=["dropout-paper"]
# Other rates and sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for seed, (p, shape) in enumerate(((0.1, (100, 80)), (0.7, (60, 5, 40)), (0.25, (20_000,)))):
    x = np.random.default_rng(seed).uniform(1, 2, shape)
    before = x.copy()
    got = dropout_paper(x, p, True, np.random.default_rng(seed))
    assert type(got) is np.ndarray, f"dropout_paper: got a {type(got).__name__}, expected a NumPy array."
    assert got.shape == shape, f"dropout_paper of {shape}: got the shape {got.shape}."
    kept = got != 0
    assert float(np.abs(got - kept * x).max()) < 1e-9, f"dropout_paper, p={p}: what is not zero must be x itself."
    zeros = 1 - float(kept.mean())
    assert abs(zeros - p) < 0.03, f"dropout_paper, p={p}: got a share of zeros of {zeros:.3f}, expected about {p}."
    for axis in range(len(shape)):
        same = np.abs(np.diff(kept.astype(int), axis=axis)).mean()
        assert float(same) > p * (1 - p), (
            f"dropout_paper of {shape}, p={p}: neighbours along axis {axis} are dropped together. "
            "Each number has a coin of its own."
        )
    at_test = dropout_paper(x, p, False, np.random.default_rng(seed))
    assert type(at_test) is np.ndarray, f"dropout_paper: got a {type(at_test).__name__}, expected a NumPy array."
    assert float(np.abs(at_test - x * (1 - p)).max()) < 1e-9, (
        f"dropout_paper, p={p}, training=False: got {float(at_test.flat[0] / x.flat[0]):.2f} times x, expected "
        f"{1 - p:.2f} times x: the share that is kept."
    )
    assert float(np.abs(x - before).max()) == 0, "dropout_paper changed x. Return a new array."
### END HIDDEN TESTS

# %% moments-text [markdown]
# At `p = 0.5` nobody notices whether you multiply by `p` or by `1 - p`. A port of the net to PyTorch (dansuh17's) has it wrong in its notes: they say to multiply the outputs by p, and its p is the drop rate. At 0.5 that is right, by luck.
#
# ## Exercise 3: expected value and variance
#
# Dropout keeps the mean (if it is scaled), but it adds noise. How much? A unit `x` varies from picture to picture: mean $m$, variance $v$. The coin `k` is 1 with probability $q = 1 - p$, else 0, and knows nothing of `x`. You need two rules only: the mean of a product of independent numbers is the product of their means, and the variance is the mean of the square minus the square of the mean.
#
# $$E[k x] = q\,m \qquad E[(k x)^2] = E[k]\,E[x^2] = q\,(v + m^2)$$
#
# ($k^2 = k$, because it is 0 or 1.) The rest is yours. Write `moments(mean, variance, p, scaled)`: the tuple (mean, variance) of the unit after dropout while training; with `scaled` what is kept is divided by `1 - p`.


# %% moments nbgrader={"grade": false, "grade_id": "moments", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["moments"] needs=["setup"]
def moments(mean, variance, p, scaled):
    """(mean, variance) of a unit after dropout with drop rate p.

    Example: a unit that is always 4 is 0 or 4 with p=0.5: moments(4, 0, 0.5, False) is (2, 4).
    """
    ### BEGIN SOLUTION
    q = 1 - p
    factor = 1 / q if scaled else 1
    first, second = q * mean, q * (variance + mean**2)
    return factor * first, factor**2 * (second - first**2)
    ### END SOLUTION


# %% moments-visible nbgrader={"grade": true, "grade_id": "moments-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="a unit that is always 4, and one that varies" needs=["moments"]
for given, expected in (
    ((4.0, 0.0, 0.5, False), (2, 4)),
    ((4.0, 0.0, 0.5, True), (4, 16)),
    ((0.0, 3.0, 0.5, True), (0, 6)),
):
    got = moments(*given)
    assert type(got) is tuple and len(got) == 2, f"moments{given}: got {got}, expected a tuple of two numbers."
    assert all(isinstance(part, (int, float, np.floating)) for part in got), (
        f"moments{given}: got {got}, expected numbers."
    )
    assert max(abs(a - b) for a, b in zip(got, expected)) < 1e-9, (
        f"moments{given}: got {got}, expected {expected}. The variance is the mean of the square minus the square of the mean."
    )

# %% moments-hidden nbgrader={"grade": true, "grade_id": "moments-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="other rates, means and variances, no dropout" needs=["moments"]
# Other numbers, when your work is graded.
### BEGIN HIDDEN TESTS
for mean, variance, p in ((2.0, 1.0, 0.2), (-3.0, 0.5, 0.75), (1.5, 4.0, 0.0), (0.0, 2.0, 0.9)):
    rng = np.random.default_rng(1)
    for scaled in (False, True):
        got = moments(mean, variance, p, scaled)
        given = f"moments({mean}, {variance}, {p}, {scaled})"
        assert type(got) is tuple and len(got) == 2, f"{given}: got {got}, expected a tuple of two numbers."
        assert all(isinstance(part, (int, float, np.floating)) for part in got), (
            f"{given}: got {got}, expected numbers."
        )
        kept = 1 - p
        centre = mean if scaled else kept * mean
        square = kept * (variance + mean**2) / (kept**2 if scaled else 1)
        assert abs(got[0] - centre) < 1e-9, f"{given}: got the mean {got[0]}, expected {centre:.4f}."
        assert abs(got[1] - (square - centre**2)) < 1e-9, (
            f"{given}: got the variance {got[1]}, expected {square - centre**2:.4f}: the mean of the square is "
            f"{square:.4f}. A factor c makes the variance c * c times as large."
        )
### END HIDDEN TESTS

# %% moments-picture-text [markdown]
# Now a whole layer: 200 units with fixed outputs, and one unit of the next layer, which adds them up with its weights. Each product `w x` is a number with variance 0 that dropout takes or leaves, and the coins are independent, so means and variances **add up**. Your formula says where the bell must stand and how wide it is. The bars are 20,000 masks.

# %% moments-picture needs=["setup", "dropout-upscale", "dropout-paper", "moments"]
rng = np.random.default_rng(2)
terms = rng.normal(0.05, 0.1, 200) * np.maximum(rng.normal(1, 1, 200), 0)  # weights times outputs of a ReLU
masks = 20_000
figure, panels = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained", sharex=True)
for panel, scaled, rule in zip(panels, (False, True), (dropout_paper, dropout_upscale)):
    for p, color in ((0.25, SKY), (0.5, ORANGE)):
        sums = rule(np.tile(terms, (masks, 1)), p, True, rng).sum(axis=1)
        each = [moments(float(term), 0.0, p, scaled) for term in terms]
        mean, variance = (sum(parts) for parts in zip(*each))
        panel.hist(sums, bins=60, density=True, color=color, alpha=0.6, label=f"p={p}: simulated")
        at = np.linspace(mean - 4 * variance**0.5, mean + 4 * variance**0.5, 200)
        bell = np.exp(-((at - mean) ** 2) / (2 * variance)) / (2 * np.pi * variance) ** 0.5
        panel.plot(at, bell, color="black", linestyle="-" if p == 0.5 else "--", label=f"p={p}: your formula")
        assert abs(sums.mean() - mean) < 5 * (variance / masks) ** 0.5, (sums.mean(), mean)
        assert abs(sums.var() / variance - 1) < 0.06, (sums.var(), variance)
    panel.axvline(terms.sum(), color=BLUE, linewidth=2, label="without dropout")
    panel.set_title("scaled while training" if scaled else "not scaled")
    panel.set_xlabel("sum that the next layer gets")
panels[0].set_ylabel("density")
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5, fontsize=8)
plt.show()

# %% compare-text [markdown]
# Left: the nets learn with sums around the lower mean, and at test time the blue line would come as a surprise. Multiplying by `1 - p` moves it onto the bell. Right: the bell already stands on the blue line. The price is a wider bell. The *shape* is the same: right is left, stretched by `1 / (1 - p)`.
#
# So both ways are the same net, up to a factor. Now against Paddle's layer, in both modes, and the package's, which is Paddle's.

# %% compare needs=["setup", "dropout-upscale", "dropout-paper"]
paddle.seed(0)
x = np.random.default_rng(0).uniform(1, 2, (400, 500)).astype("float32")
for mode, rule in (("upscale_in_train", dropout_upscale), ("downscale_in_infer", dropout_paper)):
    layer = paddle.nn.Dropout(0.3, mode=mode)
    rng = np.random.default_rng(1)
    for training in (True, False):
        layer.train() if training else layer.eval()
        theirs, mine = layer(paddle.to_tensor(x)).numpy(), rule(x, 0.3, training, rng)
        print(f"{mode:19} {'train' if training else 'eval ':5}  mean of x {x.mean():.3f}", end="")
        print(f"  Paddle {theirs.mean():.3f}  yours {mine.mean():.3f}  zeros {(theirs == 0).mean():.3f}")
        if training:  # other coins, the same values
            scale = 0.7 if mode == "upscale_in_train" else 1
            assert np.abs(theirs - (theirs != 0) * x / scale).max() < 1e-5
            assert np.abs(mine - (mine != 0) * x / scale).max() < 1e-5
            assert abs(theirs.mean() / mine.mean() - 1) < 0.01
        else:
            assert np.abs(theirs - mine).max() < 1e-6
for name in ("mini", "paper"):
    drops = [layer for _, layer in VARIANTS[name].named_layers() if layer.kind == "drop"]
    print(f"the net {name!r} of the package: {drops}")
built = AlexNet(VARIANTS["mini"])
assert type(built.drop6) is paddle.nn.Dropout and built.drop6.mode == "upscale_in_train"
published = [layer for layer in paddle.vision.models.alexnet().sublayers() if isinstance(layer, paddle.nn.Dropout)]
print(f"paddle.vision.models.alexnet: {[(layer.p, layer.mode) for layer in published]}")

# %% gradient-text [markdown]
# ## Exercise 4: backward
#
# A dropped unit did not take part in the forward pass. **Predict:** which gradient does it get? And one that was kept and divided by `1 - p`?
#
# Dropout multiplies by a constant, 0 or the scale. So its gradient is multiplied by the **same** constant, from the **same** mask.
#
# Write `dropout_gradient(g, mask, p, training, mode)`. `g` is the gradient of the loss with respect to the layer's output, `mask` is `True` where a unit was kept, `mode` is one of Paddle's two names. Return the gradient with respect to the layer's input. Mind the test time too: there a layer may also be asked for a gradient, and the mask plays no part.


# %% dropout-gradient nbgrader={"grade": false, "grade_id": "dropout-gradient", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["dropout_gradient"] needs=["setup"]
def dropout_gradient(g, mask, p, training, mode):
    """Gradient with respect to the input of dropout, from g, that of its output.

    Example: dropout_gradient(np.array([3.0, 5.0]), np.array([True, False]), 0.5, True, "upscale_in_train") is [6, 0].
    """
    ### BEGIN SOLUTION
    up = mode == "upscale_in_train"
    if training:
        return g * mask / (1 - p if up else 1)
    return g * (1 if up else 1 - p)
    ### END SOLUTION


# %% dropout-gradient-visible nbgrader={"grade": true, "grade_id": "dropout-gradient-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="both modes while training, p=0.5" needs=["dropout-gradient"]
for mode, expected in (("upscale_in_train", [6, 0, -2]), ("downscale_in_infer", [3, 0, -1])):
    got = dropout_gradient(np.array([3.0, 5.0, -1.0]), np.array([True, False, True]), 0.5, True, mode)
    assert type(got) is np.ndarray, f"dropout_gradient: got a {type(got).__name__}, expected a NumPy array."
    assert got.shape == (3,) and np.abs(got - np.array(expected)).max() < 1e-9, (
        f"dropout_gradient, {mode}, training: got {got}, expected {expected}. The mask and the scale of the forward pass."
    )

# %% dropout-gradient-hidden nbgrader={"grade": true, "grade_id": "dropout-gradient-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="other rates, both modes, training and test time, against Paddle" needs=["dropout-gradient"]
# Other rates and modes, when your work is graded.
### BEGIN HIDDEN TESTS
for seed, (p, shape) in enumerate(((0.2, (4, 6)), (0.75, (3, 2, 5)))):
    rng = np.random.default_rng(seed)
    paddle.seed(seed)
    for mode in ("upscale_in_train", "downscale_in_infer"):
        for training in (True, False):
            x = paddle.to_tensor(rng.uniform(1, 2, shape), stop_gradient=False)
            out = F.dropout(x, p, training=training, mode=mode)
            g = rng.normal(size=shape)
            (out * paddle.to_tensor(g)).sum().backward()
            mask = out.numpy() != 0 if training else rng.random(shape) < 0.5
            expected = x.grad.numpy()
            got = dropout_gradient(g, mask, p, training, mode)
            assert type(got) is np.ndarray, f"dropout_gradient: got a {type(got).__name__}, expected a NumPy array."
            assert got.shape == shape, f"dropout_gradient of {shape}: got the shape {got.shape}."
            place = tuple(int(i) for i in np.unravel_index(np.abs(got - expected).argmax(), shape))
            assert float(np.abs(got - expected).max()) < 1e-6, (
                f"dropout_gradient, p={p}, training={training}, {mode}: got {float(got[place]):.4f} at {place}, expected "
                f"{float(expected[place]):.4f} (g is {float(g[place]):.4f}, kept: {bool(mask[place])})."
            )
### END HIDDEN TESTS

# %% checking-text [markdown]
# Chapter 02 said: check every gradient against differences. **Predict** what happens when you do that with dropout on, in the way you are used to: change one number a little, call the layer again, divide by the step.

# %% checking needs=["setup", "dropout-upscale", "dropout-gradient"]
rng = np.random.default_rng(5)
x, g, h, p = rng.uniform(1, 2, 8), rng.normal(size=8), 1e-5, 0.5


def difference(loss):
    return np.array([(loss(x + h * unit) - loss(x - h * unit)) / (2 * h) for unit in np.eye(8)])


mask = dropout_upscale(np.ones(8), p, True, np.random.default_rng(6)) != 0
formula = dropout_gradient(g, mask, p, True, "upscale_in_train")
new_mask = difference(lambda a: float((dropout_upscale(a, p, True, rng) * g).sum()))
same_mask = difference(lambda a: float((dropout_upscale(a, p, True, np.random.default_rng(6)) * g).sum()))
print("your formula:             ", np.round(formula, 3) + 0.0)
print("differences, same mask:   ", np.round(same_mask, 3) + 0.0)
print("differences, a new mask:  ", np.round(new_mask))
assert np.abs(formula - same_mask).max() < 1e-6
assert np.abs(formula - new_mask).max() > 100

# %% ensemble-text [markdown]
# With a new mask for each call the "derivative" is the difference of two random numbers, divided by a tiny step. With the same seed before each call it is right. The same trap waits wherever a forward pass is run twice for one backward pass: the mask must be kept, not drawn again.
#
# ## Many nets in one
#
# Why should it help to throw away half of the units? Look at it like the paper: every time a picture is presented, "the neural network samples a different architecture, but all these architectures share weights". With `n` units that can be dropped there are $2^n$ architectures. Here are all of them for three hidden units (0: dropped).

# %% ensemble
figure, panels = plt.subplots(1, 8, figsize=(11, 2.1), layout="constrained")
left, middle, right = [(0, 0.5), (0, 1.5)], [(1, 2), (1, 1), (1, 0)], [(2, 1)]
for panel, kept in zip(panels, itertools.product((1, 0), repeat=3)):
    for (x0, y0), is_kept in zip(middle, kept):
        if is_kept:
            for x1, y1 in left + right:
                panel.plot([x0, x1], [y0, y1], color="#666666", linewidth=1, zorder=1)
        panel.plot(x0, y0, "o", markersize=12, color=GREEN if is_kept else "white", markeredgecolor="black", zorder=2)
        if not is_kept:
            panel.plot(x0, y0, "x", color=RED, zorder=3)
    for x0, y0 in left + right:
        panel.plot(x0, y0, "o", markersize=10, color=BLUE, markeredgecolor="black", zorder=2)
    panel.set_title(" ".join(map(str, kept)))
    panel.set_xlim(-0.4, 2.4)
    panel.set_ylim(-0.5, 2.5)
    panel.axis("off")
plt.show()
dropped = sum(stage[0].out_features for stage in VARIANTS["paper"].fc_stages)
print(f"the paper's net: {dropped} units that can be dropped, 2^{dropped} = 10^{dropped * np.log10(2):.0f} nets")
print(f"drawn in 90 epochs of 1.2 million pictures: 10^{np.log10(90 * 1.2e6):.0f}")

# %% enumerate-text [markdown]
# So nearly none of these nets is ever trained, not even once. They work because their weights are trained as parts of others.
#
# An *ensemble* averages the predictions of its nets. With $2^n$ of them that cannot be done. The paper multiplies by 0.5 instead, and calls this "a reasonable approximation to taking the geometric mean of the predictive distributions". How good is it? For **one** softmax layer we can try all masks.
#
# **Predict:** 8 units, dropped by coins, then one layer with weights and a softmax over 3 classes: 256 nets. Is the scaled net near the geometric mean, near the ordinary (arithmetic) mean, or exactly equal to one of them?


# %% enumerate needs=["setup"]
def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


rng = np.random.default_rng(3)
x, w, b = rng.uniform(0, 2, 8), rng.normal(size=(8, 3)), rng.normal(size=3)
masks = np.array(list(itertools.product((0, 1), repeat=8)))
figure, panels = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained", sharey=True)
for panel, p in zip(panels, (0.5, 0.2)):
    chance = np.prod(np.where(masks, 1 - p, p), axis=1)  # of each mask
    assert abs(chance.sum() - 1) < 1e-12
    predictions = softmax((masks * x) @ w + b)
    arithmetic = chance @ predictions
    geometric = np.exp(chance @ np.log(predictions))
    geometric /= geometric.sum()
    scaled = softmax(((1 - p) * x) @ w + b)
    assert np.abs(geometric - scaled).max() < 1e-12
    assert np.abs(arithmetic - scaled).max() > 0.01
    for place, (name, values, color) in enumerate(
        (("scaled net", scaled, BLUE), ("geometric mean", geometric, GREEN), ("arithmetic mean", arithmetic, ORANGE))
    ):
        panel.bar(np.arange(3) + 0.27 * (place - 1), values, 0.25, color=color, label=name)
    panel.set_xticks(range(3), ["class 0", "class 1", "class 2"])
    panel.set_title(f"256 masks, p={p}")
panels[0].set_ylabel("probability")
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %% trained-text [markdown]
# Exactly equal to the geometric mean, for every `p`. The reason fits in a line: the logarithm of a softmax is its input minus one number for all classes, and the input is *linear* in the mask. So averaging the logarithms averages the masks, and the mean of a mask is `1 - p`. (The paper's sentence is about a net with two such layers and ReLUs between: there the input is no longer linear in the masks, and "approximation" is the right word. You will see below how near it comes.)
#
# Each mean of probabilities is weighted by the chance of its mask; the geometric one is divided by its sum, so that it adds up to 1.
#
# ## Train, evaluate
#
# Back to the puzzle. A layer knows whether it is in training from its flag `training`, which `model.train()` and `model.eval()` set in all layers at once. A new model is in **training** mode.
#
# ## Exercise 5: evaluate
#
# Write `evaluate(model, images, labels)`: the share of `images` whose largest output is at the index that `labels` gives, as a `float`. `images` is one batch (a tensor), `labels` an `int64` tensor `[N]`.
#
# - The model is measured in evaluation mode.
# - No gradients are recorded (`paddle.no_grad`), which saves memory and time.
# - Afterwards **every layer** is in the mode it was in before. A model in training may hold a layer that somebody has set to `eval` on purpose, and the other way round. `model.sublayers(include_self=True)` lists the layers. To set one layer only, write `layer.training = True` (`layer.train()` changes its sublayers too).


# %% evaluate nbgrader={"grade": false, "grade_id": "evaluate", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["evaluate"] needs=["setup"]
def evaluate(model, images, labels):
    """Top-1 accuracy in evaluation mode; the modes of all layers are afterwards as before.

    Example: evaluate(model, images, labels) is 0.75 when three of four largest outputs are at the index that labels gives.
    """
    ### BEGIN SOLUTION
    modes = [(layer, layer.training) for layer in model.sublayers(include_self=True)]
    model.eval()
    with paddle.no_grad():
        predicted = model(images).argmax(axis=1)
    for layer, training in modes:
        layer.training = training
    return float((predicted == labels).astype("float32").mean())
    ### END SOLUTION


# %% evaluate-visible nbgrader={"grade": true, "grade_id": "evaluate-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="the accuracy with dropout off, and a model in training stays in training" needs=["evaluate"]
paddle.seed(0)
model = paddle.nn.Sequential(paddle.nn.Dropout(0.9))
images = paddle.to_tensor(np.eye(5, dtype="float32")[np.arange(200) % 5])
labels = paddle.to_tensor(np.where(np.arange(200) < 150, np.arange(200) % 5, (np.arange(200) + 1) % 5))
model.train()
got = evaluate(model, images, labels)
assert isinstance(got, (float, np.floating)), f"evaluate: got a {type(got).__name__}, expected a float."
assert abs(got - 0.75) < 1e-6, f"evaluate: got {got:.3f}, expected 0.750. Is dropout off, and is it a share of 1?"
assert model.training and model[0].training, "evaluate: the model came in training mode and must be given back in it."


# %% evaluate-hidden nbgrader={"grade": true, "grade_id": "evaluate-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} checks="models that came in eval mode or in mixed modes, no gradients, other accuracies" needs=["evaluate"]
# Other models, when your work is graded.
### BEGIN HIDDEN TESTS
class Watched(paddle.nn.Layer):
    def forward(self, x):
        self.seen = (self.training, paddle.is_grad_enabled())
        return x


for seed, modes in enumerate(
    ((True, True, True, True), (False, False, False, False), (True, True, False, True), (False, True, True, False))
):
    paddle.seed(seed)
    model = paddle.nn.Sequential(paddle.nn.Dropout(0.9), paddle.nn.Dropout(0.5), Watched())
    layers = model.sublayers(include_self=True)
    for layer, training in zip(layers, modes):
        layer.training = training
    count, right = 60 + 10 * seed, 20 + 11 * seed
    places = np.random.default_rng(seed).integers(0, 7, count)
    images = paddle.to_tensor(np.eye(7, dtype="float32")[places])
    labels = paddle.to_tensor(np.where(np.arange(count) < right, places, (places + 3) % 7))
    got = evaluate(model, images, labels)
    assert isinstance(got, (float, np.floating)), f"evaluate: got a {type(got).__name__}, expected a float."
    assert abs(got - right / count) < 1e-6, (
        f"evaluate of a model whose layers are in training: {modes}: got {got:.4f}, expected {right / count:.4f}."
    )
    after = tuple(layer.training for layer in layers)
    assert after == modes, (
        f"evaluate: layers in training before: {modes}, afterwards: {after}. Put back each layer's mode."
    )
    assert model[2].seen == (False, False), (
        f"evaluate: inside the model (training, gradients recorded) was {model[2].seen}, expected (False, False)."
    )
### END HIDDEN TESTS

# %% nets-text [markdown]
# Now a net to try it on: `mini` without LRN, dropout 0.5 after `fc6` and `fc7`, six epochs on 1,000 pictures of `petals`. It is trained twice, once in each mode of dropout. (All is measured on the 500 validation pictures.)
#
# Then each net is used in three ways: as it should be; with dropout left on, as in the puzzle (20 times, with other masks); and with its weights put into a net of the **other** mode. That happens easily: the file with the weights does not say which mode they were trained in, and `paddle.vision.models.alexnet`, for one, has `downscale_in_infer` while Paddle's default is `upscale_in_train`.
#
# **Predict** for each mistake: does the accuracy fall? By how much? And the loss?

# %% nets needs=["setup"]
MODES = ("upscale_in_train", "downscale_in_infer")
with reporter.quiet():
    pictures = Data("petals", 64, 2000 if FULL else 1000)
recipe = ABLATIONS["dropout"].recipe.replace(epochs=12 if FULL else 6)
nets = {}
for mode in MODES:
    train, colors = pictures.train(seed=0)
    config = VARIANTS["mini"].replace(lrn=False, dropout=0.5, dropout_mode=mode)
    model, inputs = setup.build_model(config, seed=0), setup.fit_inputs(recipe, 64, colors)
    trainer = setup.build_trainer(model, recipe, train, pictures.val, inputs, seed=0)
    trainer.fit()
    nets[mode] = trainer.model
images, labels = (paddle.concat(list(parts)) for parts in zip(*trainer.val_loader))
print(f"trained on {len(train)} pictures, measured on {len(labels)}")


# %% mistakes needs=["setup", "evaluate", "nets"]
def loss_and_confidence(model, training):
    model.train() if training else model.eval()
    with paddle.no_grad():
        logits = model(images)
    return F.cross_entropy(logits, labels).item(), F.softmax(logits).max(axis=1).mean().item()


paddle.seed(0)
measured = {}
for mode, other in zip(MODES, MODES[::-1]):
    exchanged = AlexNet(nets[mode].config.replace(dropout_mode=other))
    exchanged.set_state_dict(nets[mode].state_dict())
    left_on = []
    for _ in range(20):
        nets[mode].train()
        with paddle.no_grad():
            top1 = (nets[mode](images).argmax(axis=1) == labels).astype("float32").mean().item()
        left_on.append((top1, *loss_and_confidence(nets[mode], True)))
    measured[mode] = {
        "as it should be": [(evaluate(nets[mode], images, labels), *loss_and_confidence(nets[mode], False))],
        "dropout left on": left_on,
        "net of the other mode": [(evaluate(exchanged, images, labels), *loss_and_confidence(exchanged, False))],
    }
figure, panels = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
titles = ("top-1 accuracy", "loss (nats)", "mean confidence in its answer")
for place, mode in enumerate(MODES):
    right = measured[mode]["as it should be"][0]
    for number, (use, values) in enumerate(measured[mode].items()):
        for panel, column in zip(panels, np.array(values).T):
            x = place + 0.27 * (number - 1)
            panel.bar(x, column.mean(), 0.25, color=(BLUE, ORANGE, PINK)[number], label=use if place == 0 else None)
            panel.plot([x] * len(column), column, "k.", markersize=3)
            panel.text(x, column.max() + 0.01, f"{column.mean():.2f}", ha="center", va="bottom", fontsize=8)
        top1, loss, confidence = np.mean(values, axis=0)
        print(f"{mode:19} {use:22} top-1 {100 * (top1 - right[0]):+5.1f} points  loss {loss - right[1]:+.3f}")
for panel, title in zip(panels, titles):
    panel.set_title(title)
    panel.set_xticks(range(2), [f"trained with\n{mode}" for mode in MODES])
    panel.margins(y=0.12)
figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %% mistakes-text [markdown]
# Two mistakes, two faces:
#
# - **Left on**, the net answers with half of its units. The accuracy falls, and each call gives another figure (the dots).
# - **In the net of the other mode** the accuracy can look almost right: here it changed by less than five points, once up and once down. All outputs of a layer are too small or too large by one factor, so the largest logit mostly stays the largest. (Only mostly: the biases are not scaled along.) But the loss goes up, and the confidence is far off. Weights of `upscale_in_train` are scaled **twice** in the other net: it is timid, less sure than it has reason to be. Weights of `downscale_in_infer` are **not scaled**: much too sure. Whoever looks at the accuracy alone may not notice. Whoever compares losses or uses the probabilities will.
#
# Which of the two modes trains the better net is *not* shown here: that would take more than one seed.
#
# ## Many masks against one pass
#
# The net of two fc layers is not linear in its masks. So how good is one pass in `eval` mode, compared with averaging many passes with dropout on? Dropout sits in the fc layers only, so the convolutions need to run just once.
#
# **Predict:** how many masked passes does it take to be as good as the one pass?

# %% averages needs=["setup", "enumerate", "nets"]
net = nets["upscale_in_train"]
head = paddle.nn.Sequential(*(layer for name, layer in net.named_children() if name[-1] in "678"))
answers = labels.numpy()
net.eval()
with paddle.no_grad():
    features = paddle.flatten(net.features(images), start_axis=1)
    one_pass = F.log_softmax(head(features)).numpy()
    assert np.abs(one_pass - F.log_softmax(net(images)).numpy()).max() < 1e-5
    head.train()
    paddle.seed(1)
    masked = np.stack([F.log_softmax(head(features)).numpy() for _ in range(300)])


def loss_of(logarithms):
    return -logarithms[np.arange(len(answers)), answers].mean()


counts = (1, 2, 3, 5, 10, 20, 50, 100, 300)
means = {"arithmetic mean": [], "geometric mean": []}
for count in counts:
    means["arithmetic mean"].append(np.log(np.exp(masked[:count]).mean(axis=0)))
    means["geometric mean"].append(np.log(softmax(masked[:count].mean(axis=0))))
figure, panels = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
for (name, results), color, marker in zip(means.items(), (ORANGE, GREEN), "o^"):
    panels[0].plot(counts, [loss_of(result) for result in results], marker=marker, color=color, label=name)
    right = [(result.argmax(axis=1) == answers).mean() for result in results]
    panels[1].plot(counts, right, marker=marker, color=color, label=name)
    print(f"{name} of {counts[-1]} masked passes: loss {loss_of(results[-1]):.3f}, top-1 {right[-1]:.3f}")
print(f"one pass in eval mode: loss {loss_of(one_pass):.3f}, top-1 {(one_pass.argmax(axis=1) == answers).mean():.3f}")
panels[0].axhline(loss_of(one_pass), color=BLUE, label="one pass in eval mode")
panels[1].axhline((one_pass.argmax(axis=1) == answers).mean(), color=BLUE, label="one pass in eval mode")
for panel, title in zip(panels, ("loss (nats)", "top-1 accuracy")):
    panel.set_xscale("log")
    panel.set_xticks(counts, counts)
    panel.minorticks_off()
    panel.set_xlabel("masked passes averaged")
    panel.set_title(title)
    panel.grid(alpha=0.3)
panels[0].legend()
plt.show()

# %% scaling-text [markdown]
# More than 300, if it ever gets there: here neither mean had reached the one pass when the curves ended, neither in loss nor in accuracy (though in accuracy it is a matter of a few pictures among the 500). In loss the geometric mean comes nearest, as the paper says. And the one pass costs as much as one masked pass.
#
# ## Exercise 6: which dropout is it?
#
# Somebody hands you a layer that claims to be dropout. Where does it scale? Find out by **probing**: put in numbers that you know, look at what comes out, in both modes.
#
# Write `scaling_of(layer)`. `layer` is a `paddle.nn.Layer` that takes a `float32` tensor `[N, C]` and drops single numbers with a rate between 0.1 and 0.9; it may come in either mode, and you may leave it in any. Return
#
# - `"upscale_in_train"`: scales what it keeps while training, nothing in `eval` mode,
# - `"downscale_in_infer"`: scales in `eval` mode only,
# - `"none"`: scales in neither,
# - `"both"`: divides while training *and* multiplies in `eval` mode, which is once too often.
#
# Do not trust its attributes: the layer may not be Paddle's, and its `mode` may be missing or wrong. When it works, test it on `_drop1` and `_drop2`, the dropout layers of `paddle.vision.models.alexnet()`. (Why `[N, C]`: on a tensor of one dimension Paddle 3.3.1's own layer fails on a CPU, in `downscale_in_infer` and `eval` mode.)


# %% scaling-of nbgrader={"grade": false, "grade_id": "scaling-of", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["scaling_of"] needs=["setup"]
def scaling_of(layer):
    """Where a dropout layer scales: "upscale_in_train", "downscale_in_infer", "none" or "both".

    Example: scaling_of(paddle.nn.Dropout(0.5)) is "upscale_in_train".
    """
    ### BEGIN SOLUTION
    ones = paddle.ones([10, 100])
    layer.train()
    up = float(layer(ones).max()) > 1.01
    layer.eval()
    down = float(layer(ones).max()) < 0.99
    return {(True, False): "upscale_in_train", (False, True): "downscale_in_infer", (True, True): "both"}.get(
        (up, down), "none"
    )
    ### END SOLUTION


# %% scaling-of-visible nbgrader={"grade": true, "grade_id": "scaling-of-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="Paddle's layer in both modes" needs=["scaling-of"]
paddle.seed(0)
for mode in ("upscale_in_train", "downscale_in_infer"):
    got = scaling_of(paddle.nn.Dropout(0.5, mode=mode))
    assert type(got) is str, f"scaling_of: got a {type(got).__name__}, expected a string."
    assert got == mode, f"scaling_of(paddle.nn.Dropout(0.5, mode={mode!r})): got {got!r}. What becomes of ones?"


# %% scaling-of-hidden nbgrader={"grade": true, "grade_id": "scaling-of-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="layers that scale nowhere or twice, other rates, wrong attributes, layers that come in eval mode" needs=["scaling-of"]
# Other layers, when your work is graded.
### BEGIN HIDDEN TESTS
class Claims(paddle.nn.Layer):
    def __init__(self, p, up, down, mode):
        super().__init__()
        self.p, self.mode, self.up, self.down = p, mode, 1 / (1 - p) if up else 1.0, 1 - p if down else 1.0

    def forward(self, x):
        if not self.training:
            return x * self.down
        return x * (paddle.rand(x.shape) >= self.p).astype(x.dtype) * self.up


names = {(1, 0): "upscale_in_train", (0, 1): "downscale_in_infer", (0, 0): "none", (1, 1): "both"}
for seed, ((up, down), expected) in enumerate(names.items()):
    for p in (0.15, 0.5, 0.8):
        for starts_in_training in (True, False):
            paddle.seed(seed)
            layer = Claims(p, up, down, "downscale_in_infer" if expected == "upscale_in_train" else "upscale_in_train")
            layer.train() if starts_in_training else layer.eval()
            got = scaling_of(layer)
            assert type(got) is str, f"scaling_of: got a {type(got).__name__}, expected a string."
            assert got == expected, (
                f"scaling_of a layer with rate {p} that {'scales' if up else 'does not scale'} while training and "
                f"{'scales' if down else 'does not scale'} in eval mode: got {got!r}, expected {expected!r}."
                f"{'' if starts_in_training else ' This layer came in eval mode: set the mode before you probe.'}"
            )
### END HIDDEN TESTS

# %% history [markdown]
# ## What the paper did
#
# - Dropout at 0.5 "in the first two fully-connected layers" (section 4.2). None in the convolutions, none after the last layer. In the paper and in this package's `paper` it stands on the *outputs* of these two layers; in `paddle.vision.models.alexnet()` it stands before them, on their inputs.
# - Scaled at test time, so this package's `paper` has `downscale_in_infer`.
# - "Without dropout, our network exhibits substantial overfitting. Dropout roughly doubles the number of iterations required to converge."
# - Of its 61 million parameters about 59 million are in the three fc layers: that is where it can memorise pictures.
#
# ## Does it help?
#
# The paper's claim has two sides: less overfitting, slower learning. So the answer should depend on how many pictures there are and how long one trains. The package's ablation `dropout` trains `mini` with the rates 0, 0.25, 0.5 and 0.75, once on all of its training pictures and once on a tenth of them (each is then seen ten times an epoch, so that all make the same number of steps). No augmentation, no LRN. For each seed all rates start from the same weights and see the pictures in the same order.
#
# The quick run takes 500 pictures (or 50), 4 epochs and two seeds. **Predict** for each number of pictures: which rate wins?

# %% live needs=["setup"]
RATES = ("0", "0.25", "0.5", "0.75")
MISTAKES = ("left on", "scaled twice", "not scaled")


def panels_of(record):
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained", sharey=True)
    everything = record["images"]["train"]
    for panel, count in zip(panels, (everything, everything // 10)):
        panel.set_title(f"{record['data']}, {count} training pictures")
        panel.set_xlabel("drop rate")
        panel.grid(alpha=0.3, axis="y")
    return panels


def accuracy_by_rate(record):
    panels = panels_of(record)
    for panel, end in zip(panels, ("", " few")):
        runs = [run for run in record["runs"] if "failed" not in run]
        arms = [[run for run in runs if run["arm"] == rate + end] for rate in RATES]
        train = [[1 - np.mean(run["training_error"][-measures.WINDOWS :]) for run in arm] for arm in arms]
        test = [[run["test"]["top1"] for run in arm] for arm in arms]
        for values, split, color, marker, shift in (
            (train, "training, dropout on", ORANGE, "s", -0.08),
            (test, "test, dropout off", BLUE, "o", 0.08),
        ):
            means = [np.mean(arm) for arm in values]
            panel.plot(range(4), means, marker, ls="-", mfc="none", color=color, label=split)
            for place, arm in enumerate(values):
                panel.plot([place + shift] * len(arm), arm, ".", color=color, alpha=0.7)
        panel.set_xticks(range(4), RATES)
    panels[0].set_ylabel("top-1 accuracy at the end")
    panels[0].set_ylim(0, 1.03)
    panels[1].legend()
    plt.show()


def mistakes_by_rate(record):
    panels = panels_of(record)
    for panel, end in zip(panels, ("", " few")):
        panel.axhline(0, color="black", linewidth=0.8)
        for shift, mistake, color in zip((-0.27, 0, 0.27), MISTAKES, (ORANGE, PINK, SKY)):
            costs = [record["summary"]["mistakes"][rate + end][mistake] for rate in RATES[1:]]
            panel.bar(np.arange(3) + shift, [100 * cost["mean"] for cost in costs], 0.25, color=color, label=mistake)
            for place, cost in enumerate(costs):
                seeds = [100 * value for value in cost["by_seed"].values()]
                panel.plot([place + shift] * len(seeds), seeds, "k.", markersize=4)
        panel.set_xticks(range(3), RATES[1:])
    panels[0].set_ylabel("change of test accuracy (points)")
    panels[0].legend()
    plt.show()


chosen = ABLATIONS["dropout"]
with tempfile.TemporaryDirectory() as folder:
    size = chosen.full if FULL else chosen.quick
    with reporter.quiet():
        live = ablation.run("dropout", Path(folder) / "dropout.json", size=size)
accuracy_by_rate(live)
mistakes_by_rate(live)

# %% live-text [markdown]
# Small points are seeds; the lines go through their means, and so do the bars. In the upper picture orange is measured while learning, in the last epoch, with dropout **on**, and blue on the test pictures with dropout off. (So orange below blue is no miracle: it is not the same net that is measured.)
#
# The lower picture is what mistakes cost at test time: dropout left on; its outputs scaled **twice**; and its outputs 1 / (1 - p) times too large, as if they had **not** been **scaled** at all. Compare the rates: with 0.75, two layers scaled twice leave a sixteenth of the signal, while the biases stay as large as they were.
#
# A few epochs and two seeds prove nothing. That is what the record is for: 2,000 pictures (or 200), 12 epochs, five seeds.

# %% record needs=["setup", "live"]
for data in ("petals", "cifar10"):
    recorded = ablation.read(f"results/dropout-{data}.json")
    accuracy_by_rate(recorded)
    mistakes_by_rate(recorded)

# %% record-differences needs=["setup"]
plots.differences(ablation.read("results/dropout-petals.json"))

# %% record-differences-cifar10 needs=["setup"]
plots.differences(ablation.read("results/dropout-cifar10.json"))

# %% came-out [markdown]
# ## What came out
#
# Difference in test accuracy from the net without dropout, in points, with the 95% interval. "Few" is a tenth of the pictures.
#
# | drop rate | petals, 2000 pictures | petals, 200 | CIFAR-10, 4000 | CIFAR-10, 400 |
# | --- | --- | --- | --- | --- |
# | 0: accuracy | 94.7<!-- dropout-petals: top1/0/mean * 100 -->% | 69.9<!-- dropout-petals: top1/0 few/mean * 100 -->% | 52.0<!-- dropout-cifar10: top1/0/mean * 100 -->% | 35.1<!-- dropout-cifar10: top1/0 few/mean * 100 -->% |
# | 0.25 | +0.1<!-- dropout-petals: difference/0.25/mean * 100 --> (−1.7<!-- dropout-petals: difference/0.25/interval_95/0 * 100 --> to +1.9<!-- dropout-petals: difference/0.25/interval_95/1 * 100 -->) | +3.3<!-- dropout-petals: difference/0.25 few/mean * 100 --> (+0.7<!-- dropout-petals: difference/0.25 few/interval_95/0 * 100 --> to +6.0<!-- dropout-petals: difference/0.25 few/interval_95/1 * 100 -->) | −1.3<!-- dropout-cifar10: difference/0.25/mean * 100 --> (−6.0<!-- dropout-cifar10: difference/0.25/interval_95/0 * 100 --> to +3.3<!-- dropout-cifar10: difference/0.25/interval_95/1 * 100 -->) | +1.0<!-- dropout-cifar10: difference/0.25 few/mean * 100 --> (−0.8<!-- dropout-cifar10: difference/0.25 few/interval_95/0 * 100 --> to +2.8<!-- dropout-cifar10: difference/0.25 few/interval_95/1 * 100 -->) |
# | 0.5 | −1.1<!-- dropout-petals: difference/0.5/mean * 100 --> (−1.6<!-- dropout-petals: difference/0.5/interval_95/0 * 100 --> to −0.6<!-- dropout-petals: difference/0.5/interval_95/1 * 100 -->) | +6.0<!-- dropout-petals: difference/0.5 few/mean * 100 --> (+3.9<!-- dropout-petals: difference/0.5 few/interval_95/0 * 100 --> to +8.2<!-- dropout-petals: difference/0.5 few/interval_95/1 * 100 -->) | −2.4<!-- dropout-cifar10: difference/0.5/mean * 100 --> (−5.2<!-- dropout-cifar10: difference/0.5/interval_95/0 * 100 --> to +0.5<!-- dropout-cifar10: difference/0.5/interval_95/1 * 100 -->) | +1.5<!-- dropout-cifar10: difference/0.5 few/mean * 100 --> (−0.4<!-- dropout-cifar10: difference/0.5 few/interval_95/0 * 100 --> to +3.5<!-- dropout-cifar10: difference/0.5 few/interval_95/1 * 100 -->) |
# | 0.75 | −9.9<!-- dropout-petals: difference/0.75/mean * 100 --> (−22.0<!-- dropout-petals: difference/0.75/interval_95/0 * 100 --> to +2.1<!-- dropout-petals: difference/0.75/interval_95/1 * 100 -->) | +5.4<!-- dropout-petals: difference/0.75 few/mean * 100 --> (+0.0<!-- dropout-petals: difference/0.75 few/interval_95/0 * 100 --> to +10.7<!-- dropout-petals: difference/0.75 few/interval_95/1 * 100 -->) | −8.1<!-- dropout-cifar10: difference/0.75/mean * 100 --> (−9.9<!-- dropout-cifar10: difference/0.75/interval_95/0 * 100 --> to −6.3<!-- dropout-cifar10: difference/0.75/interval_95/1 * 100 -->) | +2.1<!-- dropout-cifar10: difference/0.75 few/mean * 100 --> (+1.1<!-- dropout-cifar10: difference/0.75 few/interval_95/0 * 100 --> to +3.0<!-- dropout-cifar10: difference/0.75 few/interval_95/1 * 100 -->) |
#
# - **With few pictures dropout helps.** On 200 petals the rate 0.5 gains 6.0<!-- dropout-petals: difference/0.5 few/mean * 100 --> points, and every seed gains. On 400 CIFAR-10 pictures the gain is 1.5<!-- dropout-cifar10: difference/0.5 few/mean * 100 -->, and the interval says how sure that is.
# - **With all pictures it does not, in this time.** 0.5 changes the accuracy by −1.1<!-- dropout-petals: difference/0.5/mean * 100 --> points on petals and −2.4<!-- dropout-cifar10: difference/0.5/mean * 100 --> on CIFAR-10; 0.75 costs far more. The paper says the same from the other side: dropout takes about twice as many iterations. Here all nets got the same number. Whether they would catch up was not measured.
# - **Left on at test time** dropout at 0.5 changes the accuracy by −0.8<!-- dropout-petals: mistakes/0.5/left on/mean * 100 --> points on petals (−1.1<!-- dropout-petals: mistakes/0.5/left on/interval_95/0 * 100 --> to −0.5<!-- dropout-petals: mistakes/0.5/left on/interval_95/1 * 100 -->) and −2.5<!-- dropout-cifar10: mistakes/0.5/left on/mean * 100 --> on CIFAR-10 (−3.6<!-- dropout-cifar10: mistakes/0.5/left on/interval_95/0 * 100 --> to −1.5<!-- dropout-cifar10: mistakes/0.5/left on/interval_95/1 * 100 -->).
# - **Wrong scaling** is often nearly free: scaled twice at 0.5 changes petals by +0.0<!-- dropout-petals: mistakes/0.5/scaled twice/mean * 100 --> points. The largest logit stays the largest when all shrink alike. Do not rely on it: at 0.75 on all petals the same mistake changes it by −21.9<!-- dropout-petals: mistakes/0.75/scaled twice/mean * 100 -->, and the loss and the probabilities are wrong every time.

# %% answer [markdown]
# ## The puzzle's answer
#
# Nobody knows, the tutorial's author included. Two mistakes pull in opposite directions. Dropout left on makes the figure **too low**: that much you have measured, on another net. Keeping the best epoch by its test accuracy, and reporting that same accuracy, makes it **too high** (more on that in chapter 11). What is left of the two cannot be computed afterwards. It takes one line, `model.eval()`, a validation split, and a new measurement.
#
# ## Traps
#
# - **`F.dropout(x, 0.5)` is always on.** The function has no flag of a model to look at, and `training=True` is its default. In a `forward` write `F.dropout(x, 0.5, training=self.training)`, or use the layer.
# - **Single pixels of a map.** Next to a dropped number of a convolution's output stand neighbours that say nearly the same. `Dropout2D` drops whole channels.
# - **After the last layer.** One published AlexNet, as its text describes it, has four fc layers and a dropout behind each of the first three (here it is `VARIANTS["blog"]`). There that is no mistake. But copy "a dropout behind each of three fc layers" into a net that has three, and the last one drops the answers themselves: in training every class, the right one too, gets a logit of 0 in half of the passes.


# %% traps needs=["setup", "nets"]
class Functional(paddle.nn.Layer):
    def forward(self, x):
        return F.dropout(x, 0.5)


paddle.seed(0)
functional = Functional()
functional.eval()
print("F.dropout in eval mode:", functional(paddle.ones([1, 8])).numpy()[0])
assert functional(paddle.ones([1, 100])).min().item() == 0

logits = paddle.to_tensor(np.tile([20.0, 0, 0, 0, 0], (10_000, 1)).astype("float32"))
sure = paddle.zeros([10_000], dtype="int64")
print(f"loss of a net that is always right and sure:  {F.cross_entropy(logits, sure).item():.3f}")
loss = F.cross_entropy(F.dropout(logits, 0.5), sure).item()
print(f"the same with dropout on its logits:          {loss:.3f}, about half of ln 5, {np.log(5) / 2:.3f}")
assert abs(loss - np.log(5) / 2) < 0.05

with paddle.no_grad():
    maps = nets["upscale_in_train"].relu1(nets["upscale_in_train"].conv1(images[:1]))
channels = maps[0].numpy().mean(axis=(1, 2)).argsort()[::-1][:4].copy()
figure, panels = plt.subplots(3, 4, figsize=(7, 5.4), layout="constrained")
ways = {"as it was": lambda x: x, "Dropout": paddle.nn.Dropout(0.5), "Dropout2D": paddle.nn.Dropout2D(0.5)}
for row, (name, way) in zip(panels, ways.items()):
    for panel, channel, before in zip(row, way(maps)[0].numpy()[channels], maps[0].numpy()[channels]):
        panel.imshow(channel, cmap="gray", vmin=0, vmax=2 * before.max())
        panel.set_xticks([])
        panel.set_yticks([])
    row[0].set_ylabel(name)
figure.suptitle("four channels of relu1")
plt.show()

# %% questions [markdown]
# The second row still shows the three flowers: the holes can be filled in from the neighbours. In the third row two channels are gone, with all that they knew, and the other two are whole. (Both are twice as bright: what is kept is divided by `1 - p`.)
#
# ## Three questions
#
# 1. A net is trained with rate 0.25 in the paper's way. By what are the outputs multiplied at test time?
# 2. Why is the training accuracy of a net with dropout often *lower* than its validation accuracy?
# 3. Somebody saves weights from a net in the mode `upscale_in_train` and loads them into one with `downscale_in_infer`. The accuracy is right. What should be checked next?
#
# <details><summary>Answers</summary>
#
# 1. By 0.75, the share that is kept.
# 2. It is measured while learning: with dropout on, and over an epoch in which the weights were still changing. Validation uses all units, after the epoch.
# 3. The loss, or the confidence: here the outputs of each dropout layer are scaled twice, which accuracy hardly shows.
# </details>
