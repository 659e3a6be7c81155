"""Trainings in processes of their own, and runs compared."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def start(*arguments, command="train", **options):
    """A command in a process of its own, as from a shell: a test started in the background has SIGINT ignored."""

    def default_signals():
        signal.signal(signal.SIGINT, signal.default_int_handler)

    return subprocess.Popen(
        [sys.executable, "-m", f"alexnet_paddle.{command}", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals if os.name != "nt" else None,
        start_new_session=True,  # a process group of its own, for Ctrl-C
        **options,
    )


def finish(process, timeout=120):
    """(exit status, stdout, stderr)"""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def wait_for(condition, process, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.0005)


def children(pid: int) -> list[int]:
    """Processes that this one has started, on Linux."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has just ended
            continue
        if int(parent) == pid and state != "Z":
            found.append(int(stat.parent.name))
    return found


def assert_same_runs(one, other):
    """Byte for byte, apart from the two columns of times."""
    for folder in ("best", "last"):
        for file in sorted((one / folder).iterdir()):
            assert file.read_bytes() == (other / folder / file.name).read_bytes(), f"{folder}/{file.name}"
    assert (one / "report.json").read_bytes() == (other / "report.json").read_bytes()
    rows = [[row.split(",")[:6] for row in (run / "metrics.csv").read_text().splitlines()] for run in (one, other)]
    assert rows[0] == rows[1]


def unfinished(run) -> list[str]:
    """What must not be left: files and folders that were being written."""
    return sorted(path.name for path in run.rglob("*") if path.suffix in (".new", ".old"))
