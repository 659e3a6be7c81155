# %% puzzle [markdown]
# # 06 · Local response normalisation
#
# Two programs, one layer. Both say `n=5, alpha=1e-4, beta=0.75, k=2`, and both say "as in the AlexNet paper". Five neighbouring channels hold 100 each. For the channel in the middle the first program gives **23.2**, the second **43.9**.
#
# **Which one is AlexNet's?** Both are. The first computes what the paper prints, the second what the authors' program of 2012 computed. After this chapter you can tell them apart from outside, turn one into the other, and say when the difference matters.
#
# You need: chapters 01 and 02. Time: about two hours with the exercises.

# %% setup
import alexnet_paddle  # isort: skip  (first: it sets up the CPU before paddle is loaded)
import statistics
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import paddle
import paddle.nn.functional as F

from alexnet_paddle import RECIPES, VARIANTS, inspection, plots, reporter
from alexnet_paddle.datasets.transforms import Augmentation
from alexnet_paddle.nets import layers
from alexnet_paddle.study import ablation
from alexnet_paddle.study.ablations import ABLATIONS
from alexnet_paddle.study.data import Data
from alexnet_paddle.training import setup

FULL = False  # True: train as much as for the record, which takes long on a CPU

print(f"Paddle {paddle.__version__}, alexnet_paddle {alexnet_paddle.__version__}")

# %% by-hand [markdown]
# ## By hand first
#
# The paper (section 3.3), for the channel `c` at one position of the picture:
#
# $$b_c = a_c \Big/ \Big(k + \alpha \sum_{j} a_j^2\Big)^{\beta}$$
#
# The sum goes over `n` channels: `c` itself and `(n - 1) / 2` neighbours on each side, **at the same position**. At the first and the last channels the window is cut off.
#
# **Predict** for five channels of 100: the sum is `5 * 100 * 100`, and `alpha * sum` is 5. What is the result in the middle? And with `alpha` divided by `n`? What does the *first* channel get, which has neighbours on one side only: more or less than the middle?

# %% inhibition-text [markdown]
# <details><summary>Result</summary>
#
# In the middle `100 / (2 + 5)^0.75 = 23.2`, and `100 / (2 + 1)^0.75 = 43.9`: the two programs of the puzzle. The first channel has three channels in its window, so its printed value is `100 / (2 + 3)^0.75 = 29.9`. Fewer neighbours lower it less.
# </details>
#
# ## Strong neighbours
#
# The paper calls it a kind of *lateral inhibition*, after what real neurons do: one that fires strongly quietens its neighbours. Here are 24 channels at one position; one is strong.
#
# **Predict** what LRN makes of its neighbours: with an `alpha` 500 times too large, and with the paper's.

# %% inhibition
channels = np.random.default_rng(6).uniform(0.5, 2, 24)
channels[12] = 10
sums = layers.channel_band(24, 5) @ channels**2  # for each channel, over its window
figure, panels = plt.subplots(1, 2, figsize=(11, 3.4), layout="constrained", sharey=True)
for panel, alpha in zip(panels, (5e-2, 1e-4)):
    alone, normalised = channels / 2**0.75, channels / (2 + alpha * sums) ** 0.75
    lowered = 1 - normalised / alone
    panel.bar(range(24), alone, width=0.8, color="#DDDDDD", label="alpha = 0: only divided by $2^{0.75}$")
    panel.bar(range(24), normalised, width=0.45, color="#0072B2", label=f"alpha = {alpha:g}")
    panel.set_title(f"alpha = {alpha:g}")
    panel.set_xlabel("channel")
    panel.legend(loc="upper left")
    panel.set_ylim(0, 8)
    print(
        f"alpha = {alpha:g}: the strong channel's neighbour 13 is lowered by {lowered[13]:.2%}, 20 by {lowered[20]:.2%}"
    )
panels[0].set_ylabel("result")
plt.show()

# %% lrn-text [markdown]
# On the left you see it: five channels pay for the strong one, itself included. On the right you see nothing, because there is next to nothing to see. With the paper's `alpha` and numbers of this size LRN divides by `2^0.75 = 1.68`, and that is nearly all. Keep that in mind; it will come back.
#
# ## Exercise 1: the formula
#
# Write `lrn(x, n, k, alpha, beta)` as printed, in NumPy. `x` is `[N, C, H, W]`, `n` is odd. Windows are cut off at the first and the last channel; there may be fewer channels than `n`. Return a new array; `x` must be unchanged afterwards. Do not call Paddle.


# %% lrn nbgrader={"grade": false, "grade_id": "lrn", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["lrn"] needs=["setup"]
def lrn(x, n=5, k=2.0, alpha=1e-4, beta=0.75):
    """Local response normalisation of [N, C, H, W] across channels, as the paper prints it.

    Example: lrn(np.full((1, 5, 1, 1), 100.0))[0, 2, 0, 0] is about 23.24.
    """
    ### BEGIN SOLUTION
    half = n // 2
    squares = np.pad(x * x, ((0, 0), (half, half), (0, 0), (0, 0)))
    sums = sum(squares[:, start : start + x.shape[1]] for start in range(n))
    return x / (k + alpha * sums) ** beta
    ### END SOLUTION


# %% lrn-visible nbgrader={"grade": true, "grade_id": "lrn-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="five channels of 100, and the window at the first channel" needs=["lrn"]
got = lrn(np.full((1, 5, 1, 1), 100.0))
assert type(got) is np.ndarray, f"lrn: got a {type(got).__name__}, expected a NumPy array."
assert got.shape == (1, 5, 1, 1), f"lrn of (1, 5, 1, 1): got {got.shape}, expected the same shape."
assert abs(float(got[0, 2, 0, 0]) - 100 / 7**0.75) < 1e-6, (
    f"lrn, five channels of 100, the middle one: got {float(got[0, 2, 0, 0]):.3f}, expected 23.237. "
    "43.869 would be the mean of the squares; the printed formula has their sum."
)
assert abs(float(got[0, 0, 0, 0]) - 100 / 5**0.75) < 1e-6, (
    f"lrn, five channels of 100, the first one: got {float(got[0, 0, 0, 0]):.3f}, expected 29.907. "
    "Three channels are left in its window."
)

