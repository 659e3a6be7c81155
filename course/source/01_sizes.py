# %% puzzle [markdown]
# # 01 · The size of things
#
# The paper of 2012 says: pictures of 224 x 224 pixels go in, the first layer has windows of 11 x 11 that step by 4, and 55 x 55 positions come out.
# People have tried to get that 55 ever since. One well-known program feeds 227 pixels instead. Another keeps 224 and adds a padding of 2.
# A famous textbook uses a padding of 1 and gets 54.
#
# **Who is right?** At the end of this chapter you can answer that, and you can check three published tables of sizes and say which row is wrong.
#
# You need: Python, and chapter 00 for how exercises work. Time: about one and a half hours with the exercises.

# %% setup
import alexnet_paddle  # isort: skip  (first: it sets up the CPU before paddle is loaded)
import matplotlib.pyplot as plt
import paddle
from IPython.display import display
from paddle import nn

from alexnet_paddle import VARIANTS, arithmetic, plots

print(f"Paddle {paddle.__version__}, alexnet_paddle {alexnet_paddle.__version__}")

# %% count-first [markdown]
# ## Count first
#
# Here is a row of 8 pixels. A window of 3 pixels slides over it and takes a step of 2 each time. It must stay inside.
#
# **Predict:** at how many places does the window fit? Write the number down, then run the cell.

# %% picture-floor
plots.sliding_windows(n=8, f=3, p=0, s=2)

# %% derive [markdown]
# Three. The hatched pixel on the right is read by no window: a fourth window would need a pixel that is not there.
#
# Now say it with letters. The row has `n` pixels, the window has `f`, the step (the *stride*) is `s`.
#
# - The first window starts at 0. The last possible start is `n - f`, because the window needs `f` pixels from there.
# - The starts are 0, `s`, `2s`, ... up to `n - f`. That is `(n - f) / s` steps, rounded down to a whole number.
# - One more window than steps: a fence with 10 gaps has 11 posts. This is the `+ 1` that people forget.
#
# Padding puts `p` extra pixels on *each* side, so the row gets `n + 2p` long:
#
# $$\text{out} = \left\lfloor \frac{n - f + 2p}{s} \right\rfloor + 1$$
#
# **Predict:** 7 pixels, a window of 3, padding 1, stride 2. How many windows, and is a pixel left over?

# %% picture-padding
plots.sliding_windows(n=7, f=3, p=1, s=2)

# %% two-directions [markdown]
# Grey pixels are padding; they hold 0. Four windows fit, and none is left over.
#
# A picture has two directions, and each follows the rule by itself. From 7 x 7 pixels come 4 x 4 positions: 16 windows.
# Here are three of the 16, and the position in the output that each one fills.

# %% picture-two-directions
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.9), layout="constrained", width_ratios=(9, 6))
left.add_patch(plt.Rectangle((-1, -1), 9, 9, facecolor=plots.SIZE_COLORS["padding"]))
left.add_patch(plt.Rectangle((0, 0), 7, 7, facecolor=plots.SIZE_COLORS["pixel"]))
left.hlines(range(-1, 9), -1, 8, color="white", linewidth=1, zorder=1)
left.vlines(range(-1, 9), -1, 8, color="white", linewidth=1, zorder=1)
for (row, column), color in {(0, 0): "#0072B2", (1, 2): "#D55E00", (3, 3): "#009E73"}.items():
    left.add_patch(plt.Rectangle((2 * column - 1, 2 * row - 1), 3, 3, color=color, alpha=0.35))
    left.add_patch(plt.Rectangle((2 * column - 1, 2 * row - 1), 3, 3, fill=False, edgecolor=color, linewidth=2.5))
    right.add_patch(plt.Rectangle((column, row), 1, 1, color=color))
right.hlines(range(5), 0, 4, color="#888888", linewidth=1)
right.vlines(range(5), 0, 4, color="#888888", linewidth=1)
left.set(xlim=(-1.2, 8.2), ylim=(8.2, -1.2), aspect="equal", title="input: n=7, f=3, p=1, s=2")
right.set(xlim=(-0.1, 4.1), ylim=(4.1, -0.1), aspect="equal", title="output: 4 x 4", xticks=range(5), yticks=range(5))
for panel in (left, right):
    panel.set(xlabel="column", ylabel="row")
