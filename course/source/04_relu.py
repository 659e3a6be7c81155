# %% puzzle [markdown]
# # 04 · ReLU against sigmoid and tanh
#
# Two students train the same eight-layer net on the same five kinds of flowers. One writes `activation="relu"`, the other `activation="sigmoid"`. Nothing else differs: same pictures, same initialisation, same learning rate. The first net learns. The second one's loss stays near `ln(5) = 1.61`, epoch after epoch, and that is the loss of a net which gives each of the five classes a fifth.
#
# No line of the code is wrong. The sigmoid is a good function, and nets were trained with it for decades. **So what is the matter?** After this chapter you can compute the answer before the training starts, and you can mend it.
#
# You need: chapters 02 and 03. Time: about two hours with the exercises.

# %% setup
import alexnet_paddle  # isort: skip  (first: it sets up the CPU before paddle is loaded)
import math
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import paddle
import paddle.nn.functional as F
from IPython.display import display

from alexnet_paddle import VARIANTS, AlexNet, inspection, plots, runtime
from alexnet_paddle.datasets.transforms import Preprocessing
from alexnet_paddle.nets import fast_cpu
from alexnet_paddle.nets.initialisation import INITS
from alexnet_paddle.study import ablation, measures
from alexnet_paddle.study.ablations import ABLATIONS
from alexnet_paddle.study.data import Data

FULL = False  # True: the live race at full length, about ten minutes on two idle cores

COLORS = dict(zip(("relu", "tanh", "sigmoid", "sigmoid as relu", "saturated"), plots.OKABE_ITO))
print(f"Paddle {paddle.__version__}, alexnet_paddle {alexnet_paddle.__version__}")

# %% pictures-text [markdown]
# ## See it happen
#
# The net is `mini`: the paper's five convolutional and three fully connected stages, for small pictures. Response normalisation and dropout are switched off here, so that only the activation speaks. The pictures are `petals` (drawn by a program; the first use takes about 20 seconds on an idle machine).
#
# **Predict:** 60 steps of 32 pictures. Where does the loss of each net end?

# %% two-nets needs=["setup"]
drawn, statistics = Data("petals", 64, 640).train(seed=0)
preprocessing = Preprocessing.fit(64, "mean_std", statistics)
order = np.random.default_rng(0).permutation(len(drawn))
pictures, labels = preprocessing.batch(drawn, order), drawn.labels[order].astype("int64")
mini = VARIANTS["mini"].replace(lrn=False, dropout=0)


def train(learning_rate, steps, **changes):
    runtime.seed_everything(0)
    net = AlexNet(mini.replace(**changes))
    optimizer = paddle.optimizer.Momentum(learning_rate, 0.9, net.parameters())
    losses = []
    for step in range(steps):
        batch = np.arange(32 * step, 32 * step + 32) % len(labels)
        loss = F.cross_entropy(net(paddle.to_tensor(pictures[batch])), paddle.to_tensor(labels[batch]))
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(loss.item())
    return net, losses


figure, panel = plt.subplots(figsize=(7, 3.4), layout="constrained")
for name, style in (("relu", "-"), ("sigmoid", "--")):
    net, losses = train(0.004, 60, activation=name)
    panel.plot(range(1, 61), losses, style, color=COLORS[name], label=name)
    print(f"{name:8} mean loss of the last 20 steps {np.mean(losses[-20:]):.2f}, a guess has {math.log(5):.2f}")
panel.axhline(math.log(5), color="black", linewidth=0.8)
panel.text(60, math.log(5) - 0.02, "ln 5: a guess", ha="right", va="top")
panel.set_xlabel("step")
panel.set_ylabel("loss of the step's pictures (nats)")
panel.legend(loc="lower left")
panel.grid(alpha=0.3)
plt.show()

# %% slopes-text [markdown]
# ## Three functions and their slopes
#
# $$\text{relu}(x) = \max(0, x) \qquad \sigma(x) = \frac{1}{1 + e^{-x}} \qquad \tanh(x) = \frac{e^x - e^{-x}}{e^x + e^{-x}}$$
#
# **By hand first.** Differentiate the sigmoid: $\sigma' = e^{-x} / (1 + e^{-x})^2$. Now write it with $\sigma$ alone. And the tanh: use the rule for quotients, and write it with $\tanh$ alone.
#
# <details><summary>Result</summary>
#
# $\sigma' = \sigma (1 - \sigma)$ and $\tanh' = 1 - \tanh^2$. The slope of relu is 1 on the right and 0 on the left.
# </details>
#
# **Predict:** where is each slope largest, and how large is it there?
#
# ## Exercise 1: value and slope
#
# Write `activation(name, x)`: the pair `(value, slope)` for an array `x`, both arrays (`float64`) of its shape. `name` is `"relu"`, `"sigmoid"` or `"tanh"`. At 0, where relu has a kink, its slope shall be 0. The results must be right for very large and very small `x` too: `np.exp(1000)` is `inf`, and `inf / inf` is not a number.


# %% activation nbgrader={"grade": false, "grade_id": "activation", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["activation"] needs=["setup"]
def activation(name, x):
    """(value, slope) of relu, sigmoid or tanh. Example: activation("sigmoid", np.zeros(1)) is ([0.5], [0.25])."""
    ### BEGIN SOLUTION
    if name == "relu":
        return np.maximum(x, 0.0), (x > 0).astype("float64")
    if name == "tanh":
        value = np.tanh(x)
        return value, 1 - value**2
    small = np.exp(-np.abs(x))  # never above 1
    value = np.where(x >= 0, 1, small) / (1 + small)
    return value, value * (1 - value)
    ### END SOLUTION


# %% activation-visible nbgrader={"grade": true, "grade_id": "activation-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="values and slopes of the three functions at a few places" needs=["activation"]
x = np.array([-2.0, 1.0, 3.0])
for name, values, slopes in (
    ("relu", [0, 1, 3], [0, 1, 1]),
    ("sigmoid", [0.119203, 0.731059, 0.952574], [0.104994, 0.196612, 0.045177]),
    ("tanh", [-0.964028, 0.761594, 0.995055], [0.070651, 0.419974, 0.009866]),
):
    got = activation(name, x)
    assert type(got) is tuple and [type(part) for part in got] == [np.ndarray] * 2, (
        f"activation({name!r}, x): expected a tuple of two arrays, (value, slope)."
    )
    for what, part, expected in zip(("value", "slope"), got, (values, slopes)):
        assert part.shape == (3,), f"{what} of {name}: got the shape {part.shape}, expected (3,)."
        assert np.abs(part - np.array(expected)).max() < 1e-5, (
            f"{what} of {name} at [-2, 1, 3]: got {part}, expected {expected}."
        )

