"""The machine: what is set before paddle is loaded, which device is taken, what a seed repeats."""

import ast
import os
import platform
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest

from alexnet_paddle import runtime

AVX512 = "avx512f avx512dq avx512bw avx512vl"


def cpu_info(vendor, flags):
    """Two processors as Linux lists them."""
    lines = (f"vendor_id\t: {vendor}", "model name\t: A processor", f"flags\t\t: fpu sse2 {flags}", "")
    return "\n".join(f"processor\t: {i}\n" + "\n".join(lines) for i in range(2))


@pytest.mark.parametrize(
    "info, path",
    [
        (cpu_info("GenuineIntel", f"avx avx2 fma {AVX512}"), None),
        (cpu_info("AuthenticAMD", "avx avx2 fma"), "5"),  # Zen 2
        (cpu_info("AuthenticAMD", f"avx avx2 fma {AVX512}"), "7"),  # Zen 4
        (cpu_info("AuthenticAMD", "avx avx2 fma avx512f avx512vl"), "5"),
        (cpu_info("AuthenticAMD", "avx avx2"), None),
        (cpu_info("AuthenticAMD", "avx fma"), None),
        (cpu_info("AuthenticAMD", "avx fma avx2x avx512_bf16"), None),  # names that only begin alike
        (cpu_info("HygonGenuine", "avx avx2 fma"), None),
        ("vendor_id : AuthenticAMD", None),
        ("", None),
    ],
)
def test_the_blas_path_is_set_only_on_amd_with_the_instructions_it_needs(info, path):
    assert runtime._mkl_code_path(info) == path


