# %% puzzle [markdown]
# # 02 · What a convolution does
#
# A picture is dark on the left and bright on the right. The kernel `[-1, 0, 1]` slides over a row of it. In a textbook on signals the result at the edge is **negative**. In Paddle it is **positive**. Same picture, same kernel.
#
# **Who made a mistake?** Nobody, and you will see why. After this chapter no line inside a convolution is a secret: you will have written it as loops, as one matrix product, with its gradients, and with the paper's two towers.
#
# You need: chapter 01. Time: about two hours with the exercises.

# %% setup
import alexnet_paddle  # isort: skip  (first: it sets up the CPU before paddle is loaded)
import statistics
import time

import matplotlib.pyplot as plt
import numpy as np
import paddle
import paddle.nn.functional as F

from alexnet_paddle.nets.fast_cpu import Conv2D

FULL = False  # True: time larger pictures too, about a minute more

print(f"Paddle {paddle.__version__}, alexnet_paddle {alexnet_paddle.__version__}")

# %% by-hand [markdown]
# ## By hand first
#
# The row is `0 0 0 9 9 9`, the kernel `[-1, 0, 1]`. Put the kernel on three neighbours, multiply, add up, move on by one.
#
# **Predict** the four numbers. Then predict them again for a kernel that is first turned round, `[1, 0, -1]`: that is what mathematics calls a *convolution*.

# %% flip
row = paddle.to_tensor([0.0, 0, 0, 9, 9, 9]).reshape([1, 1, 1, 6])
kernel = paddle.to_tensor([-1.0, 0, 1]).reshape([1, 1, 1, 3])
print("Paddle's conv2d:     ", F.conv2d(row, kernel).numpy().ravel())
print("NumPy's correlate:   ", np.correlate([0, 0, 0, 9, 9, 9], [-1, 0, 1]))
print("NumPy's convolve:    ", np.convolve([0, 0, 0, 9, 9, 9], [-1, 0, 1], mode="valid"))

# %% flip-text [markdown]
# So the layer that everybody calls convolution is a *correlation*: the kernel is not turned round. For learning it makes no difference, since the weights are learned anyway. For a kernel that you write down by hand, or copy from an older program, it does.
#
# Here are three such kernels at work on a picture of the data set `petals` (drawn by a program; the first use takes about 20 seconds).

# %% kernels
from alexnet_paddle import datasets

flower = datasets.load("petals").test.image(3)
grey = np.asarray(flower.convert("L"), dtype="float32") / 255
HAND_MADE = {
    "left to right": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "the same, turned round": [[1, 0, -1], [2, 0, -2], [1, 0, -1]],
    "mean of 9": [[1 / 9] * 3] * 3,
}
figure, panels = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
panels[0].imshow(grey, cmap="gray")
panels[0].set_title("picture")
for panel, (name, weights) in zip(panels[1:], HAND_MADE.items()):
    weights = paddle.to_tensor(np.array(weights, "float32")[None, None])
    mapped = F.conv2d(paddle.to_tensor(grey[None, None]), weights, padding=1).numpy()[0, 0]
    limits = {"vmin": 0, "vmax": 1} if name == "mean of 9" else {"vmin": -2, "vmax": 2}
    panel.imshow(mapped, cmap="gray", **limits)
    panel.set_title(name)
for panel in panels:
    panel.axis("off")
plt.show()

# %% loops-text [markdown]
# Grey is 0, white positive, black negative: the two middle pictures are each other's negative.
#
# Look at their left and right borders too. There is no edge in the picture there: the kernel sees the step from the zeros of the padding to the picture. The mean is darker along the border for the same reason.
#
# ## Exercise 1: as loops
#
# A real layer has more dimensions. Picture `n`, filter `o`, position `(y, x)`:
#
# $$\text{out}[n, o, y, x] = b[o] + \sum_{c, i, j} \text{in}[n, c, s y + i, s x + j] \cdot w[o, c, i, j]$$
#
# where `in` already has `p` rows and columns of zeros on **each** side.
#
# Write `conv_loops(x, w, b, s, p)` with loops, in NumPy. `x` is `[N, C, H, W]`, `w` is `[O, C, f, f]`, `b` is `[O]`; stride `s`, padding `p`. Return the array `[N, O, H', W']`. `H` and `W` may differ. Do not call Paddle.