plt.show()

# %% explorer-text [markdown]
# ## Try it
#
# Where widgets run (Jupyter, VS Code), the next cell shows sliders below the picture. Elsewhere you see the picture only: change the numbers in the code.
#
# Look for settings where pixels are left over, and for settings where a bigger window gives the same size.

# %% explorer
display(plots.sliding_windows(n=12, f=5, p=1, s=3))


def explore(n=12, f=5, p=1, s=3, rounding="floor"):
    """Picture and sizes for these numbers."""
    try:
        display(plots.sliding_windows(n, f, p, s, rounding))
    except ValueError as error:
        print(error)


try:
    from ipywidgets import interact
except ImportError:
    pass
else:
    interact(explore, n=(1, 24), f=(1, 11), p=(0, 5), s=(1, 6), rounding=["floor", "ceil"])

# %% conv-out-text [markdown]
# ## Exercise 1: the rule
#
# Write `conv_out(n, f, p, s)`: the side of a convolution's output, rounded **down**. All four are whole numbers, and so is the result (an `int`).


# %% conv-out nbgrader={"grade": false, "grade_id": "conv-out", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["conv_out"] needs=["setup"]
def conv_out(n, f, p, s):
    """Side of the output: n pixels, window f, padding p on each side, stride s. Example: conv_out(8, 3, 0, 2) is 3."""
    ### BEGIN SOLUTION
    return (n - f + 2 * p) // s + 1
    ### END SOLUTION


# %% conv-out-visible nbgrader={"grade": true, "grade_id": "conv-out-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="sizes that divide, and sizes where pixels are left over" needs=["conv-out"]
for arguments, expected, hint in [
    ((8, 3, 0, 2), 3, "Count the windows in the first picture."),
    ((7, 3, 1, 2), 4, "Padding is on both sides."),
    ((224, 11, 2, 4), 55, "The last window that still fits counts: round down."),
]:
    got = conv_out(*arguments)
    assert type(got) is int, f"conv_out{arguments}: got a {type(got).__name__}, expected an int. Use //."
    assert got == expected, f"conv_out{arguments}: got {got}, expected {expected}. {hint}"

# %% conv-out-hidden nbgrader={"grade": true, "grade_id": "conv-out-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="many other sizes, against counting the windows one by one" needs=["conv-out"]
# More sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for n in (5, 13, 27, 31):
    for f in (1, 2, 3, 5):
        for p in (0, 1, 3):
            for s in (1, 2, 3, 5):
                expected = len(range(0, n + 2 * p - f + 1, s))
                got = conv_out(n, f, p, s)
                assert type(got) is int, f"conv_out({n}, {f}, {p}, {s}): got a {type(got).__name__}, expected an int."
                assert got == expected, (
                    f"conv_out({n}, {f}, {p}, {s}): got {got}, expected {expected}. Count the starts."
                )
### END HIDDEN TESTS

# %% compare-text [markdown]
# ## Is it what Paddle does?
#
# Do not believe a formula, ask the layer. The next cell makes a real convolution for many settings, sends zeros through it, and compares three numbers: yours, the package's, and the side of what came out.

# %% compare needs=["setup", "conv-out"]
compared = 0
for n in (13, 27, 32):
    for f in (1, 3, 5, 11):
        for p in (0, 1, 2):
            for s in (1, 2, 4):
                layer = nn.Conv2D(1, 1, f, stride=s, padding=p)
                side = layer(paddle.zeros([1, 1, n, n])).shape[-1]
                assert conv_out(n, f, p, s) == arithmetic.conv_out(n, f, p, s) == side
                compared += 1
print(f"{compared} settings, all three agree")

# %% why-55 [markdown]
# ## Back to the puzzle: 224 to 55
#
# **Predict** with the rule: what comes out of 224 pixels with a window of 11, no padding and a stride of 4? Compute `(224 - 11) / 4` by hand.

# %% try-224
for n, p in ((224, 0), (224, 1), (224, 2), (227, 0)):
    print(f"n={n}, p={p}:  {arithmetic.explain_size(n, 11, p, 4)}")

