"""The commands as a person meets them: what they print, what they leave, and one line for bad input."""

import argparse
import dataclasses
import json
import os
import pickle
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from parsers import PARSERS
from PIL import Image

from alexnet_paddle import __version__, cli, doctor, evaluate, predict, summary, train
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.training.options import EXAMINED, Options

# ---- the good ways ---------------------------------------------------------------------------------


def test_a_run_folder_holds_what_the_design_names(small_run):
    names = {path.name for path in small_run.iterdir()} - {".lock"}  # which may stay when the training is over
    expected = {"config.json", "metrics.csv", "curves.png", "last", "best", "report.json", "confusion.png"}
    assert names == expected
    for picture in ("curves.png", "confusion.png"):
        with Image.open(small_run / picture) as image:
            assert min(image.size) > 300


def test_the_report_has_no_times_and_top1_at_its_top_level(small_run):
    report = json.loads((small_run / "report.json").read_text())
    low, high = report["top1_interval_95"]
    assert 0 <= low <= report["top1"] <= high <= 1
    assert set(report["classes"]) == {"blue", "green", "red"}
    assert not [name for name in report if "second" in name or "time" in name]


def test_metrics_have_a_row_for_each_epoch_and_split(small_run):
    header, *rows = (small_run / "metrics.csv").read_text().splitlines()
    assert header == "epoch,split,loss,top1,top5,lr,images_per_second,seconds"
    assert [row.split(",")[:2] for row in rows] == [[str(e), s] for e in (1, 2, 3) for s in ("train", "val")]


def test_evaluate_repeats_the_figures_of_the_report(small_run, call):
    status, out, _ = call(evaluate, small_run)
    assert status == 0 and "test split" in out and "95% interval" in out
    measured = json.loads((small_run / "evaluation.json").read_text())
    report = json.loads((small_run / "report.json").read_text())
    assert measured["confusion"] == report["confusion"] and measured["loss"] == pytest.approx(report["loss"], rel=1e-5)


def test_ten_crop_is_the_mean_of_ten_single_views(small_run, make_photos, tmp_path, call):
    photos = make_photos(tmp_path / "others", count=3)
    call(evaluate, small_run, "--ten-crop", "--data", photos)
    measured = json.loads((small_run / "evaluation-ten-crop.json").read_text())

    import paddle

    from alexnet_paddle.datasets import folders
    from alexnet_paddle.training.run_folder import RunFolder

    checkpoint = RunFolder(small_run).load_best()
    net, pictures = checkpoint.build_model(), folders.read_all_images(photos, checkpoint.classes)
    losses = []
    for index, label in enumerate(pictures.labels):
        square = checkpoint.preprocessing.square(pictures.image(index)).astype("float32")
        size, far = checkpoint.config.image_size, square.shape[0] - checkpoint.config.image_size
        views = []
        for top, left in ((0, 0), (0, far), (far, 0), (far, far), (far // 2, far // 2)):
            crop = square[top : top + size, left : left + size]
            views += [crop, crop[:, ::-1]]
        batch = np.stack([checkpoint.preprocessing.normalise(view) for view in views])
        shares = paddle.nn.functional.softmax(net(paddle.to_tensor(batch))).numpy().mean(axis=0)
        losses.append(-np.log(shares[label]))
    assert measured["loss"] == pytest.approx(np.mean(losses), rel=1e-4)


def test_evaluating_the_training_folder_uses_its_test_split_only(small_run, small_photos, call):
    _, out, _ = call(evaluate, small_run, "--data", small_photos)
    assert "test split" in out and f"{json.loads((small_run / 'report.json').read_text())['images']} pictures" in out


def test_predict_prints_a_table_and_json_and_draws(small_run, small_photos, tmp_path, call):
    photos = sorted(small_photos.rglob("*.png"))[:2]
    status, out, _ = call(predict, small_run, *photos, "--top", 2, "--picture", tmp_path / "seen.png")
    assert status == 0 and out.splitlines()[0].split() == ["file", "prediction", "probability"]
    assert len(out.splitlines()) == 1 + 2 * 2
    assert Image.open(tmp_path / "seen.png").size[0] > 200
    status, out, _ = call(predict, small_run, *photos, "--json")
    answers = json.loads(out)
    assert [answer["file"] for answer in answers] == [str(photo) for photo in photos]
    for answer in answers:
        shares = [row["probability"] for row in answer["classes"]]
        assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "LA", "1", "I;16"])