# %% conv-loops nbgrader={"grade": false, "grade_id": "conv-loops", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["conv_loops"] needs=["setup"]
def conv_loops(x, w, b, s=1, p=0):
    """Convolution of [N, C, H, W] with [O, C, f, f] and biases [O].

    Example: conv_loops(np.ones((1, 1, 4, 4)), np.ones((1, 1, 3, 3)), np.array([1.0])) is an array [1, 1, 2, 2] of tens.
    """
    ### BEGIN SOLUTION
    f = w.shape[2]
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    height, width = ((side - f) // s + 1 for side in x.shape[2:])
    out = np.zeros((len(x), len(w), height, width))
    for n in range(len(x)):
        for o in range(len(w)):
            for row in range(height):
                for column in range(width):
                    window = x[n, :, row * s : row * s + f, column * s : column * s + f]
                    out[n, o, row, column] = (window * w[o]).sum() + b[o]
    return out
    ### END SOLUTION


# %% conv-loops-visible nbgrader={"grade": true, "grade_id": "conv-loops-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="a window of ones, padding, and the direction of the kernel" needs=["conv-loops"]
got = conv_loops(np.ones((1, 1, 4, 4)), np.ones((1, 1, 3, 3)), np.array([1.0]))
assert type(got) is np.ndarray, f"conv_loops: got a {type(got).__name__}, expected a NumPy array."
assert got.shape == (1, 1, 2, 2), f"conv_loops, 4 x 4 and a window of 3: got {got.shape}, expected (1, 1, 2, 2)."
assert np.abs(got - 10).max() < 1e-9, f"conv_loops: got {got.ravel()}, expected tens: nine ones and the bias."
got = conv_loops(np.ones((1, 1, 2, 2)), np.ones((1, 1, 3, 3)), np.zeros(1), 1, 1)
assert got.shape == (1, 1, 2, 2), f"conv_loops with p=1: got {got.shape}, expected (1, 1, 2, 2). Zeros on each side."
assert np.abs(got - 4).max() < 1e-9, f"conv_loops with p=1: got {got.ravel()}, expected fours."
kernel = np.zeros((1, 1, 2, 2))
kernel[0, 0, 0, 1] = 1
got = conv_loops(np.arange(9.0).reshape(1, 1, 3, 3), kernel, np.zeros(1))
assert got.shape == (1, 1, 2, 2) and np.abs(got.ravel() - np.array([1, 2, 4, 5])).max() < 1e-9, (
    f"conv_loops with a 1 at the upper right: got {got.ravel()}, expected [1 2 4 5], the upper right number of each "
    "window. The kernel is neither turned round nor transposed."
)

# %% conv-loops-hidden nbgrader={"grade": true, "grade_id": "conv-loops-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="several pictures, channels and filters, strides, pictures that are not square" needs=["conv-loops"]
# Other sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for seed, (shape, filters, f, s, p) in enumerate(
    (((2, 3, 7, 5), 4, 3, 2, 1), ((1, 2, 6, 9), 3, 2, 3, 2), ((3, 1, 5, 5), 2, 5, 1, 0))
):
    rng = np.random.default_rng(seed)
    x, w, b = rng.normal(size=shape), rng.normal(size=(filters, shape[1], f, f)), rng.normal(size=filters)
    expected = F.conv2d(paddle.to_tensor(x), paddle.to_tensor(w), paddle.to_tensor(b), stride=s, padding=p).numpy()
    got = conv_loops(x, w, b, s, p)
    assert type(got) is np.ndarray, f"conv_loops: got a {type(got).__name__}, expected a NumPy array."
    assert got.shape == expected.shape, (
        f"conv_loops, {shape}, f={f}, s={s}, p={p}: got {got.shape}, expected {expected.shape}."
    )
    place = tuple(int(i) for i in np.unravel_index(np.abs(got - expected).argmax(), got.shape))
    assert float(np.abs(got - expected).max()) < 1e-9, (
        f"conv_loops, {shape}, f={f}, s={s}, p={p}: got {float(got[place]):.4f} at {place}, "
        f"expected {float(expected[place]):.4f}. Every channel of the window counts, and each filter has its own bias."
    )
### END HIDDEN TESTS

# %% im2col-text [markdown]
# ## One matrix product
#
# Loops in Python are slow, but a computer multiplies matrices very fast. So: copy each window into a *column* of a big matrix, then all filters at all positions are **one** matrix product.
#
# **Predict:** a row of windows of 3 with stride 1. How many times does a pixel in the middle appear in the matrix?

# %% im2col-picture
numbers = np.arange(16).reshape(4, 4)
columns = np.stack([numbers[i : i + 3, j : j + 3].ravel() for i in range(2) for j in range(2)], axis=1)
outlined = {(0, 0): "#E69F00", (1, 1): "#56B4E9"}
figure, panels = plt.subplots(1, 2, figsize=(8, 4), layout="constrained")
for panel, values, title in zip(panels, (numbers, columns), ("picture, 4 x 4", "each window of 3 x 3 is a column")):
    panel.imshow(values, cmap="Greys", vmin=0, vmax=40)
    for (y, x), value in np.ndenumerate(values):
        panel.text(x, y, value, ha="center", va="center")
    panel.set_title(title)
panels[0].set_xticks(range(4))
panels[0].set_yticks(range(4))
panels[0].set_xlabel("column of the picture")
panels[0].set_ylabel("row of the picture")
panels[1].set_xticks(range(4), ["0,0", "0,1", "1,0", "1,1"])
panels[1].set_yticks(range(9), [f"{i},{j}" for i in range(3) for j in range(3)])
panels[1].set_xlabel("window at row, column")
panels[1].set_ylabel("row, column inside the window")
for (y, x), color in outlined.items():
    frame = {"fill": False, "edgecolor": color, "linewidth": 4}
    panels[0].add_patch(plt.Rectangle((x - 0.44, y - 0.44), 2.88, 2.88, **frame))
    panels[1].add_patch(plt.Rectangle((2 * y + x - 0.44, -0.44), 0.88, 8.88, **frame))
plt.show()