# %% history [markdown]
# The quotient is 53.25. Rounded down, 54 windows fit. So the numbers in the paper do not follow our rule.
#
# This has puzzled many. Stanford's CS231n notes take 224 for a mistake, and guess that the paper leaves three pixels of padding unmentioned.
#
# Today we can look. The program of 2012 is published (Computer History Museum). Its file `layer.py`, line 1004, computes
#
# $$1 + \left\lceil \frac{2p + n - k}{s} \right\rceil$$
#
# where `k` is the window. It rounds **up**, and its first layer has padding 0. With 224 pixels: `ceil(53.25) + 1 = 55`. The last window hangs over the edge and reads zeros there. So the paper's sizes fit its own program. It just does not say that windows may hang over.
#
# **Predict:** by how many pixels does the 55th window hang over? It starts at pixel `54 * 4`.
#
# The next cell lets Paddle do it, with the same 11 x 11 weights both times.

# %% hanging
paddle.seed(0)
picture = paddle.randn([1, 3, 224, 224])
conv1 = nn.Conv2D(3, 1, 11, stride=4)
inside = conv1(picture)
hanging = conv1(nn.functional.pad(picture, [0, 3, 0, 3]))  # left, right, top, bottom
print(f"224 pixels: {inside.shape[-1]}, and with 3 zeros on the right and below: {hanging.shape[-1]}")
assert paddle.allclose(hanging[:, :, :54, :54], inside, atol=1e-5)
source_2012 = arithmetic.trace(VARIANTS["convnet2012"])[0]
print(f"one configuration of the 2012 program: {source_2012.arithmetic}")
assert hanging.shape[-1] == source_2012.out_shape[-1]

# %% hanging-text [markdown]
# The window starts at 216 and needs 11 pixels, so it ends at 227: three past the edge. There are the notes' three extra pixels, on one side only. And there is the 227 of other programs: 224 + 3.
#
# The first 54 positions are the same numbers as before. One row and one column are added.
#
# Programs that round down must change something else to reach 55: 227 pixels with padding 0 (Caffe), or 224 with padding 2 (torchvision, paddle.vision). Dive into Deep Learning takes padding 1 and gets 54.
#
# Small numbers show the difference best. The same row twice:

# %% picture-ceil
display(plots.sliding_windows(n=9, f=4, p=0, s=3))
plots.sliding_windows(n=9, f=4, p=0, s=3, rounding="ceil")

# %% rounding-text [markdown]
# The orange pixels are past the edge.
#
# A warning for anyone who writes tests: 227 to 55 proves nothing about rounding. `(227 - 11) / 4` is 54 exactly, so rounding down, up or to the nearest gives the same. Only a size that does *not* divide tells the rules apart.
#
# ## Exercise 2: both roundings
#
# Write `conv_out_rounded(n, f, p, s, rounding)`, where `rounding` is `"floor"` or `"ceil"`. The result is an `int`. Take care that huge sides stay exact: a float has about 16 digits.


# %% rounding nbgrader={"grade": false, "grade_id": "rounding", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["conv_out_rounded"] needs=["setup"]
def conv_out_rounded(n, f, p, s, rounding):
    """Side of the output with rounding "floor" or "ceil". Example: conv_out_rounded(9, 4, 0, 3, "ceil") is 3."""
    ### BEGIN SOLUTION
    steps, left_over = divmod(n - f + 2 * p, s)
    if rounding == "ceil" and left_over:
        steps += 1
    return steps + 1
    ### END SOLUTION


# %% rounding-visible nbgrader={"grade": true, "grade_id": "rounding-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="the paper's first layer under both roundings" needs=["rounding"]
for arguments, expected in [
    ((224, 11, 0, 4, "floor"), 54),
    ((224, 11, 0, 4, "ceil"), 55),
    ((227, 11, 0, 4, "ceil"), 55),
    ((9, 4, 0, 3, "floor"), 2),
]:
    got = conv_out_rounded(*arguments)
    assert type(got) is int, f"conv_out_rounded{arguments}: got a {type(got).__name__}, expected an int."
    assert got == expected, (
        f"conv_out_rounded{arguments}: got {got}, expected {expected}. Round the quotient, then add 1."
    )

