# %% wrong-dropout-left-on
def evaluate(model, images, labels):
    with paddle.no_grad():
        predicted = model(images).argmax(axis=1)
    return float((predicted == labels).astype("float32").mean())


# %% wrong-stays-in-eval
def evaluate(model, images, labels):
    model.eval()
    with paddle.no_grad():
        predicted = model(images).argmax(axis=1)
    return float((predicted == labels).astype("float32").mean())


# %% wrong-always-back-to-train
def evaluate(model, images, labels):
    model.eval()
    with paddle.no_grad():
        predicted = model(images).argmax(axis=1)
    model.train()
    return float((predicted == labels).astype("float32").mean())


# %% wrong-one-mode-for-all-layers
def evaluate(model, images, labels):
    training = model.training
    model.eval()
    with paddle.no_grad():
        predicted = model(images).argmax(axis=1)
    if training:
        model.train()
    return float((predicted == labels).astype("float32").mean())


# %% wrong-records-gradients
def evaluate(model, images, labels):
    modes = [(layer, layer.training) for layer in model.sublayers(include_self=True)]
    model.eval()
    predicted = model(images).argmax(axis=1)
    for layer, training in modes:
        layer.training = training
    return float((predicted == labels).astype("float32").mean())


# %% wrong-percent
def evaluate(model, images, labels):
    modes = [(layer, layer.training) for layer in model.sublayers(include_self=True)]
    model.eval()
    with paddle.no_grad():
        predicted = model(images).argmax(axis=1)
    for layer, training in modes:
        layer.training = training
    return 100 * float((predicted == labels).astype("float32").mean())


# %% wrong-a-tensor
def evaluate(model, images, labels):
    modes = [(layer, layer.training) for layer in model.sublayers(include_self=True)]
    model.eval()
    with paddle.no_grad():
        predicted = model(images).argmax(axis=1)
    for layer, training in modes:
        layer.training = training
    return (predicted == labels).astype("float32").mean()


# %% right-numpy
def evaluate(model, images, labels):
    layers = [model, *model.sublayers()]
    before = [layer.training for layer in layers]
    try:
        model.eval()
        with paddle.no_grad():
            logits = model(images).numpy()
    finally:
        for layer, mode in zip(layers, before):
            layer.training = mode
    return (logits.argmax(1) == labels.numpy()).mean()


# %% right-only-what-was-in-training
@paddle.no_grad()
def evaluate(model, images, labels):
    was_on = [layer for layer in model.sublayers(include_self=True) if layer.training]
    for layer in was_on:
        layer.training = False
    right = 0
    for logits, label in zip(model(images).numpy(), labels.tolist()):
        right += int(np.argmax(logits) == label)
    for layer in was_on:
        layer.training = True
    return right / len(labels)
