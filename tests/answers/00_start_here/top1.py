# %% wrong-count
def top1(logits, labels):
    return float((logits.argmax(axis=1) == labels).sum())


# %% wrong-percent
def top1(logits, labels):
    return float((logits.argmax(axis=1) == labels).mean() * 100)


# %% wrong-error
def top1(logits, labels):
    return float((logits.argmax(axis=1) != labels).mean())


# %% wrong-axis
def top1(logits, labels):
    best = logits.argmax(axis=0)
    return float(sum(int(best[k]) == int(labels[k]) for k in range(min(len(best), len(labels)))) / len(labels))


# %% wrong-threshold
def top1(logits, labels):
    return float((logits[np.arange(len(labels)), labels] > 0.5).mean())


# %% right-loop
def top1(logits, labels):
    right = 0
    for row, label in zip(logits.tolist(), labels.tolist()):
        right += row.index(max(row)) == label
    return right / len(labels)


# %% right-by-the-largest-value
def top1(logits, labels):
    of_labels = np.take_along_axis(logits, labels[:, None], axis=1)[:, 0]
    return float(np.mean(of_labels == logits.max(axis=1)))
