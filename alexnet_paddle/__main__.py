"""`python -m alexnet_paddle` lists the commands; `python -m alexnet_paddle COMMAND ...` runs one."""

import difflib
import importlib
import sys

from alexnet_paddle import __version__
from alexnet_paddle.cli import COMMANDS, run
from alexnet_paddle.errors import InputError


def main(argv=None):
    name, *arguments = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in COMMANDS:
        run(_main_of(name), arguments)
    elif name in ("-h", "--help"):
        _list_commands()
    elif name == "--version":
        print(f"alexnet_paddle {__version__}")
    else:
        close = difflib.get_close_matches(name, COMMANDS, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise InputError(f"{name}: no such command; {meant}python -m alexnet_paddle lists them")


def _main_of(command: str):
    """Its `main`. Two commands are rooms of their own, with a `__main__` as this package has one."""
    home = importlib.import_module(f"alexnet_paddle.{command}")
    return (importlib.import_module(f"{home.__name__}.__main__") if hasattr(home, "__path__") else home).main


def _list_commands():
    print("usage: python -m alexnet_paddle COMMAND ...\n")
    for name, purpose in COMMANDS.items():
        print(f"  {name:10} {purpose}")
    print("\nEach explains its options, for example: python -m alexnet_paddle train --help")
    print("A dot does the same: python -m alexnet_paddle.train --help")
    print("python -m alexnet_paddle --version shows the version.")


if __name__ == "__main__":
    run(main)
