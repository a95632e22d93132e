# Two commands do all the set-up: `make demo` and `make test`. The others are for people who work on this.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# The folders of tests that need no account: what decides, and what it is said in.
CORE := model kinds manifest planning review render
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n auto --dist worksteal

.PHONY: demo test quick pythons examples models simulate processes browser check format lint types layers coverage bench schema docs lock clean

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

# Everything, or some folders or files below tests/: make test AREA=manifest, AREA="planning apply/steps".
# Compiled tests are kept, whatever the environment says: every worker needs them, and so does every process they start.
test: $(READY) $(BIN)/reconciler-simulate
	$(PYTEST) $(addprefix tests/,$(AREA))

# The pure core, without the test that puts every field of every kind through the whole tool.
quick: $(READY)
	$(PYTEST) -n logical --ignore=tests/kinds/test_contract.py $(addprefix tests/,$(CORE))

# The pure core and the acceptance tests on every other Python that this machine has, each in an environment of its own.
pythons: $(READY)
	@for python in $$(sh .ci/pythons $$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')); do \
	  version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); echo "Python $$version"; \
	  $(MAKE) --no-print-directory test AREA="$(CORE) acceptance" PYTHON=$$python VENV=.venv-$$version || exit 1; \
	done

# Everything of which `make test` tries a sample: fifteen times as many examples of property tests, every case, every planted bug.
examples: $(READY)
	$(PYTEST) --exhaustive $(addprefix tests/,$(or $(AREA),$(CORE) ownership emulator apply upkeep acceptance simulation))

# Models of the protocol, every state that they can reach: they change when docs/guarantees.md does, not when the code does.
models: $(READY)
	$(PYTEST) tests/models

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
	$(BIN)/python -m pytest -q -n 4 tests/processes tests/actions

# The HTML page in headless Chromium (Debian: apt-get install chromium). RECONCILER_SCREENSHOTS=1 takes the pictures of docs/ anew.
browser: $(READY)
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/browser

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
	PYTHONDONTWRITEBYTECODE= $(BIN)/coverage run -m pytest -q -n auto --dist worksteal -p no:cacheprovider --ignore=tests/simulation
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
	rm -rf $(VENV) .venv-* build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
