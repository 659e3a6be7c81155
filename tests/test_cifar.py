"""CIFAR-10 from an archive in the real format: a tar.gz of pickled batches."""

import io
import pickle
import tarfile

import numpy as np
import pytest

from alexnet_paddle import datasets
from alexnet_paddle.errors import InputError
from alexnet_paddle.study.data import Data

BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
PER_CLASS = 4  # pictures of each class in each batch


@pytest.fixture(scope="module")
def batches():
    """{batch: (pixels uint8 [40, 3072], labels)}, the classes in mixed order."""
    rng = np.random.default_rng(0)
    size = 10 * PER_CLASS
    return {
        name: (rng.integers(0, 256, (size, 3072), dtype=np.uint8), rng.permutation(np.arange(size) % 10).tolist())
        for name in BATCHES
    }


@pytest.fixture(scope="module")
def archive(batches, tmp_path_factory):
    path = tmp_path_factory.mktemp("cifar") / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, (pixels, labels) in batches.items():
            data = pickle.dumps({b"batch_label": name.encode(), b"labels": labels, b"data": pixels})
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def as_picture(row):
    """A row of the archive, channel by channel -> [32, 32, 3]."""
    return row.reshape(3, 32, 32).transpose(1, 2, 0)


def test_the_archive_is_read_and_split_class_by_class(archive):
    dataset = datasets.load(f"cifar10:{archive}", 0.25)
    assert len(dataset.classes) == 10 and dataset.classes[:2] == ("airplane", "automobile")
    expected = {"train": 15, "val": 5, "test": 4}
    for name, split in dataset.splits.items():
        assert np.bincount(split.labels).tolist() == [expected[name]] * 10
        assert len(split) == 10 * expected[name]


def test_pixels_and_labels_stay_together(archive, batches):
    dataset = datasets.load(f"cifar10:{archive}", 0.25)
    train_pixels = np.concatenate([batches[name][0] for name in BATCHES[:5]])
    train_labels = np.concatenate([batches[name][1] for name in BATCHES[:5]])
    labels = {as_picture(row).tobytes(): label for row, label in zip(train_pixels, train_labels)}
    seen = [
        (np.asarray(split.image(i)).tobytes(), split.labels[i])
        for split in (dataset.train, dataset.val)
        for i in range(len(split))
    ]
    assert dict(seen) == labels and len(seen) == len(labels)

    test_pixels, test_labels = batches["test_batch"]
    assert dataset.test.labels.tolist() == test_labels
    for i, row in enumerate(test_pixels):
        assert dataset.test.image(i).mode == "RGB"
        np.testing.assert_array_equal(np.asarray(dataset.test.image(i)), as_picture(row))


def test_an_archive_in_the_data_folder_is_found(archive, monkeypatch):
    monkeypatch.setenv("ALEXNET_PADDLE_DATA", str(archive.parent))
    assert len(datasets.load("cifar10").test) == 40


def test_a_missing_archive_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="no such file") as refused:
        datasets.load(f"cifar10:{tmp_path / 'nothing.tar.gz'}")
    assert str(tmp_path / "nothing.tar.gz") in str(refused.value)


def test_a_file_that_is_no_archive_is_refused_by_name(tmp_path, archive):
    path = tmp_path / "cifar.tar.gz"
    for content in (b"hello", archive.read_bytes()[:5000]):
        path.write_bytes(content)
        with pytest.raises(InputError, match="could not be read") as refused:
            datasets.load(f"cifar10:{path}")
        assert str(path) in str(refused.value)


def test_an_ablation_draws_from_it(archive):
    data = Data(f"cifar10:{archive}", 32, 30)
    (drawn, statistics), (few, _) = data.train(1), data.train(1, 0.5)
    assert np.bincount(drawn.labels).tolist() == [3] * 10 and len(few) == 30
    squares = [drawn.square(i, data.side) for i in range(len(drawn))]
    np.testing.assert_allclose(statistics.mean, np.mean(squares, axis=(0, 1, 2)), rtol=1e-5)
    assert {few.square(i, data.side).tobytes() for i in range(30)} < {square.tobytes() for square in squares}
