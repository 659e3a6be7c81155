"""`python -m alexnet_paddle` lists the commands."""

from pkgutil import iter_modules

from alexnet_paddle import __path__, __version__
from alexnet_paddle.cli import COMMANDS

print(f"alexnet_paddle {__version__}\n")
here = {module.name for module in iter_modules(__path__)}  # what learners are handed has no classroom
for name in [name for name in COMMANDS if name in here]:
    print(f"  {'python -m alexnet_paddle.' + name:38} {COMMANDS[name]}")
print("\nEach one explains its options with --help.")
