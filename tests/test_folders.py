"""Folders of pictures: which layouts are read, how they are split, and what is said about the others."""

import os
import sys
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import platformdirs
import pytest

from alexnet_paddle import datasets
from alexnet_paddle.datasets.folders import read_all_images, read_folder, stratified_indices
from alexnet_paddle.errors import InputError


def names(split, root):
    return [path.relative_to(root).as_posix() for path in split.paths]


def per_class(split, classes):
    counts = Counter(classes[label] for label in split.labels)
    return {name: counts[name] for name in classes}


def assert_labels_are_folders(dataset_splits, classes, root):
    for split in dataset_splits.values():
        for name, label in zip(names(split, root), split.labels):
            assert classes[label] in name.split("/")


# ---- splitting -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes, fraction, cut",
    [
        ({"daisy": 20, "rose": 20}, 0.15, {"test": (3, 3), "val": (3, 3)}),
        ({"daisy": 40, "rose": 10, "tulip": 3}, 0.2, {"test": (8, 2, 1), "val": (6, 2, 1)}),
        ({"daisy": 3, "rose": 3}, 0.15, {"test": (1, 1), "val": (1, 1)}),
        ({"daisy": 8, "rose": 12}, 0.5, {"test": (4, 6), "val": (2, 3)}),
    ],
)
def test_a_flat_folder_is_split_class_by_class(make_pictures, sizes, fraction, cut):
    root = make_pictures(sizes)
    classes, splits = read_folder(root, fraction)
    assert classes == tuple(sizes)
    for name, expected in cut.items():
        assert tuple(per_class(splits[name], classes).values()) == expected
    parts = [set(names(split, root)) for split in splits.values()]
    assert sum(len(part) for part in parts) == len(set.union(*parts)) == sum(sizes.values())
    assert_labels_are_folders(splits, classes, root)


def test_the_same_pictures_are_cut_each_time_and_at_random(make_pictures):
    root = make_pictures({"daisy": 30, "rose": 30})
    first, second = (read_folder(root, 0.2)[1] for _ in range(2))
    assert all(names(first[name], root) == names(second[name], root) for name in first)
    cut = [int(Path(name).stem) for name in names(first["test"], root)[:6]]
    assert cut not in (list(range(6)), list(range(24, 30)))  # file names often come in an order that means something


def test_the_seed_chooses_which_indices_are_cut():
    labels = np.repeat([0, 1, 2], [50, 20, 10])[np.random.default_rng(0).permutation(80)]
    kept, cut = stratified_indices(labels, 0.1, seed=3)
    assert np.bincount(labels[cut]).tolist() == [5, 2, 1]
    assert sorted([*kept, *cut]) == list(range(80))
    assert (np.diff(kept) > 0).all() and (np.diff(cut) > 0).all()
    assert cut.tolist() == stratified_indices(labels, 0.1, seed=3)[1].tolist()
    assert cut.tolist() != stratified_indices(labels, 0.1, seed=4)[1].tolist()


def test_given_splits_are_taken_as_they_are(make_pictures):
    sizes = {f"{split}/{name}": 3 for split in ("train", "val", "test") for name in ("daisy", "rose")}
    root = make_pictures(sizes)
    classes, splits = read_folder(root, 0.15)
    assert classes == ("daisy", "rose")
    for name, split in splits.items():
        assert names(split, root) == [f"{name}/{c}/0{i}.png" for c in classes for i in range(3)]
        assert split.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_with_train_and_val_only_val_is_the_test_split(make_pictures):
    root = make_pictures({"train/daisy": 10, "train/rose": 20, "val/daisy": 4, "val/rose": 5})
    classes, splits = read_folder(root, 0.2)
    assert per_class(splits["test"], classes) == {"daisy": 4, "rose": 5}
    assert all(name.startswith("val/") for name in names(splits["test"], root))
    assert per_class(splits["val"], classes) == {"daisy": 2, "rose": 4}
    assert per_class(splits["train"], classes) == {"daisy": 8, "rose": 16}
    assert not set(names(splits["val"], root)) & set(names(splits["train"], root))


