"""`python -m alexnet_paddle` lists the commands."""

from alexnet_paddle import __version__
from alexnet_paddle.cli import COMMANDS

print(f"alexnet_paddle {__version__}\n")
for name, purpose in COMMANDS.items():
    print(f"  {'python -m alexnet_paddle.' + name:38} {purpose}")
print("\nEach one explains its options with --help.")
