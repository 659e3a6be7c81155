# %% wrong-base-ten
def chance_loss(num_classes):
    return math.log10(num_classes)


# %% wrong-probability
def chance_loss(num_classes):
    return 1 / num_classes


# %% wrong-sign
def chance_loss(num_classes):
    return math.log(1 / num_classes)


# %% wrong-always-five-classes
def chance_loss(num_classes):
    return math.log(5)


# %% wrong-array
def chance_loss(num_classes):
    return np.log(np.array([num_classes]))


# %% right-minus-log-of-the-share
def chance_loss(num_classes):
    return -math.log(1 / num_classes)


# %% right-by-paddle
def chance_loss(num_classes):
    logits = paddle.zeros([1, num_classes], dtype="float64")
    return F.cross_entropy(logits, paddle.to_tensor([0])).item()