# %% rounding-hidden nbgrader={"grade": true, "grade_id": "rounding-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="other sizes with padding, sizes that divide, and a side with 18 digits" needs=["rounding"]
# More sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for arguments, expected in [
    ((10, 3, 1, 4, "ceil"), 4),
    ((10, 3, 1, 4, "floor"), 3),
    ((12, 2, 0, 2, "ceil"), 6),
    ((55, 3, 0, 2, "ceil"), 27),
    ((14, 3, 0, 4, "ceil"), 4),
    ((14, 3, 0, 4, "floor"), 3),
    ((10**17 + 2, 1, 0, 2, "ceil"), 5 * 10**16 + 2),
    ((10**17 + 2, 1, 0, 2, "floor"), 5 * 10**16 + 1),
]:
    got = conv_out_rounded(*arguments)
    assert type(got) is int, f"conv_out_rounded{arguments}: got a {type(got).__name__}, expected an int."
    assert got == expected, (
        f"conv_out_rounded{arguments}: got {got}, expected {expected}. Whole-number division is exact."
    )
### END HIDDEN TESTS

# %% inverse-text [markdown]
# ## Exercise 3: backwards
#
# Which paddings turn 224 into 55, with a window of 11 and a stride of 4, rounded down? One of them you know. Is it the only one?
#
# Write `paddings(n, f, s, out)`: the list of **all** paddings `p`, from 0 to `f - 1` and in rising order, that give `out`. The list is empty when none does.


# %% inverse nbgrader={"grade": false, "grade_id": "inverse", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["paddings"] needs=["setup"]
def paddings(n, f, s, out):
    """All p in 0 ... f - 1 that turn n into out (rounded down). Example: paddings(8, 3, 2, 4) is [1]."""
    ### BEGIN SOLUTION
    return [p for p in range(f) if n + 2 * p >= f and (n - f + 2 * p) // s + 1 == out]
    ### END SOLUTION


# %% inverse-visible nbgrader={"grade": true, "grade_id": "inverse-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="the puzzle's 224 to 55, and a size that no padding gives" needs=["inverse"]
for arguments, expected, hint in [
    ((8, 3, 2, 4), [1], "Try p = 0, 1 and 2 by hand."),
    ((224, 11, 4, 55), [2, 3], "With p = 3 three pixels are left over, and still 55 windows fit."),
    ((8, 3, 1, 7), [], "When no padding fits, the list is empty."),
]:
    got = paddings(*arguments)
    assert type(got) is list, f"paddings{arguments}: got a {type(got).__name__}, expected a list."
    assert [type(p) for p in got] == [int] * len(got), f"paddings{arguments}: got {got}, expected a list of ints."
    assert got == expected, f"paddings{arguments}: got {got}, expected {expected}. {hint}"

# %% inverse-hidden nbgrader={"grade": true, "grade_id": "inverse-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="other sizes and strides, padding 0 and the largest padding" needs=["inverse"]
# More sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for arguments, expected in [
    ((13, 3, 1, 13), [1]),
    ((227, 11, 4, 55), [0, 1]),
    ((20, 7, 6, 4), [3, 4, 5]),
    ((10, 4, 1, 13), [3]),
    ((10, 3, 1, 13), []),
    ((30, 5, 9, 3), [0]),
]:
    got = paddings(*arguments)
    assert type(got) is list, f"paddings{arguments}: got a {type(got).__name__}, expected a list."
    assert [type(p) for p in got] == [int] * len(got), f"paddings{arguments}: got {got}, expected a list of ints."
    assert got == expected, f"paddings{arguments}: got {got}, expected {expected}. Try each p from 0 to f - 1."
### END HIDDEN TESTS

# %% chain-text [markdown]
# ## Exercise 4: layer after layer
#
# Pooling windows follow the same rule. The net of the paper, as it runs today, is this chain (window, padding, stride):
#
# | conv1 | pool1 | conv2 | pool2 | conv3 | conv4 | conv5 | pool5 |
# | --- | --- | --- | --- | --- | --- | --- | --- |
# | 11, 0, 4 | 3, 0, 2 | 5, 2, 1 | 3, 0, 2 | 3, 1, 1 | 3, 1, 1 | 3, 1, 1 | 3, 0, 2 |
#
# **Predict** all eight sides from 227 pixels, on paper, before you write code.
#
# Write `chain(n, windows)`: the list of the sides after each of the windows `(f, p, s)`, rounded down.


