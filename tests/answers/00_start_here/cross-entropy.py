# %% wrong-overflows
def cross_entropy(logits, labels):
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())


# %% wrong-sum
def cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-logs[np.arange(len(labels)), labels].sum())


# %% wrong-takes-one-maximum-for-all
def cross_entropy(logits, labels):
    with np.errstate(all="ignore"):
        shifted = logits - logits.max()
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return float(-logs[np.arange(len(labels)), labels].mean())


# %% wrong-all-pairs
def cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-logs[:, labels].mean())


# %% wrong-softmax-twice
def cross_entropy(logits, labels):
    exps = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exps / exps.sum(axis=1, keepdims=True)
    again = np.exp(probabilities) / np.exp(probabilities).sum(axis=1, keepdims=True)
    return float(-np.log(again[np.arange(len(labels)), labels]).mean())


# %% wrong-base-two
def cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    logs = shifted / math.log(2) - np.log2(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-logs[np.arange(len(labels)), labels].mean())


# %% right-loop
def cross_entropy(logits, labels):
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist()):
        largest = max(row)
        total += largest + math.log(sum(math.exp(z - largest) for z in row)) - row[label]
    return total / len(labels)


# %% right-logaddexp
def cross_entropy(logits, labels):
    normaliser = np.logaddexp.reduce(logits, axis=1)
    return (normaliser - np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]).mean().item()