# %% activation-hidden nbgrader={"grade": true, "grade_id": "activation-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="arrays of two dimensions, the kink of relu, and x as large as 1000" needs=["activation"]
# Other places, when your work is graded.
### BEGIN HIDDEN TESTS
for name, values, slopes in (
    ("relu", [[0, 0, 0], [0.5, 4, 1000]], [[0, 0, 0], [1, 1, 1]]),
    ("sigmoid", [[0, 0.268941, 0.5], [0.622459, 0.982014, 1]], [[0, 0.196612, 0.25], [0.235004, 0.017663, 0]]),
    ("tanh", [[-1, -0.761594, 0], [0.462117, 0.999329, 1]], [[0, 0.419974, 1], [0.786448, 0.001341, 0]]),
):
    got = activation(name, np.array([[-1000.0, -1.0, 0.0], [0.5, 4.0, 1000.0]]))
    assert type(got) is tuple and [type(part) for part in got] == [np.ndarray] * 2, (
        f"activation({name!r}, x): expected a tuple of two arrays, (value, slope)."
    )
    for what, part, expected in zip(("value", "slope"), got, (values, slopes)):
        assert part.shape == (2, 3), f"{what} of {name}: got the shape {part.shape}, expected (2, 3), that of x."
        assert float(np.abs(part - np.array(expected)).max()) < 1e-5, (
            f"{what} of {name} at [[-1000, -1, 0], [0.5, 4, 1000]]: got {part.tolist()}, expected {expected}. "
            "No power of e may become inf, and the slope of relu at 0 is 0."
        )
### END HIDDEN TESTS

# %% compare-text [markdown]
# Now compare with Paddle: its functions, the gradients that `paddle.grad` gives, and the layers of this package, which `AlexNet` uses.

# %% compare needs=["setup", "activation"]
x = np.linspace(-6, 6, 241)
figure, panels = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
layers = {"relu": fast_cpu.ReLU(), "tanh": fast_cpu.Tanh(), "sigmoid": fast_cpu.Sigmoid()}
for (name, layer), style in zip(layers.items(), ("-", "--", "-.")):
    value, slope = activation(name, x)
    tensor = paddle.to_tensor(x, stop_gradient=False)
    out = getattr(F, name)(tensor)
    by_paddle = paddle.grad(out.sum(), tensor)[0].numpy()
    small = paddle.to_tensor(x.astype("float32").reshape(1, 1, 1, -1), stop_gradient=False)
    mapped = layer(small)
    by_package = paddle.grad(mapped.sum(), small)[0].numpy().ravel()
    differences = [np.abs(a - b).max() for a, b in ((value, out.numpy()), (slope, by_paddle))]
    print(f"{name:8} largest slope {slope.max():.2f}; value and slope differ from Paddle's by {max(differences):.0e}")
    assert max(differences) < 1e-12
    assert np.abs(mapped.numpy().ravel() - value).max() < 1e-5 and np.abs(by_package - slope).max() < 1e-5
    for panel, curve in zip(panels, (value, slope)):
        panel.plot(x, curve, style, color=COLORS[name], label=name)
for panel, title in zip(panels, ("value", "slope")):
    panel.set_title(title)
    panel.set_xlabel("x")
    panel.grid(alpha=0.3)
panels[0].set_ylim(-1.3, 3)
panels[1].axhline(0.25, color="black", linewidth=0.8)
panels[1].text(6, 0.26, "1/4", ha="right", va="bottom")
panels[0].legend()
plt.show()

# %% product-text [markdown]
# At 0 Paddle takes the slope 0 for relu, as you did (the grid has the point 0, and the assert would have found a 1). Any number from 0 to 1 would do.
#
# The sigmoid's slope is $\sigma(1 - \sigma)$, a product of two numbers with the sum 1. It is largest where both are 1/2: **1/4, at best**. The tanh's is **1 at best**, at 0 only. Far from 0 both are flat: such a unit is called **saturated**. The relu's slope is **1 everywhere on the right**.
#
# Why does the slope matter? On its way back the gradient is multiplied, in every layer, by the weights and by the slope. Leave the weights aside for a moment. After `L` layers at most `slope ** L` is left.
#
# ## Exercise 2: how many layers?
#
# Write `layers_until(slope, share, most)`: the smallest number of layers after which the product of the slopes, each the same `slope`, is **below** `share`. Return an `int`, or `None` where even `most` layers are not enough. `slope` is at most 1 and `share` is below 1. A product that equals `share` is not below it.


# %% layers-until nbgrader={"grade": false, "grade_id": "layers-until", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["layers_until"] needs=["setup"]
def layers_until(slope, share, most=100):
    """Layers until slope ** layers < share, or None. Example: layers_until(0.25, 0.01) is 4."""
    ### BEGIN SOLUTION
    product = 1.0
    for layers in range(1, most + 1):
        product *= slope
        if product < share:
            return layers
    return None
    ### END SOLUTION


# %% layers-until-visible nbgrader={"grade": true, "grade_id": "layers-until-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="the sigmoid down to a hundredth, and a slope of 1" needs=["layers-until"]
got = layers_until(0.25, 0.01)
assert type(got) is int, f"layers_until(0.25, 0.01): got a {type(got).__name__}, expected an int."
assert got == 4, f"layers_until(0.25, 0.01): got {got}, expected 4: three layers leave 1/64, four leave 1/256."
got = layers_until(1.0, 0.5)
assert got is None, f"layers_until(1.0, 0.5): got {got}, expected None: a product of ones never shrinks."

# %% layers-until-hidden nbgrader={"grade": true, "grade_id": "layers-until-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="other slopes, products that equal the share, the limit" needs=["layers-until"]
# Other slopes, when your work is graded.
### BEGIN HIDDEN TESTS
for slope, share, most, expected in (
    (0.25, 1 / 16, 100, 3),
    (0.5, 1 / 8, 100, 4),
    (0.5, 0.001, 100, 10),
    (0.9, 0.5, 100, 7),
    (0.25, 0.3, 100, 1),
    (0.9, 0.5, 7, 7),
    (0.9, 0.5, 6, None),
    (0.999, 0.5, 100, None),
):
    got = layers_until(slope, share, most)
    assert type(got) is type(expected), (
        f"layers_until({slope}, {share}, {most}): got a {type(got).__name__}, expected {expected}."
    )
    assert got == expected, (
        f"layers_until({slope}, {share}, {most}): got {got}, expected {expected}. "
        "Equal is not below, and more than `most` layers are None."
    )
### END HIDDEN TESTS