# %% im2col-exercise [markdown]
# In a row: three times, once as the left, once as the middle, once as the right number of a window. In a picture a pixel far from the border is copied `f * f` times. (This one is small: 5 is in all four columns, since there are only four windows.) That is the price: memory. For conv1 of the paper the matrix has 363 x 3025 numbers a picture, seven times the picture.
#
# ## Exercise 2: im2col
#
# Write `im2col(x, f, s, p)` for `x` of shape `[N, C, H, W]`: an array `[N, C * f * f, H' * W']`. Column `y * W' + x` holds the window at `(y, x)`. Within a column the order is channel, then row of the window, then column of the window, as in `w[o].ravel()`.


# %% im2col nbgrader={"grade": false, "grade_id": "im2col", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["im2col"] needs=["setup"]
def im2col(x, f, s=1, p=0):
    """Windows as columns: [N, C, H, W] -> [N, C * f * f, H' * W'].

    Example: im2col(np.arange(9.0).reshape(1, 1, 3, 3), 2)[0, :, 0] is [0, 1, 3, 4].
    """
    ### BEGIN SOLUTION
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    n, channels = x.shape[:2]
    height, width = ((side - f) // s + 1 for side in x.shape[2:])
    columns = np.empty((n, channels, f, f, height, width), x.dtype)
    for i in range(f):
        for j in range(f):
            columns[:, :, i, j] = x[:, :, i : i + s * height : s, j : j + s * width : s]
    return columns.reshape(n, channels * f * f, height * width)
    ### END SOLUTION


# %% im2col-visible nbgrader={"grade": true, "grade_id": "im2col-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="the windows of one small picture" needs=["im2col"]
got = im2col(np.arange(9.0).reshape(1, 1, 3, 3), 2)
expected = np.array([[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]])
assert type(got) is np.ndarray, f"im2col: got a {type(got).__name__}, expected a NumPy array."
assert got.shape == (1, 4, 4), f"im2col, 3 x 3 and a window of 2: got {got.shape}, expected (1, 4, 4)."
assert np.abs(got[0] - expected).max() < 1e-9, f"im2col: got {got[0].tolist()}, expected {expected.tolist()}."

# %% im2col-hidden nbgrader={"grade": true, "grade_id": "im2col-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="several pictures and channels, stride, padding, pictures that are not square" needs=["im2col"]
# Other sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for shape, f, s, p in (((2, 3, 5, 7), 3, 2, 1), ((1, 2, 6, 4), 2, 2, 0), ((2, 2, 4, 6), 3, 1, 2)):
    x = np.random.default_rng(5).normal(size=shape)
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    height, width = ((side + 2 * p - f) // s + 1 for side in shape[2:])
    got = im2col(x, f, s, p)
    assert type(got) is np.ndarray, f"im2col: got a {type(got).__name__}, expected a NumPy array."
    assert got.shape == (shape[0], shape[1] * f * f, height * width), (
        f"im2col, {shape}, f={f}, s={s}, p={p}: got {got.shape}, expected {(shape[0], shape[1] * f * f, height * width)}."
    )
    for n, row, column in ((0, 0, 0), (shape[0] - 1, height - 1, 0), (0, 1, width - 1)):
        window = padded[n, :, row * s : row * s + f, column * s : column * s + f].ravel()
        assert float(np.abs(got[n, :, row * width + column] - window).max()) < 1e-12, (
            f"im2col, {shape}, f={f}, s={s}, p={p}: the column of picture {n}, position ({row}, {column}) is wrong."
        )
### END HIDDEN TESTS

# %% product-text [markdown]
# ## Exercise 3: the product
#
# Write `conv_product(x, w, b, s, p)`: the same results as `conv_loops`, from `im2col` and one matrix product. Flatten the filters to `[O, C * f * f]`, multiply, add the biases, and give the result its two dimensions back.


# %% conv-product nbgrader={"grade": false, "grade_id": "conv-product", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["conv_product"] needs=["setup", "im2col"]
def conv_product(x, w, b, s=1, p=0):
    """Convolution of [N, C, H, W] with [O, C, f, f] and biases [O], by one matrix product.

    Example: conv_product(np.ones((1, 1, 4, 4)), np.ones((1, 1, 3, 3)), np.array([1.0])) is an array [1, 1, 2, 2] of tens.
    """
    ### BEGIN SOLUTION
    filters, f = w.shape[0], w.shape[2]
    height, width = ((side + 2 * p - f) // s + 1 for side in x.shape[2:])
    out = w.reshape(filters, -1) @ im2col(x, f, s, p) + b[:, None]
    return out.reshape(len(x), filters, height, width)
    ### END SOLUTION


# %% conv-product-visible nbgrader={"grade": true, "grade_id": "conv-product-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="a window of ones with a bias" needs=["conv-product"]
got = conv_product(np.ones((1, 1, 4, 4)), np.ones((1, 1, 3, 3)), np.array([1.0]))
assert type(got) is np.ndarray, f"conv_product: got a {type(got).__name__}, expected a NumPy array."
assert got.shape == (1, 1, 2, 2), f"conv_product: got {got.shape}, expected (1, 1, 2, 2)."
assert np.abs(got - 10).max() < 1e-9, f"conv_product: got {got.ravel()}, expected tens: nine ones and the bias."

# %% conv-product-hidden nbgrader={"grade": true, "grade_id": "conv-product-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="several pictures and filters, each with its own bias, stride and padding" needs=["conv-product"]
# Other sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for seed, (shape, filters, f, s, p) in enumerate((((2, 3, 7, 5), 4, 3, 2, 1), ((3, 2, 6, 9), 6, 2, 1, 0))):
    rng = np.random.default_rng(seed)
    x, w, b = rng.normal(size=shape), rng.normal(size=(filters, shape[1], f, f)), rng.normal(size=filters)
    expected = F.conv2d(paddle.to_tensor(x), paddle.to_tensor(w), paddle.to_tensor(b), stride=s, padding=p).numpy()
    got = conv_product(x, w, b, s, p)
    assert type(got) is np.ndarray, f"conv_product: got a {type(got).__name__}, expected a NumPy array."
    assert got.shape == expected.shape, f"conv_product, {shape}: got {got.shape}, expected {expected.shape}."
    place = tuple(int(i) for i in np.unravel_index(np.abs(got - expected).argmax(), got.shape))
    assert float(np.abs(got - expected).max()) < 1e-9, (
        f"conv_product, {shape}, f={f}, s={s}, p={p}: got {float(got[place]):.4f} at {place}, "
        f"expected {float(expected[place]):.4f}. A filter must be flattened in the order of the columns, and has its own bias."
    )
### END HIDDEN TESTS

# %% compare-text [markdown]
# ## Four ways, one result
#
# Yours twice, Paddle's function, and the layer of this package, which computes small tiles of the output in a cleverer way (Winograd's) and is therefore rounded differently. In `float64` yours and Paddle's agree to 12 digits; the package works in `float32`.

# %% compare needs=["setup", "conv-loops", "conv-product"]
paddle.seed(0)
layer = Conv2D(3, 8, 5, stride=2, padding=2)
x = np.random.default_rng(0).normal(size=(2, 3, 17, 17)).astype("float32")
w, b = layer.weight.numpy(), layer.bias.numpy() + 0.5
layer.bias.set_value(b)
reference = F.conv2d(*(paddle.to_tensor(a.astype("float64")) for a in (x, w, b)), stride=2, padding=2).numpy()
for name, result, tolerance in (
    ("loops", conv_loops(x.astype("float64"), w.astype("float64"), b.astype("float64"), 2, 2), 1e-12),
    ("matrix product", conv_product(x.astype("float64"), w.astype("float64"), b.astype("float64"), 2, 2), 1e-12),
    ("the package, float32", layer(paddle.to_tensor(x)).numpy(), 1e-4),
):
    difference = np.abs(result - reference).max()
    print(f"{name:22} differs from Paddle's float64 by {difference:.1e}")
    assert difference < tolerance

# %% timing-text [markdown]
# ## How much faster?
#
# **Predict** the order and the rough factors: your loops, your matrix product, Paddle's function, the package's layer. Write them down.
#
# Time depends on the machine and on what else it does. So all run in turn, for several rounds, each is compared with Paddle in the same round, and the bar is the median of these *ratios*. The black line goes from the smallest to the largest. Before each of them comes a pause, and a first call that does not count, so that none pays for threads that the one before left running.

# %% timing needs=["setup", "im2col", "conv-loops", "conv-product"]
side, rounds = (96, 9) if FULL else (32, 5)
x = np.random.default_rng(1).normal(size=(4, 16, side, side)).astype("float32")
layer = Conv2D(16, 32, 3, padding=1)
w, b = layer.weight.numpy(), layer.bias.numpy()
tensor = paddle.to_tensor(x)
ways = {
    "your loops": lambda: conv_loops(x, w, b, 1, 1),
    "your im2col and product": lambda: conv_product(x, w, b, 1, 1),
    "Paddle's conv2d": lambda: F.conv2d(tensor, layer.weight, layer.bias, padding=1),
    "the package's layer": lambda: layer(tensor),
}
seconds = {name: [] for name in ways}
with paddle.no_grad():
    for _ in range(rounds):
        for name, way in ways.items():
            calls = 1 if name == "your loops" else 10
            time.sleep(0.3)
            way()
            began = time.perf_counter()
            for _ in range(calls):
                way()
            seconds[name].append((time.perf_counter() - began) / calls)
ratios = {name: [a / b for a, b in zip(times, seconds["Paddle's conv2d"])] for name, times in seconds.items()}
figure, panel = plt.subplots(figsize=(8, 2.6), layout="constrained")
for place, (name, color) in enumerate(zip(ratios, ("#D55E00", "#E69F00", "#0072B2", "#009E73"))):
    median, low, high = statistics.median(ratios[name]), min(ratios[name]), max(ratios[name])
    panel.barh(place, median, color=color)
    panel.plot([low, high], [place, place], color="black", linewidth=2)
    panel.text(high * 1.2, place, f"{median:,.2f}", va="center")
panel.set_xscale("log")
panel.set_xlim(0.3 * min(map(min, ratios.values())), 8 * max(map(max, ratios.values())))
panel.set_yticks(range(len(ratios)), list(ratios))
panel.set_xlabel("time, as a multiple of Paddle's (logarithmic)")
panel.invert_yaxis()
plt.show()

# %% timing-why [markdown]
# The loops call NumPy once for each number of the output and spend nearly all the time between the calls. One product spends it multiplying.
#
# The second bar surprises most readers: a few lines of NumPy keep up with Paddle's function. When this chapter was tried, on a CPU with two cores that others used too, it took from half to two and a half times as long as Paddle, from one run to the next. So say "about as fast", and no more. The reason: on a CPU Paddle, too, copies the windows, one picture after the other, on one core, and that copying is most of its time. The package's layer makes no big matrix: it calls kernels of oneDNN, a library for such loops, which move the windows where the numbers are. Here that took about a third of Paddle's time. None of this says anything about a GPU. On your machine the order may be another: look at your bars.
#
# ## Gradients, and how to trust them
#
# To learn, a layer needs three gradients: by its weights, by its biases, and by its input, so that the layer before can learn too. Formulas for them are easy to get *nearly* right. There is a check that needs no formula: change one number a little and look what the loss does.
#
# $$\frac{\partial L}{\partial x_i} \approx \frac{L(x_i + h) - L(x_i - h)}{2h}$$
#
# ## Exercise 4: the numerical gradient
#
# Write `numerical_gradient(function, x, h)`: `function` takes an array like `x` and returns a number. Return an array of the shape of `x` (`float64`) with the central difference for each element. `x` must be unchanged afterwards.


# %% numerical-gradient nbgrader={"grade": false, "grade_id": "numerical-gradient", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["numerical_gradient"] needs=["setup"]
def numerical_gradient(function, x, h=1e-5):
    """Central differences, element by element. Example: numerical_gradient(np.sum, np.zeros((2, 3))) is all ones."""
    ### BEGIN SOLUTION
    x = x.astype("float64")
    gradient = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        kept = x[place]
        x[place] = kept + h
        above = function(x)
        x[place] = kept - h
        gradient[place] = (above - function(x)) / (2 * h)
        x[place] = kept
    return gradient
    ### END SOLUTION


# %% numerical-gradient-visible nbgrader={"grade": true, "grade_id": "numerical-gradient-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="a sum and a sum of squares" needs=["numerical-gradient"]
got = numerical_gradient(np.sum, np.zeros((2, 3)))
assert type(got) is np.ndarray, f"numerical_gradient: got a {type(got).__name__}, expected a NumPy array."
assert got.shape == (2, 3), f"numerical_gradient of the sum of (2, 3): got {got.shape}, expected (2, 3)."
assert np.abs(got - 1).max() < 1e-6, f"numerical_gradient of the sum: got {got.ravel()}, expected ones."
got = numerical_gradient(lambda x: float((x**2).sum()), np.array([3.0, -1.0]))
assert got.shape == (2,) and np.abs(got - np.array([6, -2])).max() < 1e-3, (
    f"gradient of the sum of squares: got {got}, expected [6, -2]."
)

# %% numerical-gradient-hidden nbgrader={"grade": true, "grade_id": "numerical-gradient-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="central differences also for a large h, elements that work together, x unchanged" needs=["numerical-gradient"]
# Other functions, when your work is graded.
### BEGIN HIDDEN TESTS
x = np.array([[1.0, 2.0], [-3.0, 0.5]])
kept = x.copy()
got = numerical_gradient(lambda a: float((a**3).sum()), x, h=0.1)
assert type(got) is np.ndarray and got.shape == (2, 2), "numerical_gradient: expected an array of the shape of x."
assert float(np.abs(x - kept).max()) == 0, f"numerical_gradient changed x: now {x.tolist()}, before {kept.tolist()}."
expected = 3 * kept**2 + 0.01  # for a cube the central difference with h is too large by h squared
assert float(np.abs(got - expected).max()) < 1e-9, (
    f"numerical_gradient of the cubes with h=0.1: got {got.tolist()}, expected {expected.tolist()}. Step to both sides."
)
got = numerical_gradient(lambda a: float(a[0, 0] * a[0, 1] * a[1, 0] + a[1, 1]), x)
expected = np.array([[-6.0, -3.0], [2.0, 1.0]])
assert type(got) is np.ndarray and got.shape == (2, 2), "numerical_gradient: expected an array of the shape of x."
assert float(np.abs(got - expected).max()) < 1e-6, (
    f"numerical_gradient of a product: got {got.tolist()}, expected {expected.tolist()}. Change one element at a time."
)
### END HIDDEN TESTS

# %% step-text [markdown]
# How small should `h` be, and why step to both sides? The *forward* difference `(L(x + h) - L(x)) / h` needs one call less for each number. **Predict** the shape of the curves: the error against `h`, from 1 down to 0.000000000001.

# %% step-size
steps = 10.0 ** np.arange(-12, 0.1, 0.5)
figure, panel = plt.subplots(figsize=(7, 3.6), layout="constrained")
for name, dtype, back, color, marker in (
    ("central, float64", "float64", 1, "#0072B2", "o"),
    ("forward, float64", "float64", 0, "#009E73", "^"),
    ("central, float32", "float32", 1, "#E69F00", "s"),
):
    h, at = steps.astype(dtype), np.ones(1, dtype)
    slopes = (np.exp(at + h) - np.exp(at - back * h)) / ((1 + back) * h)
    errors = np.abs(slopes.astype("float64") / np.e - 1)
    best = errors.argmin()
    panel.loglog(steps, errors, color=color, marker=marker, markersize=4, label=name)
    print(f"{name}: smallest error {errors[best]:.0e} with h = {steps[best]:.0e}")
panel.set_xlabel("step h")
panel.set_ylabel("relative error")
panel.set_title("differences of exp at 1")
panel.legend()
panel.grid(alpha=0.3)
plt.show()

# %% gradients-text [markdown]
# Each is a valley. On the right the step is too long: the central difference's error falls with `h²`, the forward one's only with `h`. On the left the step is too short: two nearly equal numbers are subtracted and their digits are gone. In `float64` the central difference is best between about `1e-7` and `1e-5`, with ten digits right; the forward difference never gets there. In `float32` the valley is higher and narrow: at best five or six digits, with the right step only. So gradient checks step to both sides and are done in `float64`.
#
# ## Exercise 5: the gradients of a convolution
#
# Given `g`, the gradient of the loss by the *output* (shape `[N, O, H', W']`). Look at the formula of exercise 1: an input number and a weight meet wherever they are multiplied. So, for each output position:
#
# - the weights of filter `o` get `g * window` added, for each picture and position;
# - the bias of filter `o` gets `g` added;
# - the window of the input gets `g * w[o]` **added**. Windows overlap, so a pixel collects from several.
#
# Write `conv_gradients(x, w, g, s, p)`: the tuple `(dx, dw, db)`, with the shapes of `x`, `w` and of the biases. The padding gets gradients too, but they are cut off at the end.


# %% conv-gradients nbgrader={"grade": false, "grade_id": "conv-gradients", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["conv_gradients"] needs=["setup"]
def conv_gradients(x, w, g, s=1, p=0):
    """(dx, dw, db) of a convolution, from the gradient g by its output.

    Example: for x and w of shape [1, 1, 1, 1] holding 2 and 3, and g holding 5: dx is 15, dw is 10, db is 5.
    """
    ### BEGIN SOLUTION
    f = w.shape[2]
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dpadded, dw = np.zeros(padded.shape), np.zeros(w.shape)
    for row in range(g.shape[2]):
        for column in range(g.shape[3]):
            rows, columns = slice(row * s, row * s + f), slice(column * s, column * s + f)
            here = g[:, :, row, column]
            dw += np.einsum("no,ncij->ocij", here, padded[:, :, rows, columns])
            dpadded[:, :, rows, columns] += np.einsum("no,ocij->ncij", here, w)
    dx = dpadded[:, :, p : p + x.shape[2], p : p + x.shape[3]]
    return dx, dw, g.sum(axis=(0, 2, 3))
    ### END SOLUTION


# %% conv-gradients-visible nbgrader={"grade": true, "grade_id": "conv-gradients-visible", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="one number, then one picture with overlapping windows" needs=["conv-gradients"]
got = conv_gradients(np.full((1, 1, 1, 1), 2.0), np.full((1, 1, 1, 1), 3.0), np.full((1, 1, 1, 1), 5.0))
assert type(got) is tuple and [type(part) for part in got] == [np.ndarray] * 3, (
    "conv_gradients: expected three arrays in a tuple."
)
assert [part.shape for part in got] == [(1, 1, 1, 1), (1, 1, 1, 1), (1,)], (
    f"shapes: got {[part.shape for part in got]}."
)
assert [float(part.sum()) for part in got] == [15, 10, 5], (
    f"got {[float(part.sum()) for part in got]}, expected [15, 10, 5]."
)
got = conv_gradients(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), np.ones((1, 1, 2, 2)))
expected = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]])
assert got[0].shape == (1, 1, 3, 3) and np.abs(got[0][0, 0] - expected).max() < 1e-9, (
    f"dx of overlapping windows: got {got[0].tolist()}, expected {expected.tolist()}. Add, do not overwrite."
)

