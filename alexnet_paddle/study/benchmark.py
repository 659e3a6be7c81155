"""The speed of this machine's CPU: Paddle untouched, ours and PyTorch, see `python -m alexnet_paddle.benchmark`.

All systems of a case are ready in processes of their own and measured in turn, round after round, so that whatever
else the machine does meets all of them. Ratios are taken within a round. The JSON file has:

    quick, machine, versions    what was run, where
    ceiling_gflops              the fastest matrix product of any system, None if not measured
    cases                       [{kind, title, unit, rounds, over_best_torch, systems}], kind as in `--only`
    over_best_torch             {median, min, max} of our speed over that of the fastest PyTorch of the round, None
                                without PyTorch
    systems                     name -> {label, rates (by round), median, best, ratio, fraction_of_ceiling,
                                peak_memory_bytes, settings, parts}, or {label, failed}
    ratio                       {median, min, max} of the reference's speed over this system's; the reference is
                                "ours", for the input pipeline "packed"; None where one of the two failed
    fraction_of_ceiling         of a training step, None elsewhere
    parts                       of an epoch, by name, as fractions; None elsewhere
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexnet_paddle import CPU_SETTINGS, reporter
from alexnet_paddle.arithmetic import totals, trace
from alexnet_paddle.nets.config import AlexNetConfig
from alexnet_paddle.nets.variants import VARIANTS
from alexnet_paddle.provenance import machine, versions
from alexnet_paddle.study.benchmark_systems import JOBS, MATRIX_SIDE, SYSTEMS, TORCH

SLOW = 2  # seconds: so long a step needs no second one to warm up

KINDS = {
    "matmul": f"Matrix product, {MATRIX_SIDE} x {MATRIX_SIDE}, float32; the fastest is the machine's ceiling",
    "train": "Training step: forward, loss, backward, update",
    "epoch": "An epoch of `train` on petals with recipe quick: pictures, steps, figures",
    "inference": "Inference: forward, logits fetched",
    "lrn": "Local response normalisation alone: forward and backward",
    "input": "Input pipeline: from JPEG files of 500 x 375 to the net's input, one process",
}
UNITS = {**dict.fromkeys(KINDS, "images/s"), "matmul": "GFLOP/s"}
REFERENCES = {**dict.fromkeys(KINDS, "ours"), "input": "packed"}
LRN_SHAPES = {"lrn1": (96, 55, 55), "lrn2": (256, 27, 27)}  # of `paper`


@dataclass(frozen=True)
class Plan:
    """How much is measured. A case gets as many rounds as fit into `case_seconds`, within the limits."""

    nets: tuple[str, ...] = ("mini", "cifar4", "half", "paper")
    epochs: tuple[str, ...] = ("mini",)
    batch_sizes: tuple[int, ...] = (32, 128)
    lrns: tuple[str, ...] = tuple(LRN_SHAPES)
    lrn_batch: int = 32
    input_sizes: tuple[int, ...] = (224, 64)
    pictures: int = 400  # 289 of them are the training split, which is what is read
    left_out: tuple[str, ...] = ()
    case_seconds: float = 15
    least_rounds: int = 3
    most_rounds: int = 10
    turn_seconds: float = 0.5  # a turn takes at least one step
    pause: float = 0.3  # seconds between turns: the threads of the system before still spin for 0.2


FULL = Plan()
QUICK = Plan(
    nets=("mini",),
    batch_sizes=(32,),
    lrns=("lrn2",),
    lrn_batch=8,
    input_sizes=(224,),
    pictures=60,
    left_out=("tuned", "onednn-ways", "exported", "torch-last", "torch-compiled", "torch-both"),
    case_seconds=1,
    least_rounds=2,
    most_rounds=3,
    turn_seconds=0.1,
    pause=0.2,
)


@dataclass(frozen=True)
class Case:
    """What is compared: `job` tells the processes, beside the system, what to do."""

    kind: str
    title: str
    job: dict

    @property
    def unit(self) -> str:
        return UNITS[self.kind]

    @property
    def reference(self) -> str:
        return REFERENCES[self.kind]


def cases_of(kind: str, plan: Plan, folder: str) -> list[Case]:
    """The cases of a kind. `folder` holds the pictures for the input pipeline."""
    nets = [
        (f"{net}, batch {batch_size}", {"net": net, "batch_size": batch_size})
        for net in plan.nets
        for batch_size in plan.batch_sizes
    ]
    shapes = {name: (plan.lrn_batch, *LRN_SHAPES[name]) for name in plan.lrns}
    found: dict[str, list[tuple[str, dict]]] = {
        "matmul": [("", {})],
        "train": nets,
        "epoch": [(f"{net} on petals", {"net": net}) for net in plan.epochs],
        "inference": nets,
        "lrn": [(f"{name} {' x '.join(map(str, shape))}", {"shape": shape}) for name, shape in shapes.items()],
        "input": [(f"crops of {size}", {"size": size, "folder": folder}) for size in plan.input_sizes],
    }
    return [Case(kind, title, job) for title, job in found[kind]]


# ---- processes -------------------------------------------------------------------------------------


class WorkerFailed(Exception):
    """A worker gave no answer; the message says why."""


class Worker:
    """One system at work on one case, in a process of its own, and what was measured of it: `rates` by round.

    When it fails, `failed` says why, and it is left out from then on.
    """

    def __init__(self, case: Case, system: str):
        self.case, self.system, self.label = case, system, SYSTEMS[system].label
        self.rates: list[float] = []
        self.failed: str | None = None
        self.work, self.step_seconds, self.repeats, self.seconds = 0.0, 0.0, 1, 0.0
        self.settings: dict[str, str] = {}
        self.peak_memory: int | None = None
        self.parts: dict[str, float] | None = None
        # For what it says of its own accord; a pipe that nobody reads would fill up and stop it.
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed in __exit__)
        job = {"kind": case.kind, "system": system, **case.job}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "alexnet_paddle.study.benchmark_systems", json.dumps(job)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=environment(system, os.environ),
        )
        assert self.process.stdin and self.process.stdout
        self.commands, self.answers = self.process.stdin, self.process.stdout

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the process, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.commands, self.answers, self.log):
            with suppress(OSError):  # it was gone before it had read everything
                pipe.close()

    def prepare(self) -> None:
        """Wait until it is ready. Raises WorkerFailed, as the next two do."""
        answer = self._answer()
        self.work, self.settings = answer["work"], answer["settings"]

    def warm_up(self) -> None:
        self.step_seconds = self._measure(1)
        if self.step_seconds < SLOW:
            self.step_seconds = self._measure(1)

    def take_turn(self) -> None:
        self.rates.append(self.work * self.repeats / self._measure(self.repeats))

    def _measure(self, repeats: int) -> float:
        """Seconds of so many steps."""
        try:
            print(repeats, file=self.commands, flush=True)
        except OSError:
            raise WorkerFailed(self._reason()) from None
        answer = self._answer()
        self.peak_memory, self.parts = answer["peak_memory"], answer["parts"]
        self.seconds += answer["seconds"]
        return answer["seconds"]

    def _answer(self) -> dict:
        line = self.answers.readline()
        if not line:
            raise WorkerFailed(self._reason())
        answer = json.loads(line)
        if "failed" in answer:
            raise WorkerFailed(answer["failed"])
        return answer

    def _reason(self) -> str:
        """Why the process ended without a word."""
        status = self.process.wait()
        if status == -9:
            return "killed, probably because memory ran out"
        self.log.seek(0)
        said = [line.strip() for line in self.log if line.strip()]
        return f"ended with status {status}" + (f": {said[-1]}" if said else "")


def environment(system: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of a system's processes: the user's, without what this process set for itself."""
    variables = {name: value for name, value in environ.items() if name not in CPU_SETTINGS}
    variables.pop("ALEXNET_PADDLE_TUNE", None)
    if (tune := SYSTEMS[system].tune) is not None:
        variables["ALEXNET_PADDLE_TUNE"] = tune
    return variables