# %% chain-text [markdown]
# AlexNet has seven activations in a row. Seven sigmoids leave at most $1/4^7 = 1/16384$ of the gradient to conv1. That is the best case.
#
# But the weights count as well, and they can be large. To see what really arrives, follow the gradient back through whole layers.
#
# ## Exercise 3: back through a chain of layers
#
# Layer `l` computes $z_l = a_{l-1} W_l$ and $a_l = f(z_l)$, beginning with $a_0 = x$; no biases. `g` is the gradient of the loss with respect to the last $a$. By the chain rule, from layer to layer:
#
# $$\frac{\partial L}{\partial z_l} = \frac{\partial L}{\partial a_l} \cdot f'(z_l) \text{ (number by number)}, \qquad \frac{\partial L}{\partial a_{l-1}} = \frac{\partial L}{\partial z_l} W_l^T$$
#
# Write `chain_gradients(x, weights, function, g)`. `x` is `[N, n0]`, `weights` is a list of arrays `[n0, n1]`, `[n1, n2]`, ... `function(z)` gives the pair `(value, slope)`. Return a list with the gradient with respect to the **input** of each layer, first layer first: as many arrays as weights, the first with the shape of `x`.


# %% chain-gradients nbgrader={"grade": false, "grade_id": "chain-gradients", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["chain_gradients"] needs=["setup"]
def chain_gradients(x, weights, function, g):
    """Gradients with respect to the inputs of layers a = function(a @ W), from g, that of the last output.

    Example: with x = [[1]], weights [[[3]]], a function with slope 2 everywhere and g = [[5]] it is [array([[30]])].
    """
    ### BEGIN SOLUTION
    slopes = []
    for w in weights:
        x, slope = function(x @ w)
        slopes.append(slope)
    gradients = []
    for w, slope in zip(reversed(weights), reversed(slopes)):
        g = (g * slope) @ w.T
        gradients.append(g)
    return gradients[::-1]
    ### END SOLUTION


# %% chain-gradients-visible nbgrader={"grade": true, "grade_id": "chain-gradients-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="two layers of one unit, with squares as the activation" needs=["chain-gradients"]
got = chain_gradients(
    np.array([[2.0]]), [np.array([[3.0]]), np.array([[0.5]])], lambda z: (z**2, 2 * z), np.array([[1.0]])
)
assert type(got) is list and [type(part) for part in got] == [np.ndarray] * 2, (
    "chain_gradients, two layers: expected a list of two arrays."
)
assert [part.shape for part in got] == [(1, 1), (1, 1)], f"shapes: got {[part.shape for part in got]}, expected (1, 1)."
got = [float(part[0, 0]) for part in got]
assert abs(got[0] - 648) < 1e-9 and abs(got[1] - 18) < 1e-9, (
    f"chain_gradients with squares: got {got}, expected [648, 18]. z is 6, then a is 36 and z is 18: the last layer "
    "gives 2 * 18 * 0.5 = 18, the first 18 * 2 * 6 * 3 = 648."
)

# %% chain-gradients-hidden nbgrader={"grade": true, "grade_id": "chain-gradients-hidden", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false} checks="several layers of different widths, several rows, other functions" needs=["chain-gradients"]
# Other widths and functions, when your work is graded.
### BEGIN HIDDEN TESTS
for seed, (rows, widths, by_paddle, function) in enumerate(
    (
        (2, (3, 3, 3), F.tanh, lambda z: (np.tanh(z), 1 - np.tanh(z) ** 2)),
        (4, (3, 5, 2, 4), paddle.sin, lambda z: (np.sin(z), np.cos(z))),
        (1, (6, 2), paddle.square, lambda z: (z**2, 2 * z)),
    )
):
    rng = np.random.default_rng(seed)
    x, g = rng.normal(size=(rows, widths[0])), rng.normal(size=(rows, widths[-1]))
    weights = [rng.normal(size=shape) for shape in zip(widths, widths[1:])]
    inputs = [paddle.to_tensor(x, stop_gradient=False)]
    for w in weights:
        inputs.append(by_paddle(inputs[-1] @ paddle.to_tensor(w)))
    expected = [part.numpy() for part in paddle.grad((inputs[-1] * paddle.to_tensor(g)).sum(), inputs[:-1])]
    got = chain_gradients(x, weights, function, g)
    assert type(got) is list and [type(part) for part in got] == [np.ndarray] * len(weights), (
        f"chain_gradients, widths {widths}: expected a list of {len(weights)} arrays."
    )
    for which, part, wanted in zip(("first", "second", "third"), got, expected):
        case = f"chain_gradients, widths {widths}, {which} array of the list"
        assert part.shape == wanted.shape, f"{case}: got the shape {part.shape}, expected {wanted.shape}."
        place = tuple(int(i) for i in np.unravel_index(np.abs(part - wanted).argmax(), part.shape))
        assert float(np.abs(part - wanted).max()) < 1e-9, (
            f"{case}: got {float(part[place]):.4f} at {place}, "
            f"expected {float(wanted[place]):.4f}. First times the slope at z, then times the transposed weights."
        )
### END HIDDEN TESTS

# %% depth-text [markdown]
# Ten layers of 200 units. The initialisations that people use for each: He's for relu (standard deviation $\sqrt{2/n}$), Xavier's for tanh (uniform, up to $\sqrt{6/(n_{in} + n_{out})}$).
#
# And the sigmoid, first with He's weights. The second student has something like it: Paddle's initialisation, which is close to He's in the convolutions and Xavier's in the fc layers. (Close: Paddle counts the inputs of all groups, so in a convolution with two groups the weights are smaller by $\sqrt 2$.) Then with Xavier's bound **times four**, because of the slope of 1/4, and with one more change that exercise 5 is about; these weights come from the package.
#
# **Predict** the four lines: the size of the gradient, from the last layer on the right to the first on the left.

# %% depth needs=["setup", "activation", "layers-until", "chain-gradients"]
rng = np.random.default_rng(0)
width, layers = 200, 10
he = [rng.normal(0, math.sqrt(2 / width), (width, width)) for _ in range(layers)]
xavier = [rng.uniform(-1, 1, (width, width)) * math.sqrt(6 / (2 * width)) for _ in range(layers)]
paddle.seed(0)
attribute = INITS["sigmoid"]("fc", width, width, False)[0]
zero_sum = [paddle.nn.Linear(width, width, weight_attr=attribute).weight.numpy() for _ in range(layers)]
x, g = rng.normal(size=(64, width)), rng.normal(size=(64, width))
print(f"slopes of 1/4 alone: below a thousandth after {layers_until(0.25, 0.001)} layers")
figure, panel = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
for label, name, weights, color, style in (
    ("relu, He", "relu", he, "relu", "o-"),
    ("tanh, Xavier", "tanh", xavier, "tanh", "s--"),
    ("sigmoid, 4 Xavier, zero sums", "sigmoid", zero_sum, "sigmoid", "^-."),
    ("sigmoid, He", "sigmoid", he, "sigmoid as relu", "v:"),
):
    gradients = chain_gradients(x, weights, lambda z, name=name: activation(name, z), g)
    sizes = [np.sqrt((gradient**2).mean()) for gradient in gradients]
    panel.semilogy(range(1, layers + 1), sizes, style, color=COLORS[color], label=label)
    print(f"{label:29} first layer / last layer: {sizes[0] / sizes[-1]:.1e}")
