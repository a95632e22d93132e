# Two commands do all the set-up: `make demo` and `make test`. The others are for people who work on this.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test simulate check format lint types layers coverage bench schema docs lock clean

# The virtual environment, installed from the lock file with hashes, and this package in it.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $(READY)

# The main job, on the account embedded on this machine: plan and apply the example stack, then plan again.
demo: $(READY)
	@echo '$$ reconciler apply --local --yes'
	@$(BIN)/reconciler apply --local --yes
	@echo; echo '$$ reconciler outputs --local'
	@$(BIN)/reconciler outputs --local
	@echo; echo '$$ reconciler plan --local'
	@$(BIN)/reconciler plan --local

test: $(READY)
	$(BIN)/python -m pytest -n auto

# A crash at every request of every scenario, instead of one in four.
simulate: $(READY)
	$(BIN)/python -m pytest -n auto --exhaustive tests/simulation

check: $(READY) lint types layers coverage

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

layers:
	$(BIN)/lint-imports

# Branch coverage of everything; the pure core is held at 100 %.
coverage:
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -p no:cacheprovider
	$(BIN)/coverage report --fail-under=90
	$(BIN)/coverage report --fail-under=100 --include='reconciler/model.py,reconciler/diagnostics.py,reconciler/diff.py,reconciler/plan.py,reconciler/planfile.py,reconciler/kinds/*,reconciler/manifest/*,reconciler/render/*'

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	$(BIN)/python -m tests.benchmarks

# Everything that is generated from the code.
schema: $(READY)
	$(BIN)/reconciler schema --write schema

docs: $(READY)
	$(BIN)/python docs/generate.py

# New versions of everything, with hashes; needs pip-tools.
lock:
	$(PYTHON) -m piptools compile --quiet --strip-extras --allow-unsafe --generate-hashes --no-emit-find-links --no-emit-index-url --no-emit-trusted-host --extra dev --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) .reconciler build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