# %% conv-gradients-hidden nbgrader={"grade": true, "grade_id": "conv-gradients-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} checks="all three gradients for several pictures, channels and filters, with stride and padding" needs=["conv-gradients"]
# Other sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for seed, (shape, filters, f, s, p) in enumerate(
    (((2, 3, 5, 6), 4, 3, 1, 1), ((2, 2, 7, 7), 3, 3, 2, 0), ((1, 2, 6, 5), 2, 2, 3, 2))
):
    rng = np.random.default_rng(seed)
    tensors = [
        paddle.to_tensor(rng.normal(size=size), stop_gradient=False)
        for size in (shape, (filters, shape[1], f, f), (filters,))
    ]
    out = F.conv2d(*tensors, stride=s, padding=p)
    g = rng.normal(size=out.shape)
    (out * paddle.to_tensor(g)).sum().backward()
    got = conv_gradients(tensors[0].numpy(), tensors[1].numpy(), g, s, p)
    assert type(got) is tuple and [type(part) for part in got] == [np.ndarray] * 3, (
        "conv_gradients: expected three arrays in a tuple."
    )
    for name, part, tensor in zip(("dx", "dw", "db"), got, tensors):
        expected = tensor.grad.numpy()
        assert part.shape == expected.shape, (
            f"{name}, {shape}, f={f}, s={s}, p={p}: got {part.shape}, expected {expected.shape}."
        )
        place = tuple(int(i) for i in np.unravel_index(np.abs(part - expected).argmax(), part.shape))
        assert float(np.abs(part - expected).max()) < 1e-9, (
            f"{name}, {shape}, f={f}, s={s}, p={p}: got {float(part[place]):.4f} at {place}, "
            f"expected {float(expected[place]):.4f}. Every picture and every position adds its part."
        )