# %% chain nbgrader={"grade": false, "grade_id": "chain", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["chain"] needs=["setup"]
def chain(n, windows):
    """Sides after each window (f, p, s). Example: chain(8, [(3, 0, 1), (2, 0, 2)]) is [6, 3]."""
    ### BEGIN SOLUTION
    sides = []
    for f, p, s in windows:
        n = (n - f + 2 * p) // s + 1
        sides.append(n)
    return sides
    ### END SOLUTION


# %% chain-visible nbgrader={"grade": true, "grade_id": "chain-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="the chain of the paper from 227 pixels" needs=["chain"]
PAPER = [(11, 0, 4), (3, 0, 2), (5, 2, 1), (3, 0, 2), (3, 1, 1), (3, 1, 1), (3, 1, 1), (3, 0, 2)]
got = chain(227, PAPER)
assert type(got) is list, f"chain(227, PAPER): got a {type(got).__name__}, expected a list."
assert [type(side) for side in got] == [int] * len(got), f"chain(227, PAPER): got {got}, expected ints."
assert got == [55, 27, 27, 13, 13, 13, 13, 6], (
    f"chain(227, PAPER): got {got}, expected [55, 27, 27, 13, 13, 13, 13, 6]. What comes out of a layer goes into the next."
)

# %% chain-hidden nbgrader={"grade": true, "grade_id": "chain-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="other nets, an empty chain, and that the list of windows is left as it was" needs=["chain"]
# More nets, when your work is graded.
### BEGIN HIDDEN TESTS
for n, windows, expected in [
    (224, [(11, 1, 4), (3, 0, 2), (5, 2, 1), (3, 0, 2)], [54, 26, 26, 12]),
    (224, [(11, 5, 4), (2, 0, 2), (5, 2, 1), (2, 0, 2)], [56, 28, 28, 14]),
    (32, [(4, 1, 3), (3, 0, 2)], [11, 5]),
    (30, [], []),
]:
    before = list(windows)
    got = chain(n, windows)
    assert type(got) is list, f"chain({n}, {windows}): got a {type(got).__name__}, expected a list."
    assert [type(side) for side in got] == [int] * len(got), f"chain({n}, {windows}): got {got}, expected ints."
    assert got == expected, (
        f"chain({n}, {windows}): got {got}, expected {expected}. Use padding and stride of each window."
    )
    assert windows == before, f"chain changed the list it was given: now {windows}, before {before}. Make a new list."
### END HIDDEN TESTS

# %% real-net-text [markdown]
# The package computes the same for every net, without building it, and gives the arithmetic in words:

# %% real-net
for row in arithmetic.trace(VARIANTS["paper"]):
    if row.kind in ("conv", "pool"):
        print(f"{row.name:6} {row.out_shape[0]:4} x {row.out_shape[1]:2} x {row.out_shape[2]:2}   {row.arithmetic}")

print("\nsides of five nets:")
for name in ("paper", "convnet2012", "torchvision", "d2l", "paddle-tutorial"):
    config = VARIANTS[name]
    sides = [row.out_shape[-1] for row in arithmetic.trace(config) if row.kind in ("conv", "pool")]
    print(f"{name:15} {config.rounding:5} {config.image_size} -> {sides}")

# %% flat [markdown]
# Look at `convnet2012`: everything in it is rounded up, and still it has the sides of `paper` after conv1. Why? Because 55, 27 and 13 divide exactly in the pools: 52 / 2, 24 / 2, 10 / 2. Only conv1 shows which rounding a net uses.
#
# The last pool leaves 256 channels of 6 x 6: 9216 numbers go into the first fully connected layer. With a side of 5 it would be 6400. Whoever gets this count wrong finds out when the first picture goes through: the error names a matrix product, not the size that caused it.
#
# ## What one unit sees
#
# A unit of conv1 looks at 11 pixels. A unit of pool1 looks at 3 units of conv1, which are 4 pixels apart.
#
# **Predict:** how many input pixels does a unit of pool1 see? (Draw the three windows of 11.)
#
# The first window covers 11 pixels. Each of the 2 others adds a step of 4: `11 + 2 * 4 = 19`. In general two numbers travel along the chain, both in input pixels:
#
# - the **receptive field** starts at 1 and grows by `(f - 1) * step`,
# - the **step** between neighbours starts at 1 and is multiplied by `s`. The field grows with the step *before* the layer, the layer's own stride counts from the next one on.

