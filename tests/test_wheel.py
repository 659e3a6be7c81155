"""The package as a wheel, installed outside the repository: it has all its files, and its data have a place."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """run(*words): a command of the wheel, in a folder and an environment of its own; third parties are those of the
    environment that the tests run in, so that no network is needed."""
    home = tmp_path_factory.mktemp("elsewhere")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", home, ROOT], check=True)
    (wheel,) = home.glob("alexnet_paddle-*.whl")
    venv.create(home / "env", with_pip=False)
    python = home / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    place = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    ).strip()
    subprocess.run([*pip, "install", "--no-deps", "--target", place, wheel], check=True)
    Path(place, "third_parties.pth").write_text(sysconfig.get_path("purelib") + "\n")
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "ALEXNET_PADDLE_DATA")}
    variables |= {"XDG_CACHE_HOME": str(home / "cache"), "LOCALAPPDATA": str(home / "cache"), "HOME": str(home)}

    def run(*words):
        done = subprocess.run([python, *words], cwd=home, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.home = home
    return run


@pytest.mark.slow
def test_a_wheel_is_all_that_is_needed(installed):
    assert str(installed.home) in installed("-c", "import alexnet_paddle; print(alexnet_paddle.__file__)")
    assert "60,965,224 parameters" in installed("-m", "alexnet_paddle.summary", "paper")
    train = ("--variant", "cifar4", "--epochs", "1", "--out", "run")
    assert "500 pictures not used before" in installed("-m", "alexnet_paddle.train", *train)
    (petals,) = installed.home.rglob("petals.json")
    assert not petals.is_relative_to(installed.home / "env") and not petals.is_relative_to(ROOT)
    assert "test split: 500 pictures" in installed("-m", "alexnet_paddle.evaluate", "run")
    photo = next((petals.parent / "test" / "rose").glob("*.png"))
    (answer,) = json.loads(installed("-m", "alexnet_paddle.predict", "run", photo, "--json"))
    assert len(answer["classes"]) == 3


@pytest.mark.slow
def test_a_wheel_has_every_file_of_the_package_that_git_tracks(installed):
    listed = installed("-c", "import alexnet_paddle, os; print(os.path.dirname(alexnet_paddle.__file__))").strip()
    tracked = subprocess.run(["git", "ls-files", "alexnet_paddle"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not in a checkout of git")
    missing = [name for name in tracked.stdout.split() if not Path(listed).parent.joinpath(name).exists()]
    assert not missing