@pytest.mark.parametrize("given, missing", [(["train"], ["test", "val"]), (["train", "test"], ["val"])])
def test_splits_that_are_not_there_are_cut_from_train(make_pictures, given, missing):
    root = make_pictures({f"{split}/{name}": 10 for split in given for name in ("daisy", "rose")})
    _, splits = read_folder(root, 0.2)
    assert len(splits["train"]) == 20 - 4 * len(missing)
    for name in missing:
        assert all(file.startswith("train/") for file in names(splits[name], root))


def test_a_folder_called_train_beside_others_is_a_class(make_pictures):
    root = make_pictures({"boat": 3, "plane": 3, "train": 3})
    assert read_folder(root, 0.15)[0] == ("boat", "plane", "train")


# ---- what counts as a picture ----------------------------------------------------------------------


def test_nested_folders_and_upper_case_endings_are_read_and_other_files_are_not(make_pictures):
    root = make_pictures(
        {
            "daisy": ["a.PNG", "deep/deeper/b.Jpg", "c.tiff"],
            "rose": ["1.jpeg", "2.bmp", "3.gif", ".hidden.png", ".thumbnails/2.png"],
            ".cache": 3,
        }
    )
    (root / "daisy" / "notes.txt").write_text("not a picture")
    (root / "daisy" / "folder.png").mkdir()
    (root / "list.png").write_text("beside the class folders")
    classes, splits = read_folder(root, 0.15)
    assert classes == ("daisy", "rose")
    read = sorted(file for split in splits.values() for file in names(split, root))
    expected = ["daisy/a.PNG", "daisy/c.tiff", "daisy/deep/deeper/b.Jpg", "rose/1.jpeg", "rose/2.bmp", "rose/3.gif"]
    assert read == expected
    assert_labels_are_folders(splits, classes, root)


def test_a_hidden_folder_above_the_data_hides_nothing(make_pictures, tmp_path):
    root = make_pictures({"daisy": 3, "rose": 3}, tmp_path / ".cache" / "flowers")
    assert sum(len(split) for split in read_folder(root, 0.15)[1].values()) == 6


def test_chinese_names_and_spaces_are_read(make_pictures):
    root = make_pictures({"向日葵": ["花 一.png", "花 二.png", "c.png"], "wild rose": ["a b.png", "c d.png", "e.png"]})
    dataset = datasets.load(str(root))
    assert dataset.classes == ("wild rose", "向日葵")
    assert dataset.train.image(0).size == (8, 6)


def test_display_names_are_given_for_the_flowers_that_petals_has(make_pictures):
    dataset = datasets.load(str(make_pictures({"rose": 3, "orchid": 3})))
    assert set(dataset.display_names) == {"rose"}
    assert dataset.display_names["rose"]["zh"]


# ---- all pictures of a folder, for evaluation ------------------------------------------------------


def test_all_images_come_with_the_labels_of_the_given_classes(make_pictures):
    root = make_pictures({"rose": 2, "tulip": 1})
    images = read_all_images(root, ("daisy", "rose", "tulip"))
    assert images.labels.tolist() == [1, 1, 2]


@pytest.mark.parametrize("splits, taken", [(("train", "val", "test"), "test"), (("train", "val"), "val")])
def test_all_images_of_a_split_folder_are_its_test_pictures(make_pictures, splits, taken):
    root = make_pictures({f"{split}/{name}": 2 for split in splits for name in ("daisy", "rose")})
    images = read_all_images(root, ("daisy", "rose"))
    assert {name.split("/")[0] for name in names(images, root)} == {taken}


# ---- what cannot be used ---------------------------------------------------------------------------