# ---- measuring -------------------------------------------------------------------------------------


def run_case(case: Case, systems: Sequence[str], plan: Plan) -> list[Worker]:
    """Measure the systems in turn, round after round; the workers come back with their rates, and ended."""
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(case, system)) for system in systems]
        each(workers, Worker.prepare, pause=0)
        each(workers, Worker.warm_up, plan.pause)
        for worker in workers:
            worker.repeats = max(1, round(plan.turn_seconds / worker.step_seconds)) if worker.step_seconds else 1
        round_seconds = sum(plan.pause + worker.repeats * worker.step_seconds for worker in workers)
        rounds = min(max(int(plan.case_seconds / round_seconds), plan.least_rounds), plan.most_rounds)
        for number in reporter.progress(range(rounds), f"{case.kind} {case.title}".strip() + ", rounds"):
            first = number % len(workers)  # not always the same system after the same other one
            each(workers[first:] + workers[:first], Worker.take_turn, plan.pause)
    return workers


def each(workers: Sequence[Worker], action: Callable[[Worker], None], pause: float) -> None:
    """Call `action` for every worker that has not failed."""
    for worker in workers:
        if not worker.failed:
            try:
                action(worker)
            except WorkerFailed as reason:
                worker.failed = str(reason)
            time.sleep(pause)