panel.set_xlabel("layer")
panel.set_xticks(range(1, layers + 1))
panel.set_ylabel("gradient with respect to its input\n(root mean square)")
panel.legend()
panel.grid(alpha=0.3)
plt.show()

# %% forward-text [markdown]
# A straight line on a logarithmic axis: in each layer the same *factor* is lost. For the sigmoid with He's weights it is a little below $\sqrt{2}/4$, about 0.35: the weights alone would make the gradient $\sqrt{2}$ times as large, the slope is at most 1/4. In the second student's net some layers have smaller weights than He's and lose more. That is half of the answer to the puzzle: the first layers get next to no gradient.
#
# ## The way forward
#
# The other half is on the way forward. Take the real net, with 64 pictures of petals, and look at what seven activations put out. You get all outputs from `inspection.outputs(net, images)`.
#
# **Predict:** which of the three nets has saturated units before any training?

# %% histograms needs=["setup", "two-nets"]
images = paddle.to_tensor(pictures[:64])
figure, panels = plt.subplots(3, 4, figsize=(10, 6.4), sharex="row", layout="constrained")
for row, name in zip(panels, ("relu", "tanh", "sigmoid")):
    runtime.seed_everything(0)
    found = inspection.outputs(AlexNet(mini.replace(activation=name)), images)
    edges = {"relu": np.linspace(0, 6, 61), "tanh": np.linspace(-1, 1, 61), "sigmoid": np.linspace(0, 1, 61)}[name]
    for panel, stage in zip(row, (1, 3, 5, 7)):
        values = found[f"{name}{stage}"]
        shares = np.histogram(values, edges)[0] / values.size
        panel.bar(edges[:-1], shares, np.diff(edges), align="edge", color=COLORS[name])
        panel.set_yscale("log")
        panel.set_ylim(1e-5, 1)
        changes = np.sqrt((values.astype("float64").std(axis=0) ** 2).mean())
        panel.set_title(f"{name}{stage}: changes by {changes:.1g}", fontsize=10)
    row[0].set_ylabel("share of the values")
for panel in panels[-1]:
    panel.set_xlabel("output")
plt.show()

# %% saturated-text [markdown]
# "Changes by" is how much a unit differs from picture to picture (the standard deviation over the pictures, as root mean square over the units).
#
# Which net has saturated units? Neither tanh nor sigmoid has any: no *unit* is near a bound for all pictures. In tanh1 about 8% of the *values* lie near a bound (a cell below prints it), and the bars of sigmoid1 reach 0 and 1 as well. But with another picture these units are elsewhere. (The flat side of relu has its own section below.)
#
# Most readers expect the sigmoid to be saturated. It is not, and from sigmoid3 on no value at all is near a bound: its outputs lie around the **middle**, where its slope is largest. The trouble is another one. In sigmoid7 a unit has nearly the same output *for every picture*. Each layer leaves about a quarter of the differences, and after seven layers the last ones cannot see which flower it was. So all that the net can learn is one answer for all pictures, and the best one is a fifth for each class: `ln(5)`.
#
# Saturation does exist. It needs large inputs.
#
# ## Exercise 4: the share of saturated units
#
# A *unit* is one number of a layer's output: for `[N, C, H, W]` a channel at a position. Call it saturated when **for all pictures** it is nearer to **the same** bound than 1% of `high - low`. For tanh, between -1 and 1, that is below -0.98 or above 0.98.
#
# Write `saturated_share(values, low, high)`: the share of saturated units as a `float`. `values` is an array `[N, ...]`, first axis: pictures.


# %% saturated-share nbgrader={"grade": false, "grade_id": "saturated-share", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["saturated_share"] needs=["setup"]
def saturated_share(values, low, high):
    """Share of the units of [N, ...] that stay near one bound for all N pictures.

    Example: saturated_share(np.array([[0.001, 0.5], [0.002, 0.001]]), 0, 1) is 0.5.
    """
    ### BEGIN SOLUTION
    near = 0.01 * (high - low)
    stuck = (values < low + near).all(axis=0) | (values > high - near).all(axis=0)
    return float(stuck.mean())
    ### END SOLUTION


# %% saturated-share-visible nbgrader={"grade": true, "grade_id": "saturated-share-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="four units of a sigmoid, one of them saturated" needs=["saturated-share"]
got = saturated_share(np.array([[0.001, 0.5, 0.999, 0.2], [0.002, 0.001, 0.001, 0.7]]), 0, 1)
assert isinstance(got, float), f"saturated_share: got a {type(got).__name__}, expected a float."
assert abs(got - 0.25) < 1e-9, (
    f"saturated_share of four units: got {got:.3f}, expected 0.25: the first. The second gets away from 0, the third "
    "goes from one bound to the other."
)

# %% saturated-share-hidden nbgrader={"grade": true, "grade_id": "saturated-share-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="both bounds, units that go from bound to bound, outputs with channels and positions, a tanh" needs=["saturated-share"]
# Other outputs, when your work is graded.
### BEGIN HIDDEN TESTS
got = saturated_share(np.array([[0.995, 0.003, 0.98, 0.5], [0.9999, 0.008, 0.999, 0.5], [1, 0, 1, 0.5]]), 0, 1)
assert isinstance(got, float), f"saturated_share: got a {type(got).__name__}, expected a float."
assert abs(got - 0.5) < 1e-9, (
    f"saturated_share of four units: got {got:.3f}, expected 0.5: one at each bound. All pictures count."
)
for seed, shape in enumerate(((6, 3, 2, 4), (5, 2, 3, 3))):
    rng = np.random.default_rng(seed)
    values = rng.uniform(-0.9, 0.9, shape)
    values[:, 0, 0] = -0.985 + rng.uniform(-0.003, 0.003, values[:, 0, 0].shape)  # a row of the first channel
    values[:, 1, 0, 0] = 0.99
    values[1:, 1, 1] = 0.999  # all but the first picture
    values[:, 1, 0, 1] = 0.995
    values[1:-1, 1, 0, 1] = -0.995  # from bound to bound and back
    got = saturated_share(values, -1, 1)
    expected = (shape[3] + 1) / (shape[1] * shape[2] * shape[3])
    assert isinstance(got, float), f"saturated_share: got a {type(got).__name__}, expected a float."
    assert abs(got - expected) < 1e-9, (
        f"saturated_share of {shape} between -1 and 1: got {got:.4f}, expected {expected:.4f}. "
        "All pictures count, a unit that goes from bound to bound is not saturated, each channel at each position is a "
        "unit, and 1% of high - low is 0.02."
    )
### END HIDDEN TESTS

# %% raw-text [markdown]
# A frequent slip: the pictures are not normalised, and numbers from 0 to 255 enter the net. **Predict** the share of saturated tanh units in the first layer, with normalised pictures and with raw ones. And in the second? And the share of *values* near a bound, whichever bound it is?

