"""`python -m alexnet_paddle` lists the commands; `python -m alexnet_paddle COMMAND ...` runs one."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import sys
from collections.abc import Callable, Sequence

from alexnet_paddle import __path__, __version__
from alexnet_paddle.cli import COMMANDS, run
from alexnet_paddle.errors import InputError


def main(argv: Sequence[str] | None = None) -> None:
    name, *arguments = (sys.argv[1:] if argv is None else argv) or ["--help"]
    here = {module.name for module in pkgutil.iter_modules(__path__)}  # what learners are handed has no classroom
    commands = {command: purpose for command, purpose in COMMANDS.items() if command in here}
    if name in commands:
        run(_main_of(name), arguments)
    elif name in ("-h", "--help"):
        _show(commands)
    elif name == "--version":
        print(f"alexnet_paddle {__version__}")
    else:
        close = difflib.get_close_matches(name, commands, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise InputError(f"{name}: no such command; {meant}python -m alexnet_paddle lists them")


def _main_of(command: str) -> Callable:
    """Its `main`. Some commands are rooms, with a `__main__` of their own."""
    home = importlib.import_module(f"alexnet_paddle.{command}")
    return (importlib.import_module(f"{home.__name__}.__main__") if hasattr(home, "__path__") else home).main


def _show(commands: dict[str, str]) -> None:
    print("usage: python -m alexnet_paddle COMMAND ...\n")
    for name, purpose in commands.items():
        print(f"  {name:10} {purpose}")
    print("\nEach explains its options, for example: python -m alexnet_paddle train --help")
    print("A dot does the same: python -m alexnet_paddle.train --help")
    print("python -m alexnet_paddle --version shows the version.")


if __name__ == "__main__":
    run(main)