UNUSABLE = {  # content of the folder -> (what the message names, a word of what is wrong)
    "no classes": ({}, "", "no class folders"),
    "one class": ({"daisy": 5}, "", "one class only"),
    "an empty class": ({"daisy": 5, "rose": 0}, "rose", "no pictures"),
    "an empty class in train": ({"train/daisy": 5, "train/rose": 0}, "train/rose", "no pictures"),
    "a class that only test has": (
        {"train/daisy": 5, "train/rose": 5, "test/daisy": 2, "test/rose": 2, "test/tulip": 2},
        "test/tulip",
        "not one of daisy, rose",
    ),
    "a class that test lacks": ({"train/daisy": 5, "train/rose": 5, "test/daisy": 2}, "test/rose", "no pictures"),
    "two pictures of a class": ({"daisy": 5, "rose": 2}, "rose", "too few"),
    "one picture of a class in train": (
        {"train/daisy": 5, "train/rose": 1, "val/daisy": 2, "val/rose": 2},
        "train/rose",
        "too few",
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_an_unusable_folder_is_refused_by_name(make_pictures, case):
    content, named, wrong = UNUSABLE[case]
    root = make_pictures(content)
    with pytest.raises(InputError, match=wrong) as refused:
        datasets.load(str(root))
    assert str(refused.value).startswith(f"{root / named}: ")


def test_a_missing_folder_and_a_file_are_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="no such folder") as refused:
        datasets.load(str(tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in str(refused.value)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="not a folder") as refused:
        datasets.load(str(tmp_path / "file"))
    assert str(tmp_path / "file") in str(refused.value)


@pytest.mark.parametrize("fraction", [0, -0.1, 0.51, 1, float("nan")])
def test_a_share_out_of_range_is_refused(make_pictures, fraction):
    with pytest.raises(InputError, match="--val"):
        datasets.load(str(make_pictures({"daisy": 5, "rose": 5})), fraction)


# ---- the data set as a whole -----------------------------------------------------------------------


def test_the_fingerprint_changes_with_the_files_and_only_then(make_pictures, tmp_path):
    content = {"daisy": 10, "rose": 10}
    root = make_pictures(content)
    first = datasets.load(str(root)).fingerprint
    assert datasets.load(str(root)).fingerprint == first
    assert datasets.load(str(make_pictures(content, tmp_path / "elsewhere"))).fingerprint == first
    assert datasets.load(str(root), 0.3).fingerprint != first

    (root / "rose" / "09.png").rename(root / "rose" / "09b.png")
    renamed = datasets.load(str(root)).fingerprint
    make_pictures({"rose": ["10.png"]}, root)
    added = datasets.load(str(root)).fingerprint
    (root / "rose" / "10.png").rename(root / "daisy" / "10.png")
    moved = datasets.load(str(root)).fingerprint
    assert len({first, renamed, added, moved}) == 4


def test_data_live_where_the_variable_says_else_in_the_repository(monkeypatch, tmp_path):
    monkeypatch.setenv("ALEXNET_PADDLE_DATA", str(tmp_path))
    assert datasets.data_home() == tmp_path
    monkeypatch.delenv("ALEXNET_PADDLE_DATA")
    monkeypatch.chdir(tmp_path)
    assert datasets.data_home() == Path(__file__).resolve().parents[1] / "data"


def test_without_a_repository_data_live_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("ALEXNET_PADDLE_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(datasets, "__file__", str(tmp_path / "site-packages" / "alexnet_paddle" / "datasets" / "x.py"))
    assert datasets.data_home() == platformdirs.user_cache_path("alexnet-paddle", appauthor=False)
    assert sys.platform != "linux" or datasets.data_home() == tmp_path / "alexnet-paddle"


# ---- links, permissions, odd names -----------------------------------------------------------------


def link(path, target):
    try:
        path.symlink_to(target)
    except OSError as error:
        pytest.skip(f"no links here ({error})")


def test_links_to_pictures_and_to_class_folders_are_followed(make_pictures, tmp_path):
    root = make_pictures({"daisy": 3, "rose": 3})
    elsewhere = make_pictures({"tulip": 4}, tmp_path / "elsewhere")
    link(root / "tulip", elsewhere / "tulip")
    link(root / "rose" / "more.png", elsewhere / "tulip" / "00.png")
    classes, splits = read_folder(root, 0.15)
    assert classes == ("daisy", "rose", "tulip")
    counts = np.sum([np.bincount(split.labels, minlength=3) for split in splits.values()], axis=0)
    assert counts.tolist() == [3, 4, 4]


def test_links_in_circles_below_a_class_are_not_followed(make_pictures):
    root = make_pictures({"daisy": ["a.png", "b.png", "deep/c.png"], "rose": 3})
    link(root / "daisy" / "deep" / "up", root / "daisy")
    link(root / "daisy" / "top", root)
    link(root / "daisy" / "self", "self")
    _, splits = read_folder(root, 0.15)
    found = sorted(name for split in splits.values() for name in names(split, root) if name.startswith("daisy"))
    assert found == ["daisy/a.png", "daisy/b.png", "daisy/deep/c.png"]


@pytest.mark.parametrize(
    "target, wrong",
    [("all", "leads nowhere"), ("gone", "leads nowhere"), (".", "that it is in"), ("..", "that it is in")],
)
def test_a_link_that_would_lose_or_swallow_classes_is_refused_by_name(make_pictures, target, wrong):
    root = make_pictures({"daisy": 3, "rose": 3})
    link(root / "all", target)
    with pytest.raises(InputError, match=wrong) as refused:
        datasets.load(str(root))
    assert str(refused.value).startswith(f"{root / 'all'}: ")


def test_a_link_in_a_circle_in_place_of_the_folder_is_refused(tmp_path):
    link(tmp_path / "self", "self")
    with pytest.raises(InputError, match="cannot be read|no such folder") as refused:
        datasets.load(str(tmp_path / "self"))
    assert str(refused.value).startswith(f"{tmp_path / 'self'}: ")


@pytest.mark.parametrize("target", ["nowhere.png", "z.png"])
def test_a_picture_that_is_a_link_to_nothing_or_itself_is_bad(make_pictures, target):
    root = make_pictures({"daisy": 3, "rose": 3})
    link(root / "rose" / "z.png", target)
    assert list(load_checked(root, skip_bad=True).skipped) == ["rose/z.png"]


@pytest.fixture
def without_root():
    """Permissions mean nothing to root: files made by others are read as somebody else, for as long as the test is."""
    if os.name == "nt":
        pytest.skip("permissions as POSIX has them")
    with tempfile.TemporaryDirectory() as folder:  # pytest's folders are closed to others
        os.chmod(folder, 0o755)
        yield Path(folder)


@contextmanager
def as_somebody():
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("mode", [0o000, 0o100])
@pytest.mark.parametrize("closed", [".", "rose", "rose/deep"])
def test_a_folder_without_permission_is_refused_by_name(make_pictures, without_root, closed, mode):
    root = make_pictures({"daisy": 3, "rose": ["a.png", "b.png", "c.png", "deep/d.png"]}, without_root / "pictures")
    (root / closed).chmod(mode)
    try:
        with as_somebody(), pytest.raises(InputError, match="Permission denied") as refused:
            datasets.load(str(root))
    finally:
        (root / closed).chmod(0o755)
    assert str(refused.value).startswith(f"{root / closed}: ")


def test_a_folder_that_tells_names_only_is_refused_or_its_pictures_listed(make_pictures, without_root):
    root = make_pictures({"daisy": 3, "rose": 3}, without_root / "pictures")
    root.chmod(0o444)
    try:
        with as_somebody(), pytest.raises(InputError, match="Permission denied") as refused:
            datasets.load(str(root))
    finally:
        root.chmod(0o755)
    assert str(refused.value).startswith(f"{root / 'daisy'}: ")
    (root / "rose").chmod(0o444)
    try:
        with as_somebody(), pytest.raises(InputError, match="3 of 6 pictures") as refused:
            load_checked(root)
    finally:
        (root / "rose").chmod(0o755)
    assert str(refused.value).count("Permission denied") == 3


def test_a_picture_without_permission_is_bad(make_pictures, without_root):
    root = make_pictures({"daisy": 3, "rose": 4}, without_root / "pictures")
    (root / "rose" / "01.png").chmod(0)
    with as_somebody():
        assert load_checked(root, skip_bad=True).skipped == {"rose/01.png": "Permission denied"}


def test_names_of_files_may_be_anything_and_are_shown_on_one_line(make_pictures):
    if os.name == "nt":
        pytest.skip("Windows takes no such names")
    odd = ["two\nlines.png", os.fsdecode(b"\xc4\xe3.png"), "\x1b[2J.png", "花 1.png"]
    root = make_pictures({"daisy": odd, "rose": 3})
    assert load_checked(root).skipped == {}
    for name in odd:
        (root / "daisy" / name).write_text("")
    make_pictures({"daisy": 3}, root)
    with pytest.raises(InputError) as refused:
        load_checked(root)
    lines = str(refused.value).splitlines()
    assert len(lines) == 5 and all(map(str.isprintable, lines))
    assert f"{root}/daisy/花 1.png: the file is empty" in lines
    assert set(load_checked(root, skip_bad=True).skipped) == {f"daisy/{name}" for name in odd}


@pytest.mark.parametrize("name", ["two\nlines", os.fsdecode(b"\xc4\xe3")])
def test_a_class_needs_a_name_that_can_be_shown(make_pictures, name):
    if os.name == "nt":
        pytest.skip("Windows takes no such names")
    root = make_pictures({"daisy": 3, name: 3})
    with pytest.raises(InputError, match="rename the folder") as refused:
        datasets.load(str(root))
    assert str(refused.value).isprintable()


# ---- bad pictures ----------------------------------------------------------------------------------


def load_checked(root, fraction=0.15, **options):
    return datasets.load_checked(str(root), fraction, 37, **options)


def test_the_check_lists_every_bad_picture_with_its_reason(make_pictures):
    root = make_pictures({f"{split}/{name}": 3 for split in ("train", "val", "test") for name in ("daisy", "rose")})
    assert len(load_checked(root).train) == 6

    (root / "val" / "rose" / "01.png").write_text("no picture")
    for split in ("train", "test"):
        (root / split / "daisy" / "00.png").write_bytes(b"")
    with pytest.raises(InputError) as refused:
        load_checked(root)
    first, *lines = str(refused.value).splitlines()
    assert first == "3 of 18 pictures cannot be read; remove or replace them, or leave them out with --skip-bad:"
    assert lines == [
        f"{root / 'train/daisy/00.png'}: the file is empty",
        f"{root / 'val/rose/01.png'}: unknown format",
        f"{root / 'test/daisy/00.png'}: the file is empty",
    ]


def test_a_picture_that_vanishes_between_listing_and_reading_is_bad(make_pictures):
    root = make_pictures({"daisy": 3, "rose": 4})
    listed = datasets.load(str(root))
    (root / "rose" / "01.png").unlink()
    paths = [path for split in listed.splits.values() for path in split.paths]
    with pytest.raises(InputError, match="1 of 7 pictures") as refused:
        datasets.check_pictures(paths, "look")
    assert str(refused.value).splitlines()[1].startswith(f"{root / 'rose' / '01.png'}: No such file")


@pytest.mark.parametrize("layout", ["", "train/"])
def test_skipped_pictures_are_as_if_they_had_been_removed(make_pictures, layout):
    root = make_pictures({f"{layout}{name}": 20 for name in ("daisy", "rose")})
    bad = [f"{layout}daisy/00.png", f"{layout}rose/07.png", f"{layout}rose/11.png"]
    for name in bad:
        (root / name).write_bytes(b"")
    skipped = load_checked(root, skip_bad=True)
    assert skipped.skipped == dict.fromkeys(bad, "the file is empty")
    for name in bad:
        (root / name).unlink()
    removed = load_checked(root)
    assert removed.skipped == {} and removed.fingerprint == skipped.fingerprint
    for name, split in removed.splits.items():
        assert split.paths == skipped.splits[name].paths


def test_a_class_or_a_split_with_bad_pictures_only_is_refused(make_pictures):
    root = make_pictures({"daisy": 5, "rose": 3})
    for number in range(3):
        (root / "rose" / f"0{number}.png").write_bytes(b"")
        says = "holds no picture that can be read" if number == 2 else "too few pictures"
        with pytest.raises(InputError, match=says) as refused:
            load_checked(root, skip_bad=True)
        assert str(refused.value).startswith(f"{root / 'rose'}: ")