# %% raw needs=["setup", "two-nets", "saturated-share"]
raw = (pictures[:64] * preprocessing.std[:, None, None] + preprocessing.mean[:, None, None]).astype("float32")
figure, panel = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
for number, (label, inputs, hatch) in enumerate((("normalised", pictures[:64], ""), ("raw, 0 to 255", raw, "//"))):
    runtime.seed_everything(0)
    net = AlexNet(mini.replace(activation="tanh"))
    found, inputs = inspection.outputs(net, paddle.to_tensor(inputs)), paddle.to_tensor(inputs)
    units = [saturated_share(found[f"tanh{stage}"], -1, 1) for stage in range(1, 8)]
    values = [float((np.abs(found[f"tanh{stage}"]) > 0.98).mean()) for stage in range(1, 8)]
    by_package = [row.saturated for row in inspection.activations(net, inputs) if row.kind == "Tanh"]
    assert np.abs(np.array(units) - by_package).max() < 1e-6
    for stage in (1, 2):
        share = f"{units[stage - 1]:4.0%} of the units saturated, {values[stage - 1]:4.0%} of all values near a bound"
        print(f"{label:14} tanh{stage}: {share}")
    color = COLORS["tanh" if number == 0 else "saturated"]
    panel.bar(np.arange(1, 8) + 0.4 * number - 0.2, values, 0.38, color=color, hatch=hatch, label=label)
panel.set_xlabel("tanh layer")
panel.set_ylabel("share of values near a bound")
panel.set_ylim(0, 1)
panel.legend()
panel.grid(alpha=0.3, axis="y")
plt.show()

# %% init-text [markdown]
# With raw pixels nearly every value of the first layer is near a bound (the bars show values). Fewer *units* count as saturated, since many go from one bound to the other with the picture; but on the way back the slope is next to 0 at either bound. Only the first layer suffers. In the second no unit is saturated: the first one's outputs are at most 1, so the next layer's inputs are small again. The paper remarks of ReLU that it does not need normalised inputs to keep it from saturating (section 3.3). It has no upper bound to sit on.
#
# ## An initialisation for the sigmoid
#
# Can the second student's net be saved without changing the activation? There is an exact connection:
#
# $$\sigma(z) = \frac{1 + \tanh(z / 2)}{2}$$
#
# So if $t$ is what a tanh layer puts out, a sigmoid layer can put out $a = (1 + t)/2$. What weights must the **next** layer have, so that it does what the tanh net's weights $V$ do? There the tanh net takes the tanh of $tV$, so $z / 2$ must be $tV$, and $z = 2\,tV$. But the sigmoid layer computes
#
# $$z = a W = \tfrac12 \mathbf{1} W + \tfrac12 t W$$
#
# **Work it out:** with which $W$ is the second part $2\,tV$? And when does the first part vanish?
#
# <details><summary>Result</summary>
#
# The second part wants $W = 4V$: four times the weights. The first part is the same for every picture: each output is around 1/2, so all of them together push each next unit by half the **sum of its weights**. It vanishes when the weights of each unit sum to zero.
# </details>
#
# ## Exercise 5: the weights
#
# Write `sigmoid_weights(fan_in, fan_out, rng)`: an array `[fan_in, fan_out]`, a column for each unit. Draw uniformly between $-b$ and $b$, with $b$ **four times** Xavier's bound $\sqrt{6 / (\text{fan in} + \text{fan out})}$. Then subtract from each unit's weights their mean. `rng` is a `np.random.Generator`; draw from it.


# %% sigmoid-weights nbgrader={"grade": false, "grade_id": "sigmoid-weights", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["sigmoid_weights"] needs=["setup"]
def sigmoid_weights(fan_in, fan_out, rng):
    """Uniform weights [fan_in, fan_out], four times Xavier's, each column with the sum 0.

    Example: sigmoid_weights(300, 200, np.random.default_rng(0)) has a standard deviation near 0.253.
    """
    ### BEGIN SOLUTION
    bound = 4 * math.sqrt(6 / (fan_in + fan_out))
    weights = rng.uniform(-bound, bound, (fan_in, fan_out))
    return weights - weights.mean(axis=0)
    ### END SOLUTION


# %% sigmoid-weights-visible nbgrader={"grade": true, "grade_id": "sigmoid-weights-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="sums and size of 200 x 200 weights" needs=["sigmoid-weights"]
got = sigmoid_weights(200, 200, np.random.default_rng(0))
assert type(got) is np.ndarray, f"sigmoid_weights: got a {type(got).__name__}, expected a NumPy array."
assert got.shape == (200, 200), f"sigmoid_weights(200, 200): got {got.shape}, expected (200, 200)."
assert np.abs(got.sum(axis=0)).max() < 1e-8, (
    f"sigmoid_weights: a column sums to {np.abs(got.sum(axis=0)).max():.3f}, expected 0. A column is a unit."
)
assert abs(got.std() - 0.2828) < 0.005, (
    f"sigmoid_weights(200, 200): standard deviation {got.std():.4f}, expected about 0.283: the bound is 0.49, and "
    "uniform numbers have a standard deviation of bound / sqrt(3)."
)

# %% sigmoid-weights-hidden nbgrader={"grade": true, "grade_id": "sigmoid-weights-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="more inputs than units and the reverse, a uniform distribution, other random numbers from another generator" needs=["sigmoid-weights"]
# Other sizes, when your work is graded.
### BEGIN HIDDEN TESTS
for seed, (fan_in, fan_out) in enumerate(((900, 50), (100, 700))):
    got = sigmoid_weights(fan_in, fan_out, np.random.default_rng(seed))
    assert type(got) is np.ndarray, f"sigmoid_weights: got a {type(got).__name__}, expected a NumPy array."
    assert got.shape == (fan_in, fan_out), f"sigmoid_weights({fan_in}, {fan_out}): got {got.shape}."
    largest = float(np.abs(got.sum(axis=0)).max())
    assert largest < 1e-8, f"sigmoid_weights({fan_in}, {fan_out}): a column sums to {largest:.3f}, expected 0."
    bound = 4 * math.sqrt(6 / (fan_in + fan_out))
    assert abs(float(got.std()) / bound - 0.577) < 0.015, (
        f"sigmoid_weights({fan_in}, {fan_out}): standard deviation {float(got.std()):.4f}, "
        f"expected about {0.577 * bound:.4f}. Fan in and fan out both count."
    )
    assert 0.95 * bound < float(np.abs(got).max()) < 1.25 * bound, (
        f"sigmoid_weights({fan_in}, {fan_out}): the largest weight is {float(np.abs(got).max()):.4f}, "
        f"expected about {bound:.4f}, since uniform numbers end at the bound."
    )