# %% lrn-hidden nbgrader={"grade": true, "grade_id": "lrn-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="other windows and constants, several pictures and positions, fewer channels than the window, x unchanged" needs=["lrn"]
# Other sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for seed, (shape, n, k, alpha, beta) in enumerate(
    (((2, 7, 3, 4), 5, 2.0, 1e-4, 0.75), ((2, 6, 2, 3), 3, 1.0, 0.5, 0.75), ((1, 3, 2, 2), 7, 0.5, 0.1, 1.25))
):
    x = np.random.default_rng(seed).normal(size=shape) * 30
    kept = x.copy()
    try:
        got = lrn(x, n, k, alpha, beta)
    except ValueError as error:  # shapes that do not fit
        got = error
    assert not isinstance(got, ValueError), (
        f"lrn, for {shape[1]} channels, n = {n}: got the ValueError {got}. There must be one sum for each channel, "
        'also where n is larger than their number. (np.convolve(..., "same") gives as many as the longer of the two.)'
    )
    assert type(got) is np.ndarray, f"lrn: got a {type(got).__name__}, expected a NumPy array."
    assert got.shape == shape, (
        f"lrn of {shape}, for {shape[1]} channels, n = {n}: got {got.shape}, expected the same shape."
    )
    assert float(np.abs(x - kept).max()) == 0, "lrn changed x. Compute all sums from the numbers as they came."
    for c in range(shape[1]):
        window = kept[:, max(0, c - n // 2) : c + n // 2 + 1]
        expected = kept[:, c] / (k + alpha * (window**2).sum(axis=1)) ** beta
        wrong = float(np.abs(got[:, c] - expected).max())
        assert wrong < 1e-9, (
            f"lrn, {shape}, n={n}, k={k}, alpha={alpha}, beta={beta}: channel {c} differs by {wrong:.3g} from the "
            "formula. Which channels are in its window?"
        )
### END HIDDEN TESTS

# %% compare-text [markdown]
# ## Who computes what?
#
# The same four settings go to Paddle's layer and to this package's, which knows both rules. **Predict** which of them agree with yours.

# %% compare needs=["setup", "lrn"]
x = np.random.default_rng(0).normal(size=(2, 24, 5, 5)) * 50
mine = lrn(x)
tensor = paddle.to_tensor(x)
results = {
    "the package, as printed": layers.LocalResponseNorm(24)(tensor.astype("float32")).numpy(),
    "the package, divide_by_size": layers.LocalResponseNorm(24, divide_by_size=True)(tensor.astype("float32")).numpy(),
    "Paddle, (5, 1e-4, 0.75, k=2)": paddle.nn.LocalResponseNorm(5, 1e-4, 0.75, k=2.0)(tensor).numpy(),
    "yours with alpha=1e-4 / 5": lrn(x, alpha=1e-4 / 5),
}
for name, result in results.items():
    away = [np.abs(result - other).max() for other in (mine, results["yours with alpha=1e-4 / 5"])]
    print(f"{name:30} differs from your printed formula by {away[0]:8.1e}, from alpha / 5 by {away[1]:8.1e}")
assert np.abs(results["the package, as printed"] - mine).max() < 1e-4
assert np.abs(results["the package, divide_by_size"] - results["yours with alpha=1e-4 / 5"]).max() < 1e-4
assert np.abs(results["Paddle, (5, 1e-4, 0.75, k=2)"] - results["yours with alpha=1e-4 / 5"]).max() < 1e-10

# %% conventions-text [markdown]
# Two camps. The 2012 source divides `alpha` by `n` before it starts (`layer.py:1183`: `scale /= size`), and Caffe, PyTorch and Paddle do the same. The printed formula does not. Four equal numbers in two programs do not mean one layer.
#
# The name of the argument tells you nothing, and the documentation may leave it open. The layer itself cannot: give it numbers and look.
#
# ## Exercise 2: read the settings from outside
#
# Somebody hands you `layer`, a function from an array `[N, C, H, W]` (`float64`) to an array of the same shape. You know that it is an LRN with this `n` (at least 3), `alpha` and `beta`. You do not know its `k` (it lies between 0.1 and 10), and not whether it multiplies `alpha` by the **sum** of the squares or by their **mean**: their sum divided by `n`, also where the window is cut off.
#
# Write `read_settings(layer, n, alpha, beta)`: the tuple `(k, rule)`, where `k` is a float, right to 1%, and `rule` is `"sum"` or `"mean"`. A hint: which input makes `alpha * sum` vanish? And next to which input is `k` negligible?


# %% read-settings nbgrader={"grade": false, "grade_id": "read-settings", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["read_settings"] needs=["setup"]
def read_settings(layer, n, alpha, beta):
    """(k, "sum" or "mean") of an LRN that can only be called.

    Example: read_settings(lambda x: x / (2 + 1e-4 * x**2) ** 0.75, 5, 1e-4, 0.75) is (2.0, "sum")
    (this function is an LRN only for inputs with one channel).
    """

    ### BEGIN SOLUTION
    def scale(value):
        return float(value / layer(np.full((1, 1, 1, 1), value)).item()) ** (1 / beta)

    k = scale(1e-6)
    large = (100 / alpha) ** 0.5
    weight = (scale(large) - k) / large**2
    return k, "sum" if weight > alpha * (1 + 1 / n) / 2 else "mean"
    ### END SOLUTION


# %% read-settings-visible nbgrader={"grade": true, "grade_id": "read-settings-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="one layer of each rule, with n=5 and alpha=1e-4" needs=["read-settings"]
def black_box(rule, n, k, alpha, beta):
    def layer(x):
        padded = np.pad(x * x, ((0, 0), (n // 2, n // 2), (0, 0), (0, 0)))
        sums = sum(padded[:, i : i + x.shape[1]] for i in range(n))
        return x / (k + alpha * sums / (n if rule == "mean" else 1)) ** beta

    return layer


for rule, k in (("sum", 2.0), ("mean", 1.0)):
    got = read_settings(black_box(rule, 5, k, 1e-4, 0.75), 5, 1e-4, 0.75)
    assert type(got) is tuple and len(got) == 2, f"read_settings: got {got!r}, expected a tuple (k, rule)."
    assert isinstance(got[0], float), f"read_settings, k: got a {type(got[0]).__name__}, expected a float."
    assert abs(got[0] / k - 1) < 0.01, f"read_settings, k: got {got[0]:.4f}, expected {k}. Try an input near 0."
    assert type(got[1]) is str and got[1] == rule, (
        f"read_settings, rule: got {got[1]!r}, expected {rule!r}. If only one channel is not 0, by what is its square multiplied?"
    )


# %% read-settings-hidden nbgrader={"grade": true, "grade_id": "read-settings-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="other windows, other constants, Paddle's own layer" needs=["read-settings"]
# Other layers, when your work is graded.
### BEGIN HIDDEN TESTS
def hidden_box(rule, n, k, alpha, beta):
    def layer(x):
        window = np.abs(np.arange(x.shape[1])[:, None] - np.arange(x.shape[1])[None]) <= n // 2
        sums = np.einsum("cd,ndhw->nchw", window.astype("float64"), x * x)
        return x / (k + (alpha / n if rule == "mean" else alpha) * sums) ** beta

    return layer


paddles = paddle.nn.LocalResponseNorm(7, 0.01, 0.5, k=3.0)
for rule, n, k, alpha, beta, layer in (
    ("sum", 3, 0.5, 1.0, 0.5, None),
    ("mean", 3, 4.0, 1e-5, 1.0, None),
    ("mean", 9, 0.2, 0.3, 0.75, None),
    ("sum", 9, 8.0, 1e-3, 1.25, None),
    ("mean", 7, 3.0, 0.01, 0.5, lambda x: paddles(paddle.to_tensor(x)).numpy()),
):
    case = f"read_settings, n={n}, alpha={alpha}, beta={beta}"
    got = read_settings(layer or hidden_box(rule, n, k, alpha, beta), n, alpha, beta)
    assert type(got) is tuple and len(got) == 2, f"{case}: got {got!r}, expected a tuple (k, rule)."
    assert isinstance(got[0], float), f"{case}: k is a {type(got[0]).__name__}, expected a float."
    assert abs(got[0] / k - 1) < 0.01, f"{case}: got k={got[0]:.4f}, expected {k}. Is alpha * sum small enough?"
    assert type(got[1]) is str and got[1] == rule, f"{case}: got {got[1]!r}, expected {rule!r}. It depends on n."
### END HIDDEN TESTS

# %% probe-text [markdown]
# Now point it at real layers. Each is made with as few arguments as its author allows. **Predict** the two columns.

# %% probe needs=["setup", "read-settings"]
candidates = {
    "paddle.nn.LocalResponseNorm(5)": paddle.nn.LocalResponseNorm(5),
    "the package's LocalResponseNorm(96)": layers.LocalResponseNorm(96),
}
for name, layer in candidates.items():

    def as_function(x, layer=layer):
        many = np.concatenate([x] + [0 * x] * (96 - x.shape[1]), axis=1)
        return layer(paddle.to_tensor(many)).numpy()[:, : x.shape[1]]

    k, rule = read_settings(as_function, 5, 1e-4, 0.75)
    print(f"{name:36} k = {k:.3f}, alpha times the {rule}")

# %% as-printed-text [markdown]
# Two surprises in Paddle's layer, then: the mean, and **k is 1 unless you say otherwise** (in PyTorch too). Whoever writes `LocalResponseNorm(5)` and thinks of the paper has two of the four constants different in effect.
#
# ## Exercise 3: Paddle's layer, the printed formula
#
# Write `as_printed(n, k, alpha, beta)`: a Paddle layer that computes the printed formula with these four numbers. Use `paddle.nn.LocalResponseNorm`; what do you have to give it? Look up the order of its arguments.


# %% as-printed nbgrader={"grade": false, "grade_id": "as-printed", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["as_printed"] needs=["setup"]
def as_printed(n=5, k=2.0, alpha=1e-4, beta=0.75):
    """A Paddle layer from [N, C, H, W] to [N, C, H, W] that computes the paper's printed formula.

    Example: as_printed()(paddle.full([1, 5, 1, 1], 100.0))[0, 2, 0, 0] is about 23.24.
    """
    ### BEGIN SOLUTION
    return paddle.nn.LocalResponseNorm(n, alpha=alpha * n, beta=beta, k=k)
    ### END SOLUTION


# %% as-printed-visible nbgrader={"grade": true, "grade_id": "as-printed-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="five channels of 100 with the paper's settings" needs=["as-printed"]
got = as_printed()(paddle.full([1, 5, 1, 1], 100.0)).numpy()
assert type(got) is np.ndarray, f"as_printed: its layer gives a {type(got).__name__}, expected a tensor."
assert got.shape == (1, 5, 1, 1), f"as_printed: got {got.shape}, expected the shape of the input."
assert abs(float(got[0, 2, 0, 0]) - 100 / 7**0.75) < 1e-3, (
    f"as_printed, five channels of 100, the middle one: got {float(got[0, 2, 0, 0]):.3f}, expected 23.237. "
    "43.869: alpha was divided by 5. 26.085: k is 1."
)

# %% as-printed-hidden nbgrader={"grade": true, "grade_id": "as-printed-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="other windows and constants" needs=["as-printed"]
# Other settings, when your work is graded.
### BEGIN HIDDEN TESTS
for seed, (n, k, alpha, beta) in enumerate(((3, 1.5, 0.01, 0.5), (7, 1.0, 0.2, 1.0), (5, 3.0, 0.05, 0.6))):
    x = np.random.default_rng(seed).normal(size=(2, 8, 3, 2)) * 5
    window = np.abs(np.arange(8)[:, None] - np.arange(8)[None]) <= n // 2
    expected = x / (k + alpha * np.einsum("cd,ndhw->nchw", window.astype("float64"), x * x)) ** beta
    got = as_printed(n, k, alpha, beta)(paddle.to_tensor(x)).numpy()
    assert type(got) is np.ndarray, f"as_printed: its layer gives a {type(got).__name__}, expected a tensor."
    assert got.shape == x.shape, f"as_printed: got {got.shape}, expected {x.shape}."
    wrong = float(np.abs(got - expected).max())
    assert wrong < 1e-6, (
        f"as_printed, n={n}, k={k}, alpha={alpha}, beta={beta}: differs by {wrong:.3g} from the formula. "
        "Each of the four numbers counts."
    )
### END HIDDEN TESTS

# %% factor-text [markdown]
# ## When does alpha matter at all?
#
# Let all channels of a window hold the same number `a`. Then LRN multiplies by `(k + alpha * n * a²)^-beta`, or without the `n` if `alpha` is divided by it. For small `a` that is the constant `k^-beta`.
#
# **Predict:** from which `a` on does the curve leave the constant? Is it nearer 1, 10 or 100?

# %% factor-picture
a = np.logspace(-1, 3, 200)
figure, panel = plt.subplots(figsize=(8, 3.6), layout="constrained")
for name, alpha, style in (("alpha as printed", 1e-4, "-"), ("alpha divided by 5", 1e-4 / 5, "--")):
    panel.semilogx(a, (2 + alpha * 5 * a**2) ** -0.75, style, label=name, color=plots.OKABE_ITO[style == "--"])
panel.axhline(2**-0.75, color="black", linewidth=0.8)
panel.text(0.11, 2**-0.75 + 0.01, f"$2^{{-0.75}}$ = {2**-0.75:.3f}", va="bottom")
panel.set_ylim(0, 0.7)
panel.set_xlabel("the number a in all five channels (logarithmic)")
panel.set_ylabel("what LRN multiplies by")
panel.legend()
panel.grid(alpha=0.3)
plt.show()

# %% needed-text [markdown]
# Below about 10 both are flat. There LRN only multiplies by 0.595, whatever the neighbours do. It begins to work somewhere between 10 and 100. You can say exactly where.
#
# ## Exercise 4: how large must the numbers be?
#
# Write `activation_needed(change, n, k, alpha, beta)`: the positive `a` for which the printed formula, with all `n` channels of the window equal to `a`, multiplies by a number that is lower than `k^-beta` by the share `change`. For `change=0.1`, by 10%. Solve the equation by hand first. Return a float.


# %% activation-needed nbgrader={"grade": false, "grade_id": "activation-needed", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["activation_needed"] needs=["setup"]
def activation_needed(change, n=5, k=2.0, alpha=1e-4, beta=0.75):
    """The number in all n channels that makes LRN's factor lower than k^-beta by a share. Example: 0.1 -> about 24.6."""
    ### BEGIN SOLUTION
    return float((k * ((1 - change) ** (-1 / beta) - 1) / (alpha * n)) ** 0.5)
    ### END SOLUTION


# %% activation-needed-visible nbgrader={"grade": true, "grade_id": "activation-needed-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="10% with the paper's settings" needs=["activation-needed"]
got = activation_needed(0.1)
assert isinstance(got, float), f"activation_needed: got a {type(got).__name__}, expected a float."
assert abs(got - 24.5623) < 0.001, (
    f"activation_needed(0.1): got {got:.4f}, expected 24.5623. Divide (k + alpha n a²)^-beta by k^-beta: "
    "that must be 0.9. Then solve for a."
)

# %% activation-needed-hidden nbgrader={"grade": true, "grade_id": "activation-needed-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="other shares and other constants" needs=["activation-needed"]
# Other settings, when your work is graded.
### BEGIN HIDDEN TESTS
for change, n, k, alpha, beta in ((0.01, 5, 2.0, 1e-4, 0.75), (0.5, 3, 1.0, 1e-3, 0.5), (0.3, 9, 4.0, 0.02, 1.5)):
    case = f"activation_needed({change}, {n}, {k}, {alpha}, {beta})"
    got = activation_needed(change, n, k, alpha, beta)
    assert isinstance(got, float), f"{case}: got a {type(got).__name__}, expected a float."
    assert got > 0, f"{case}: got {got}, expected a positive number."
    factor = ((k + alpha * n * got**2) / k) ** -beta
    assert abs(factor - (1 - change)) < 1e-6, (
        f"{case}: got {got:.4f}, which lowers the factor by {1 - factor:.4%}, expected {change:.0%}."
    )
### END HIDDEN TESTS

# %% real-text [markdown]
# With `alpha` divided by `n`, the `n` cancels: 10% needs 54.9 in every channel of the window, whatever `n` is.
#
# ## And in a real net?
#
# That depends on the *inputs*. The paper feeds pictures on the scale 0..255 with the mean image subtracted. Most programs today divide by the standard deviation too, so that inputs are about 1 in size. Here is the net `mini` on `petals`, trained for two epochs each way with LRN as printed. We look at what comes out of `relu1`, on its way into LRN: 64 validation pictures, and for every number that is not 0 how much the *neighbours' part* of the formula lowers it.
#
# **Predict** for both: less than 1%, about 10%, or more than half?

# %% real
with reporter.quiet():
    pictures = Data("petals", 64, 500)
train, measured = pictures.train(seed=0)
figure, panels = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained", sharey=True)
bins = np.logspace(-7, 0, 71)
for panel, (title, normalise) in zip(
    panels, (("inputs divided by their deviation", "mean_std"), ("inputs on the scale 0..255", "mean_image"))
):
    recipe = RECIPES["quick"].replace(epochs=2, augmentation=Augmentation(normalise=normalise))
    inputs = setup.fit_inputs(recipe, 64, measured)
    model = setup.build_model(VARIANTS["mini"], seed=0)
    trainer = setup.build_trainer(model, recipe, train, pictures.val, inputs, seed=0)
    trainer.fit()
    batch = inputs.preprocessing.batch(pictures.val, range(64))
    outputs = inspection.outputs(trainer.model, paddle.to_tensor(batch))
    values = next(out for name, out in outputs.items() if name.endswith("relu1")).astype("float64")
    sums = np.einsum("cd,ndhw->nchw", layers.channel_band(values.shape[1], 5), values**2)[values > 0]
    print(f"{title}: inputs {batch.std():.1f} in size, relu1 {np.sqrt((values**2).mean()):.1f}")
    for number, (name, alpha) in enumerate((("as printed", 1e-4), ("divided by 5", 1e-4 / 5))):
        lowered = 1 - (1 + alpha * sums / 2) ** -0.75
        low, middle, high = 2 + alpha * np.quantile(sums, (0.01, 0.5, 0.99))
        panel.hist(
            lowered,
            bins=bins,
            weights=np.full(len(lowered), 1 / len(lowered)),
            histtype="step",
            linewidth=2,
            linestyle=("-", "--")[number],
            color=plots.OKABE_ITO[number],
            label=f"alpha {name}",
        )
        print(
            f"   alpha {name:12}: denominator before the power {middle:.4f} (98% between {low:.4f} and {high:.4f}); "
            f"lowered by {np.median(lowered):.2%} in the middle, {lowered.max():.1%} at most"
        )
    panel.axvline(0.01, color="black", linewidth=0.8)
    panel.text(0.009, 0.995, "1%", ha="right", va="top", transform=panel.get_xaxis_transform())
    panel.set_xscale("log")
    panel.set_title(title)
    panel.set_xlabel("share by which the window lowers a number (logarithmic)")
panels[0].set_ylabel("share of the numbers in a bar")
panels[0].legend(loc="upper left")
plt.show()

# %% real-meaning [markdown]
# This is the most important picture of the chapter. Left: with inputs of about 1, next to nothing reaches 1%. LRN is **multiplication by 0.595**, and the two alphas are the same layer for all purposes. Right: with the paper's inputs it does what it says, and the two alphas are two different layers.
#
# So "we use LRN as in AlexNet" means little without "and our inputs are on the scale 0..255". These are two short trainings of a small net; how large the numbers get depends on the weights too. But the arithmetic of exercise 4 holds for every net.
#
# ## Its gradient
#
# Write `s_c = k + alpha * sum` for the scale of channel `c`, so `b_c = a_c * s_c^-beta`. The number `a_j` appears in two places: as the numerator of its own channel, and in the sum of **every** window that holds it. `g` is the gradient of the loss with respect to `b`. Then:
#
# $$\frac{\partial L}{\partial a_j} = g_j\, s_j^{-\beta} \;-\; 2 \alpha \beta\, a_j \sum_{c} g_c\, a_c\, s_c^{-\beta - 1}$$
#
# The sum is over the channels `c` whose window holds `j`. For odd `n` these are just the channels in the window of `j`.
#
# ## Exercise 5: backwards
#
# Write `lrn_backward(x, g, n, k, alpha, beta)` in NumPy: the gradient with respect to `x`, of the shape of `x`. `g` has this shape too.


# %% lrn-backward nbgrader={"grade": false, "grade_id": "lrn-backward", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["lrn_backward"] needs=["setup"]
def lrn_backward(x, g, n=5, k=2.0, alpha=1e-4, beta=0.75):
    """The gradient of the loss with respect to x [N, C, H, W], from g, that of lrn(x, n, k, alpha, beta).

    Example: for x and g of shape [1, 1, 1, 1] holding 2 and 1, with n=3, k=1, alpha=1, beta=1: -3 / 25.
    """

    ### BEGIN SOLUTION
    def over_windows(values):
        padded = np.pad(values, ((0, 0), (n // 2, n // 2), (0, 0), (0, 0)))
        return sum(padded[:, start : start + x.shape[1]] for start in range(n))

    scale = k + alpha * over_windows(x * x)
    direct = g / scale**beta
    return direct - 2 * alpha * beta * x * over_windows(direct * x / scale)
    ### END SOLUTION


# %% lrn-backward-visible nbgrader={"grade": true, "grade_id": "lrn-backward-visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="one channel, then two channels that are each other's neighbours" needs=["lrn-backward"]
got = lrn_backward(np.full((1, 1, 1, 1), 2.0), np.ones((1, 1, 1, 1)), 3, 1.0, 1.0, 1.0)
assert type(got) is np.ndarray, f"lrn_backward: got a {type(got).__name__}, expected a NumPy array."
assert got.shape == (1, 1, 1, 1), f"lrn_backward: got {got.shape}, expected (1, 1, 1, 1)."
assert abs(float(got[0, 0, 0, 0]) + 0.12) < 1e-6, (
    f"lrn_backward, the derivative of a / (1 + a²) at 2: got {float(got[0, 0, 0, 0]):.4f}, expected -0.12."
)
got = lrn_backward(np.ones((1, 2, 1, 1)), np.array([1.0, 0]).reshape(1, 2, 1, 1), 3, 1.0, 1.0, 1.0)
assert type(got) is np.ndarray and got.shape == (1, 2, 1, 1), "lrn_backward: expected an array of the shape of x."
assert abs(float(got[0, 0, 0, 0]) - 1 / 9) < 1e-6, (
    f"lrn_backward, its own channel: got {float(got[0, 0, 0, 0]):.4f}, expected 1/3 - 2/9 = 0.1111."
)
assert abs(float(got[0, 1, 0, 0]) + 2 / 9) < 1e-6, (
    f"lrn_backward, the neighbour: got {float(got[0, 1, 0, 0]):.4f}, expected -2/9 = -0.2222. "
    "It changes the other channel's result, although its own gradient g is 0."
)

# %% lrn-backward-hidden nbgrader={"grade": true, "grade_id": "lrn-backward-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} checks="more channels, windows and constants, against Paddle's gradient" needs=["lrn-backward"]
# Other sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for seed, (shape, n, k, alpha, beta) in enumerate(
    (((2, 7, 3, 2), 5, 2.0, 0.1, 0.75), ((1, 6, 2, 3), 3, 1.0, 0.5, 0.5), ((2, 4, 2, 2), 7, 0.5, 0.2, 1.25))
):
    rng = np.random.default_rng(seed)
    x, g = rng.normal(size=shape) * 3, rng.normal(size=shape)
    tensor = paddle.to_tensor(x, stop_gradient=False)
    out = F.local_response_norm(tensor, n, alpha=alpha * n, beta=beta, k=k)
    (out * paddle.to_tensor(g)).sum().backward()
    expected = tensor.grad.numpy()
    got = lrn_backward(x, g, n, k, alpha, beta)
    assert type(got) is np.ndarray, f"lrn_backward: got a {type(got).__name__}, expected a NumPy array."
    assert got.shape == shape, f"lrn_backward, {shape}: got {got.shape}, expected the same shape."
    place = tuple(int(i) for i in np.unravel_index(np.abs(got - expected).argmax(), shape))
    assert float(np.abs(got - expected).max()) < 1e-6, (
        f"lrn_backward, {shape}, n={n}, k={k}, alpha={alpha}, beta={beta}: got {float(got[place]):.5f} at {place}, "
        f"expected {float(expected[place]):.5f}. Every window that holds the channel adds its part."
    )
### END HIDDEN TESTS

# %% check-text [markdown]
# The check of chapter 02: against central differences in `float64`, with an `alpha` so large that the second term counts. (With `1e-4` you could leave that term out and hardly notice. A check must be able to fail.) Then against Paddle's gradient (`float64`, but this layer is only good to about eight digits there), and the package's, which has its own code for it in `float32`.

# %% check needs=["setup", "lrn", "as-printed", "lrn-backward"]
rng = np.random.default_rng(3)
x, g = rng.normal(size=(1, 8, 2, 2)) * 3, rng.normal(size=(1, 8, 2, 2))
mine = lrn_backward(x, g, alpha=0.1)
numeric = np.zeros(x.shape)
for place in np.ndindex(x.shape):
    step = np.zeros(x.shape)
    step[place] = 1e-5
    numeric[place] = ((lrn(x + step, alpha=0.1) - lrn(x - step, alpha=0.1)) * g).sum() / 2e-5
print(f"central differences:  largest difference to yours {np.abs(mine - numeric).max():.1e}")
assert np.abs(mine - numeric).max() < 1e-8
for name, layer, dtype, tolerance in (
    ("Paddle, float64", as_printed(alpha=0.1), "float64", 1e-7),
    ("the package, float32", layers.LocalResponseNorm(8, alpha=0.1), "float32", 1e-5),
):
    tensor = paddle.to_tensor(x.astype(dtype), stop_gradient=False)
    (layer(tensor) * paddle.to_tensor(g.astype(dtype))).sum().backward()
    difference = np.abs(mine - tensor.grad.numpy()).max()
    print(f"{name + ':':21} largest difference to yours {difference:.1e}")
    assert difference < tolerance
first_term = g * lrn(x, alpha=0.1) / x
print(f"without the second term it would be {np.abs(mine - first_term).max():.2f}")

# %% band-text [markdown]
# ## One matrix product, again
#
# At each position, the sums over windows of channels are a matrix times the vector of squares. The matrix holds only 0 and 1, in a band along the diagonal. Most of its products are with 0, and still it is quick: multiplying matrices is what computers do best (chapter 02). This is how the package does it outside the CPU's fast path: a convolution of 1 x 1 whose fixed weights are this band.
#
# In the 2012 source the channels lie on two cards, and a window never crosses from one tower to the other (48 + 48 channels after conv1). **Predict** what that does to the band. The picture comes after the exercise: you draw it with your own function.
#
# ## Exercise 6: the band
#
# Write `band(channels, n, groups)`: the array `[channels, channels]` of zeros and ones. Row `c` has ones for the channels in the window of `c`. The channels are cut into `groups` equal towers, one after the other, and no window leaves its tower. `n` is odd.


# %% band nbgrader={"grade": false, "grade_id": "band", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["band"] needs=["setup"]
def band(channels, n, groups=1):
    """[channels, channels] of 0 and 1: which channels are in the window of channel c.

    Example: band(3, 3) is [[1, 1, 0], [1, 1, 1], [0, 1, 1]].
    """
    ### BEGIN SOLUTION
    size = channels // groups
    c = np.arange(size)
    one = (np.abs(c[:, None] - c[None]) <= n // 2).astype("float64")
    return np.kron(np.eye(groups), one)
    ### END SOLUTION


# %% band-visible nbgrader={"grade": true, "grade_id": "band-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="four channels, as one tower and as two" needs=["band"]
for groups, expected in (
    (1, [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]),
    (2, [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]),
):
    got = band(4, 3, groups)
    assert type(got) is np.ndarray, f"band: got a {type(got).__name__}, expected a NumPy array."
    assert got.shape == (4, 4), f"band(4, 3, {groups}): got {got.shape}, expected (4, 4)."
    assert np.abs(got - np.array(expected)).max() == 0, (
        f"band(4, 3, {groups}): got {(got + 0).tolist()}, expected {expected}."
    )

# %% band-hidden nbgrader={"grade": true, "grade_id": "band-hidden", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="other windows, three towers, a window wider than a tower" needs=["band"]
# Other sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for channels, n, groups in ((96, 5, 2), (12, 3, 3), (6, 1, 1), (8, 9, 2), (12, 5, 4)):
    got = band(channels, n, groups)
    assert type(got) is np.ndarray, f"band: got a {type(got).__name__}, expected a NumPy array."
    assert got.shape == (channels, channels), f"band({channels}, {n}, {groups}): got {got.shape}."
    for c in range(channels):
        tower = c // (channels // groups)
        expected = [int(abs(c - j) <= n // 2 and j // (channels // groups) == tower) for j in range(channels)]
        found = [float(value) for value in got[c]]
        assert found == expected, f"band({channels}, {n}, {groups}), row {c}: got {found}, expected {expected}."
### END HIDDEN TESTS

# %% band-compare-text [markdown]
# First your band as a picture, with one tower and with two: what is missing on the right? Then: does it give the same sums? With one tower it must equal your `lrn`; with two, the package's layer with `groups=2`. And how many of the 96 channels notice the towers at all?

# %% band-picture needs=["setup", "band"]
figure, panels = plt.subplots(1, 2, figsize=(7, 3.7), layout="constrained")
for panel, groups in zip(panels, (1, 2)):
    panel.imshow(band(12, 5, groups), cmap="Blues", vmin=0, vmax=1.4)
    panel.set_title(f"12 channels, n = 5, towers: {groups}")
    panel.set_xlabel("channel whose square is added")
    panel.set_xticks(range(0, 12, 2))
    panel.set_yticks(range(0, 12, 2))
panels[0].set_ylabel("channel that is normalised")
plt.show()

# %% band-compare needs=["setup", "lrn", "band"]
x = np.random.default_rng(2).normal(size=(2, 96, 4, 4)) * 50
by_band = {groups: x / (2 + 1e-4 * np.einsum("cd,ndhw->nchw", band(96, 5, groups), x * x)) ** 0.75 for groups in (1, 2)}
for groups in (1, 2):
    assert np.abs(band(96, 5, groups) - layers.channel_band(96, 5, groups)).max() == 0
    package = layers.LocalResponseNorm(96, groups=groups)(paddle.to_tensor(x.astype("float32"))).numpy()
    print(f"groups={groups}: largest difference to the package {np.abs(package - by_band[groups]).max():.1e}")
    assert np.abs(package - by_band[groups]).max() < 1e-4
print(f"groups=1: largest difference to your lrn {np.abs(lrn(x) - by_band[1]).max():.1e}")
assert np.abs(lrn(x) - by_band[1]).max() < 1e-10
changed = np.abs(by_band[1] - by_band[2]).max(axis=(0, 2, 3)) > 0
print(f"channels that two towers change: {np.flatnonzero(changed).tolist()}")

# %% cost-text [markdown]
# Only the four next to the cut: theirs are the rows that differ between the two pictures.
#
# ## Where it sits
#
# In the paper LRN follows the ReLU of conv1 and of conv2, and pooling comes after it. In one configuration from the 2012 source (`layers-145.cfg`) the order in the first stage is conv1, LRN, pooling, ReLU. There negative numbers are squared as well, and lower their neighbours. Its second LRN follows the ReLU of conv2, as in the paper, and after it comes one more normalisation, over 5 x 5 pixels within each channel. The package has it as `VARIANTS["convnet2012"]`.
#
# ## What it costs
#
# LRN has no weights, and for each number only a handful of multiplications, next to hundreds in a convolution. It should be nearly free. **Predict**: forward and backward, how long does Paddle's LRN take, next to a 5 x 5 convolution on the same map?
#
# (In the paper the map is not the same: pooling stands between. So the first LRN works on 55 x 55 and the convolution on 27 x 27, and LRN has about four times as many numbers to do as here.)
#
# As in chapter 02, time depends on what else the machine does. So all take turns, each is compared with the convolution in the same round, with a pause and a call that does not count before each; the bar is the median of the ratios, the black line goes from smallest to largest.

# %% cost needs=["setup", "lrn", "as-printed", "lrn-backward"]
shape, rounds = ([32, 96, 27, 27], 9) if FULL else ([8, 48, 27, 27], 7)
x = np.random.default_rng(1).normal(size=shape).astype("float32")
tensor = paddle.to_tensor(x, stop_gradient=False)


def both_ways(layer):
    def run():
        layer(tensor).sum().backward()
        tensor.clear_gradient()

    return run


ways = {
    "conv 5 x 5": both_ways(paddle.nn.Conv2D(shape[1], 128, 5, padding=2)),
    "Paddle's LRN": both_ways(as_printed()),
    "the package's LRN": both_ways(layers.LocalResponseNorm(shape[1])),
    "yours, in NumPy": lambda: (lrn(x), lrn_backward(x, np.ones_like(x))),
}
seconds = {name: [] for name in ways}
for _ in range(rounds):
    for name, way in ways.items():
        time.sleep(0.3)
        way()
        began = time.perf_counter()
        for _ in range(2):
            way()
        seconds[name].append(time.perf_counter() - began)
ratios = {name: [a / b for a, b in zip(times, seconds["conv 5 x 5"])] for name, times in seconds.items()}
figure, panel = plt.subplots(figsize=(8, 2.6), layout="constrained")
for place, values in enumerate(ratios.values()):
    panel.barh(place, statistics.median(values), color=plots.OKABE_ITO[place])
    panel.plot([min(values), max(values)], [place, place], color="black", linewidth=2)
    panel.text(max(values) + 0.02, place, f"{statistics.median(values):.2f}", va="center")
panel.set_yticks(range(len(ratios)), list(ratios))
panel.set_xlim(0, 1.15 * max(map(max, ratios.values())))
panel.set_xlabel("time forward and backward, as a multiple of the convolution's")
panel.invert_yaxis()
plt.show()

# %% live-text [markdown]
# Counting multiplications says little about time. LRN is mostly reading and writing, and a power for each number. Paddle's layer is built from general parts: squares, a padded copy, an average pooling in 3-D, a power, a division. The package does it in few passes and takes the power by two square roots. These bars are for one machine, and if the black lines are long it was busy with other work. A GPU has other bars. Compare your own few lines of NumPy with Paddle's layer.
#
# ## What does it change?
#
# Now the comparison: `mini` on `petals`, inputs divided by their standard deviation, four arms: no LRN, alpha as printed, the source's alpha, and as a control alpha = 0, where no neighbour counts and only the multiplication by 0.595 is left. Everything else is the same: pictures, order, random numbers.
#
# **Predict**, with the histogram of the real net in mind: will the three with LRN differ from each other? And what is left as the difference between "off" and these three? (Two LRN layers: `0.595 * 0.595 = 0.354`.)

# %% live needs=["setup"]
chosen = ABLATIONS["lrn"]
with tempfile.TemporaryDirectory() as folder:
    live = ablation.run("lrn", Path(folder) / "lrn.json", size=chosen.full if FULL else chosen.quick)
for arm, found in live["cost"].items():
    print(
        f"{arm}: a training step takes {statistics.median(found):.2f} times as long as without LRN "
        f"(rounds from {min(found):.2f} to {max(found):.2f})"
    )
plots.ablation_curves(live)

# %% live-after [markdown]
# A few epochs and two seeds prove nothing. That is what the record is for, with more pictures, epochs and seeds.
#
# But you can see how large the noise is, at no extra cost. By the histogram above, with divided inputs, the three alphas change a number by amounts that differ by less than 1%. Pictures, order and random numbers are the same as well. Still the three curves part. So a gap of that size between any two arms, with any one seed, needs no other explanation than chance.
#
# The printed lines give the cost of a whole training step. The arms took turns here too, and each ratio is of one round. A round below 1 would mean that LRN makes a step *faster*: it cannot. If you see one, the machine was doing something else at that moment, and the distance from 1 tells you how far to trust the other rounds.

# %% record needs=["setup"]
recorded = ablation.read("results/lrn-petals.json")
for arm, found in recorded.get("cost", {}).items():
    print(
        f"{arm}: a training step takes {statistics.median(found):.2f} times as long as without LRN "
        f"(rounds from {min(found):.2f} to {max(found):.2f})"
    )
plots.ablation_curves(recorded)

# %% record-differences needs=["setup", "record"]
plots.differences(recorded)

# %% record-cifar10 needs=["setup"]
recorded_cifar10 = ablation.read("results/lrn-cifar10.json")
plots.ablation_curves(recorded_cifar10)

# %% record-cifar10-differences needs=["setup", "record-cifar10"]
plots.differences(recorded_cifar10)

# %% came-out [markdown]
# ## What came out
#
# Difference in test accuracy from the net without LRN, in points, with the 95% interval:
#
# | | `mini` on petals, 5 seeds | `cifar4` on CIFAR-10 pictures, 3 seeds |
# | --- | --- | --- |
# | accuracy without LRN | 96.4<!-- lrn-petals: top1/off/mean * 100 -->% | 55.9<!-- lrn-cifar10: top1/off/mean * 100 -->% |
# | alpha as printed | +0.3<!-- lrn-petals: difference/printed alpha/mean * 100 --> (−1.7<!-- lrn-petals: difference/printed alpha/interval_95/0 * 100 --> to +2.2<!-- lrn-petals: difference/printed alpha/interval_95/1 * 100 -->) | +1.6<!-- lrn-cifar10: difference/printed alpha/mean * 100 --> (+1.2<!-- lrn-cifar10: difference/printed alpha/interval_95/0 * 100 --> to +1.9<!-- lrn-cifar10: difference/printed alpha/interval_95/1 * 100 -->) |
# | the source's alpha | −0.4<!-- lrn-petals: difference/source's alpha/mean * 100 --> (−1.5<!-- lrn-petals: difference/source's alpha/interval_95/0 * 100 --> to +0.7<!-- lrn-petals: difference/source's alpha/interval_95/1 * 100 -->) | +1.7<!-- lrn-cifar10: difference/source's alpha/mean * 100 --> (+0.3<!-- lrn-cifar10: difference/source's alpha/interval_95/0 * 100 --> to +3.1<!-- lrn-cifar10: difference/source's alpha/interval_95/1 * 100 -->) |
# | alpha 0: only times 0.595 | +0.2<!-- lrn-petals: difference/alpha 0/mean * 100 --> (−1.1<!-- lrn-petals: difference/alpha 0/interval_95/0 * 100 --> to +1.4<!-- lrn-petals: difference/alpha 0/interval_95/1 * 100 -->) | +1.4<!-- lrn-cifar10: difference/alpha 0/mean * 100 --> (+1.0<!-- lrn-cifar10: difference/alpha 0/interval_95/0 * 100 --> to +1.9<!-- lrn-cifar10: difference/alpha 0/interval_95/1 * 100 -->) |
# | time of a training step, printed alpha | 1.26<!-- lrn-petals: step_time/printed alpha --> times | 1.20<!-- lrn-cifar10: step_time/printed alpha --> times |
#
# - **On petals nothing can be seen.** All three intervals hold 0.
# - **On CIFAR-10 LRN helps**, with the printed alpha by 1.6<!-- lrn-cifar10: difference/printed alpha/mean * 100 --> points, and with every seed. That is near what the paper reports for its CIFAR-10 net, two points.
# - **But not because of the neighbours.** The control, in which no neighbour counts, gains 1.4<!-- lrn-cifar10: difference/alpha 0/mean * 100 --> points (1.0<!-- lrn-cifar10: difference/alpha 0/interval_95/0 * 100 --> to 1.9<!-- lrn-cifar10: difference/alpha 0/interval_95/1 * 100 -->): as much as the others, as far as three seeds can tell. Multiplying twice by 0.595 makes the signals, and with them the first steps of the training, smaller. For these inputs that is all that LRN does, as the histogram said.
# - **So look for the control** when a layer is said to help. Three arms would have "shown" that lateral inhibition works.
# - **It costs time**: a step of `mini` takes 1.26<!-- lrn-petals: step_time/printed alpha --> times as long, with the package's fast LRN on this CPU.
# - Not measured: inputs on the scale 0..255 as in the paper, where LRN does lower strong channels.

# %% history [markdown]
# ## What the paper and the 2012 source did
#
# - The paper (section 3.3): LRN lowers the top-1 and top-5 errors by 1.4 and 1.2 points; on CIFAR-10 a four-layer net has 13% errors without and 11% with it. It gives no number of seeds, and no intervals. The four constants were chosen on a validation set.
# - The 2012 source divides `alpha` by `n`, so `LocalResponseNorm(5, 1e-4, 0.75, k=2)` in Paddle or PyTorch is the source's layer. The printed formula needs `alpha=5e-4` there.
# - Later AlexNets dropped it: torchvision's and the one of Paddle's handbook have none. The handbook's text praises LRN all the same. Whoever compares with "AlexNet" should say which.
#
# ## Traps
#
# - **Four equal numbers, two layers.** Sum or mean: probe, do not trust names.
# - **k is 1.** The default of Paddle and of PyTorch; the paper's is 2. For small numbers that is the whole difference: 1 in place of 0.595.
# - **Window in space.** LRN of AlexNet goes across *channels*. A window over pixels of one channel is another layer; the 2012 source has it too, after its second LRN, and the package calls it `SpatialNorm` (`snorm2` in the net).
# - **A gradient check with alpha = 1e-4.** The second term is so small that a wrong one passes. Check with a large `alpha`.
# - **Half precision.** 65504 is the largest number in `float16`: the square of 256 does not fit. The package leaves mixed precision in this layer for that reason.
#
# ## Three questions
#
# 1. Inputs are about 1 in size and LRN follows a ReLU. Could a net without LRN compute the same, and how would you choose its weights?
# 2. You copy trained weights from a program that means the sum into one that means the mean, with `n=5`. Which setting do you change?
# 3. In the 2012 source each tower has 128 channels after conv2. For how many of the 256 channels does it matter that windows stay inside a tower?
#
# <details><summary>Answers</summary>
#
# 1. Nearly: LRN is then a multiplication by 0.595. Multiply the weights of the next convolution by 0.595 (not its biases). What changes is how training starts, and how far a step goes.
# 2. `alpha`, to five times its value.
# 3. Four again: two on each side of the cut.
# </details>
#
# Next: [07 Dropout](07_dropout.ipynb).