def test_predict_reads_every_kind_of_picture(small_run, tmp_path, call, mode):
    path = tmp_path / f"photo.{'tif' if mode == 'CMYK' else 'png'}"
    Image.fromarray(np.full((50, 40), 9000, "uint16")).save(path) if mode == "I;16" else Image.new(mode, (40, 50)).save(
        path
    )
    status, _, err = call(predict, small_run, path)
    assert status == 0, err


def test_a_photo_turned_by_exif_is_seen_as_the_upright_one(small_run, small_photos, tmp_path, call):
    upright = Image.open(sorted(small_photos.rglob("*.png"))[0])
    exif = Image.Exif()
    exif[0x0112] = 6  # turn 90 degrees clockwise to view
    upright.save(tmp_path / "upright.png")
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    _, out, _ = call(predict, small_run, tmp_path / "upright.png", tmp_path / "turned.png", "--json")
    first, second = (answer["classes"] for answer in json.loads(out))
    assert [row["class"] for row in first] == [row["class"] for row in second]
    # Not to the last bit: a matrix product may round the last rows of a batch otherwise than the others.
    for mine, its in zip(first, second):
        assert mine["probability"] == pytest.approx(its["probability"], rel=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_summary_prints_the_totals_of_every_variant(variant, call):
    status, out, _ = call(summary, variant)
    assert status == 0 and "parameters" in out.splitlines()[-2]


def test_summary_shows_the_arithmetic_and_recomputes(call):
    _, out, _ = call(summary, "paper")
    assert "floor((227 - 11 + 2*0) / 4) + 1 = 55" in out and "60,965,224 parameters" in out
    _, out, _ = call(summary, "paper", "--image-size", 224)
    assert "floor((224 - 11 + 2*0) / 4) + 1 = 54" in out


# ---- the list of commands, and their help ----------------------------------------------------------


def command_line(*words, **options):
    return subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, **options)


def test_the_package_lists_its_commands():
    alone, asked = command_line("alexnet_paddle"), command_line("alexnet_paddle", "--help")
    assert alone.returncode == asked.returncode == 0 and alone.stdout == asked.stdout
    for command, purpose in cli.COMMANDS.items():
        assert re.search(rf"^  {command} +{re.escape(purpose)}$", alone.stdout, re.M)
    assert command_line("alexnet_paddle", "--version").stdout == f"alexnet_paddle {__version__}\n"


@pytest.mark.parametrize("words", [("train", "--help"), ("summary", "mini"), ("datasets", "pack", "nowhere")])
def test_a_command_after_the_package_is_the_command_after_a_dot(words):
    command, *rest = words
    one = command_line("alexnet_paddle", *words)
    other = command_line(f"alexnet_paddle.{command}", *rest)
    assert (one.returncode, one.stdout, one.stderr) == (other.returncode, other.stdout, other.stderr)
    assert (one.stdout or one.stderr.startswith("datasets: nowhere: no such folder")) and "Traceback" not in one.stderr


@pytest.mark.parametrize(("word", "says"), [("trian", "did you mean train?"), ("dataset", "did you mean datasets?")])
def test_a_command_with_a_slip_is_one_line_that_guesses_which(word, says):
    done = command_line("alexnet_paddle", word, "--epochs", "1")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert word in done.stderr and says in done.stderr and "python -m alexnet_paddle lists them" in done.stderr
    assert "did you mean" not in command_line("alexnet_paddle", "--bogus").stderr


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_the_help_has_a_word_for_every_option_and_an_example_that_parses(parser):
    for group in parser._action_groups:
        shown = [action for action in group._group_actions if action.help != argparse.SUPPRESS]
        shown = [each for action in shown for each in getattr(action, "_choices_actions", [action])]
        assert all(action.help and len(action.help) > 3 for action in shown), group.title
        if own := [action for action in shown if action.dest != "help"]:
            assert group.title not in ("options", "positional arguments"), f"in no group: {own}"
            assert group.description and group.description.endswith(".")
    assert parser.description.endswith(".")
    assert parser.format_help().endswith(f"example:\n  {parser.prog} {parser.example}".rstrip() + "\n")
    parser.parse_args(shlex.split(parser.example))


class Watched(Options):
    """Options that remember which of them were asked for."""

    asked: set = set()

    def __getattribute__(self, name):
        Watched.asked.add(name)
        return super().__getattribute__(name)


def test_the_doctor_has_the_options_that_it_asks_for_and_no_others(small_photos, call, monkeypatch):
    def watched(given):
        options = Watched(out="", variant="cifar4", data=str(small_photos))
        Watched.asked.clear()
        return options

    from alexnet_paddle.training import diagnosis

    monkeypatch.setattr(doctor, "options_from", watched)
    monkeypatch.setattr(diagnosis, "examine", partial(diagnosis.examine, thorough=False))
    status, _, err = call(doctor)
    assert status == 0, err
    asked = Watched.asked & {field.name for field in dataclasses.fields(Options)}
    assert set(EXAMINED) <= asked | {"trust_pickle"}  # which is asked for with --weights only
    # Asked for by what trainings have in common, but without effect here.
    assert asked - set(EXAMINED) <= {"epochs", "workers", "amp", "visualdl"}


