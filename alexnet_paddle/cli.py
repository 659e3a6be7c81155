"""What all commands share: their list, parsers with errors on one line, exit statuses."""

from __future__ import annotations

import argparse
import os
import sys

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


class Parser(argparse.ArgumentParser):
    """argparse with errors on one line: the command, the option, what is wrong and where help is."""

    def __init__(self, command: str, description: str):
        super().__init__(prog=f"python -m alexnet_paddle.{command}", description=description, allow_abbrev=False)
        self.command = command

    def error(self, message):
        message = message.removeprefix("argument ").replace("\n", " ")
        fail(f"{self.command}: {message} (--help lists the options)", 2)


def fail(message: str, status: int):
    """One line on stderr, then exit."""
    print(message, file=sys.stderr)
    sys.exit(status)


def run(main) -> None:
    """Call a command's main; exit 0 when done. With one line that says what to do: 2 for bad input, 1 when the work
    failed, 130 when it was interrupted."""
    module = sys.modules["__main__"].__spec__.name if main.__module__ == "__main__" else main.__module__
    command = module.removeprefix("alexnet_paddle.").removesuffix(".__main__")
    sys.stdout.reconfigure(errors="backslashreplace")  # the name of a file may have what the terminal does not
    try:
        main()
    except InputError as error:
        fail(f"{command}: {error}", 2)
    except WorkFailed as error:
        fail(f"{command}: {error}", 1)
    except Stopped as stopped:
        fail(f"{command}: interrupted; {stopped}", 130)
    except KeyboardInterrupt:
        fail(f"{command}: interrupted", 130)
    except BrokenPipeError:  # the reader of our output went away, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # a full disk, a folder without permission
        if not (words := system_words(error)):
            raise
        fail(f"{command}: {words}", 1)
    except MemoryError:
        fail(f"{command}: out of memory; close other programs, or choose a smaller net", 1)


def positive(kind, least=0, inclusive=False):
    """An argparse type: a number of `kind` above `least`, or from it on with `inclusive`."""

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
        if not (value >= least if inclusive else value > least):
            raise argparse.ArgumentTypeError(
                f"{text} is too small; give {'at least' if inclusive else 'more than'} {least}"
            )
        return value

    return parse