def ratio(reference_rates: Sequence[float], rates: Sequence[float]) -> dict[str, float]:
    """How many times as fast the reference is, taken within each round: {median, min, max}."""
    ratios = [ours / other for ours, other in zip(reference_rates, rates)]
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)}


def training_flops(config: AlexNetConfig) -> int:
    """Floating-point operations of one image's training step by the layers' definition, two for each MAC.

    Forward, gradients of the weights and gradients of the inputs cost the same, but nobody needs the images'.
    A convolution that multiplies less than its definition, as ours do, can so reach a fraction of the ceiling that it
    does not really multiply.
    """
    rows = trace(config)
    first = next(row.macs for row in rows if row.macs)
    return 2 * (3 * totals(rows)[1] - first)


def fraction_of_ceiling(config: AlexNetConfig, images_per_second: float, ceiling_gflops: float) -> float:
    """The part of the machine's matrix-product throughput that training at this speed reaches."""
    return training_flops(config) * images_per_second / (ceiling_gflops * 1e9)


# ---- results ---------------------------------------------------------------------------------------


def describe(case: Case, workers: Sequence[Worker], ceiling: float | None) -> dict:
    """A case with all its figures, as the JSON file has it."""
    reference = next((worker for worker in workers if worker.system == case.reference and not worker.failed), None)
    systems: dict[str, dict[str, Any]] = {}
    for worker in workers:
        if worker.failed:
            systems[worker.system] = {"label": worker.label, "failed": worker.failed}
            continue
        median, fraction = statistics.median(worker.rates), None
        if case.kind == "train" and ceiling:
            fraction = fraction_of_ceiling(VARIANTS[case.job["net"]], median, ceiling)
        systems[worker.system] = {
            "label": worker.label,
            "rates": worker.rates,
            "median": median,
            "best": max(worker.rates),
            "ratio": ratio(reference.rates, worker.rates) if reference else None,
            "fraction_of_ceiling": fraction,
            "peak_memory_bytes": worker.peak_memory,
            "settings": worker.settings,
            "parts": fractions(worker.parts, worker.seconds) if worker.parts else None,
        }
    rounds = max(len(worker.rates) for worker in workers)
    return {
        "kind": case.kind,
        "title": case.title,
        "unit": case.unit,
        "rounds": rounds,
        "over_best_torch": over_best_torch(workers),
        "systems": systems,
    }


def over_best_torch(workers: Sequence[Worker]) -> dict[str, float] | None:
    """How many times as fast ours is as the fastest PyTorch, taken within each round: {median, min, max}."""
    done = {worker.system: worker.rates for worker in workers if not worker.failed}
    torch = [done[system] for system in TORCH if system in done]
    return ratio(done["ours"], [max(rates) for rates in zip(*torch)]) if torch and "ours" in done else None


def fractions(parts: dict[str, float], seconds: float) -> dict[str, float]:
    """Each part of all the seconds, and what is left."""
    shown = {part: taken / seconds for part, taken in parts.items()}
    return {**shown, "the rest": 1 - sum(shown.values())}


def print_cases(kind: str, cases: list[dict]) -> None:
    """The table of a kind, and under it why something failed."""
    reference = SYSTEMS[REFERENCES[kind]].label
    header = ("case", "system", UNITS[kind], "best", f"{reference} / this", "peak memory", "of ceiling")
    lines = [
        ("" if number else case["title"], *cells(system))
        for case in cases
        for number, system in enumerate(case["systems"].values())
    ]
    empty = [column for column in range(len(header)) if not any(line[column] for line in lines)]
    print(f"\n{KINDS[kind]}\n")
    reporter.table([[cell for i, cell in enumerate(line) if i not in empty] for line in (header, *lines)])
    for case in cases:
        if case["over_best_torch"]:
            print(f"{case['title'] or kind}: {over(case['over_best_torch'])} times the best PyTorch of the round")
        for system in case["systems"].values():
            if system.get("parts"):
                parts = ", ".join(f"{name} {fraction:.0%}" for name, fraction in system["parts"].items())
                print(f"{case['title']}, {system['label']}: {parts}")
            if "failed" in system:
                print(f"{', '.join(filter(None, (case['title'], system['label'])))} failed: {system['failed']}")
    print(flush=True)


