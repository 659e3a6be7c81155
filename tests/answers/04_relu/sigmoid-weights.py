# %% wrong-sum-over-rows
def sigmoid_weights(fan_in, fan_out, rng):
    bound = 4 * math.sqrt(6 / (fan_in + fan_out))
    weights = rng.uniform(-bound, bound, (fan_in, fan_out))
    return weights - weights.mean(axis=1, keepdims=True)


# %% wrong-mean-of-all
def sigmoid_weights(fan_in, fan_out, rng):
    bound = 4 * math.sqrt(6 / (fan_in + fan_out))
    weights = rng.uniform(-bound, bound, (fan_in, fan_out))
    return weights - weights.mean()


# %% wrong-xavier
def sigmoid_weights(fan_in, fan_out, rng):
    bound = math.sqrt(6 / (fan_in + fan_out))
    weights = rng.uniform(-bound, bound, (fan_in, fan_out))
    return weights - weights.mean(axis=0)


# %% wrong-normal
def sigmoid_weights(fan_in, fan_out, rng):
    weights = rng.normal(0, 4 * math.sqrt(2 / (fan_in + fan_out)), (fan_in, fan_out))
    return weights - weights.mean(axis=0)


# %% wrong-fan-in-only
def sigmoid_weights(fan_in, fan_out, rng):
    bound = 4 * math.sqrt(3 / fan_in)
    weights = rng.uniform(-bound, bound, (fan_in, fan_out))
    return weights - weights.mean(axis=0)


# %% wrong-always-the-same
def sigmoid_weights(fan_in, fan_out, rng):
    bound = 4 * math.sqrt(6 / (fan_in + fan_out))
    weights = np.random.default_rng(0).uniform(-bound, bound, (fan_in, fan_out))
    return weights - weights.mean(axis=0)


# %% right-unit-by-unit
def sigmoid_weights(fan_in, fan_out, rng):
    columns = []
    for _ in range(fan_out):
        column = (rng.random(fan_in) * 2 - 1) * 4 * np.sqrt(6 / (fan_in + fan_out))
        columns.append(column - np.mean(column))
    return np.stack(columns, axis=1)


# %% right-by-projection
def sigmoid_weights(fan_in, fan_out, rng):
    drawn = rng.uniform(-1.0, 1.0, size=(fan_in, fan_out))
    projection = np.eye(fan_in) - np.ones((fan_in, fan_in)) / fan_in
    return math.sqrt(96 / (fan_in + fan_out)) * projection @ drawn
