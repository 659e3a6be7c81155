"""Batches. All chance is drawn per sample from (seed, epoch, index), so the same seed gives the same batches
with any number of workers, and after a resume."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence

import numpy as np
import paddle
from paddle.io import BatchSampler, DataLoader
from paddle.io import Dataset as PaddleDataset

from alexnet_paddle.datasets.images import Pictures
from alexnet_paddle.datasets.transforms import Preprocessing, TrainTransform
from alexnet_paddle.errors import InputError, ReaderDied

IGNORED = -100  # the label that Paddle's cross-entropy takes for no label

Key = tuple[int, int]  # epoch, index
Part = tuple[int, int]  # rank, size
Batches = Generator[list[paddle.Tensor], None, None]


class EpochBatches(BatchSampler):
    """Keys (epoch, index) in batches; shuffled anew in each epoch, or in order.

    Before iterating set `epoch`, and `first` to leave out that many batches, which a resumed run has seen.

    With part=(rank, size) it gives process `rank` of `size` its share of each batch. Paddle's DistributedBatchSampler
    cuts the epoch instead, and repeats pictures until all have as many. Cut like this, any number of processes trains
    on the same batches, the last and smaller one too. A share may be empty.
    """

    def __init__(self, length: int, batch_size: int, seed: int, shuffle: bool, part: Part = (0, 1)):
        self.length, self.batch_size, self.seed, self.shuffle = length, batch_size, seed, shuffle
        self.rank, self.size = part
        self.epoch, self.first = 0, 0

    def __iter__(self) -> Iterator[list[Key]]:
        order: np.ndarray = np.arange(self.length)
        if self.shuffle:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.length)
        for start in range(self.first * self.batch_size, self.length, self.batch_size):
            batch = order[start : start + self.batch_size]
            yield [(self.epoch, int(index)) for index in batch[self.rank :: self.size]]

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return -(-self.length // self.batch_size)


class Loader:
    """Iterating gives batches as tensors: images float32 [B, 3, H, W] and labels int64 [B].

    `dataset` is the split, `batch_sampler` gives the keys of each batch, and `inputs(keys)` makes its images. For a
    batch without keys, which nets do not take, there is one picture with the label IGNORED.
    """

    def __init__(
        self,
        dataset: Pictures,
        batch_sampler: EpochBatches,
        inputs: Callable[[Sequence[Key]], np.ndarray],
        workers: int,
    ):
        self.dataset, self.batch_sampler, self.inputs, self.workers = dataset, batch_sampler, inputs, workers

    def __len__(self) -> int:
        return len(self.batch_sampler)

    def __iter__(self) -> Batches:
        if self.workers or paddle.get_device() != "cpu":
            yield from self._batches_made_ahead()
            return
        # Paddle's DataLoader would make the batches ahead in a thread and hand them over, which takes longer than
        # making packed ones. Beside a GPU that is worth it; here the training needs all cores itself.
        for keys in self.batch_sampler:
            yield [paddle.to_tensor(array) for array in self.arrays(keys)]

    def _batches_made_ahead(self) -> Batches:
        """By Paddle's DataLoader, in a thread or in processes. Raises ReaderDied when one of those has."""
        hear_of_deaths_between_batches()
        loader = DataLoader(
            Keys(),
            batch_sampler=self.batch_sampler,
            collate_fn=self.arrays_or_error,
            num_workers=self.workers,
            worker_init_fn=end_with_parent,
        )
        try:
            for batch in loader:
                if len(batch) == 1:
                    raise InputError(batch[0].numpy().tobytes().decode())
                yield batch
        except (RuntimeError, SystemError) as error:
            if "data reader raises an exception" not in str(error):
                raise
            raise ReaderDied from None

    def arrays(self, keys: Sequence[Key]) -> tuple[np.ndarray, np.ndarray]:
        """The batch of these keys, in NumPy."""
        if not keys:
            images, labels = self.arrays([(0, 0)])
            return images, np.full_like(labels, IGNORED)
        return self.inputs(keys), self.dataset.labels[[index for _, index in keys]]

    def arrays_or_error(self, keys: Sequence[Key]) -> tuple[np.ndarray, ...]:
        """`arrays`, or the message of an InputError as bytes, which travel as a batch does: an exception Paddle would
        print as a traceback, from its thread or process, and the training would hear only that there was one."""
        try:
            return self.arrays(keys)
        except InputError as error:
            return (np.frombuffer(str(error).encode(), "uint8"),)


class Keys(PaddleDataset):
    """Its items are their keys: `DataLoader` asks for them one by one, and only then gives a batch to collate_fn."""

    def __getitem__(self, key: Key) -> Key:
        return key


def train_loader(
    images: Pictures, transform: TrainTransform, batch_size: int, seed: int, workers: int = 0, part: Part = (0, 1)
) -> Loader:
    """The pictures of a split in shuffled batches, each through `transform`; `part` as in `EpochBatches`."""

    def inputs(keys: Sequence[Key]) -> np.ndarray:
        generators = [np.random.default_rng((seed, epoch, index)) for epoch, index in keys]
        return transform.batch(images, [index for _, index in keys], generators)

    return Loader(images, EpochBatches(len(images), batch_size, seed, shuffle=True, part=part), inputs, workers)


def eval_loader(
    images: Pictures,
    preprocessing: Preprocessing,
    batch_size: int,
    workers: int = 0,
    ten_crop: bool = False,
    part: Part = (0, 1),
) -> Loader:
    """The pictures of a split in order, each through `preprocessing`; with `ten_crop` [B, 10, 3, H, W]. `part` is as
    in `EpochBatches`."""

    def inputs(keys: Sequence[Key]) -> np.ndarray:
        return preprocessing.batch(images, [index for _, index in keys], ten_crop)

    return Loader(images, EpochBatches(len(images), batch_size, 0, shuffle=False, part=part), inputs, workers)


# ---- processes that read pictures ------------------------------------------------------------------


def hear_of_deaths_between_batches() -> None:
    """Let Paddle's loader tell that one of its processes has died when it is asked for a batch, and only then: by
    default an error comes wherever the training is, in the middle of an update or of a checkpoint, and its log says
    it once more."""
    from paddle.io import multiprocess_utils

    multiprocess_utils._SIGCHLD_handler_set = True
    logging.getLogger().addFilter(_not_of_the_loader)


def _not_of_the_loader(record: logging.LogRecord) -> bool:
    return record.module != "dataloader_iter"


def end_with_parent(worker: int) -> None:
    """Call it in a process that reads pictures: it ends when the training has ended without a word, as after
    `kill -9`. Paddle's loop would wait for ever, and keep shared memory and the lock of the run folder."""
    from paddle.base import core

    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        core._cleanup_mmap_fds()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
