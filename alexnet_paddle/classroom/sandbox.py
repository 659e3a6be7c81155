"""Starts `worker` in a process that can reach as little as possible, and talks to it.

With bubblewrap (Linux) it sees Python, this package and the embedded data set, all read-only, and an empty folder in
memory; it has no network and no other processes, and ends with the grader. Without, only the worker's own limits and
refusals hold.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Literal, TypedDict

import alexnet_paddle
from alexnet_paddle import datasets
from alexnet_paddle.classroom.results import Ended, Error, Failed, Judged, Late, Outcome, Tampered

PACKAGE = Path(alexnet_paddle.__file__).resolve().parent
WORKER = "alexnet_paddle.classroom.worker"
START_SECONDS = 600
PATIENCE = 30  # times its limit that an answer may take on a machine that has no time for it
MEMORY = 4 << 30  # bytes that an answer may map, Paddle's own 1 GB included
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
# What libraries ask of the machine. Nothing else below /proc: the memory of processes is there, and their environments.
MACHINE = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/", "/sys/", "/dev/random", "/dev/urandom")
UNPROTECTED = (
    "bubblewrap is not installed, so code in notebooks is kept from other files and the network only by checks inside "
    "its own process: grade on a machine, or as a user, with nothing to lose (Debian: apt-get install bubblewrap)"
)


class WorkerDied(Exception):
    """The process around the exercises ended or did not answer."""


class Piece(TypedDict):
    """A cell for the worker to run, see `worker.child`."""

    title: str
    source: str
    kind: Literal["given", "own", "extra"]
    takes: list[str]


@cache
def bubblewrap() -> str | None:
    """The program, where it is installed and may be used."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    trial = [program, "--ro-bind", "/", "/", "--unshare-all", "--die-with-parent", sys.executable, "-c", ""]
    return program if subprocess.run(trial, capture_output=True).returncode == 0 else None


class Worker:
    """A process for the exercises of one submission. `imports` are modules that they will want. Use it in `with`."""

    def __init__(self, imports: Iterable[str], protected: bool):
        self.folder = tempfile.TemporaryDirectory(prefix="grading-")
        jobs, our_jobs = os.pipe()
        our_answers, answers = os.pipe()
        inside = "/tmp" if protected else self.folder.name
        visible = visible_folders()
        settings = {
            "imports": sorted(imports),
            "trusted": [f"{place}{os.sep}" for place in visible],
            "readable": [*(f"{place}{os.sep}" for place in visible), *SYSTEM, *MACHINE],
        }
        # The worker expects its two pipes as descriptors 3 and 4.
        start = f"import os,sys; os.dup2({jobs}, 1003); os.dup2({answers}, 1004); os.dup2(1003, 3); os.dup2(1004, 4)"
        start += "; os.closerange(5, 1005); os.execv(sys.argv[1], sys.argv[1:])"
        command = [sys.executable, "-P" if sys.version_info >= (3, 11) else "-s", "-m", WORKER, json.dumps(settings)]
        if protected:
            command = [*confinement(visible), *command]
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", start, *command],
            cwd=self.folder.name,
            env=environment(inside),
            pass_fds=(jobs, answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(jobs)
        os.close(answers)
        self.jobs, self.answers, self.waiting = our_jobs, our_answers, b""

    def __enter__(self) -> Worker:
        self.receive(START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.jobs)
        self.process.kill()
        self.process.wait()
        os.close(self.answers)
        self.folder.cleanup()

    def ask(self, job: dict, asserts: list[dict]) -> Outcome:
        """What comes of one exercise: `job` is as `worker.child` has it, `asserts` are cells with "title" and "source".
        Raises WorkerDied."""
        most_seconds = PATIENCE * job["seconds"]
        self.send({"memory": MEMORY, "most_seconds": most_seconds, **job})
        answer = self.receive(most_seconds + 60)
        if answer["kind"] == "ready":
            self.send({"asserts": asserts})
            answer = self.receive(most_seconds + 60)
        return outcome(answer)

    def send(self, message: dict) -> None:
        data = json.dumps(message).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self.jobs, data) :]
        except BrokenPipeError:
            raise WorkerDied from None

    def receive(self, seconds: float) -> dict:
        ends = time.monotonic() + seconds
        while b"\n" not in self.waiting:
            left = ends - time.monotonic()
            if left <= 0 or not select.select([self.answers], [], [], left)[0]:
                raise WorkerDied
            part = os.read(self.answers, 1 << 16)
            if not part:
                raise WorkerDied
            self.waiting += part
        line, self.waiting = self.waiting.split(b"\n", 1)
        return json.loads(line)


def outcome(answer: dict) -> Outcome:
    """The worker's answer as an object."""
    refused, output = tuple(answer.get("noted", ())), answer.get("output", "")
    match answer:
        case {"kind": "judged", "verdicts": verdicts}:
            errors = tuple(None if error is None else Error(**error) for error in verdicts)
            return Judged(verdicts=errors, refused=refused, output=output)
        case {"kind": "failed", "cell": cell, "error": error}:
            return Failed(error=Error(**error), in_the_course=cell == "given", refused=refused, output=output)
        case {"kind": "late"}:
            return Late()
        case {"kind": "ended", "how": how}:
            return Ended(how=how)
        case {"kind": "tampered", "what": what}:
            return Tampered(what=what, refused=refused, output=output)
    return Tampered(what="an answer of an unknown kind came")


def visible_folders() -> list[str]:
    """What code needs to run: Python, installed packages, this package, the embedded data set where it was drawn."""
    places = {sys.prefix, sys.base_prefix, str(PACKAGE), os.path.dirname(os.path.realpath(sys.executable))}
    petals = datasets.data_home() / "petals"
    if petals.is_dir():
        places.add(str(petals.resolve()))
    return sorted(os.path.realpath(place) for place in places)


def confinement(visible: list[str]) -> list[str]:
    """bubblewrap's command line, up to the program. Nothing is visible that is not named here."""
    binds = [part for place in SYSTEM if os.path.exists(place) for part in ("--ro-bind", place, place)]
    binds += [part for place in visible for part in ("--ro-bind", place, place)]
    return [
        *(bubblewrap() or "bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
        *("--proc", "/proc", "--dev", "/dev", "--size", str(256 << 20), "--tmpfs", "/tmp"),
        *binds,  # after /tmp, for they may lie in it
        *("--chdir", "/tmp", "--"),
    ]


def environment(folder: str) -> dict[str, str]:
    """One thread each: submissions are graded side by side, and a process without threads can be forked."""
    return {
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
        **{name: os.environ[name] for name in ("LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ},
        "PATH": os.defpath,
        "HOME": folder,
        "TMPDIR": folder,
        "MPLCONFIGDIR": folder,
        "MPLBACKEND": "Agg",
        "PYTHONPATH": str(PACKAGE.parent),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ALEXNET_PADDLE_DATA": str(datasets.data_home()),
        "LANG": "C.UTF-8",
    }