# %% receptive-field-text [markdown]
# ## Exercise 5: the receptive field
#
# Write `receptive_field(windows)` for windows `(f, s)`: a tuple of two ints, the field and the step after the whole chain. Padding does not matter here: it moves the windows, it does not widen them.


# %% receptive-field nbgrader={"grade": false, "grade_id": "receptive-field", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["receptive_field"] needs=["setup"]
def receptive_field(windows):
    """(field, step) in input pixels after windows (f, s). Example: receptive_field([(11, 4), (3, 2)]) is (19, 8)."""
    ### BEGIN SOLUTION
    field, step = 1, 1
    for f, s in windows:
        field += (f - 1) * step
        step *= s
    return field, step
    ### END SOLUTION


# %% receptive-field-visible nbgrader={"grade": true, "grade_id": "receptive-field-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="conv1, pool1 and conv2 of the paper's net" needs=["receptive-field"]
for windows, expected in [
    ([(11, 4)], (11, 4)),
    ([(11, 4), (3, 2)], (19, 8)),
    ([(11, 4), (3, 2), (5, 1)], (51, 8)),
]:
    got = receptive_field(windows)
    assert type(got) is tuple and [type(number) for number in got] == [int, int], (
        f"receptive_field({windows}): got {got}, expected a tuple of two ints."
    )
    assert got == expected, (
        f"receptive_field({windows}): got {got}, expected {expected}. Widen first, then multiply the step."
    )

# %% receptive-field-hidden nbgrader={"grade": true, "grade_id": "receptive-field-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="longer chains, windows of 1, and no window at all" needs=["receptive-field"]
# More chains, when your work is graded.
### BEGIN HIDDEN TESTS
for windows, expected in [
    ([], (1, 1)),
    ([(1, 3), (1, 2)], (1, 6)),
    ([(3, 2)] * 4, (31, 16)),
    ([(3, 1)] * 5, (11, 1)),
    ([(2, 2), (5, 3), (4, 1)], (28, 6)),
]:
    got = receptive_field(windows)
    assert type(got) is tuple and [type(number) for number in got] == [int, int], (
        f"receptive_field({windows}): got {got}, expected a tuple of two ints."
    )
    assert got == expected, f"receptive_field({windows}): got {got}, expected {expected}."
### END HIDDEN TESTS

# %% fields-text [markdown]
# To scale, on a picture of 227 pixels. **Before you look:** does a unit of the last pooling layer see the whole picture?

# %% picture-fields
plots.receptive_fields([row for row in arithmetic.trace(VARIANTS["paper"]) if row.kind in ("conv", "pool")], 227)

# %% measured-text [markdown]
# Almost: 195 of 227. Believe it? Here is a measurement. Put a gradient of 1 on one unit of pool5 and let Paddle carry it back to the input: the pixels that get any gradient are those that the unit sees. All weights are set to 1 and the max pools replaced by mean pools, so that no path is cut by chance.

# %% measured
config = VARIANTS["paper"]
layers = []
for _, layer in config.named_layers():
    if layer.kind == "conv":
        conv = nn.Conv2D(1, 1, layer.kernel, layer.stride, layer.padding, bias_attr=False)
        conv.weight.set_value(paddle.ones(conv.weight.shape))
        layers.append(conv)
    elif layer.kind == "pool":
        layers.append(nn.AvgPool2D(layer.kernel, layer.stride))
picture = paddle.zeros([1, 1, 227, 227])
picture.stop_gradient = False
nn.Sequential(*layers)(picture)[0, 0, 3, 3].backward()
touched = (picture.grad.numpy()[0, 0] != 0).any(axis=0)
print(f"one unit of pool5 depends on {touched.sum()} columns of the input")
assert touched.sum() == arithmetic.receptive_field([(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)])[0]