### END HIDDEN TESTS

# %% check-text [markdown]
# Now check it as one should check every gradient: against differences. Then against Paddle's gradients, and those of the package's layer, which has its own code for them (in `float32`).

# %% check needs=["setup", "conv-loops", "numerical-gradient", "conv-gradients"]
rng = np.random.default_rng(4)
x, w, b = rng.normal(size=(2, 2, 5, 5)), rng.normal(size=(3, 2, 3, 3)), rng.normal(size=3)
g = rng.normal(size=(2, 3, 3, 3))
dx, dw, db = conv_gradients(x, w, g, 2, 1)
for name, mine, numeric in (
    ("dx", dx, numerical_gradient(lambda a: (conv_loops(a, w, b, 2, 1) * g).sum(), x)),
    ("dw", dw, numerical_gradient(lambda a: (conv_loops(x, a, b, 2, 1) * g).sum(), w)),
    ("db", db, numerical_gradient(lambda a: (conv_loops(x, w, a, 2, 1) * g).sum(), b)),
):
    print(f"{name}: largest difference to the numerical gradient {np.abs(mine - numeric).max():.1e}")
    assert np.abs(mine - numeric).max() < 1e-7

layer = Conv2D(2, 3, 3, stride=2, padding=1)
layer.weight.set_value(w.astype("float32"))
layer.bias.set_value(b.astype("float32"))
for who, dtype, tolerance in (("Paddle, float64", "float64", 1e-12), ("the package, float32", "float32", 1e-4)):
    tensors = [paddle.to_tensor(a.astype(dtype), stop_gradient=False) for a in (x, w, b)]
    if who.startswith("Paddle"):
        out = F.conv2d(*tensors, stride=2, padding=1)
    else:
        out, tensors[1:] = layer(tensors[0]), [layer.weight, layer.bias]
    (out * paddle.to_tensor(g.astype(dtype))).sum().backward()
    difference = max(np.abs(mine - tensor.grad.numpy()).max() for mine, tensor in zip((dx, dw, db), tensors))
    print(f"{who}: largest difference to yours {difference:.1e}")
    assert difference < tolerance