def test_the_doctor_refuses_a_run_folder_that_it_would_not_look_at(tmp_path, refused):
    assert "--resume" in refused(doctor, "--out", tmp_path)
    for option in ("--save-every", "--workers", "--epochs"):
        assert option in refused(doctor, option, 1)


WITHOUT_PADDLE = """
import sys
from importlib.machinery import PathFinder

class WithoutPaddle(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "paddle" else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutPaddle
"""


@pytest.fixture
def without_paddle(tmp_path, monkeypatch):
    """Python processes that begin from here on have no paddle, as where it is not installed."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WITHOUT_PADDLE)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")]))


def test_without_paddle_a_command_says_in_one_line_what_to_install(
    without_paddle, small_run, small_photos, tmp_path, monkeypatch
):
    photo = str(next(small_photos.rglob("*.png")))
    for words in (
        ["train", "--data", str(small_photos), "--out", "run"],
        ["doctor", "--data", str(small_photos)],
        ["evaluate", str(small_run)],
        ["predict", str(small_run), photo],
        ["export", str(small_run), "--out", "exported"],
        ["ablate", "lrn", "--data", str(small_photos), "--out", "ablation.json"],
        ["benchmark", "--quick"],
    ):
        done = command_line("alexnet_paddle", *words, cwd=tmp_path)
        assert done.returncode == 2 and done.stderr == f"{words[0]}: {cli.NO_PADDLE}\n", done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site"]
    for named in ("paddlepaddle,", "paddlepaddle-gpu", "requirements.txt", "requirements-gpu.txt"):
        assert named in cli.NO_PADDLE


def test_what_needs_no_paddle_works_without(without_paddle):
    for words in (
        [],
        ["--version"],
        ["summary", "mini"],
        ["ablate", "list"],
        *([command, "--help"] for command in cli.COMMANDS),
    ):
        done = command_line("alexnet_paddle", *words)
        assert done.returncode == 0 and done.stdout and not done.stderr, done.stderr


def test_a_command_run_as_a_module_names_itself_and_exits_with_2():
    command = [sys.executable, "-m", "alexnet_paddle.train", "--variant", "alexnet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("train: --variant:") and done.stderr.count("\n") == 1


# ---- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--variant", "alexnet", "one-tower"),
        ("--recipe", "adam", "classic-cnn"),
        ("--device", "tpu", "gpu"),
        ("--device", "gpu", "no GPU"),
        ("--epochs", "0", "more than 0"),
        ("--epochs", "many", "not a whole number"),
        ("--epochs", "1.5", "not a whole number"),
        ("--batch-size", "-1", "more than 0"),
        ("--learning-rate", "nan", "not a finite number"),
        ("--learning-rate", "inf", "not a finite number"),
        ("--dropout", "1", "below 1"),
        ("--dropout", "0.5", "no hidden fc layer"),
        ("--activation", "gelu", "sigmoid"),
        ("--lrn", "maybe", "off"),
        ("--pool", "mean", "overlap"),
        ("--seed", "-3", "at least 0"),
        ("--seed", "99999999999", "below"),
        ("--workers", "x", "not a whole number"),
        ("--val", "0.9", "at most 0.5"),
        ("--bogus", "1", "unrecognized"),
    ],
)
def test_a_bad_option_is_one_line_and_leaves_nothing(small_photos, tmp_path, refused, option, value, says):
    line = refused(train, "--variant", "cifar4", "--data", small_photos, "--out", tmp_path / "run", option, value)
    assert option in line and says in line
    assert not (tmp_path / "run").exists()


def test_bad_data_folders_are_named(tmp_path, refused):
    (tmp_path / "empty").mkdir()
    (tmp_path / "one" / "only").mkdir(parents=True)
    (tmp_path / "file.txt").write_text("x")
    for name, says in (
        ("nowhere", "no such folder"),
        ("empty", "no class folders"),
        ("one", "one class"),
        ("file.txt", "not a"),
    ):
        line = refused(train, "--data", tmp_path / name, "--out", tmp_path / "run")
        assert name in line and says in line
    assert not (tmp_path / "run").exists()


def test_an_output_folder_in_use_or_impossible_is_refused(small_run, small_photos, tmp_path, refused):
    before = sorted((path, path.stat().st_mtime_ns) for path in small_run.rglob("*"))
    assert "--resume" in refused(train, "--data", small_photos, "--out", small_run)
    assert sorted((path, path.stat().st_mtime_ns) for path in small_run.rglob("*")) == before
    (tmp_path / "file").write_text("")
    assert "is a file" in refused(train, "--data", small_photos, "--out", tmp_path / "file" / "run")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.doc").write_text("")
    assert "not empty" in refused(train, "--data", small_photos, "--out", tmp_path / "other")


def test_a_run_among_the_pictures_is_refused(small_photos, refused, monkeypatch):
    """Its plots would be pictures of one more class in the next training."""
    line = refused(train, "--data", small_photos, "--out", small_photos / "run")
    assert "lies among the pictures" in line and not (small_photos / "run").exists()
    monkeypatch.chdir(small_photos)
    assert "runs/mini-colours: lies among" in refused(train, "--data", ".")


def test_a_drawing_never_takes_the_place_of_a_photo(small_run, small_photos, refused):
    photo = next(small_photos.rglob("*.png"))
    before = photo.read_bytes()
    assert "is one of the photos" in refused(predict, small_run, photo, "--picture", photo)
    assert photo.read_bytes() == before


def test_the_doctors_help_has_no_empty_part(call):
    _, out, _ = call(doctor, "--help")
    assert "what is kept in it" not in out


def test_a_resume_needs_a_run_and_its_own_options(small_run, tmp_path, refused):
    assert "not a run folder" in refused(train, "--out", tmp_path / "nowhere", "--resume")
    assert "--variant" in refused(train, "--out", small_run, "--resume", "--variant", "mini")
    assert "--seed" in refused(train, "--out", small_run, "--resume", "--seed", 9)


def test_a_missing_visualdl_is_said_before_training(small_photos, tmp_path, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "visualdl", None)
    line = refused(train, "--variant", "cifar4", "--data", small_photos, "--out", tmp_path / "run", "--visualdl")
    assert "--visualdl" in line and "pip install visualdl" in line
    assert not (tmp_path / "run").exists()


def test_weights_of_another_variant_are_refused(small_run, small_photos, tmp_path, refused):
    line = refused(
        train, "--variant", "mini", "--data", small_photos, "--out", tmp_path / "run", "--weights", small_run
    )
    assert line.startswith(f"train: --weights {small_run}: ") and "mini" in line
    assert not (tmp_path / "run").exists()
    (tmp_path / "weights.pdparams").write_bytes(pickle.dumps({"conv1.weight": 0}))
    assert "weights.pdparams" in refused(
        train,
        "--variant",
        "cifar4",
        "--data",
        small_photos,
        "--out",
        tmp_path / "run",
        "--weights",
        tmp_path / "weights.pdparams",
    )
    assert "no such file" in refused(
        train, "--variant", "cifar4", "--data", small_photos, "--out", tmp_path / "run", "--weights", tmp_path / "none"
    )


def test_evaluate_and_predict_name_what_is_wrong(small_run, tmp_path, refused):
    (tmp_path / "text.jpg").write_text("not a picture")
    assert "text.jpg" in refused(predict, small_run, tmp_path / "text.jpg")
    assert "gone.jpg" in refused(predict, small_run, tmp_path / "gone.jpg")
    Image.new("RGB", (9, 9)).save(tmp_path / "photo.png")
    assert "--picture" in refused(predict, small_run, tmp_path / "photo.png", "--picture", tmp_path / "no" / "a.png")
    assert "not a run folder" in refused(predict, tmp_path, tmp_path / "text.jpg")
    assert "not a run folder" in refused(evaluate, tmp_path / "nowhere")
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "others" / "purple").mkdir(parents=True)
    assert "purple" in refused(evaluate, small_run, "--data", tmp_path / "others")
    assert "large" not in refused(summary, "paper", "--image-size", 20)[:8]


def test_an_impossible_size_shows_its_arithmetic(refused):
    line = refused(summary, "paper", "--image-size", 20)
    assert "pool2" in line and "floor((1 - 3 + 2*0) / 2) + 1 = 0" in line


def test_a_checkpoint_of_another_class_count_is_refused(small_run, tmp_path, refused):
    from alexnet_paddle.training.run_folder import RunFolder

    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    best = RunFolder(run).load_best()
    replace(best, config=best.config.replace(num_classes=7)).save(run / "best")
    photo = tmp_path / "a.png"
    Image.new("RGB", (9, 9)).save(photo)
    line = refused(predict, run, photo)
    assert "fc4" in line and "class count" in line
