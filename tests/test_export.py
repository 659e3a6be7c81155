"""The static graph: it does what the net does, here and where this package is not, and is written whole."""

from alexnet_paddle import AlexNet, VARIANTS  # isort: skip
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import paddle
import pytest
from PIL import Image

from alexnet_paddle import export
from alexnet_paddle.datasets.transforms import Preprocessing
from alexnet_paddle.training import inference
from alexnet_paddle.training.prediction import predict
from alexnet_paddle.training.run_folder import RunFolder

ENGINES = (False, True) if paddle.inference.Config().mkldnn_enabled() else (False,)
needs_onednn = pytest.mark.skipif(ENGINES == (False,), reason="this Paddle has no oneDNN")


def small(config, image_size=79):
    """The same net for a small picture, with narrow fc layers, and weights that keep the size of the values."""
    if config.image_size > 64:
        narrow = [[_narrow(layer) for layer in stage] for stage in config.fc_stages]
        config = config.replace(image_size=image_size, fc_stages=narrow)
    return config.replace(num_classes=4, init="paddle")


def _narrow(layer):
    return dataclasses.replace(layer, out_features=24) if layer.kind == "fc" else layer


def images_for(config, count):
    """Values as large as pictures minus a mean image have, so that response normalisation divides by its sum."""
    size = config.image_size
    values = np.random.default_rng(count).standard_normal((count, config.in_channels, size, size)) * 70
    return paddle.to_tensor(values.astype("float32"))


def assert_same_graph(config, folder, rtol=2e-5):
    paddle.seed(3)
    net = AlexNet(config)
    inference.save_graph(net, folder)
    saved = [inference.StaticNet.load(folder, onednn) for onednn in ENGINES]
    for count in (1, 3, 8):
        images = images_for(config, count)
        with paddle.no_grad():
            expected = net(images).numpy()
        tolerance = rtol * np.abs(expected).max()
        for engine in saved:
            np.testing.assert_allclose(engine(images).numpy(), expected, rtol=0, atol=tolerance)
    assert np.ptp(expected, axis=0).max() > 100 * tolerance  # not only the biases speak


# ---- the graph -------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)
def test_one_saved_graph_is_the_net_for_every_batch_size(config, tmp_path):
    assert_same_graph(small(config), tmp_path)


@pytest.mark.parametrize(
    "name, changes",
    [
        ("convnet2012", {"activation": "tanh", "image_size": 80}),
        ("paper", {"activation": "tanh", "rounding": "ceil", "pool": "plain"}),
        ("cifar4", {"activation": "sigmoid", "lrn": True}),
    ],
)
def test_a_changed_net_is_saved_as_changed(name, changes, tmp_path):
    assert_same_graph(small(VARIANTS[name]).replace(**changes), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["half", "convnet2012"])
def test_a_net_of_full_size_is_saved_right(name, tmp_path):
    assert_same_graph(VARIANTS[name].replace(init="paddle"), tmp_path, rtol=inference.LIMIT)


def test_the_net_itself_stays_dynamic_and_can_be_trained(tmp_path):
    net = AlexNet(VARIANTS["mini"])
    inference.save_graph(net, tmp_path)
    assert net.forward.__func__ is AlexNet.forward
    net(images_for(net.config, 2)).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_difference_is_of_probabilities_and_of_logits():
    images, logits = np.zeros((1, 1), "float32"), np.array([[40.0, 0.0]], "float32")

    def moved(first, second):
        return inference.difference(
            *(lambda _, v=v: paddle.to_tensor(v) for v in (logits + [[first, second]], logits)), images
        )

    assert moved(0, 0) < 1e-20
    assert moved(0, 8) == pytest.approx(0.2)  # no probability moves, a logit does by a fifth of the largest
    assert moved(-40, 0) == pytest.approx(1)
    assert not moved(float("nan"), 0) <= inference.LIMIT


# ---- the command -----------------------------------------------------------------------------------


@pytest.fixture
def a_run(small_run, tmp_path):
    return shutil.copytree(small_run, tmp_path / "a run")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_export_leaves_a_graph_and_how_to_feed_it(a_run, call):
    before = names(a_run)
    status, out, err = call(export, a_run)
    assert status == 0, err
    assert out.count("from the dynamic graph") == len(ENGINES)
    assert names(a_run) == sorted([*before, "export"])
    files = set(names(a_run / "export"))
    about = json.loads((a_run / "export" / "export.json").read_text("utf-8"))
    assert files <= inference.FILES and {about["graph"], about["weights"]} <= files
    assert about["classes"] == ["blue", "green", "red"] and about["input"] == ["batch", 3, 32, 32]


def test_an_earlier_export_is_replaced_by_the_same(a_run, tmp_path, call):
    out = tmp_path / "to" / "deploy"
    assert call(export, a_run, "--out", out)[0] == 0
    first = content(out)
    (out / "export.json").write_text("{}")
    (out / "model.pdiparams").write_text("")
    assert call(export, a_run, "--out", out)[0] == 0
    assert names(out.parent) == ["deploy"] and names(out) == sorted(first)
    for name in ("export.json", "model.pdiparams"):
        assert (out / name).read_bytes() == first[name]


# What a program without this package does, by the steps in export.json.
PAGE = (Path(__file__).parents[1] / "course/guide/export.md").read_text("utf-8")
READER = re.search(r"^```python\n(.*?)^```$", PAGE, re.S | re.M)[1] + 'assert "alexnet_paddle" not in sys.modules\n'


