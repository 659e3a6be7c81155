# Everything from a fresh machine: `make train`, `make test`. Each target makes .venv once and uses it again.
# Windows without make: README.md gives the same steps by hand.

PYTHON ?= python3
BIN := .venv/bin
BIN26 := .venv-paddle26/bin
# Two processes, each with a thread of its own; a file's tests stay together, for what they share.
PYTEST := -m pytest -n 2 --dist loadfile
# Drawn first: two processes would both begin to.
PETALS := -c "from alexnet_paddle import datasets; datasets.load('petals')"

.DEFAULT_GOAL := help
.PHONY: help train test test-slow test-paddle26 lint course clean

help:  ## this list
	@awk -F ':.*  ## ' '/^[a-z0-9-]+:.*  ## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

train: .venv/.learner  ## train the default net on the embedded data, into runs/petals
	$(BIN)/python -m alexnet_paddle.train --out runs/petals $(if $(wildcard runs/petals/config.json),--resume)

test: .venv/.developer lint  ## the checks of `lint`, and all tests but the slow ones
	$(BIN)/python $(PETALS)
	$(BIN)/python $(PYTEST) -m "not slow"

test-slow: .venv/.developer  ## the tests that train nets or take minutes
	$(BIN)/python $(PETALS)
	$(BIN)/python $(PYTEST) -m slow

test-paddle26: .venv-paddle26/.ready  ## the tests of `make test` with the oldest supported Paddle
	$(BIN26)/python $(PETALS)
	$(BIN26)/python $(PYTEST) -m "not slow"

lint: .venv/.developer  ## checks of the code that run nothing of it
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

course: .venv/.learner  ## the chapters in JupyterLab
	$(BIN)/jupyter lab course

clean:  ## remove environments, runs and generated data
	rm -rf .venv .venv-paddle26 runs data/petals data/.petals* build *.egg-info .pytest_cache .ruff_cache .mypy_cache

.venv/.learner: requirements.txt pyproject.toml
	@echo "installing packages into .venv: this takes some minutes, and 1.2 GB of the disk"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

.venv/.developer: requirements-dev.txt .venv/.learner
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	touch $@

.venv-paddle26/.ready: tests/requirements-paddle26.txt pyproject.toml
	$(PYTHON) -m venv .venv-paddle26
	$(BIN26)/python -m pip install --quiet --upgrade pip
	$(BIN26)/python -m pip install --quiet -r $<
	touch $@
