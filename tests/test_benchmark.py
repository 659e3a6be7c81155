"""The benchmark: that its systems do the same work, its arithmetic, and how it ends. No test looks at a time."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import paddle
import pytest
from PIL import Image

from alexnet_paddle import AlexNet
from alexnet_paddle import benchmark as command
from alexnet_paddle.nets.config import LRN, PAPER_LRN, AlexNetConfig, Conv, Linear, SpatialNorm
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.study import benchmark, benchmark_systems
from alexnet_paddle.study.benchmark_systems import JOBS, SYSTEMS, lrn_arguments, paddle_net, torch_net

# ---- the systems do the same work ------------------------------------------------------------------


def shrunken(config):
    """The same layers on a smaller picture and with few features in the fc layers."""
    few = tuple(tuple(Linear(16) if layer.kind == "fc" else layer for layer in stage) for stage in config.fc_stages)
    return config.replace(fc_stages=few, image_size=min(config.image_size, 99), num_classes=7)


@pytest.mark.parametrize("name", ["paper", "half", "torchvision", "mini", "d2l"])
def test_pytorchs_net_computes_what_ours_does(name):
    torch = pytest.importorskip("torch")
    config = shrunken(VARIANTS[name])
    ours, theirs = AlexNet(config), torch_net(config)
    with torch.no_grad():
        for (_, mine), (_, parameter) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            # Larger than at the start of a training, so that no layer's part is lost among the others.
            values = np.random.default_rng(0).standard_normal(mine.shape).astype("float32") / 10
            mine.set_value(values)
            parameter.copy_(torch.tensor(values if mine.ndim != 2 else values.T))
    images = np.random.default_rng(1).standard_normal((2, 3, config.image_size, config.image_size), "float32")
    ours.eval()
    theirs.eval()
    expected = ours(paddle.to_tensor(images)).numpy()
    found = theirs(torch.tensor(images)).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_pytorchs_dropout_is_the_papers_in_training_too():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    dropout = next(layer for name, layer in torch_net(shrunken(VARIANTS["paper"])).named_children() if "drop" in name)
    assert set(dropout(torch.ones(200)).tolist()) == {0.0, 1.0}


def test_what_pytorch_has_no_layer_for_is_refused():
    pytest.importorskip("torch")
    for config, says in (
        (AlexNetConfig("n", conv_stages=((Conv(4, 3), SpatialNorm()),)), "no such layer"),
        (VARIANTS["mini"].replace(rounding="ceil", image_size=66, lrn=False), "one side"),
        (VARIANTS["mini"].replace(lrn=LRN(groups=2)), "towers"),
    ):
        with pytest.raises(ValueError, match=says):
            torch_net(config)


@pytest.mark.parametrize("system", ["untouched", "tuned"])
def test_paddles_own_normalisation_takes_the_place_of_ours_and_computes_the_same(system):
    theirs, ours = (paddle_net({"net": "mini", "system": name}) for name in (system, "ours"))
    assert type(theirs.lrn1) is paddle.nn.LocalResponseNorm is type(theirs.lrn2)
    x = paddle.randn([2, 24, 8, 8]) * 50
    np.testing.assert_allclose(theirs.lrn1(x).numpy(), ours.lrn1(x).numpy(), rtol=1e-4)


def test_the_arguments_of_other_peoples_normalisation():
    assert lrn_arguments(PAPER_LRN) == (5, pytest.approx(5e-4), 0.75, 2.0)
    assert lrn_arguments(LRN(divide_by_size=True)) == (5, 1e-4, 0.75, 2.0)


JOBS_AND_SYSTEMS = [(kind, system) for kind in JOBS for system in JOBS[kind] if system != "exported"]


def of_a_test(kind, system):
    """Compiling takes PyTorch minutes."""
    slow = [pytest.mark.slow] if SYSTEMS[system].compiled else []
    return pytest.param(kind, system, marks=slow)


@pytest.mark.parametrize(("kind", "system"), [of_a_test(*pair) for pair in JOBS_AND_SYSTEMS if pair[0] != "epoch"])
def test_every_job_does_a_step(kind, system, tmp_path, monkeypatch):
    pytest.importorskip(SYSTEMS[system].library)
    monkeypatch.setattr(benchmark_systems, "MATRIX_SIDE", 8)
    if kind == "input":
        benchmark.draw_pictures(tmp_path, 8)
    step, work = JOBS[kind][system](
        {
            "system": system,
            "net": "mini",
            "batch_size": 2,
            "shape": [2, 6, 4, 4],
            "size": 64,
            "folder": str(tmp_path),
        }
    )
    step()
    step()
    assert work == {"matmul": 2 * 8**3 / 1e9, "input": 4}.get(kind, 2)


@pytest.mark.slow
def test_an_epoch_is_timed_by_its_parts(monkeypatch):
    monkeypatch.setattr(paddle.Tensor, "backward", paddle.Tensor.backward)  # which is measured, and put back here
    step, work = benchmark_systems.paddle_epoch({"system": "ours", "net": "mini"})
    began = time.perf_counter()
    step()
    seconds = time.perf_counter() - began
    assert work == 2000 and min(step.parts.values()) > 0
    assert 0.7 * seconds < sum(step.parts.values()) < seconds


# ---- arithmetic ------------------------------------------------------------------------------------


def test_ratios_are_taken_within_a_round():
    """The machine was twice as slow in the second round, for both."""
    assert benchmark.ratio([10, 5, 12], [5, 2.5, 4]) == {"median": 2.0, "min": 2.0, "max": 3.0}


def test_operations_of_a_training_step():
    """Forward and two gradients of 8 million MACs, less the gradient of the pictures."""
    rows = benchmark.trace(VARIANTS["mini"])
    conv1 = 24 * 3 * 25 * 32 * 32
    assert rows[0].macs == conv1
    assert benchmark.training_flops(VARIANTS["mini"]) == 2 * (3 * sum(row.macs for row in rows) - conv1)


def test_fraction_of_the_ceiling(monkeypatch):
    monkeypatch.setattr(benchmark, "training_flops", lambda config: 2_000_000_000)
    assert benchmark.fraction_of_ceiling(None, images_per_second=30, ceiling_gflops=240) == pytest.approx(0.25)


def test_the_best_pytorch_is_that_of_each_round():
    workers = [
        Measured("ours", [40, 40, 60]),
        Measured("torch", [20, 10, 30]),
        Measured("torch-both", [10, 40, 20]),
        Measured("torch-last", [], failed="no memory"),
    ]
    assert benchmark.over_best_torch(workers) == {"median": 2, "min": 1, "max": 2}
    assert benchmark.over_best_torch(workers[:1]) is benchmark.over_best_torch(workers[1:]) is None


def test_parts_are_fractions_of_all_and_what_is_left():
    assert benchmark.fractions({"a": 1.0, "b": 2.0}, 4.0) == {"a": 0.25, "b": 0.5, "the rest": 0.25}


class Measured:
    """A worker after its work."""

    def __init__(self, system, rates, failed=None):
        self.system, self.rates, self.failed, self.label = system, rates, failed, SYSTEMS[system].label
        self.peak_memory, self.settings = 2_000_000_000, {"threads": "2"}
        self.parts, self.seconds = None, 1.0


CASE = benchmark.Case("train", "mini, batch 2", {"net": "mini", "batch_size": 2})


def test_a_case_in_figures_and_as_a_table(capsys):
    workers = [Measured("untouched", [10, 20, 30]), Measured("ours", [40, 40, 60]), Measured("torch", [9], "no memory")]
    case = benchmark.describe(CASE, workers, ceiling=100)
    untouched, ours = case["systems"]["untouched"], case["systems"]["ours"]
    assert (untouched["median"], untouched["best"]) == (20, 30)
    assert untouched["ratio"] == {"median": 2, "min": 2, "max": 4} and ours["ratio"]["median"] == 1
    assert untouched["fraction_of_ceiling"] == pytest.approx(20 * benchmark.training_flops(VARIANTS["mini"]) / 1e11)
    assert case["systems"]["torch"] == {"label": "PyTorch", "failed": "no memory"}
    benchmark.print_cases("train", [case])
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert " ".join(lines[1]) == "case system images/s best ours / this peak memory of ceiling"
    assert lines[2][:3] == ["mini,", "batch", "2"] and lines[2][5:9] == ["20", "30", "2.00", "2,000"]
    assert lines[4] == ["PyTorch", "failed"]
    assert " ".join(lines[5]) == "mini, batch 2, PyTorch failed: no memory"


def test_without_the_reference_there_are_no_ratios(capsys):
    case = benchmark.describe(CASE, [Measured("untouched", [1]), Measured("ours", [], "gone")], ceiling=None)
    assert case["systems"]["untouched"]["ratio"] is None and case["systems"]["untouched"]["fraction_of_ceiling"] is None
    benchmark.print_cases("train", [case])
    assert "ceiling" not in capsys.readouterr().out


def test_every_system_has_the_variables_that_it_is_named_for(monkeypatch):
    monkeypatch.setattr(benchmark, "CPU_SETTINGS", {"threads": "2", "MKL_DEBUG_CPU_TYPE": "5"})
    mine = {"HOME": "/h", "MKL_DEBUG_CPU_TYPE": "5", "ALEXNET_PADDLE_TUNE": "0"}
    assert benchmark.environment("untouched", mine) == {"HOME": "/h", "ALEXNET_PADDLE_TUNE": "0"}
    assert benchmark.environment("ours", mine) == {"HOME": "/h"}
    assert benchmark.environment("torch", mine) == {"HOME": "/h", "ALEXNET_PADDLE_TUNE": "settings"}
    monkeypatch.setattr(benchmark, "CPU_SETTINGS", {})
    assert benchmark.environment("ours", {"MKL_DEBUG_CPU_TYPE": "4"}) == {"MKL_DEBUG_CPU_TYPE": "4"}  # the user's


def test_the_plans_name_what_there_is():
    for plan in (benchmark.FULL, benchmark.QUICK):
        assert set(plan.nets) <= set(VARIANTS) and set(plan.left_out) <= set(SYSTEMS)
        for kind in benchmark.KINDS:
            cases = benchmark.cases_of(kind, plan, "folder")
            assert cases and all(case.reference in JOBS[kind] for case in cases)
    assert benchmark.left_out(benchmark.FULL) == []
    assert {"paper", "batch 128", "lrn1", "crops of 64", "Paddle tuned"} <= set(benchmark.left_out(benchmark.QUICK))


# ---- the pictures ----------------------------------------------------------------------------------


def test_the_pictures_are_the_same_each_time_and_as_large_as_photos(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        benchmark.draw_pictures(tmp_path / name, 4)
    files = sorted((tmp_path / "one").rglob("*.jpg"))
    assert [file.relative_to(tmp_path / "one").as_posix() for file in files] == [
        "a/000.jpg",
        "a/002.jpg",
        "b/001.jpg",
        "b/003.jpg",
    ]
    for file in files:
        with Image.open(file) as image:
            assert image.size == (500, 375)
        assert 20_000 < file.stat().st_size < 150_000
        assert file.read_bytes() == (tmp_path / "two" / file.relative_to(tmp_path / "one")).read_bytes()


# ---- the command -----------------------------------------------------------------------------------


def test_a_tiny_run_prints_tables_and_leaves_json(call, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "installed", lambda library: library != "torch")  # starting it takes seconds
    file = tmp_path / "new" / "figures.json"
    options = ("--nets", "mini", "--batch-sizes", 2, "--rounds", 1, "--only", "train,matmul", "--json", file)
    status, out, err = call(command, "--quick", *options)
    assert status == 0, err
    for words in ("Quick run", "half", "PyTorch is not installed", "Matrix product", "of ceiling"):
        assert words in out
    report = json.loads(file.read_text())
    assert list(report) == ["quick", "machine", "versions", "ceiling_gflops", "cases"]
    assert report["quick"] is True and report["ceiling_gflops"] > 0
    matmul, train = report["cases"]
    assert (matmul["kind"], matmul["unit"]) == ("matmul", "GFLOP/s")
    assert (train["title"], train["unit"], train["rounds"]) == ("mini, batch 2", "images/s", 1)
    assert list(train["systems"]) == ["untouched", "numpy-ways", "ours"]
    assert train["over_best_torch"] is None
    for system in train["systems"].values():
        assert "failed" not in system, system
        assert list(system) == [
            "label",
            "rates",
            "median",
            "best",
            "ratio",
            "fraction_of_ceiling",
            "peak_memory_bytes",
            "settings",
            "parts",
        ]
        assert system["median"] > 0 and 0 < system["fraction_of_ceiling"] < 5 and len(system["rates"]) == 1
    assert train["systems"]["untouched"]["settings"] == {}


def test_the_command_itself_loads_neither_paddle_nor_torch():
    code = "import sys, alexnet_paddle.benchmark; print([name for name in ('paddle', 'torch') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


class Dying(benchmark.Worker):
    """The first one is killed, as for lack of memory, when its turn comes."""

    made = []

    def __init__(self, case, system):
        super().__init__(case, system)
        self.made.append(self)

    def take_turn(self):
        if self is self.made[0]:
            self.process.kill()
        super().take_turn()


def test_a_process_that_is_killed_is_a_failed_cell(monkeypatch):
    monkeypatch.setattr(benchmark, "Worker", Dying)
    case = benchmark.Case("matmul", "", {})
    dead, alive = workers = benchmark.run_case(case, ["numpy", "numpy"], benchmark.QUICK)
    assert "memory" in dead.failed and dead.rates == []
    assert alive.failed is None and len(alive.rates) >= 2
    assert benchmark.describe(case, [dead], None)["systems"] == {"numpy": {"label": "NumPy", "failed": dead.failed}}
    assert all(worker.process.returncode is not None for worker in workers)


def test_an_error_in_a_process_is_told_in_its_words():
    case = benchmark.Case("matmul", "", {})
    with benchmark.Worker(case, "numpy") as worker:
        worker.prepare()
        with pytest.raises(benchmark.WorkerFailed, match="invalid literal"):
            worker._measure("many")


@pytest.mark.skipif(os.name == "nt", reason="sends the signals of Unix")
def test_ctrl_c_leaves_no_process(tmp_path):
    command = [sys.executable, "-m", "alexnet_paddle.benchmark", "--only", "matmul", "--rounds", "10000"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        process.stdout.readline()
        time.sleep(1)  # processes are being started now
        os.killpg(process.pid, signal.SIGINT)  # to all of them, as a terminal does
        _, err = process.communicate(timeout=60)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert (process.returncode, err) == (130, "benchmark: interrupted\n")
    deadline = time.monotonic() + 10  # one whose start was interrupted ends when it finds its pipe closed
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(process.pid, 0)
            time.sleep(0.1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--nets", "alexnet", "one-tower"),
        ("--nets", "mini,", "unknown ''"),
        ("--batch-sizes", "32,0", "more than 0"),
        ("--batch-sizes", "32;64", "not a whole number"),
        ("--only", "training", "inference"),
        ("--rounds", "0", "more than 0"),
        ("--json", ".", "is a folder"),
    ],
)
def test_a_bad_option_is_one_line(refused, option, value, says):
    line = refused(command, option, value)
    assert line.startswith(f"benchmark: {option}") and says in line


@pytest.mark.slow
def test_a_quick_run_measures_every_kind(call, tmp_path):
    status, out, err = call(command, "--quick", "--json", tmp_path / "figures.json")
    assert status == 0, err
    cases = json.loads((tmp_path / "figures.json").read_text())["cases"]
    assert {case["kind"] for case in cases} == set(benchmark.KINDS)
    assert not [system for case in cases for system in case["systems"].values() if "failed" in system], out
