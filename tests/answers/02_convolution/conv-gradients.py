# %% wrong-overwrites
def conv_gradients(x, w, g, s=1, p=0):
    f = w.shape[2]
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dpadded, dw = np.zeros(padded.shape), np.zeros(w.shape)
    for row in range(g.shape[2]):
        for column in range(g.shape[3]):
            rows, columns = slice(row * s, row * s + f), slice(column * s, column * s + f)
            dw += np.einsum("no,ncij->ocij", g[:, :, row, column], padded[:, :, rows, columns])
            dpadded[:, :, rows, columns] = np.einsum("no,ocij->ncij", g[:, :, row, column], w)
    return dpadded[:, :, p : p + x.shape[2], p : p + x.shape[3]], dw, g.sum(axis=(0, 2, 3))


# %% wrong-bias-mean
def conv_gradients(x, w, g, s=1, p=0):
    tensors = [paddle.to_tensor(a, stop_gradient=False) for a in (x, w)]
    (F.conv2d(*tensors, stride=s, padding=p) * paddle.to_tensor(g)).sum().backward()
    return tensors[0].grad.numpy(), tensors[1].grad.numpy(), g.mean(axis=(0, 2, 3))


# %% wrong-weights-of-the-first-picture
def conv_gradients(x, w, g, s=1, p=0):
    grads = []
    for count in (len(x), 1):
        tensors = [paddle.to_tensor(a, stop_gradient=False) for a in (x[:count], w)]
        (F.conv2d(*tensors, stride=s, padding=p) * paddle.to_tensor(g[:count])).sum().backward()
        grads.append([tensor.grad.numpy() for tensor in tensors])
    return grads[0][0], grads[1][1], g.sum(axis=(0, 2, 3))


# %% wrong-turned-round
def conv_gradients(x, w, g, s=1, p=0):
    tensors = [paddle.to_tensor(a, stop_gradient=False) for a in (x, w[:, :, ::-1, ::-1].copy())]
    (F.conv2d(*tensors, stride=s, padding=p) * paddle.to_tensor(g)).sum().backward()
    return tensors[0].grad.numpy(), tensors[1].grad.numpy(), g.sum(axis=(0, 2, 3))


# %% wrong-order
def conv_gradients(x, w, g, s=1, p=0):
    tensors = [paddle.to_tensor(a, stop_gradient=False) for a in (x, w)]
    (F.conv2d(*tensors, stride=s, padding=p) * paddle.to_tensor(g)).sum().backward()
    return tensors[1].grad.numpy(), tensors[0].grad.numpy(), g.sum(axis=(0, 2, 3))


# %% right-by-paddle
def conv_gradients(x, w, g, s=1, p=0):
    tensors = [paddle.to_tensor(a, stop_gradient=False) for a in (x, w, np.zeros(len(w)))]
    (F.conv2d(*tensors, stride=s, padding=p) * paddle.to_tensor(g)).sum().backward()
    return tuple(tensor.grad.numpy() for tensor in tensors)


# %% right-tap-by-tap
def conv_gradients(x, w, g, s=1, p=0):
    height, width = g.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i, j in np.ndindex(*w.shape[2:]):
        rows, columns = slice(i, i + s * (height - 1) + 1, s), slice(j, j + s * (width - 1) + 1, s)
        dw[:, :, i, j] = np.tensordot(g, padded[:, :, rows, columns], axes=([0, 2, 3], [0, 2, 3]))
        dpadded[:, :, rows, columns] += np.einsum("nohw,oc->nchw", g, w[:, :, i, j])
    bottom, right = dpadded.shape[2] - p, dpadded.shape[3] - p
    return dpadded[:, :, p:bottom, p:right], dw, g.sum(axis=0).sum(axis=1).sum(axis=1)
