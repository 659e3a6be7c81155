"""The README, the guide and the texts for developers are true: commands run, tables are the package's, names exist."""

import ast
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from parsers import PARSERS

from alexnet_paddle import RECIPES, VARIANTS, cli
from alexnet_paddle.arithmetic import totals, trace

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
# In the order in which they tell of things, which is the order of the README's table.
GUIDE = [ROOT / link for link in re.findall(r"^\| \[.+\]\((course/guide/.+)\) \|", README.read_text("utf-8"), re.M)]
PAGES = [README, *GUIDE]
TEXTS = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "tests/README.md"]
each_text = pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))


def commands_of(path):
    return [line for line in path.read_text("utf-8").splitlines() if line.startswith("python -m alexnet_paddle")]


def anchors_of(path):
    """The links that lead to a heading, as they are made on pages: lower case, dashes, no other signs."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


# ---- tables, links, examples -----------------------------------------------------------------------


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)
def test_the_table_of_nets_has_the_counts_of_the_package(config):
    params, macs, _ = totals(trace(config))
    row = f"| `{config.name}` | {config.source} | {config.image_size} | {params:,} | {macs / 1e6:,.0f} |"
    assert row in (ROOT / "course/guide/nets.md").read_text("utf-8")


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_table_of_recipes_has_the_numbers_of_the_package(recipe):
    lines = (ROOT / "course/guide/nets.md").read_text("utf-8").splitlines()
    row = next(line for line in lines if line.startswith(f"| `{recipe.name}` | {recipe.optimizer}"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2] == f"{recipe.learning_rate:g}" and cells[4] == f"{recipe.batch_size}, {recipe.epochs}"


def test_the_readme_leads_to_every_page_of_the_guide():
    assert sorted(GUIDE) == sorted((ROOT / "course/guide").glob("*.md"))


@each_text
def test_pictures_and_links_lead_to_files_and_headings(path):
    for link in re.findall(r"\]\(([^):]+)\)", path.read_text("utf-8")):
        file, _, heading = link.partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not heading or heading in anchors_of(target), link


@each_text
def test_files_that_are_named_exist(path):
    """In a place given from the top folder or from the package."""
    named = re.findall(r"`((?:\w+/)+[\w.-]+\.\w+)`", path.read_text("utf-8"))
    for file in named:
        made = file.startswith(("runs/", "photos/", "grades/", "log/"))
        assert made or (ROOT / file).exists() or (ROOT / "alexnet_paddle" / file).exists(), file


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_python_examples_print_what_their_comments_say(path, tmp_path):
    if path.stem == "export":
        pytest.skip("tests/test_export.py runs this one")
    for example in re.findall(r"^```python\n(.*?)^```$", path.read_text("utf-8"), re.S | re.M):
        done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == re.findall(r"^print\(.*\)  +# (.*)$", example, re.M)


# ---- commands --------------------------------------------------------------------------------------


def test_the_steps_without_make_are_those_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for page, step in (
        ("README.md", "-r requirements.txt"),
        ("README.md", "-m alexnet_paddle.train --out runs/petals"),
        ("CONTRIBUTING.md", "-r requirements-dev.txt"),
        ("CONTRIBUTING.md", '-m "not slow"'),
    ):
        assert step in (ROOT / page).read_text("utf-8") and step in makefile


def test_make_has_a_sentence_for_every_target():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.M)[1].split()
    for target in targets:
        assert re.search(rf"^{target}:.*  ## \w.{{8,}}$", makefile, re.M), target
    if shutil.which("make"):
        out = subprocess.run(["make", "--silent"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
        assert [line.split()[1] for line in out.splitlines()] == re.findall(r"^([a-z0-9-]+):", makefile, re.M)


def test_the_instructors_commands_are_those_of_their_page():
    """Which tests/test_course.py runs."""
    shown = [command for command in commands_of(README) if "alexnet_paddle.classroom" in command]
    page = (ROOT / "course/instructors.md").read_text("utf-8")
    assert len(shown) == 2 and all(re.search(rf"^ *{re.escape(command)}$", page, re.M) for command in shown)


@pytest.mark.slow
def test_every_command_runs_in_the_order_of_the_pages(make_photos, petals_home, tmp_path, monkeypatch):
    """In a folder of its own, each line once; trainings are cut to one epoch, and an ablation to one seed of few
    pictures, nothing else is changed."""
    monkeypatch.setenv("ALEXNET_PADDLE_DATA", str(petals_home))
    make_photos(tmp_path / "photos", ("blue", "green", "red"), count=12)
    for name, new in (("blue", "daisy"), ("green", "rose"), ("red", "tulip")):
        (tmp_path / "photos" / name).rename(tmp_path / "photos" / new)
    for name in ("rose", "tulip"):
        (tmp_path / "photos" / name / "00.png").rename(tmp_path / "photos" / name / "1.jpg")
    make_photos(tmp_path / "more-photos", ("blue", "green"), count=4)
    for name, new in (("blue", "daisy"), ("green", "rose")):
        (tmp_path / "more-photos" / name).rename(tmp_path / "more-photos" / new)
    commands = dict.fromkeys(command for page in PAGES for command in commands_of(page))
    assert len(commands) >= 24
    failed = []
    for command in commands:
        words = [sys.executable, *shlex.split(command)[1:]]
        if "alexnet_paddle.classroom" in command:
            continue
        if "alexnet_paddle.train" in command and not {"--epochs", "--resume", "--help"} & set(words):
            words += ["--epochs", "1"]
        if "alexnet_paddle.ablate" in command and "list" not in words:
            words += ["--epochs", "1", "--seeds", "1", "--images", "60"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
        if done.returncode:
            failed.append(f"{command}\n{done.stdout[-500:]}\n{done.stderr[-2000:]}")
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("parser", PARSERS.values(), ids=PARSERS)
def test_the_examples_in_the_help_are_commands_of_these_texts(parser):
    """So that those that can run here are run, see above and tests/test_course.py."""
    shown = {line for path in TEXTS for line in commands_of(path)}
    assert f"{parser.prog} {parser.example}".rstrip() in shown


# ---- texts for developers --------------------------------------------------------------------------


def test_the_map_of_tests_has_every_file():
    text = (ROOT / "tests/README.md").read_text("utf-8")
    files = {path.name for path in (ROOT / "tests").glob("*.py")}
    assert set(re.findall(r"`(\w+\.py)`", text)) == files


def test_the_map_of_the_house_has_every_module():
    """Each room's line names the modules that are in it."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    package = ROOT / "alexnet_paddle"
    for room in [path.parent for path in package.glob("*/__init__.py")]:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{room.name}/` |"))
        modules = {path.stem for path in room.glob("*.py")} - {"__init__", "__main__"}
        assert set(re.findall(r"`(\w+)`", row.split("|")[2])) == modules, room.name
    ground = next(line for line in text.splitlines() if line.startswith("| ground floor |"))
    commands = next(line for line in text.splitlines() if line.startswith("| commands |"))
    named = re.findall(r"`(\w+)`", ground.split("|")[2] + commands.split("|")[2])
    assert sorted(named) == sorted({path.stem for path in package.glob("*.py")} - {"__init__", "__main__"})


def added(title):
    """What the example under a heading of CONTRIBUTING.md adds: the lines of its diff, or of its program."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## )", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.S | re.M)[1]
    lines = re.findall(r"^\+(.*\n)", re.search(r"^```diff\n(.*?)^```$", section, re.S | re.M)[1], re.M)
    program = re.search(r"^```python\n(.*?)^```$", section, re.S | re.M)
    return textwrap.dedent("".join(lines)), program and program[1]


def test_the_net_that_contributing_adds_fits():
    from alexnet_paddle.nets import variants

    (config,) = eval(f"[{added('Add a net')[0]}]", vars(variants))
    assert trace(config)[-1].out_shape == (10,)


def test_the_recipe_that_contributing_adds_trains(train_small, tmp_path, monkeypatch):
    from alexnet_paddle.training import recipes

    (recipe,) = eval(f"[{added('Add a recipe')[0]}]", vars(recipes))
    monkeypatch.setitem(RECIPES, recipe.name, recipe)
    run = train_small(tmp_path / "run", "--recipe", recipe.name, "--epochs", "1")
    assert f'"recipe": "{recipe.name}"' in (run / "report.json").read_text("utf-8")


def test_the_ablation_that_contributing_adds_has_arms_that_fit():
    from alexnet_paddle.study import ablations

    (ablation,) = eval(f"{{{added('Add an ablation')[0]}}}", vars(ablations)).values()
    config = ablation.base_config("mini")
    changed = {name: arm.change(config, ablation.recipe)[0] for name, arm in ablation.arms.items()}
    assert len(set(changed.values())) == len(changed) == 2
    assert set(ablation.against.values()) <= {None, *changed}


def test_the_option_that_contributing_adds_is_parsed():
    from alexnet_paddle.training import options

    more = dict(vars(options))
    exec(f"@dataclass(frozen=True)\nclass More:\n    {added('Add an option of `train`')[0]}", more)
    parser = cli.Parser("train", "More.", "")
    parser.add_options(more["More"], options.GROUPS)
    assert vars(parser.parse_args(["--label-smoothing", "0.1"])) == {"label_smoothing": 0.1}
    assert vars(parser.parse_args([])) == {} and "(default 0.0)" in parser.format_help()


def test_the_message_and_the_command_that_contributing_adds_are_python():
    compile(added("Add a message")[0], "message", "exec")
    line, program = added("Add a command")
    module = {"__name__": "neighbours"}
    exec(program, module)
    assert set(ast.literal_eval(f"{{{line}}}")) == {module["build_parser"]().command}
    module["main"](shlex.split(module["build_parser"]().example))