@pytest.mark.parametrize("normalise", ["colour", "mean image"])
def test_a_program_without_this_package_gets_the_same_probabilities(normalise, small_run, tmp_path):
    checkpoint = RunFolder(small_run).load_best()
    if normalise == "mean image":
        mean = np.random.default_rng(5).uniform(60, 200, (32, 32, 3)).astype("float32")
        preprocessing = Preprocessing(32, mean, np.full(3, 50, "float32"))
        checkpoint = dataclasses.replace(checkpoint, preprocessing=preprocessing)
    inference.export(checkpoint, tmp_path / "export")
    pixels = np.random.default_rng(6).integers(0, 256, (9, 14, 3), dtype=np.uint8)
    photo = Image.fromarray(pixels).resize((83, 52))  # odd remainders on the way to the central square
    photo.save(tmp_path / "photo.png")
    command = [sys.executable, "-c", READER, "export", "photo.png"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    [rows] = predict(checkpoint, [photo], top=3)
    assert json.loads(done.stdout) == pytest.approx({row["class"]: row["probability"] for row in rows}, abs=1e-5)


# ---- whole or not at all ---------------------------------------------------------------------------


def test_a_graph_that_differs_is_not_left(a_run, call, monkeypatch):
    save = inference.save_graph
    monkeypatch.setattr(inference, "save_graph", lambda model, folder: save(AlexNet(model.config), folder))
    before = names(a_run)
    status, out, err = call(export, a_run, "--out", a_run / "to" / "export")
    assert status == 1 and err.count("\n") == 1 and "differs" in err
    assert names(a_run) == before


def test_ctrl_c_leaves_the_earlier_export(a_run, call, monkeypatch):
    call(export, a_run)
    first, before = content(a_run / "export"), names(a_run)

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(inference, "difference", interrupt)
    assert call(export, a_run)[0] == 130
    assert names(a_run) == before and content(a_run / "export") == first


def test_a_killed_export_leaves_no_export(a_run):
    program = (
        "import os, sys\n"
        "from alexnet_paddle import export\n"
        "from alexnet_paddle.training import inference\n"
        "inference.difference = lambda *arguments: os.kill(os.getpid(), 9)\n"
        "export.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(a_run)], capture_output=True)
    assert done.returncode != 0 and not (a_run / "export").exists()


def test_a_place_that_is_not_an_export_is_refused(a_run, tmp_path, refused, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.pdiparams").write_text("by hand")
    assert "model.pdiparams" in refused(export, a_run, "--out", tmp_path / "mine")
    (tmp_path / "mine" / "export.json").write_text("{}")
    (tmp_path / "mine" / "thesis.doc").write_text("")
    assert "thesis.doc" in refused(export, a_run, "--out", tmp_path / "mine")
    assert names(tmp_path / "mine") == ["export.json", "model.pdiparams", "thesis.doc"]
    assert "is a file" in refused(export, a_run, "--out", tmp_path / "mine" / "thesis.doc")
    assert "is a file" in refused(export, a_run, "--out", tmp_path / "mine" / "thesis.doc" / "export")
    assert "not a run folder" in refused(export, tmp_path / "mine")
    (a_run / "best" / "model.safetensors").write_bytes(b"cut")
    assert "model.safetensors" in refused(export, a_run)
    assert not (a_run / "export").exists()


def test_an_unwritable_place_is_one_line(a_run, refused, monkeypatch):
    def denied(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "mkdtemp", denied)
    line = refused(export, a_run)
    assert "--out" in line and "Permission denied" in line
    assert not (a_run / "export").exists()


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_one_line(a_run, tmp_path, refused):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert str(locked) in refused(export, a_run, "--out", locked / "export")


# ---- oneDNN here -----------------------------------------------------------------------------------


@needs_onednn
def test_a_net_on_onednn_is_a_layer_like_the_net():
    net = AlexNet(VARIANTS["mini"])
    images = images_for(net.config, 5)
    fast = inference.onednn_model(net, images[:2].numpy())
    assert isinstance(fast, inference.StaticNet)
    assert inference.difference(fast, net, images.numpy()) < inference.LIMIT


@needs_onednn
def test_a_static_net_leaves_the_threads_as_they_were():
    """Seen by the last bits of a product, which depend on how many threads it was cut up for."""
    net = AlexNet(VARIANTS["mini"])
    a = paddle.to_tensor(np.random.default_rng(0).standard_normal((300, 500)).astype("float32"))
    before = paddle.matmul(a, a, transpose_x=True).numpy()
    images = images_for(net.config, 2)
    inference.onednn_model(net, images.numpy())(images)
    np.testing.assert_array_equal(paddle.matmul(a, a, transpose_x=True).numpy(), before)


def test_onednn_is_refused_where_it_differs_or_lacks(monkeypatch):
    net = AlexNet(VARIANTS["mini"])
    images = images_for(net.config, 1).numpy()
    monkeypatch.setattr(inference, "difference", lambda *arguments: 0.01)
    monkeypatch.setattr(inference.StaticNet, "load", lambda folder, onednn: net)
    with pytest.raises(inference.ExportError, match=r"differs by 1\.0e-02"):
        inference.onednn_model(net, images)
    monkeypatch.setattr(inference.StaticNet, "load", lambda folder, onednn: None)
    with pytest.raises(inference.ExportError, match="no oneDNN"):
        inference.onednn_model(net, images)
