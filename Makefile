# Two commands do all the set-up: `make demo` and `make test`. The others are for people who work on this.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test examples models simulate processes browser check format lint types layers coverage bench schema docs lock clean

# The virtual environment, installed from the lock file with hashes, and this package in it.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $(READY)

# The simulation as a command of this checkout.
$(BIN)/reconciler-simulate: $(READY)
	@printf '#!/bin/sh\ncd "$$(dirname "$$0")/../.." && exec $(BIN)/python -m tests.simulation "$$@"\n' > $@
	@chmod +x $@

# The main job, on the account embedded on this machine: plan and apply the example stack, then plan again.
demo: $(READY) $(BIN)/reconciler-simulate
	@echo '$$ reconciler apply --local --yes'
	@$(BIN)/reconciler apply --local --yes
	@echo; echo '$$ reconciler outputs --local'
	@$(BIN)/reconciler outputs --local
	@echo; echo '$$ reconciler plan --local'
	@$(BIN)/reconciler plan --local

# Compiled tests are kept, whatever the environment says: every worker needs them, and so does every process they start.
test: $(READY) $(BIN)/reconciler-simulate
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist worksteal

# The property tests with ten times as many examples; what they try has no end.
examples: $(READY)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --exhaustive tests/test_*.py tests/model tests/kinds tests/manifest tests/ownership tests/planning tests/review tests/render tests/upkeep

# Models of the protocol, every state that they can reach: they change when docs/guarantees.md does, not when the code does.
models: $(READY)
	$(BIN)/python -m pytest -n auto tests/models

# Lives of a stack under the virtual clock: a death at every request of the scenarios of every push, and random schedules.
# More of it: make simulate SEEDS=0..200000, RARE=1, SCENARIOS=all, DOUBLE=1. One again: .venv/bin/reconciler-simulate --seed N --trace
SEEDS     := 0..2000
SCENARIOS := push
simulate: $(BIN)/reconciler-simulate
	$(BIN)/reconciler-simulate --seeds $(SEEDS) --scenarios $(SCENARIOS) $(if $(DOUBLE),--double) $(if $(RARE),--rare)

# Real processes: kill -9 at one place in so many of an apply, a server that misbehaves over HTTP, the scripts of the GitHub
# action. EVERY=1: every place.
EVERY := 24
processes: $(READY)
	$(BIN)/python -m tests.processes --every $(EVERY)
	$(BIN)/python -m pytest -n 4 tests/processes tests/actions

# The HTML page in headless Chromium (Debian: apt-get install chromium). RECONCILER_SCREENSHOTS=1 takes the pictures of docs/ anew.
browser: $(READY)
	$(BIN)/python -m pytest -p no:cacheprovider tests/browser

check: $(READY) lint types layers coverage

lint:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

layers:
	$(BIN)/lint-imports

# Branch coverage of everything by the tests that mirror the package; the pure core is held at 100 %.
coverage:
	$(BIN)/coverage erase
	PYTHONDONTWRITEBYTECODE= $(BIN)/coverage run -m pytest -n auto --dist worksteal -p no:cacheprovider --ignore=tests/simulation
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=90
	$(BIN)/coverage report --fail-under=100 --include='reconciler/model/*,reconciler/kinds/*,reconciler/manifest/*,reconciler/planning/*,reconciler/review/*,reconciler/render/*'

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
	rm -rf $(VENV) build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