first, second = (sigmoid_weights(5, 4, np.random.default_rng(seed)) for seed in (1, 2))
assert float(np.abs(first - second).max()) > 1e-3, "sigmoid_weights: two generators gave the same weights. Use rng."
### END HIDDEN TESTS

# %% twins-text [markdown]
# Is it exact? A tanh net of eight layers with weights `V`, and a sigmoid net with `4 V` (the first layer has `2 V`: its inputs are pictures, not sigmoids). And is the package's initialisation `"sigmoid"` the one that you wrote?

# %% twins needs=["setup", "activation", "sigmoid-weights"]
rng = np.random.default_rng(3)
weights = [sigmoid_weights(100, 100, rng) for _ in range(8)]
x = rng.normal(size=(16, 100))
t = a = x
for number, w in enumerate(weights):
    t = activation("tanh", t @ (w / 4))[0]
    a = activation("sigmoid", a @ (w if number else w / 2))[0]
print(f"after 8 layers (1 + tanh net) / 2 and the sigmoid net differ by {np.abs((1 + t) / 2 - a).max():.0e}")
assert np.abs((1 + t) / 2 - a).max() < 1e-12

tensors = {"tanh": [paddle.to_tensor(w / 4) for w in weights], "sigmoid": [paddle.to_tensor(w) for w in weights]}
tensors["sigmoid"][0] = tensors["sigmoid"][0] / 2
gradients = {}
for name, layers in tensors.items():
    out = paddle.to_tensor(x)
    for w in layers:
        w.stop_gradient = False
        out = getattr(F, name)(out @ w)
    out = out if name == "sigmoid" else (1 + out) / 2
    gradients[name] = paddle.grad((out**2).sum(), layers[4])[0].numpy()
common = {name: gradient.mean(axis=0) for name, gradient in gradients.items()}
ratio = (gradients["tanh"] - common["tanh"]) / (gradients["sigmoid"] - common["sigmoid"])
print(f"layer 5, gradients minus each unit's mean: the tanh net's are {np.median(ratio):.3f} times the sigmoid net's")
assert np.abs(ratio - 4).max() < 1e-6
for name, gradient in gradients.items():
    part = (common[name] ** 2).mean() / (gradient**2).mean()
    print(f"{name:8} share of the squared gradient that is common to all weights of a unit: {part:.0%}")

paddle.seed(0)
net = AlexNet(mini.replace(activation="sigmoid", init="sigmoid"))
fan_in, fan_out = net.fc7.weight.shape
yours = sigmoid_weights(fan_in, fan_out, rng)
package = net.fc7.weight.numpy().astype("float64")
print(f"fc7, {fan_in} x {fan_out}: standard deviation {yours.std():.4f} yours, {package.std():.4f} the package's")
assert abs(package.std() / yours.std() - 1) < 0.02 and np.abs(package.sum(axis=0)).max() < 1e-4
kernel_sums = net.conv3.weight.numpy().astype("float64").sum(axis=(1, 2, 3))
print(f"conv3, a filter is a unit: largest sum {np.abs(kernel_sums).max():.0e}")
assert np.abs(kernel_sums).max() < 1e-4

# %% step-text [markdown]
# The two nets are the same function at the start. Do they also *learn* alike? Not with the same learning rate. Since $W = 4V$, the chain rule makes the gradient with respect to $W$ a quarter of that with respect to $V$, and to move $V$ by some amount, $W$ must move four times as far. So in these layers the sigmoid needs a learning rate 4 x 4 = **16 times** as large for the same step.
#
# And even then they part after the first step. A weight's gradient has its input as a factor, and sigmoid outputs are all around 1/2: the weights of a unit get a common push, and the zero sums are gone. In the cell above nearly the whole gradient of a middle layer is that push; in the tanh net next to nothing is. Starting well is not the same as learning well. That has to be measured.
#
# ## The price of ReLU
#
# ReLU has a flat side too. A unit whose `z` is negative for **every** picture gets the slope 0 for every picture: a **dead ReLU**. In an fc layer its weights then get no gradient. In a convolution, where a unit is a channel at a position, the filter still learns from its other positions. **Predict:** which share of the units is dead before training? And after 40 steps, at three learning rates?

# %% dead needs=["setup", "two-nets", "histograms"]
figure, panel = plt.subplots(figsize=(7.5, 3.2), layout="constrained")
for number, (label, rate, steps) in enumerate(
    (("before", 0.0, 0), ("0.004, 40 steps", 0.004, 40), ("0.016, 40 steps", 0.016, 40), ("0.064, 40 steps", 0.064, 40))
):
    net, losses = train(rate, steps, activation="relu")
    dead = [row.dead for row in inspection.activations(net, images) if row.kind == "ReLU"]
    color = ("#000000", *plots.OKABE_ITO)[number]
    panel.bar(np.arange(1, 8) + 0.2 * number - 0.3, dead, 0.19, color=color, label=label)
    if losses:
        print(f"{label}: mean loss of the last 10 steps {np.mean(losses[-10:]):.2f}")
panel.set_xlabel("ReLU layer")
panel.set_ylabel("share of units that are 0\nfor all 64 pictures")
panel.set_ylim(0, 1)
panel.legend()
panel.grid(alpha=0.3, axis="y")
plt.show()

# %% history [markdown]
# Some units are silent for 64 pictures from the start, and that need not be the end: another picture, or a change in the layer before, may wake them. A learning rate that is too large kills many more.
#
# ## What the paper and the 2012 source did
#
# - **Where.** "The ReLU non-linearity is applied to the output of every convolutional and fully-connected layer" (section 3.5). Taken literally that includes the last layer, before the softmax. The nets of this package have none there; see the traps.
# - **Biases of 1** in conv2, conv4, conv5 and the hidden fully connected layers: they give the ReLUs positive inputs at the beginning (section 5). That is a remedy for dead units.
# - **Figure 1** (section 3.1): a net of four layers on CIFAR-10 reaches 25% training error six times faster with ReLU than with tanh. Each net had its own learning rate, chosen to train as fast as possible, and no regularisation of any kind. The paper adds that the size of the effect varies with the net. It names the sigmoid as one of the two usual functions, and shows no curve of it.
# - **The order.** In one configuration of the 2012 source (`layers-145.cfg`) conv5's ReLU comes *after* the max pooling, and in the first stage the ReLU comes last, after normalisation and pooling. Does that change a number?

# %% order needs=["setup"]
x = paddle.randn([2, 8, 13, 13])
first, last = F.max_pool2d(F.relu(x), 3, 2), F.relu(F.max_pool2d(x, 3, 2))
print(f"ReLU before or after max pooling: largest difference {float((first - last).abs().max())}")
assert float((first - last).abs().max()) == 0
norm = paddle.nn.LocalResponseNorm(5, alpha=1.0, k=2.0)
first, last = norm(F.relu(x)), F.relu(norm(x))
print(f"ReLU before or after response normalisation: {float((first - last).abs().max()):.2f}")
assert float((first - last).abs().max()) > 0.1