# %% groups-text [markdown]
# ## Two towers
#
# In 2012 the net did not fit on one graphics card with 3 GB. The authors put half of the channels on each of two cards. In conv2, conv4 and conv5 a filter sees only the channels of its own card. Today this is `groups=2`: the channels are cut into two halves, the filters too, and each half of the filters works on its half of the channels.
#
# **Predict:** conv2 has 256 filters of 5 x 5 on 96 channels. How many weights has it without groups, how many with two?

# %% groups-picture
figure, panels = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
for panel, groups in zip(panels, (1, 2)):
    for o in range(8):
        for c in range(8):
            if o * groups // 8 == c * groups // 8:
                color = "#0072B2" if o < 4 or groups == 1 else "#E69F00"
                panel.plot([0, 1], [c, o], color=color, linewidth=0.9)
    panel.plot([0] * 8, range(8), "ks")
    panel.plot([1] * 8, range(8), "ko")
    panel.set_xticks([0, 1], ["channels in", "filters"])
    panel.set_yticks([])
    shape = paddle.nn.Conv2D(96, 256, 5, groups=groups).weight.shape
    panel.set_title(f"groups={groups}: conv2 has {int(np.prod(shape)):,} weights")
    panel.set_xlim(-0.3, 1.3)
plt.show()

