# From a bare clone with Python 3.11 or newer: `make demo` shows the product, `make test` checks all of it.
.DEFAULT_GOAL := help
.PHONY: help demo test lint serve bench clean

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
DEMO_ARGS ?=
TEST_ARGS ?=
BENCH_ARGS ?=

help:
	@echo "make demo    start a server and evaluate two classifiers on it (DEMO_ARGS=--exit stops it afterwards)"
	@echo "make test    lint, types, import contracts and all tests (TEST_ARGS=... goes to pytest)"
	@echo "make lint    lint, types and import contracts only"
	@echo "make bench   measure it beside what one would use instead (BENCH_ARGS=--quick: under two minutes)"
	@echo "make serve   start a server on ./nucleus-data"
	@echo "make clean   remove everything that these commands made, but not the data"

demo: $(VENV)/demo.stamp
	@$(BIN)/python -m examples.digits $(DEMO_ARGS)

serve: $(VENV)/demo.stamp
	@$(BIN)/nucleus serve

# In several processes, each with a PostgreSQL of its own; TEST_ARGS=-n0 runs all in one.
test: lint browser
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(TEST_ARGS)

# Where OpenBLAS is held to an old kernel, it would be slow for everybody who is measured.
bench: $(VENV)/dev.stamp
	@env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $(BIN)/python -m benchmarks $(BENCH_ARGS)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --config-file= --strict --python-version 3.11 tests/typing
	$(BIN)/lint-imports

.PHONY: browser
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; \
	else \
		echo "The tests need Chromium: run 'sudo apt-get install chromium', or put a chromium into PATH." >&2; exit 1; \
	fi

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found: install it, or pass PYTHON=/path/to/python." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: $(VENV)/bin/python pyproject.toml hatch_build.py requirements/demo.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/demo.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/dev.stamp: $(VENV)/bin/python pyproject.toml hatch_build.py requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@ $(VENV)/demo.stamp

clean:
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist src/nucleus_server/dashboard/static/vendor
