"""The parsers of all commands, and of their actions where they have some."""

import argparse
import importlib
import importlib.util

from alexnet_paddle import cli


def parser_of(command):
    """Some commands are rooms, with a `__main__` of their own."""
    name = f"alexnet_paddle.{command}"
    is_room = importlib.util.find_spec(name).submodule_search_locations
    return importlib.import_module(f"{name}.__main__" if is_room else name).build_parser()


def actions_of(parser):
    """The parsers of a command's actions."""
    choices = [action.choices for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return list(choices[0].values()) if choices else []


PARSERS = {
    part.command: part
    for command in cli.COMMANDS
    for parser in [parser_of(command)]
    for part in (parser, *actions_of(parser))
}