@pytest.fixture
def amd_before_paddle(monkeypatch):
    """An AMD processor, in a process that has not imported paddle; the real process is left as it is."""
    monkeypatch.delitem(sys.modules, "paddle")
    monkeypatch.setattr(runtime, "cpu_info", lambda: cpu_info("AuthenticAMD", "avx2 fma"))
    monkeypatch.setattr(runtime, "keep_freed_memory", lambda: False)
    monkeypatch.setattr(runtime.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(runtime, "cpu_count", lambda: 6)
    monkeypatch.setattr(runtime, "_call_after_import", lambda name, act: None)


def test_threads_the_blas_path_and_the_layers_are_set_and_reported(amd_before_paddle):
    environ = {}
    chosen = runtime.tune_cpu(environ)
    assert chosen == {"layers": "auto", "threads": "6", "MKL_DEBUG_CPU_TYPE": "5"}
    assert environ == {"MKL_DEBUG_CPU_TYPE": "5"}


def test_the_settings_can_be_had_without_the_layers(amd_before_paddle):
    chosen = runtime.tune_cpu({"ALEXNET_PADDLE_TUNE": "settings"})
    assert chosen == {"threads": "6", "MKL_DEBUG_CPU_TYPE": "5"}


@pytest.mark.parametrize("wish", ["onednn", "numpy"])
def test_the_layers_can_be_told_how_to_compute(amd_before_paddle, wish):
    assert runtime.tune_cpu({"ALEXNET_PADDLE_TUNE": wish})["layers"] == wish


def test_a_wish_that_is_none_is_said_and_left_out(amd_before_paddle, capsys):
    assert runtime.tune_cpu({"ALEXNET_PADDLE_TUNE": "onednm"})["layers"] == "auto"
    said = capsys.readouterr().err
    assert "ALEXNET_PADDLE_TUNE=onednm is unknown" in said and "numpy" in said and said.count("\n") == 1


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_a_thread_count_of_the_users_is_left_alone(amd_before_paddle, name):
    environ = {name: "3"}
    chosen = runtime.tune_cpu(environ)
    assert environ == {name: "3", "MKL_DEBUG_CPU_TYPE": "5"}
    assert "threads" not in chosen
    assert runtime.thread_count(chosen, environ) == 3


def test_processes_of_one_training_share_the_cores(amd_before_paddle):
    """Paddle's launcher leaves a 1 in the environment, which nobody chose."""
    started = {"PADDLE_TRAINER_ID": "1", "PADDLE_LOCAL_SIZE": "2", "PADDLE_TRAINERS_NUM": "4"}
    assert runtime.tune_cpu({**started, "OMP_NUM_THREADS": "1"})["threads"] == "3"
    assert runtime.tune_cpu({**started, "PADDLE_LOCAL_SIZE": "8"})["threads"] == "1"
    assert "threads" not in runtime.tune_cpu({**started, "OMP_NUM_THREADS": "2"})


def test_without_anybodys_choice_there_is_one_thread():
    assert runtime.thread_count({}, {}) == runtime.thread_count({}, {"OMP_NUM_THREADS": "many"}) == 1
    assert runtime.thread_count({"threads": "4"}, {"OMP_NUM_THREADS": "1"}) == 4


@pytest.mark.parametrize("value", ["4", ""])
def test_a_blas_path_of_the_users_is_left_alone(amd_before_paddle, value):
    environ = {"MKL_DEBUG_CPU_TYPE": value}
    assert "MKL_DEBUG_CPU_TYPE" not in runtime.tune_cpu(environ)
    assert environ["MKL_DEBUG_CPU_TYPE"] == value


def test_tuning_can_be_switched_off(amd_before_paddle, monkeypatch):
    monkeypatch.setattr(runtime, "keep_freed_memory", lambda: pytest.fail("touched the memory settings"))
    environ = {"ALEXNET_PADDLE_TUNE": "0"}
    assert runtime.tune_cpu(environ) == {}
    assert environ == {"ALEXNET_PADDLE_TUNE": "0"}


def test_other_processors_get_the_layers_only(amd_before_paddle, monkeypatch):
    monkeypatch.setattr(runtime.platform, "machine", lambda: "arm64")
    environ = {}
    assert runtime.tune_cpu(environ) == {"layers": "auto"}
    assert environ == {}


def in_a_new_process(code, **variables):
    root = str(Path(runtime.__file__).resolve().parents[1])
    unset = ("ALEXNET_PADDLE_TUNE", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "MKL_DEBUG_CPU_TYPE")
    environ = {name: value for name, value in os.environ.items() if name not in unset}
    environ.update(PYTHONPATH=root, **variables)
    # Paddle's own warnings (no ccache) are not what is tested here.
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=environ, capture_output=True, text=True, check=True
    )


def test_imported_after_paddle_it_says_so_on_one_line():
    done = in_a_new_process("import paddle, alexnet_paddle; print(alexnet_paddle.CPU_SETTINGS)")
    assert done.stdout == "{'layers': 'auto'}\n"
    assert len(done.stderr.splitlines()) == 1
    assert "import it first" in done.stderr


def test_switched_off_it_says_nothing_even_after_paddle():
    done = in_a_new_process("import paddle, alexnet_paddle", ALEXNET_PADDLE_TUNE="0")
    assert done.stderr == ""


def test_whoever_imports_paddle_afterwards_gets_the_threads():
    """Seen by the variable: paddle puts OMP_NUM_THREADS=1 there, and it is gone once the threads are set."""
    done = in_a_new_process("import alexnet_paddle, paddle, os; print(os.environ.get('OMP_NUM_THREADS'))")
    assert (done.stdout, done.stderr) == ("None\n", "")


