# kidnaprisk: what a developer runs. Needs Python 3.11 or newer and GNU make, nothing else.
# Everything goes into .venv, made on first use from .ci/dev.lock; `make` alone lists the targets.

# The trip that `make demo` scores; README.md prints its answer.
DEMO := examples/casablanca_niamey.geojson --depart 2024-12-28T06:00Z --speed 55 --stop Dori:168

# More for pytest: make test PYTEST_ARGS="tests/routes -x"
PYTEST_ARGS ?=
# Test processes at once; 0 for one that a debugger can stop in.
JOBS ?= 2

# ensurepip: a Python whose venv module was packaged apart cannot make one.
NEW_ENOUGH := import ensurepip, sys; sys.exit(sys.version_info < (3, 11))
IS_3_11 := import ensurepip, sys; sys.exit(sys.version_info[:2] != (3, 11))
first_python = $(shell for p in $(1); do "$$p" -c '$(2)' 2>/dev/null && { echo "$$p"; break; }; done)

PYTHON ?= $(call first_python,python3 python3.13 python3.12 python3.11 python,$(NEW_ENOUGH))
OLDEST_PYTHON ?= $(call first_python,python3.11 python3 python,$(IS_3_11))

# Twice quiet: only errors. Once quiet still warns of every package a local wheel folder lacks.
INSTALL := -m pip install --quiet --quiet --disable-pip-version-check --no-input --progress-bar off
LOCKED := --require-hashes --no-deps --requirement
# hatchling is in the locks, so building the project itself asks no registry.
PROJECT := --no-deps --no-build-isolation --editable .

DEV := .venv/bin
OLDEST := .venv-oldest/bin
UV := .venv-lock/bin/uv
COMPILE := $(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command 'make lock' pyproject.toml

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo test test-oldest postgis lint format bench data model lock clean distclean

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
		while IFS='|' read -r target does; do printf '%-20s %s\n' "$$target" "$$does"; done

setup: .venv/ready ## Make .venv with the locked packages and the project

demo: .venv/ready ## Score Casablanca to Niamey, region by region
	@$(DEV)/kidnaprisk score $(DEMO)

test: lint postgis ## Lint, then run every test and doctest
	$(DEV)/python -m pytest -n $(JOBS) $(PYTEST_ARGS)

# Without the slow ones: they kill, race, fill disks, draw roads at random and repeat whole nights,
# which is the same whatever the versions; and without the large real files, where those are at hand.
OLDEST_WITHOUT := -m "not slow" --ignore=tests/realdata --ignore=tests/incidents/store/test_killed.py

test-oldest: .venv-oldest/ready postgis ## Run the tests on the oldest allowed dependencies (Python 3.11)
	NUMBA_CACHE_DIR="$(CURDIR)/.venv-oldest/numba" $(OLDEST)/python -m pytest -n $(JOBS) $(OLDEST_WITHOUT) -o cache_dir=.venv-oldest/pytest $(PYTEST_ARGS)

# As root on Debian it is installed; POSTGIS=no leaves the machine alone.
postgis: ## Have PostgreSQL with PostGIS for the store's tests, where that can be done
ifneq ($(POSTGIS),no)
	@.ci/postgis
endif

lint: .venv/ready ## Check style, types and import layers
	$(DEV)/ruff check
	$(DEV)/ruff format --check
	$(DEV)/mypy
	$(DEV)/lint-imports --no-logo

format: .venv/ready ## Format the code and sort its imports
	$(DEV)/ruff check --fix
	$(DEV)/ruff format

bench: .venv/ready ## Run the benchmarks and print their figures
	$(DEV)/python -m pytest tests/benchmarks -s $(PYTEST_ARGS)

data: .venv/ready ## Rebuild the bundled data from its sources (needs the network)
	@$(DEV)/python $(INSTALL) --no-build-isolation --editable '.[rebuild]'
	@set -e; for script in data/rebuild/*.py; do echo "$$script"; $(DEV)/python "$$script"; done

model: .venv/ready ## Train the bundled model again from data/
	$(DEV)/kidnaprisk train

lock: $(UV) ## Solve the locks again after pyproject.toml changed (newest: make lock UPGRADE=--upgrade)
	$(COMPILE) $(UPGRADE) --universal --python-version 3.11 --extra dev --output-file .ci/dev.lock
	$(COMPILE) $(UPGRADE) --resolution lowest-direct --python-version 3.11 --extra test --output-file .ci/oldest.lock

clean: ## Remove caches and build results
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	find kidnaprisk tests examples data -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the virtual environments too
	rm -rf .venv .venv-oldest .venv-lock

# $(call make_venv,FOLDER,PYTHON,CHECK): kept if its Python still runs, has pip and passes CHECK.
define make_venv
	$(1)/bin/python -c 'import pip; $(3)' 2>/dev/null || "$(2)" -m venv --clear $(1)
endef

.venv/ready: pyproject.toml .ci/dev.lock
	@test -n "$(PYTHON)" || { echo "kidnaprisk needs Python 3.11 or newer with venv; name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' || { echo "kidnaprisk needs Python 3.11 or newer; $(PYTHON) is older, lacks venv or does not run" >&2; exit 1; }
	@echo "Installing the locked packages into .venv (the first time takes a minute or two)" >&2
	@$(call make_venv,.venv,$(PYTHON),$(NEW_ENOUGH))
	@$(DEV)/python $(INSTALL) $(LOCKED) .ci/dev.lock
	@$(DEV)/python $(INSTALL) $(PROJECT)
	@touch $@

.venv-oldest/ready: pyproject.toml .ci/oldest.lock
	@test -n "$(OLDEST_PYTHON)" || { echo "the oldest dependencies need Python 3.11 with venv; name one: make test-oldest OLDEST_PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Installing the oldest allowed packages into .venv-oldest (the first time takes a minute or two)" >&2
	@$(call make_venv,.venv-oldest,$(OLDEST_PYTHON),$(IS_3_11))
	@$(OLDEST)/python $(INSTALL) $(LOCKED) .ci/oldest.lock
	@$(OLDEST)/python $(INSTALL) $(PROJECT)
	@touch $@

$(UV):
	@$(call make_venv,.venv-lock,$(PYTHON),$(NEW_ENOUGH))
	@.venv-lock/bin/python $(INSTALL) uv