# %% groups-exercise [markdown]
# Half the weights, and half the multiplications.
#
# ## Exercise 6: groups
#
# Write `conv_groups(x, w, b, s, p, groups)`. Now `w` is `[O, C / groups, f, f]`. The first `O / groups` filters see the first `C / groups` channels, the next ones the next channels, and so on. You may use `conv_product`.


# %% conv-groups nbgrader={"grade": false, "grade_id": "conv-groups", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["conv_groups"] needs=["setup", "conv-product"]
def conv_groups(x, w, b, s=1, p=0, groups=1):
    """Convolution of [N, C, H, W] with [O, C / groups, f, f] and biases [O].

    Example: with x of shape [1, 4, 5, 5], w of shape [6, 2, 3, 3] and groups=2 the result has the shape [1, 6, 3, 3].
    """
    ### BEGIN SOLUTION
    parts = zip(np.split(x, groups, axis=1), np.split(w, groups), np.split(b, groups))
    return np.concatenate([conv_product(*part, s, p) for part in parts], axis=1)
    ### END SOLUTION


# %% conv-groups-visible nbgrader={"grade": true, "grade_id": "conv-groups-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="two channels, two filters, two towers" needs=["conv-groups"]
x = np.stack([np.full((2, 2), 1.0), np.full((2, 2), 10.0)])[None]
got = conv_groups(x, np.ones((2, 1, 2, 2)), np.zeros(2), 1, 0, 2)
assert type(got) is np.ndarray, f"conv_groups: got a {type(got).__name__}, expected a NumPy array."
assert got.shape == (1, 2, 1, 1), f"conv_groups: got {got.shape}, expected (1, 2, 1, 1)."
assert np.abs(got.ravel() - np.array([4, 40])).max() < 1e-9, (
    f"conv_groups: got {got.ravel()}, expected [4, 40]: each tower sees its own."
)