# %% race-text [markdown]
# With max pooling it does not: the largest number stays the largest, and after pooling there are only about a quarter of the numbers to work on. With response normalisation it does, since there the negative neighbours count as well (`alpha` is 1 here, far larger than the paper's, so that one sees it).
#
# ## A race
#
# The paper's way to compare: **how many epochs until the training error is at most 25%?** Two rules make it fair, and one makes it honest:
#
# - each net has its *own* best learning rate, chosen by short trials;
# - nothing that only helps one of them: no dropout, no weight decay, no augmentation;
# - a net that never arrives has **no number**. It took "more than 16 epochs", and an average that counts it as 16 is wrong.
#
# The training error is taken while learning, in four parts of each epoch. So the race is measured in quarters.
#
# ## Exercise 6: the finish
#
# Write `epochs_to(errors, target, parts)`. `errors` is a list with `parts` numbers for each epoch. Return, as a `float`, the number of epochs after which the error was **at most** `target` for the first time, or `None` if it never was.


# %% epochs-to nbgrader={"grade": false, "grade_id": "epochs-to", "locked": false, "schema_version": 3, "solution": true, "task": false} defines=["epochs_to"] needs=["setup"]
def epochs_to(errors, target=0.25, parts=4):
    """Epochs until an error is at most the target, or None. Example: epochs_to([0.6, 0.4, 0.2, 0.1]) is 0.75."""
    ### BEGIN SOLUTION
    for number, error in enumerate(errors, start=1):
        if error <= target:
            return number / parts
    return None
    ### END SOLUTION


# %% epochs-to-visible nbgrader={"grade": true, "grade_id": "epochs-to-visible", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false} checks="a net that arrives, and one that does not" needs=["epochs-to"]
got = epochs_to([0.8, 0.6, 0.5, 0.4, 0.3, 0.2], 0.25, 4)
assert isinstance(got, float), f"epochs_to: got a {type(got).__name__}, expected a float."
assert abs(got - 1.5) < 1e-9, f"epochs_to: got {got}, expected 1.5: the sixth quarter of an epoch is the first below."
got = epochs_to([0.8, 0.7], 0.25, 4)
assert got is None, f"epochs_to of a net that never arrives: got {got}, expected None, not a number."

# %% epochs-to-hidden nbgrader={"grade": true, "grade_id": "epochs-to-hidden", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false} checks="errors that rise again or equal the target, other parts of an epoch" needs=["epochs-to"]
# Other races, when your work is graded.
### BEGIN HIDDEN TESTS
for errors, target, parts, expected, hint in (
    ([0.5, 0.25, 0.2], 0.25, 4, 0.5, "At most: an error that equals the target has arrived."),
    ([0.5, 0.2, 0.4, 0.1, 0.3], 0.25, 2, 1.0, "The first time counts, whatever comes after."),
    ([0.1, 0.9], 0.3, 10, 0.1, "It may arrive in the first part."),
    ([0.9, 0.8, 0.7, 0.6, 0.5], 0.5, 1, 5.0, "It may arrive in the last part."),
):
    got = epochs_to(errors, target, parts)
    assert isinstance(got, float), f"epochs_to({errors}, {target}, {parts}): got a {type(got).__name__}, not a float."
    assert abs(got - expected) < 1e-9, f"epochs_to({errors}, {target}, {parts}): got {got}, expected {expected}. {hint}"
for errors in ([], [0.3, 0.26, 0.27]):
    got = epochs_to(errors, 0.25, 4)
    assert got is None, f"epochs_to({errors}, 0.25, 4): got {got}, expected None: it never arrives."
### END HIDDEN TESTS

# %% live-text [markdown]
# Now the race on petals, live but short: 800 pictures, 4 epochs, two seeds. Four nets that differ in nothing but the activation and what must fit it:
#
# - `relu` and `tanh`, with Paddle's initialisation, which is close to He's in the convolutions and Xavier's in the fc layers;
# - `sigmoid`, with the initialisation of exercise 5;
# - `sigmoid as relu`: initialisation and learning rate of relu, the second student's net.
#
# The first three choose among the learning rates 0.001, 0.004, 0.016 and 0.064 in trials of one epoch. It takes about a minute on an idle machine with two cores.
#
# **Predict** the order. And which learning rate will each of them choose? (There was a factor above.)

# %% live needs=["setup"]
chosen = ABLATIONS["activation"]
with tempfile.TemporaryDirectory() as folder:
    live = ablation.run("activation", Path(folder) / "activation.json", size=chosen.full if FULL else chosen.quick)
print("learning rates:", live["summary"]["learning_rate"])
plots.ablation_curves(live)

# %% live-after [markdown]
# The band goes from the lower to the higher seed. A few epochs and two seeds prove nothing: another draw of pictures may turn the order round, and whoever is ahead after four epochs need not be ahead after sixteen.
#
# Look at the trials, too. After one epoch, 25 steps, no sigmoid had left chance, at any learning rate. So its rate was chosen among four kinds of noise, and its curve says nothing about what a sigmoid can do. **A race is only as fair as its trials are long.**
#
# For all this there is the record: 2000 pictures, 16 epochs, five seeds, and trials of 4 epochs, 252 steps. It was made with `python -m alexnet_paddle.ablate activation --full`. **Predict** again, the sigmoid's learning rate as well.

# %% record needs=["setup"]
recorded = ablation.read("results/activation-petals.json")
plots.ablation_curves(recorded)

# %% record-cifar10 needs=["setup"]
recorded_cifar10 = ablation.read("results/activation-cifar10.json")
plots.ablation_curves(recorded_cifar10)

# %% record-differences needs=["setup", "record", "record-cifar10"]
for record in (recorded, recorded_cifar10):
    print(record["data"])
    display(plots.differences(record))

# %% record-race needs=["setup", "epochs-to", "record", "record-cifar10"]
for record in (recorded, recorded_cifar10):
    epochs = record["recipe"]["epochs"]
    print(f"{record['data']}: epochs to 25% training error, by seed")
    for arm in dict.fromkeys(run["arm"] for run in record["runs"]):
        runs = [run for run in record["runs"] if run["arm"] == arm]
        finished = [epochs_to(run["training_error"], 0.25, measures.WINDOWS) for run in runs]
        assert finished == [measures.epochs_to(run["training_error"], 0.25) for run in runs]
        words = ", ".join(f"more than {epochs}" if one is None else f"{one:g}" for one in finished)
        print(f"  {arm:16} learning rate {runs[0]['learning_rate']:<5g}  {words}")

# %% record-gradients-text [markdown]
# And the answer to the puzzle, from the record on petals. Before each training the gradient of every layer's weights was measured on the first pictures. The band goes from the lowest seed to the highest.

