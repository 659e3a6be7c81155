"""What all commands share: their list, parsers with errors on one line, options from a dataclass, exit statuses."""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import io
import math
import os
import sys
import types
import typing
from collections.abc import Callable, Collection, Sequence
from typing import Any, NoReturn

from alexnet_paddle.errors import InputError, Stopped, WorkFailed, system_words

COMMANDS = {
    "train": "train a net and leave a run folder",
    "doctor": "why a training would stay at chance, looked at before it begins",
    "evaluate": "measure a run on its test pictures, or on others",
    "predict": "name what is on photos",
    "export": "save a run's net as a static graph for Paddle Inference",
    "ablate": "change one thing, train with several seeds, and see what it makes of the accuracy",
    "summary": "a variant layer by layer: sizes, parameters, cost",
    "benchmark": "measure this machine: Paddle untouched, ours, PyTorch",
    "datasets": "draw the embedded data set, or pack a folder of pictures",
    "classroom": "build the chapters of the course, hand them out, grade what comes back",
}

# Which of the two a machine wants is the user's to say, so neither comes with the package.
NO_PADDLE = (
    "paddle is not installed; pip install -r requirements.txt, which has paddlepaddle, "
    "or with a GPU -r requirements-gpu.txt, which has paddlepaddle-gpu"
)


Group = tuple[str, str]  # of options: a title and a sentence


# ---- parsers ---------------------------------------------------------------------------------------


class _Help(argparse.HelpFormatter):
    """Fills paragraphs, but leaves lines that begin with a blank, such as examples, as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        fill = super()._fill_text
        return "\n".join(line if line.startswith(" ") else fill(line, width, indent) for line in text.splitlines())


class Parser(argparse.ArgumentParser):
    """argparse with an example at the end of its help, and errors on one line: the command, the option, what is wrong
    and where help is.

    command: as it stands after `python -m alexnet_paddle.`; of one of its actions for example "datasets pack"
    example: arguments that work; None for a script that shows none
    """

    def __init__(self, command: str, description: str, example: str | None = None, **_: Any):
        program = f"python -m alexnet_paddle.{command}"
        shown = None if example is None else f"example:\n  {program} {example}".rstrip()
        super().__init__(
            prog=program,
            description=description,
            epilog=shown,
            formatter_class=_Help,
            allow_abbrev=False,
            add_help=False,
        )
        self.command, self.example = command, example
        self.add_argument("-h", "--help", action="help", help="show this and exit")

    def error(self, message: str) -> NoReturn:
        message = message.removeprefix("argument ").replace("\n", " ")
        fail(f"{self.command}: {message} (--help lists the options)", 2)

    def add_actions(self) -> Any:
        """For a command that does one of several things: `add_parser` of the result takes what this class takes, and
        `help`. The name of the one that is asked for is parsed as `action`."""
        words = {"title": "actions", "description": "Each has its own --help.", "metavar": "ACTION"}
        return self.add_subparsers(dest="action", required=True, **words)

    def add_options(self, options: type, groups: Sequence[Group], only: Collection[str] | None = None) -> dict:
        """An option for each field of the dataclass `options`, or for those named in `only`. `groups` are titles with a
        sentence each; returns what argparse made of each. Options that are not given are absent from what is parsed.

        A field's type says what is parsed: text, a number, a switch (bool), on or off (bool | None). Its metadata:

        group                   one of `groups`
        help                    a few words; the default is added to them
        metavar, choices        as argparse has them
        above, at_least, below  the bounds of a number, see `bounded`
        """
        self.usage = "%(prog)s [OPTION ...]"
        hints = typing.get_type_hints(options)
        fields = [field for field in dataclasses.fields(options) if only is None or field.name in only]
        used = {field.metadata["group"] for field in fields}
        made = {group: self.add_argument_group(*group) for group in groups if group in used}
        for field in fields:
            name, told = "--" + field.name.replace("_", "-"), _argument(field, hints[field.name])
            made[field.metadata["group"]].add_argument(name, default=argparse.SUPPRESS, **told)
        return made


def _argument(field: dataclasses.Field, hint: Any) -> dict[str, Any]:
    """What argparse is told of a field with the type `hint`."""
    told = {name: field.metadata[name] for name in ("help", "metavar", "choices") if name in field.metadata}
    told["help"] = told["help"].replace("%", "%%")
    if hint is bool:
        return {**told, "action": "store_true"}
    if field.default not in (None, dataclasses.MISSING):
        told["help"] += f" (default {field.default})"
    kind = next(kind for kind in (*typing.get_args(hint), hint) if kind is not types.NoneType)  # of `int | None`, int
    if kind is bool:
        return {**told, "metavar": "{on,off}", "type": on_or_off}
    if kind in (int, float):
        bounds = {name: field.metadata[name] for name in ("above", "at_least", "below") if name in field.metadata}
        return {**told, "type": bounded(kind, **bounds)}
    return told


def bounded(kind: type, above: float | None = None, at_least: float | None = None, below: float | None = None) -> Any:
    """An argparse type: a number of `kind`, int or float, within bounds."""

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{text!r} is not a {'whole' if kind is int else 'finite'} number")
        if above is not None and value <= above:
            raise argparse.ArgumentTypeError(f"{text} is too small; give more than {above}")
        if at_least is not None and value < at_least:
            raise argparse.ArgumentTypeError(f"{text} is too small; give at least {at_least}")
        if below is not None and value >= below:
            raise argparse.ArgumentTypeError(f"{text} is too large; it has to be below {below}")
        return value

    return parse


def on_or_off(text: str) -> bool:
    """An argparse type."""
    if text not in ("on", "off"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither on nor off")
    return text == "on"


# ---- exits -----------------------------------------------------------------------------------------


def fail(message: str, status: int) -> NoReturn:
    """One line on stderr, then exit."""
    print(message, file=sys.stderr)
    sys.exit(status)


def require_paddle() -> None:
    """For a command that would find out late, because other processes of its own load it."""
    if importlib.util.find_spec("paddle") is None:
        raise ModuleNotFoundError(NO_PADDLE, name="paddle")


def run(main: Callable, argv: Sequence[str] | None = None) -> None:
    """Call a command's `main(argv)`; exit 0 when done. With one line that says what to do: 2 for bad input, 1 when the
    work failed, 130 when it was interrupted."""
    started = sys.modules["__main__"].__spec__  # by `python -m`
    module = started.name if started and main.__module__ == "__main__" else main.__module__
    command = module.removesuffix(".__main__").removeprefix("alexnet_paddle.")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the name of a file may have what the terminal does not
    try:
        main(argv)
    except InputError as error:
        fail(f"{command}: {error}", 2)
    except WorkFailed as error:
        fail(f"{command}: {error}", 1)
    except Stopped as stopped:
        fail(f"{command}: interrupted; {stopped}", 130)
    except KeyboardInterrupt:
        fail(f"{command}: interrupted", 130)
    except ModuleNotFoundError as error:
        if error.name != "paddle":
            raise
        fail(f"{command}: {NO_PADDLE}", 2)
    except BrokenPipeError:  # the reader of our output went away, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # a full disk, a folder without permission
        if not (words := system_words(error)):
            raise
        fail(f"{command}: {words}", 1)
    except MemoryError:
        fail(f"{command}: out of memory; close other programs, or choose a smaller net", 1)