# Runs a static graph twice, and prints what was asked of paddle and what the user asked for.
TWO_RUNS = """
import os, pathlib, tempfile
from alexnet_paddle import VARIANTS, AlexNet
from alexnet_paddle.training import inference
from alexnet_paddle.nets import memory
import paddle

counts, net = [], AlexNet(VARIANTS["mini"])
paddle.base.core.set_num_threads = counts.append
with tempfile.TemporaryDirectory() as folder:
    inference.save_graph(net, pathlib.Path(folder))
    static = inference.StaticNet.load(pathlib.Path(folder), onednn=False)
images = paddle.zeros([1, 3, net.config.image_size, net.config.image_size])
static(images)
static(images)
print(counts, memory.WORKERS, os.environ.get({name!r}))
"""


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_a_thread_count_of_the_users_outlives_static_graphs(name):
    done = in_a_new_process(TWO_RUNS.format(name=name), **{name: "3"})
    assert done.stdout == "[3, 3] 3 3\n"


def test_an_act_after_an_import_happens_once_and_at_once():
    code = "from alexnet_paddle import runtime; runtime._call_after_import('wave', lambda: print('act'));"
    look = "import importlib.util; importlib.util.find_spec('wave');"
    done = in_a_new_process(code + look + "print('before'); import wave; print(wave.__name__); import wave")
    assert done.stdout.split() == ["before", "act", "wave"]


def test_a_child_process_is_tuned_like_its_parent():
    """Paddle puts OMP_NUM_THREADS=1 into the environment, which a child would take for the user's wish."""
    show = "from alexnet_paddle import CPU_SETTINGS as s; print(s)"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {show!r}])"
    done = in_a_new_process(f"from alexnet_paddle import AlexNet; {child}; {show}")
    theirs, ours = map(ast.literal_eval, done.stdout.splitlines())
    assert theirs.get("threads") == ours.get("threads")


def test_importing_the_package_alone_is_silent_and_does_not_load_paddle():
    done = in_a_new_process("import sys, alexnet_paddle.nets.variants; print('paddle' in sys.modules)")
    assert (done.stdout, done.stderr) == ("False\n", "")


# ---- device and seed -------------------------------------------------------------------------------


@pytest.mark.skipif(paddle.is_compiled_with_cuda(), reason="this paddle is built for GPUs")
def test_a_gpu_that_is_not_there_is_refused_with_what_to_do():
    with pytest.raises(runtime.DeviceError) as refused:
        runtime.choose_device("gpu")
    assert "requirements-gpu.txt" in str(refused.value) and "--device cpu" in str(refused.value)
    assert runtime.choose_device("auto") == "cpu"


def test_a_gpu_build_without_a_gpu_falls_back_and_refuses(monkeypatch):
    monkeypatch.setattr(paddle, "is_compiled_with_cuda", lambda: True)
    monkeypatch.setattr(paddle.device.cuda, "device_count", lambda: 0)
    assert runtime.choose_device("auto") == "cpu"
    with pytest.raises(runtime.DeviceError, match="sees no GPU.*--device cpu"):
        runtime.choose_device("gpu")


def test_the_cpu_is_taken_when_asked_for_and_other_names_are_refused():
    assert runtime.choose_device("cpu") == "cpu"
    assert paddle.get_device() == "cpu"
    with pytest.raises(runtime.DeviceError, match="unknown device 'tpu'; choose from auto, cpu, gpu"):
        runtime.choose_device("tpu")


def test_a_seed_repeats_all_three_sources_of_chance():
    def draw(seed):
        runtime.seed_everything(seed)
        return paddle.rand([3]).tolist(), np.random.rand(3).tolist(), random.random()

    first, again, other = draw(1), draw(1), draw(2)
    assert first == again
    assert all(a != b for a, b in zip(first, other))


# Takes 400 MB, as a training's activations, and gives them back.
PEAK = """
from pathlib import Path
from alexnet_paddle import runtime
import paddle

def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

tensors = [paddle.ones([25, 40_000]) for _ in range(100)]
before = megabytes()
del tensors
kept = megabytes()
runtime.give_back_memory()
print(round(before - kept), round(before - megabytes()))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep freed memory")
def test_freed_memory_is_kept_until_it_is_given_back():
    kept, given = map(int, in_a_new_process(PEAK).stdout.split())
    assert kept < 50 and given > 350