# %% tables-text [markdown]
# ## Exercise 6: find the mistake
#
# Here are three published descriptions of AlexNet as tables: name, window, padding, stride, and the claimed side.
#
# - **A Paddle tutorial's text**, 224 pixels: padding 2, then 54, 27, 13, 6. Its pools are 2 x 2.
# - **A blog's listing**, 227 pixels: conv5 has windows of 5 with padding 1. The listing claims only the end: 9216 inputs to the next layer, which is 256 channels of 6 x 6. The other claims are the paper's sides, as this end needs them.
# - **Dive into Deep Learning**, 224 pixels: padding 1, and the sides that the book prints: 54, 26, 12, 5.
#
# Write `first_mistake(n, table)`: go through the rows `(name, f, p, s, claimed)` in order. Return the tuple `(name, side)` of the first row whose claim is wrong, with the side that is right there (rounded down). Return `None` if every claim is right.

# %% tables
TUTORIAL = [
    ("conv1", 11, 2, 4, 54),
    ("pool1", 2, 0, 2, 27),
    ("conv2", 5, 2, 1, 27),
    ("pool2", 2, 0, 2, 13),
    ("conv3", 3, 1, 1, 13),
    ("conv4", 3, 1, 1, 13),
    ("conv5", 3, 1, 1, 13),
    ("pool5", 2, 0, 2, 6),
]
BLOG = [
    ("conv1", 11, 0, 4, 55),
    ("pool1", 3, 0, 2, 27),
    ("conv2", 5, 2, 1, 27),
    ("pool2", 3, 0, 2, 13),
    ("conv3", 3, 1, 1, 13),
    ("conv4", 3, 1, 1, 13),
    ("conv5", 5, 1, 1, 13),
    ("pool5", 3, 0, 2, 6),
]
TEXTBOOK = [
    ("conv1", 11, 1, 4, 54),
    ("pool1", 3, 0, 2, 26),
    ("conv2", 5, 2, 1, 26),
    ("pool2", 3, 0, 2, 12),
    ("conv3", 3, 1, 1, 12),
    ("conv4", 3, 1, 1, 12),
    ("conv5", 3, 1, 1, 12),
    ("pool5", 3, 0, 2, 5),
]


# %% first-mistake nbgrader={"grade": false, "grade_id": "first-mistake", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["first_mistake"] needs=["setup", "tables"]
def first_mistake(n, table):
    """(name, right side) of the first wrong row (name, f, p, s, claimed), or None.

    Example: first_mistake(8, [("conv1", 3, 0, 1, 6), ("pool1", 2, 0, 2, 4)]) is ("pool1", 3).
    """
    ### BEGIN SOLUTION
    for name, f, p, s, claimed in table:
        n = (n - f + 2 * p) // s + 1
        if n != claimed:
            return name, n
    return None
    ### END SOLUTION


# %% first-mistake-visible nbgrader={"grade": true, "grade_id": "first-mistake-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="the tutorial's and the blog's table" needs=["first-mistake"]
for label, n, table, expected in [("TUTORIAL", 224, TUTORIAL, ("conv1", 55)), ("BLOG", 227, BLOG, ("conv5", 11))]:
    got = first_mistake(n, table)
    assert type(got) is tuple, f"first_mistake({n}, {label}): got {got}, expected a tuple (name, side)."
    assert [type(part) for part in got] == [str, int], (
        f"first_mistake({n}, {label}): got {got}, expected a str and an int."
    )
    assert got == expected, (
        f"first_mistake({n}, {label}): got {got}, expected {expected}. Compute the side before you compare."
    )

# %% first-mistake-hidden nbgrader={"grade": true, "grade_id": "first-mistake-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} checks="a table without a mistake, and mistakes elsewhere than in conv1 and conv5" needs=["first-mistake"]
# More tables, when your work is graded.
### BEGIN HIDDEN TESTS
for label, n, table in [("TEXTBOOK", 224, TEXTBOOK), ("[]", 10, [])]:
    got = first_mistake(n, table)
    assert got is None, f"first_mistake({n}, {label}): got {got}, expected None. Every claim there is right."
