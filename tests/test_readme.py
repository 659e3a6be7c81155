"""The README is true: its commands run, its tables are the package's tables, its files exist."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from alexnet_paddle import RECIPES, VARIANTS
from alexnet_paddle.arithmetic import totals, trace

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = [line for line in README.splitlines() if line.startswith("python -m alexnet_paddle")]


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)
def test_the_table_of_nets_has_the_counts_of_the_package(config):
    params, macs, _ = totals(trace(config))
    assert f"| `{config.name}` | {config.source} | {config.image_size} | {params:,} | {macs / 1e6:,.0f} |" in README


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_the_table_of_recipes_has_the_numbers_of_the_package(recipe):
    row = next(line for line in README.splitlines() if line.startswith(f"| `{recipe.name}` | {recipe.optimizer}"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2] == f"{recipe.learning_rate:g}" and cells[4] == f"{recipe.batch_size}, {recipe.epochs}"


def test_pictures_and_links_lead_to_files():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_windows_steps_are_those_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text()
    for step in (
        "-r requirements.txt",
        "-r requirements-dev.txt",
        '-m "not slow"',
        "alexnet_paddle.train --out runs/petals",
    ):
        assert step in README and step in makefile


def test_python_examples_run(tmp_path):
    examples = re.findall(r"^```python\n(.*?)^```$", README, re.S | re.M)
    assert examples
    for example in examples:
        subprocess.run([sys.executable, "-c", example], check=True, cwd=tmp_path)


@pytest.mark.slow
def test_every_command_runs_in_the_order_of_the_readme(make_photos, petals_home, tmp_path, monkeypatch):
    """In a folder of its own; trainings are cut to one or two epochs, nothing else is changed."""
    monkeypatch.setenv("ALEXNET_PADDLE_DATA", str(petals_home))
    make_photos(tmp_path / "photos", ("blue", "green", "red"), count=12)
    for name, new in (("blue", "daisy"), ("green", "rose"), ("red", "tulip")):
        (tmp_path / "photos" / name).rename(tmp_path / "photos" / new)
    for name in ("rose", "tulip"):
        (tmp_path / "photos" / name / "00.png").rename(tmp_path / "photos" / name / "1.jpg")
    shutil.copytree(tmp_path / "photos" / "rose", tmp_path / "more-photos" / "rose")
    run = [sys.executable, "-m", "alexnet_paddle.train", "--out", "runs/petals", "--epochs", "1"]
    subprocess.run(run, check=True, cwd=tmp_path)
    assert len(COMMANDS) >= 14
    for command in COMMANDS:
        words = [sys.executable, *shlex.split(command)[1:]]
        if "alexnet_paddle.train" in command and "--epochs" not in command and "--resume" not in command:
            words += ["--epochs", "1"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
