"""Batches. All chance is drawn per sample from (seed, epoch, index), so the same seed gives the same batches
with any number of workers, and after a resume."""

from __future__ import annotations

import numpy as np
from paddle.io import BatchSampler, DataLoader
from paddle.io import Dataset as PaddleDataset


class Samples(PaddleDataset):
    """(picture, label) by a key (epoch, index): `transform(image, generator)` gives float32 [3, H, W]."""

    def __init__(self, images, transform, seed: int):
        super().__init__()
        self.images, self.transform, self.seed = images, transform, seed

    def __getitem__(self, key):
        epoch, index = key
        generator = np.random.default_rng((self.seed, epoch, index))
        return self.transform(self.images.image(index), generator), self.images.labels[index]

    def __len__(self):
        return len(self.images)


class EpochBatches(BatchSampler):
    """Keys (epoch, index) in batches; shuffled anew in each epoch, or in order. Set `epoch` before iterating."""

    def __init__(self, length: int, batch_size: int, seed: int, shuffle: bool):
        self.length, self.batch_size, self.seed, self.shuffle, self.epoch = length, batch_size, seed, shuffle, 0

    def __iter__(self):
        order = np.arange(self.length)
        if self.shuffle:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.length)
        for start in range(0, self.length, self.batch_size):
            yield [(self.epoch, int(index)) for index in order[start : start + self.batch_size]]

    def __len__(self):
        return -(-self.length // self.batch_size)


def train_loader(images, transform, batch_size: int, seed: int, workers: int = 0) -> DataLoader:
    """Shuffled batches: images float32 [B, 3, H, W], labels int64 [B]."""
    return _loader(Samples(images, transform, seed), batch_size, workers, shuffle=True)


def eval_loader(images, preprocess, batch_size: int, workers: int = 0) -> DataLoader:
    """The pictures in order, each through `preprocess(image)`; nothing random."""
    return _loader(Samples(images, lambda image, generator: preprocess(image), 0), batch_size, workers, shuffle=False)


def _loader(samples, batch_size, workers, shuffle):
    batches = EpochBatches(len(samples), batch_size, samples.seed, shuffle)
    return DataLoader(samples, batch_sampler=batches, num_workers=workers)