def cells(system: dict) -> tuple[str, ...]:
    """A system's line: label, median rate, best rate, ratio, peak memory, fraction of the ceiling."""
    if "failed" in system:
        return system["label"], "failed", "", "", "", ""
    ratio, fraction, peak = system["ratio"], system["fraction_of_ceiling"], system["peak_memory_bytes"]
    return (
        system["label"],
        figure(system["median"]),
        figure(system["best"]),
        f"{ratio['median']:.2f}" if ratio else "-",
        f"{peak / 1e6:,.0f} MB" if peak else "-",
        f"{fraction:.0%}" if fraction else "",
    )


def over(found: dict[str, float]) -> str:
    """A ratio with its range."""
    return f"{found['median']:.2f} ({found['min']:.2f} to {found['max']:.2f})"


def figure(value: float) -> str:
    """Three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def print_settings(cases: list[dict]) -> None:
    """What each system's processes were set to, once for each."""
    settings = {}
    for case in cases:
        for system in case["systems"].values():
            if "failed" not in system:
                settings[system["label"]] = system["settings"]
    print("Settings")
    for label, values in settings.items():
        print(f"  {label}: {', '.join(f'{name} {value}' for name, value in values.items()) or 'none of ours'}")


# ---- pictures --------------------------------------------------------------------------------------


def draw_pictures(folder: Path, count: int) -> None:
    """Two classes of JPEGs of 500 x 375, coarse to fine patches of colour, about as large as photos of that size."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (folder / name).mkdir()
    for number in range(count):
        picture = Image.new("RGB", (500, 375), "grey")
        for side, fraction in ((6, 0.7), (40, 0.4), (190, 0.2)):
            noise = Image.fromarray(rng.integers(0, 256, (side * 3 // 4, side, 3), "uint8"))
            picture = Image.blend(picture, noise.resize(picture.size, Image.Resampling.BICUBIC), fraction)
        picture.save(folder / "ab"[number % 2] / f"{number:03}.jpg", quality=90)


# ---- all of it -----------------------------------------------------------------------------------------


def measure(plan: Plan, kinds: tuple[str, ...], quick: bool) -> dict:
    """Measure these kinds of cases, print a table of each, and return all figures, as the JSON file has them."""
    made_on = {"machine": machine(), "versions": versions()}
    report: dict[str, Any] = {"quick": quick, **made_on, "ceiling_gflops": None, "cases": []}
    print_header(report, plan)
    with tempfile.TemporaryDirectory() as folder:
        for kind in [kind for kind in KINDS if kind in kinds]:
            if kind == "input":
                draw_pictures(Path(folder), plan.pictures)
            cases = []
            for case in cases_of(kind, plan, folder):
                workers = run_case(case, systems_of(kind, plan), plan)
                cases.append(describe(case, workers, report["ceiling_gflops"]))
            if kind == "matmul":
                best = [system["best"] for system in cases[0]["systems"].values() if "best" in system]
                report["ceiling_gflops"] = max(best, default=None)
            print_cases(kind, cases)
            report["cases"] += cases
    print_settings(report["cases"])
    return report


def systems_of(kind: str, plan: Plan) -> list[str]:
    """The systems of a kind that are installed and not left out."""
    return [name for name in JOBS[kind] if name not in plan.left_out and installed(SYSTEMS[name].library)]


def installed(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


def print_header(report: dict, plan: Plan) -> None:
    here = report["machine"]
    print(f"{here['cpu']}, {here['cores']} cores, {here['system']}")
    print(", ".join(f"{name} {version}" for name, version in report["versions"].items()))
    if not installed("torch"):
        print("PyTorch is not installed: left out")
    if report["quick"]:
        print(
            f"Quick run: a small batch and few rounds, so the figures are rough. Left out: {', '.join(left_out(plan))}"
        )
    print(flush=True)


def left_out(plan: Plan) -> list[str]:
    """In words, what the full plan measures and this one does not."""
    parts = (
        ("{}", "nets"),
        ("an epoch of {}", "epochs"),
        ("batch {}", "batch_sizes"),
        ("{}", "lrns"),
        ("crops of {}", "input_sizes"),
    )
    missing = [
        words.format(value)
        for words, name in parts
        for value in getattr(FULL, name)
        if value not in getattr(plan, name)
    ]
    return missing + [SYSTEMS[system].label for system in plan.left_out]
