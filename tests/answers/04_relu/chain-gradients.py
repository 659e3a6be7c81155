# %% wrong-weights-not-transposed
def chain_gradients(x, weights, function, g):
    slopes = []
    for w in weights:
        x, slope = function(x @ w)
        slopes.append(slope)
    gradients = []
    for w, slope in zip(weights[::-1], slopes[::-1]):
        g = (g * slope) @ w
        gradients.insert(0, g)
    return gradients


# %% wrong-last-layer-first
def chain_gradients(x, weights, function, g):
    slopes = []
    for w in weights:
        x, slope = function(x @ w)
        slopes.append(slope)
    gradients = []
    for w, slope in zip(weights[::-1], slopes[::-1]):
        g = (g * slope) @ w.T
        gradients.append(g)
    return gradients


# %% wrong-no-slopes
def chain_gradients(x, weights, function, g):
    gradients = []
    for w in weights[::-1]:
        g = g @ w.T
        gradients.insert(0, g)
    return gradients


# %% wrong-slope-after-the-weights
def chain_gradients(x, weights, function, g):
    slopes = []
    for w in weights:
        x, slope = function(x @ w)
        slopes.append(slope)
    gradients = []
    for w, slope in zip(weights[::-1], slopes[::-1]):
        g = (g @ w.T) * slope
        gradients.insert(0, g)
    return gradients


# %% wrong-slope-of-the-value
def chain_gradients(x, weights, function, g):
    slopes = []
    for w in weights:
        x = function(x @ w)[0]
        slopes.append(function(x)[1])
    gradients = []
    for w, slope in zip(weights[::-1], slopes[::-1]):
        g = (g * slope) @ w.T
        gradients.insert(0, g)
    return gradients


# %% wrong-slopes-of-the-first-row
def chain_gradients(x, weights, function, g):
    slopes = []
    for w in weights:
        x, slope = function(x @ w)
        slopes.append(slope[:1])
    gradients = []
    for w, slope in zip(weights[::-1], slopes[::-1]):
        g = (g * slope) @ w.T
        gradients.insert(0, g)
    return gradients


# %% right-recursion
def chain_gradients(x, weights, function, g):
    if not weights:
        return []
    value, slope = function(x @ weights[0])
    later = chain_gradients(value, weights[1:], function, g)
    after = later[0] if later else g
    return [(after * slope) @ weights[0].T, *later]


# %% right-sums-written-out
def chain_gradients(x, weights, function, g):
    inputs = [x]
    for w in weights:
        inputs.append(function(np.einsum("ni,io->no", inputs[-1], w))[0])
    gradients = [g]
    for number in range(len(weights) - 1, -1, -1):
        slope = function(np.dot(inputs[number], weights[number]))[1]
        gradients.insert(0, np.einsum("no,no,io->ni", gradients[0], slope, weights[number]))
    return gradients[:-1]