# %% record-gradients needs=["setup", "record"]
figure, panel = plt.subplots(figsize=(7.5, 3.8), layout="constrained")
for arm, style in (("relu", "-"), ("tanh", "--"), ("sigmoid", "-."), ("sigmoid as relu", ":")):
    rows = [run["gradients_at_start"] for run in recorded["runs"] if run["arm"] == arm]
    names = list(rows[0])
    plots.bands(
        panel,
        np.arange(len(names)),
        np.array([[row[name] for name in names] for row in rows]),
        arm,
        {"color": COLORS[arm], "linestyle": style, "marker": "o", "markersize": 4},
    )
panel.set_yscale("log")
panel.set_xticks(range(len(names)), names)
panel.set_xlabel("layer")
panel.set_ylabel("gradient of its weights at the start\n(root mean square)")
panel.legend()
panel.grid(alpha=0.3)
plt.show()

# %% came-out [markdown]
# ## What came out
#
# | | `mini` on petals, 5 seeds, 16 epochs | `cifar4` on CIFAR-10 pictures, 3 seeds, 16 epochs |
# | --- | --- | --- |
# | epochs to 25% training error: ReLU | 3.05<!-- activation-petals: epochs_to_target/relu/mean --> | one of three finished, 9.25<!-- activation-cifar10: epochs_to_target/relu/by_seed/0 -->; two needed more than 16 |
# | tanh | 2.10<!-- activation-petals: epochs_to_target/tanh/mean --> | 8.00<!-- activation-cifar10: epochs_to_target/tanh/mean --> |
# | sigmoid | 7.60<!-- activation-petals: epochs_to_target/sigmoid/mean --> | more than 16, all three |
# | sigmoid as ReLU | more than 16, all five | more than 16, all three |
# | test accuracy: ReLU | 92.4<!-- activation-petals: top1/relu/mean * 100 -->% | 41.8<!-- activation-cifar10: top1/relu/mean * 100 -->% |
# | tanh, difference from ReLU in points | +1.6<!-- activation-petals: difference/tanh/mean * 100 --> (−0.3<!-- activation-petals: difference/tanh/interval_95/0 * 100 --> to +3.5<!-- activation-petals: difference/tanh/interval_95/1 * 100 -->) | +9.1<!-- activation-cifar10: difference/tanh/mean * 100 --> (+3.3<!-- activation-cifar10: difference/tanh/interval_95/0 * 100 --> to +14.8<!-- activation-cifar10: difference/tanh/interval_95/1 * 100 -->) |
# | sigmoid | −12.7<!-- activation-petals: difference/sigmoid/mean * 100 --> (−21.2<!-- activation-petals: difference/sigmoid/interval_95/0 * 100 --> to −4.2<!-- activation-petals: difference/sigmoid/interval_95/1 * 100 -->) | +4.9<!-- activation-cifar10: difference/sigmoid/mean * 100 --> (+3.0<!-- activation-cifar10: difference/sigmoid/interval_95/0 * 100 --> to +6.7<!-- activation-cifar10: difference/sigmoid/interval_95/1 * 100 -->) |
# | sigmoid as ReLU | −72.4<!-- activation-petals: difference/sigmoid as relu/mean * 100 --> | −6.6<!-- activation-cifar10: difference/sigmoid as relu/mean * 100 --> |
#
# In brackets: the 95% interval.
#
# - **tanh was not slower than ReLU.** On petals it took 0.69<!-- activation-petals: times_as_long/tanh/mean --> times ReLU's epochs (0.61<!-- activation-petals: times_as_long/tanh/interval_95/0 --> to 0.77<!-- activation-petals: times_as_long/tanh/interval_95/1 -->). The paper's Figure 1 has it the other way round: there tanh takes six times as many. Its net, batch and learning rates are not ours, so this does not refute the figure. It says that "ReLU is faster" is no law.
# - **The sigmoid learns, if its weights are made for it**: on petals in 2.5<!-- activation-petals: times_as_long/sigmoid/mean --> times ReLU's epochs. With ReLU's weights and learning rate the deep net stays at chance for all five seeds.
# - **On the paper's own pictures tanh won too.** All three tanh nets reached 25%, one of three ReLU nets did. The wide band of ReLU shows why: its learning rate, 0.004, was chosen on seed 0, and suits seed 0. The two other starts learn slowly with it, to the end. tanh does well with the same rate and every seed.
# - **Even the sigmoid ends above ReLU on CIFAR-10**, by 4.9<!-- activation-cifar10: difference/sigmoid/mean * 100 --> points, although its training error is higher than that of ReLU's best run. Without any regularisation, whoever learns the training pictures by heart first does not win on the test pictures.
# - **What the data do not say.** The learning rates are a factor of 4 apart. The sigmoid's on petals, 0.064, is the largest that was tried: a larger one may be better. And on CIFAR-10 ReLU might do better at a rate between 0.001 and 0.004, or with one chosen on more than one seed. Batches of 32, momentum 0.9, no normalisation between the layers: other choices may turn the order round.

# %% traps [markdown]
# ## Traps
#
# - **An activation after the last layer.** A ReLU on the logits cuts off all negative ones. A sigmoid there keeps them between 0 and 1, and then the softmax of five classes gives no class more than `e / (e + 4)`, 40%: the loss never falls below 0.9. A softmax there does the same, since `F.cross_entropy` takes the softmax itself. All of them run without a message. Test: can a logit be negative, and above 1?
# - **One learning rate for all.** "I only changed the activation" sounds fair. But a learning rate fits one net, as the factor of 16 shows. Give each net its own, chosen the same way.
# - **The initialisation of another activation.** He's weights are made for ReLU, Xavier's for tanh. A sigmoid with either is a test of the initialisation, not of the sigmoid.
# - **"Never" as a number.** A race that was not finished has no time.
# - **Raw pixels into tanh.** Part of the first layer saturates, and nothing says so.
#
# ## Three questions
#
# 1. A net has ten sigmoid layers. At best, which share of the gradient do the slopes leave? Could the weights make up for it?
# 2. In sigmoid7 of the second student's net no unit is saturated. Why can the net not learn to tell flowers apart all the same?
# 3. You replace tanh by ReLU, keep the learning rate, and the training is slower. What have you shown?
#
# <details><summary>Answers</summary>
#
# 1. `0.25 ** 10`, about a millionth. Weights can make up for it: four times Xavier's do, as the picture of the ten layers shows. But large weights also carry outputs away from the middle, to where the slope is smaller than 1/4.
# 2. A unit there puts out nearly the same for every picture, so the last layer sees no difference between them. And the layers before, which could change that, get nearly no gradient.
# 3. That ReLU is slower at tanh's learning rate. For more, choose the learning rate of each, and use several seeds.
# </details>
#
# Next: [06 Local response normalisation](06_lrn.ipynb).