for n, table, expected in [
    (30, [("conv1", 3, 0, 1, 28), ("pool1", 2, 0, 2, 14), ("conv2", 4, 0, 3, 5), ("pool2", 2, 0, 2, 2)], ("conv2", 4)),
    (30, [("conv1", 3, 1, 1, 30), ("pool1", 3, 0, 2, 15), ("conv2", 3, 1, 1, 15)], ("pool1", 14)),
]:
    got = first_mistake(n, table)
    assert type(got) is tuple and [type(part) for part in got] == [str, int], (
        f"first_mistake({n}, {table}): got {got}, expected a tuple of a str and an int."
    )
    assert got == expected, (
        f"first_mistake({n}, {table}): got {got}, expected {expected}. The last window that still fits counts: round down."
    )
### END HIDDEN TESTS

# %% answers-text [markdown]
# What you found:
#
# - The tutorial's text says 54 for a padding of 2. It is 55. Nothing after it is wrong, because a 2 x 2 pool turns both 54 and 55 into 27: rounding down hid the mistake. (The tutorial's program does something else again: padding 5, which ends at 7 x 7 and 12544 numbers.)
# - The blog's conv5 shrinks 13 to 11. Then pool5 leaves 5, not 6: 6400 numbers for a layer that expects 9216. With padding 2 the sizes fit.
# - The textbook's arithmetic is right. It is another net than the paper's: 5 x 5 and 6400 at the end, where the paper has 6 x 6 and 9216, and its text does not mention the difference.
#
# And who is right about 55? The paper is, for a program that rounds up. Programs that round down need 227 pixels, or a padding of 2 or 3. With a padding of 1 it is a different net.
#
# ## Traps
#
# **Rounding up in Paddle.** Paddle's convolutions round down. Its pooling layers have a switch, `ceil_mode`. A net copied from a program that rounds up in its pools (Caffe does) needs it.
#
# **Predict:** with `ceil_mode`, a max pool's last window hangs over the edge. All pixels are -1. Does it give -1, or 0 because there are zeros outside?

# %% pooling
for n in (13, 14):
    x = paddle.full([1, 1, n, n], -1.0)
    pooled = [nn.MaxPool2D(3, 2, ceil_mode=ceil_mode)(x) for ceil_mode in (False, True)]
    sides = [y.shape[-1] for y in pooled]
    print(f"{n} pixels, window 3, stride 2: {sides[0]} rounded down, {sides[1]} with ceil_mode")
    print(f"    last value with ceil_mode: {float(pooled[1][0, 0, -1, -1])}")
    assert sides == [arithmetic.pool_out(n, 3, 0, 2, rounding) for rounding in ("floor", "ceil")]

x = paddle.full([1, 1, 3, 3], -1.0)
print("\n3 pixels, window 2, stride 4, ceil_mode:", nn.MaxPool2D(2, 4, ceil_mode=True)(x).numpy()[0, 0].tolist())
try:
    arithmetic.pool_out(3, 2, 0, 4, "ceil")
except ValueError as error:
    print("the package:", error)

# %% recap [markdown]
# From 13 both give 6: a net whose sizes all divide hides the difference. From 14 the last window gives -1: a max pool leaves out what is past the edge. Our formula does not say what a hanging window reads, only how many there are.
#
# The last lines are stranger. When the stride is larger than the window, rounding up can ask for a window that lies outside *altogether*. The Paddle which ran this page answers with the most negative float there is, without a word. The package refuses.
#
# **`2p`, not `p`.** A padding of 2 adds 4 pixels to a row. **`+ 1`.** Without it every side is one too small. **Pictures larger than expected.** Convolutions do not complain about another size; the first fully connected layer does.
#
# ## Three questions
#
# 1. Which single test would show that somebody's `conv_out` rounds up?
# 2. A layer keeps the side at stride 1. What is its padding, for windows of 3, 5 and 11?
# 3. Why does conv1 of the paper see 11 pixels but pool5 195, although no window is wider than 11?
#
# <details><summary>Answers</summary>
#
# 1. Any size that does not divide, for example 224, 11, 0, 4: 54 rounded down, 55 rounded up. 227 would not show it.
# 2. `(f - 1) / 2`: 1, 2 and 5. An even window has none that is the same on both sides.
# 3. Each layer adds `(f - 1)` steps, and the steps get longer: 4 after conv1, 8 after pool1, 16 after pool2.
# </details>
#
# Next: [02 What a convolution does](02_convolution.ipynb).
