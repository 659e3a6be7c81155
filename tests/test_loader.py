"""Batches: the same seed gives the same ones with any number of workers, and each epoch shows each picture once."""

import numpy as np
import paddle
import pytest
from PIL import Image

from alexnet_paddle.datasets import images
from alexnet_paddle.datasets.loader import IGNORED, EpochBatches, eval_loader, train_loader
from alexnet_paddle.datasets.transforms import Augmentation, Preprocessing, TrainTransform

COUNT = 11


class Pictures(images.Pictures):
    """Picture i has the label i and its own colours."""

    labels = np.arange(COUNT)

    def image(self, index):
        pixels = np.random.default_rng(index).integers(0, 256, (9, 9, 3)).astype("uint8")
        return Image.fromarray(pixels)


@pytest.fixture
def transform():
    preprocessing = Preprocessing(8, np.full(3, 127.5, "float32"), np.full(3, 127.5, "float32"))
    return TrainTransform(Augmentation("random", mirror=True, color_pca=0.1), preprocessing, np.eye(3))


def batches(loader, epoch=1):
    loader.batch_sampler.epoch = epoch
    return [(images.numpy(), labels.numpy()) for images, labels in loader]


def same(first, second):
    return len(first) == len(second) and all(np.array_equal(a, b) for pair in zip(first, second) for a, b in zip(*pair))


def test_the_same_seed_gives_the_same_batches_with_and_without_workers(transform):
    alone, again = (batches(train_loader(Pictures(), transform, 4, seed=3)) for _ in range(2))
    assert same(alone, again)
    assert same(alone, batches(train_loader(Pictures(), transform, 4, seed=3, workers=4)))


def test_a_later_epoch_is_the_same_without_the_earlier_ones(transform):
    loader = train_loader(Pictures(), transform, 4, seed=3)
    batches(loader, epoch=1)
    assert same(batches(loader, epoch=2), batches(train_loader(Pictures(), transform, 4, seed=3), epoch=2))


@pytest.mark.parametrize("seed, epoch", [(4, 1), (3, 2)])
def test_another_seed_or_epoch_gives_another_order_and_other_crops(transform, seed, epoch):
    first = batches(train_loader(Pictures(), transform, COUNT, seed=3))[0]
    other = batches(train_loader(Pictures(), transform, COUNT, seed=seed), epoch)[0]
    assert first[1].tolist() != other[1].tolist()
    by_label = [images[np.argsort(labels)] for images, labels in (first, other)]
    assert all((a != b).any() for a, b in zip(*by_label))


def test_each_epoch_shows_each_picture_once(transform):
    loader = train_loader(Pictures(), transform, 4, seed=0)
    for epoch in (1, 2, 3):
        seen = batches(loader, epoch)
        assert [len(labels) for _, labels in seen] == [4, 4, 3]
        assert sorted(label for _, labels in seen for label in labels) == list(range(COUNT))


@pytest.mark.parametrize("workers", [0, 2])
def test_evaluation_keeps_the_order_and_leaves_nothing_to_chance(transform, workers):
    seen = batches(eval_loader(Pictures(), transform.preprocessing, 4, workers))
    assert np.concatenate([labels for _, labels in seen]).tolist() == list(range(COUNT))
    expected = np.stack([transform.preprocessing(Pictures().image(i)) for i in range(COUNT)])
    np.testing.assert_array_equal(np.concatenate([images for images, _ in seen]), expected)


@pytest.mark.parametrize("workers", [0, 2])
def test_ten_views_of_each_picture_are_those_of_the_picture_alone(transform, workers):
    seen = batches(eval_loader(Pictures(), transform.preprocessing, 4, workers, ten_crop=True))
    expected = [transform.preprocessing.batch(Pictures(), [i], ten_crop=True) for i in range(COUNT)]
    np.testing.assert_array_equal(np.concatenate([images for images, _ in seen]), np.concatenate(expected))


def test_a_batch_is_what_a_plain_loop_over_its_pictures_makes():
    """Picture by picture in double precision, from the random numbers in the documented order."""
    rng = np.random.default_rng(9)
    mean, std, axes = rng.uniform(90, 140, (8, 8, 3)), rng.uniform(40, 70, 3), rng.normal(0, 20, (3, 3))
    preprocessing = Preprocessing(8, mean.astype("float32"), std.astype("float32"))
    transform = TrainTransform(Augmentation("random", mirror=True, color_pca=0.1), preprocessing, axes)
    loader = train_loader(Pictures(), transform, COUNT, seed=3)
    ((images, labels),) = batches(loader, epoch=7)
    mirrored = 0
    for values, label in zip(images, labels):
        chance = np.random.default_rng((3, 7, int(label)))
        top, left = chance.integers(2, size=2)
        crop = np.asarray(Pictures().image(int(label)))[top : top + 8, left : left + 8].astype("float64")
        if chance.random() < 0.5:
            crop, mirrored = crop[:, ::-1], mirrored + 1
        expected = (crop + axes @ chance.normal(0, 0.1, 3) - mean) / std
        np.testing.assert_allclose(values, expected.transpose(2, 0, 1), atol=1e-5)
    assert 0 < mirrored < COUNT


def test_batches_are_float_images_and_whole_labels(transform):
    images, labels = next(iter(train_loader(Pictures(), transform, 4, seed=0)))
    assert images.shape == [4, 3, 8, 8] and "float32" in str(images.dtype)
    assert labels.shape == [4] and "int64" in str(labels.dtype)


@pytest.mark.parametrize("length, size, expected", [(11, 4, 3), (12, 4, 3), (3, 4, 1), (1, 1, 1), (13, 4, 4)])
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_number_of_batches_is_known_beforehand(length, size, expected, shuffle):
    sampler = EpochBatches(length, size, seed=0, shuffle=shuffle)
    drawn = list(sampler)
    assert len(sampler) == len(drawn) == expected
    keys = [key for batch in drawn for key in batch]
    assert sorted(keys) == [(0, i) for i in range(length)]
    assert shuffle or keys == sorted(keys)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("size", [2, 3])
def test_the_shares_of_several_processes_make_up_each_batch(size, shuffle):
    whole = EpochBatches(COUNT, 5, seed=0, shuffle=shuffle)
    parts = [EpochBatches(COUNT, 5, seed=0, shuffle=shuffle, part=(rank, size)) for rank in range(size)]
    assert {len(part) for part in parts} == {len(whole)}
    for batch, *shares in zip(whole, *parts, strict=True):
        assert sorted(key for share in shares for key in share) == sorted(batch)
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("workers", [0, 1])
def test_an_empty_share_is_one_picture_without_a_label(transform, workers):
    loader = train_loader(Pictures(), transform, 5, seed=0, workers=workers, part=(1, 2))  # of 5, 5 and 1
    images, labels = batches(loader)[-1]
    assert images.shape == (1, 3, 8, 8) and labels.tolist() == [IGNORED]
    logits = paddle.zeros([1, COUNT])
    logits.stop_gradient = False
    paddle.nn.functional.cross_entropy(logits, paddle.to_tensor(labels)).backward()
    assert not logits.grad.numpy().any()
