"""The house as it is drawn in CONTRIBUTING.md: rooms, and imports that point down."""

import ast
import graphlib
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import alexnet_paddle
from alexnet_paddle import errors
from alexnet_paddle.cli import COMMANDS

PACKAGE = Path(alexnet_paddle.__file__).parent
GROUND_FLOOR = {"arithmetic", "cli", "errors", "files", "metrics", "provenance", "reporter", "runtime"}
# From the ground up: a room imports what stands before it, and itself.
FLOORS = [{"nets", "datasets", "inspection", "plots"}, {"training"}, {"study"}, {"classroom"}]
ROOMS = set().union(*FLOORS)
# What two rooms on one floor may not know of each other, and what few may know at all.
STRANGERS = {
    "nets": {"datasets", "inspection", "plots"},
    "datasets": {"nets", "inspection", "plots"},
    "inspection": {"nets", "datasets", "plots"},
    "plots": {"nets", "datasets", "inspection"},
}


def modules() -> dict[str, Path]:
    """Name below the package -> file; the package itself is "" and a room "room"."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(name: str) -> set[str]:
    """The modules of the package that a module imports, also inside functions; those only for types not."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            wanted = [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: a relative import"
            wanted = [(node.module, alias.name) for alias in node.names]
        else:
            continue
        for module, member in wanted:
            if module.split(".")[0] != "alexnet_paddle":
                continue
            module = module.removeprefix("alexnet_paddle").removeprefix(".")
            below = f"{module}.{member}".removeprefix(".")
            found.add(below if below in MODULES else module)
    return found


ARROWS = {name: imports(name) for name in MODULES}


def place(name: str) -> int:
    """The floor of a module; commands are above all."""
    room = name.split(".")[0]
    if name == "" or room in GROUND_FLOOR:
        return 0
    for floor, rooms in enumerate(FLOORS, start=1):
        if room in rooms:
            return len(FLOORS) + 1 if name.endswith("__main__") else floor
    return len(FLOORS) + 1


def test_every_module_has_a_place():
    top = {name for name in MODULES if "." not in name} - {""}
    assert top == GROUND_FLOOR | ROOMS | (set(COMMANDS) - ROOMS) | {"__main__"}


def test_there_is_no_circle():
    # That a room's door imports what is in it, and that in turn the package, is Python's own order.
    graph = {name: {other for other in ARROWS[name] if other != ""} for name in MODULES}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as circle:
        pytest.fail(" <- ".join(circle.args[1]))


def test_nothing_points_up():
    up = [f"{name} -> {other}" for name, others in ARROWS.items() for other in others if place(other) > place(name)]
    assert not up


def test_rooms_on_one_floor_do_not_know_each_other():
    known = [
        f"{name} -> {other}"
        for name, others in ARROWS.items()
        for other in others
        if other.split(".")[0] in STRANGERS.get(name.split(".")[0], ()) and not name.endswith("__main__")
    ]
    assert not known


def test_commands_are_imported_by_nothing():
    commands = {name for name in COMMANDS if name not in ROOMS} | {f"{room}.__main__" for room in ROOMS}
    assert not [f"{name} -> {other}" for name, others in ARROWS.items() for other in others & commands]


def test_the_arithmetic_stands_alone():
    assert ARROWS["arithmetic"] == set()


def test_only_the_training_room_knows_of_several_processes():
    assert {name.split(".")[0] for name, others in ARROWS.items() if "training.distributed" in others} <= {
        "training",
        "train",
    }


# ---- types -----------------------------------------------------------------------------------------------


def room(name: str) -> str:
    first = name.split(".")[0]
    return first if first in ROOMS else "ground floor" if name == "" or first in GROUND_FLOOR else "commands"


def public_functions(body: list[ast.stmt], within: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Those of a module, and the methods of its public classes; what stands inside a function is its own business."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node.body, f"{within}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (node.name[0] != "_" or node.name in ("__init__", "__call__")):
            yield within + node.name, node


def unannotated(function: ast.FunctionDef) -> list[str]:
    """Arguments, and "return" for what comes back."""
    given = function.args
    arguments = [*given.posonlyargs, *given.args, given.vararg, *given.kwonlyargs, given.kwarg]
    missing = [a.arg for a in arguments if a and not a.annotation and a.arg not in ("self", "cls")]
    return missing + ["return"] * (function.returns is None and function.name != "__init__")


@pytest.mark.parametrize("where", ["ground floor", "commands", *sorted(ROOMS)])
def test_public_functions_are_annotated(where):
    """Mypy checks what is annotated, and takes the rest for anything."""
    missing = [
        f"{name or '__init__'}.{function}: {', '.join(arguments)}"
        for name, path in MODULES.items()
        if room(name) == where
        for function, node in public_functions(ast.parse(path.read_text("utf-8")).body)
        if (arguments := unannotated(node))
    ]
    assert not missing


# ---- errors --------------------------------------------------------------------------------------------


def test_the_docstring_of_errors_is_the_tree_of_all_exceptions():
    """Indentation is inheritance. The worker's own module cannot be imported here: it is a program."""
    found = {}
    for info in pkgutil.walk_packages([str(PACKAGE)], "alexnet_paddle."):
        if info.name.endswith(("__main__", "classroom.worker")):
            continue
        module = importlib.import_module(info.name)
        for name, kind in vars(module).items():
            if inspect.isclass(kind) and issubclass(kind, BaseException) and kind.__module__ == info.name:
                found[name] = kind.__base__.__name__
    worker = re.findall(r"^class (\w+)\((\w*Error|Exception)\)", MODULES["classroom.worker"].read_text("utf-8"), re.M)
    found |= dict(worker)
    told, above = {}, []
    for line in errors.__doc__.splitlines():
        if drawn := re.fullmatch(r"( *)(\w+)(?:  .*)?", line):
            depth = len(drawn[1]) // 2
            if depth and depth <= len(above):
                told[drawn[2]] = above[depth - 1]
            above[depth:] = [drawn[2]]
    assert told == found
