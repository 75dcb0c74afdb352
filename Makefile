# `make demo` and `make test` each work as the first command in a fresh clone, given Python 3.12 or later.

# Where python3 is too old, a newer one often stands beside it.
FITS := -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null
ifndef PYTHON
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.14; do $$p $(FITS) && echo $$p && break; done)
endif
JOBS ?= 2
FOLDER ?= demo
ARGS ?=

BIN := .venv/bin
RUN := $(BIN)/python -m

# What another installation put there would shadow the pinned packages.
unexport PYTHONPATH
unexport PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help demo test test-long check lint types layers docs format apt requirements clean environment-demo environment-test python

help:
	@echo "make demo          one night, measured, judged and marked, into $(FOLDER)/ (or FOLDER=...)"
	@echo "make test          the tests (ARGS='...' goes to pytest, JOBS=$(JOBS) processes)"
	@echo "make test-long     the tests that take long"
	@echo "make check         lint, types, layers and docs: each is also a target of its own"
	@echo "make format        format the code"
	@echo "make requirements  pin the dependencies again (needs uv)"
	@echo "make clean         remove what was made, .venv included, the demo not"

demo: environment-demo
	@$(BIN)/gnomon demo $(FOLDER) $(ARGS)

test: environment-test apt
	@$(RUN) pytest -n $(JOBS) --dist loadgroup -m "not long" $(ARGS)

# pytest ends with 5 if it found no test.
test-long: environment-test apt
	@$(RUN) pytest -n $(JOBS) --dist loadgroup -m long $(ARGS) || { status=$$?; \
	  if [ $$status -eq 5 ]; then echo "No test is marked as long."; else exit $$status; fi; }

check: lint types layers docs

lint: environment-test
	$(RUN) ruff check
	$(RUN) ruff format --check

types: environment-test
	$(RUN) mypy

layers: environment-test
	$(BIN)/lint-imports

docs: environment-test
	$(RUN) sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "The documentation is in docs/_build/html/index.html."

format: environment-test
	$(RUN) ruff check --fix
	$(RUN) ruff format

apt:
	@tools/install-apt-packages

COMPILE := uv pip compile pyproject.toml --group build --universal --python-version 3.12 --generate-hashes \
  --no-header --no-emit-index-url --no-emit-find-links --quiet

requirements:
	@command -v uv >/dev/null || { echo "gnomon: \`make requirements\` needs uv." >&2; exit 1; }
	$(COMPILE) --extra demo -o requirements/main.txt
	$(COMPILE) --all-extras --group test --group check --group docs -c requirements/main.txt -o requirements/dev.txt

environment-demo environment-test: environment-%: python
	@$(PYTHON) tools/environment.py $*

python:
	@$(or $(PYTHON),false) $(FITS) || { \
	  echo "gnomon needs Python 3.12 or later; $(or $(PYTHON),python3) is `$(or $(PYTHON),python3) --version 2>&1`." >&2; \
	  echo "Name another one so: make PYTHON=/somewhere/bin/python3.13 ..." >&2; exit 1; }

clean:
	rm -rf .venv build dist docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests tools docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