# %% conv-groups-hidden nbgrader={"grade": true, "grade_id": "conv-groups-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="more channels a group, three groups, biases, stride, padding, one group" needs=["conv-groups"]
# Other sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for seed, (shape, filters, f, s, p, groups) in enumerate(
    (((2, 4, 6, 5), 6, 3, 2, 1, 2), ((1, 6, 5, 5), 9, 2, 1, 0, 3), ((2, 3, 4, 4), 2, 3, 1, 1, 1))
):
    rng = np.random.default_rng(seed)
    x, w, b = rng.normal(size=shape), rng.normal(size=(filters, shape[1] // groups, f, f)), rng.normal(size=filters)
    expected = F.conv2d(*(paddle.to_tensor(a) for a in (x, w, b)), stride=s, padding=p, groups=groups).numpy()
    got = conv_groups(x, w, b, s, p, groups)
    assert type(got) is np.ndarray, f"conv_groups: got a {type(got).__name__}, expected a NumPy array."
    assert got.shape == expected.shape, (
        f"conv_groups, {shape}, groups={groups}: got {got.shape}, expected {expected.shape}."
    )
    place = tuple(int(i) for i in np.unravel_index(np.abs(got - expected).argmax(), got.shape))
    assert float(np.abs(got - expected).max()) < 1e-9, (
        f"conv_groups, {shape}, groups={groups}, s={s}, p={p}: got {float(got[place]):.4f} at {place}, "
        f"expected {float(expected[place]):.4f}. Which channels does this filter see?"
    )
### END HIDDEN TESTS

# %% groups-compare-text [markdown]
# One call with `groups=2`, or two layers that know nothing of each other, their results side by side: the same numbers? Here with the paper's conv2, on pictures of 13 x 13 to save time.

# %% groups-compare needs=["setup", "im2col", "conv-product", "conv-groups"]
paddle.seed(5)
layer = Conv2D(96, 256, 5, padding=2, groups=2)
x = paddle.randn([2, 96, 13, 13])
w, b = layer.weight, layer.bias
b.set_value(paddle.randn([256]))
with paddle.no_grad():
    at_once = F.conv2d(x, w, b, padding=2, groups=2).numpy()
    first = F.conv2d(x[:, :48], w[:128], b[:128], padding=2)
    second = F.conv2d(x[:, 48:], w[128:], b[128:], padding=2)
    results = {
        "two separate convolutions": paddle.concat([first, second], axis=1).numpy(),
        "yours": conv_groups(x.numpy(), w.numpy(), b.numpy(), 1, 2, 2),
        "the package": layer(x).numpy(),
    }
print(f"weights {tuple(w.shape)}: 256 filters of 5 x 5 x {w.shape[1]}")
for name, result in results.items():
    difference = np.abs(result - at_once).max() / np.abs(at_once).max()
    print(f"{name:25} differs from groups=2 by {difference:.1e} of the largest number")
    assert difference < 1e-5

# %% history [markdown]
# ## What the paper and the 2012 source did
#
# - The paper gives the sizes of the filters with their depth: conv2 has 256 filters of 5 x 5 x **48**, although 96 channels come in. That 48 is the two towers. conv3 has depth 256: there both cards exchange everything. conv4 and conv5 have 192, half of 384.
# - Whoever leaves out the groups gets 62,378,344 parameters instead of 60,965,224. Both are called AlexNet on the web; chapter 03 counts them.
# - The authors wrote their own convolutions for the GPU and published them with the paper. Paddle's version on a CPU copies windows as you did, one picture at a time.
#
# ## Traps
#
# - **Turned round.** Kernels from books on signals must be turned by 180 degrees first.
# - **`[O, C, f, f]`.** Other libraries keep weights as `[f, f, C, O]`. With square layers a wrong transposition still runs.
# - **Gradient checks through ReLU.** At a kink the two sides differ, and a right gradient looks wrong. Check without kinks, or stay away from 0.
#
# ## Three questions
#
# 1. Why does nobody notice in training that the kernel is not turned round?
# 2. conv1 has stride 4 and windows of 11. How often is a pixel copied by im2col, roughly?
# 3. What does `groups=C`, one group a channel, compute?
#
# <details><summary>Answers</summary>
#
# 1. The weights are learned. A net that turns its kernels would learn the same kernels turned round.
# 2. About `(11 / 4)²`, 7.6 times: 363 x 3025 numbers for 3 x 227 x 227 pixels is 7.1; pixels near the edge are copied less often.
# 3. One small filter for each channel, which never sees another channel ("depthwise").
# </details>
#
# Next: [03 AlexNet layer by layer](03_layer_by_layer.ipynb).
