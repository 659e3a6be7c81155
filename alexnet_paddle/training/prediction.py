"""What a trained net says of pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import paddle
from PIL import Image

from alexnet_paddle.metrics import softmax
from alexnet_paddle.training.checkpoint import Checkpoint

BATCH = 32


def predict(checkpoint: Checkpoint, photos: Sequence[Image.Image], top: int) -> list[list[dict]]:
    """For each RGB Pillow image the likeliest classes: {"class", "names", "probability"}, likeliest first."""
    model = checkpoint.build_model()
    results = []
    for start in range(0, len(photos), BATCH):
        batch = np.stack([checkpoint.preprocessing(photo) for photo in photos[start : start + BATCH]])
        with paddle.no_grad():
            probabilities = softmax(model(paddle.to_tensor(batch)).numpy())
        for row in probabilities:
            order = np.argsort(-row, kind="stable")[:top]
            results.append([_entry(checkpoint, int(index), float(row[index])) for index in order])
    return results


def _entry(checkpoint, index, probability):
    name = checkpoint.classes[index]
    return {"class": name, "names": checkpoint.display_names.get(name, {}), "probability": probability}
