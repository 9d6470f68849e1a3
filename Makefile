# The doors for developers and operators; README.md says when to use which.
# Every target works in a fresh clone with nothing in the environment but PATH and HOME.

SHELL := /bin/sh
PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
SEED ?= 1

# Compiled once, and read by the many processes that the tests start: where the environment says
# that nothing is to be kept, each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install sandbox test check bench chaos fuzz lock revision clean
.DEFAULT_GOAL := help

help: ## says what there is
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' Makefile | expand -t 12

install: .venv/.installed ## makes .venv with smoney and all that runs it

# What is locked is installed by hash and nothing else; hatchling and editables, which build the
# project itself, are among it.
.venv/.installed: pyproject.toml requirements/run.txt
	@sh tests/venv.sh .venv
	@echo "make install: installing what requirements/run.txt locks"
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(PY) -c 'from bot.language import tables; tables.load()'
	@touch $@

# The tools of developers come on top, at the same versions.
.venv/.dev: .venv/.installed requirements/dev.txt
	@echo "make: installing the tools that requirements/dev.txt locks"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

sandbox: .venv/.installed ## runs the whole bot on this machine, with a local X and a local card network
	@.venv/bin/smoney sandbox

test: .venv/.dev ## sets up what the tests need and runs every test
	@tests/setup.sh
	@$(PY) -m pytest -n 4 --dist loadfile --no-loadscope-reorder

check: .venv/.dev ## format, lint, types, import contracts, dependencies
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-cache
	@$(PY) -m deptry bot
	@$(PY) -m deptry tests --exclude '[.]venv' --ignore DEP002,DEP004

bench: .venv/.dev ## the benchmarks beside their peers (ONLY=name runs one)
	@test -d benchmarks || { echo "make bench: there are no benchmarks yet." >&2; exit 1; }
	@tests/setup.sh
	@$(PY) -m benchmarks $(ONLY)

fuzz: .venv/.dev ## the properties with many more examples, for minutes
	@tests/setup.sh
	@$(PY) -m pytest -m "fuzz or properties" --hypothesis-profile=long \
		--hypothesis-show-statistics --timeout=3600

chaos: .venv/.dev ## load and faults for minutes (ONLY=name runs one; SEED=, ORDERS=, MENTIONS=, SECONDS=)
	@tests/setup.sh
	@$(PY) -m tests.chaos --seed $(SEED) $(if $(ORDERS),--orders $(ORDERS)) \
		$(if $(MENTIONS),--mentions $(MENTIONS)) $(if $(SECONDS),--seconds $(SECONDS)) $(ONLY)

lock: .venv/.dev ## writes requirements/ anew from pyproject.toml (UPGRADE=1 takes newer versions)
	@$(PY) -m piptools compile $(LOCK) --build-deps-for editable \
		--output-file requirements/run.txt pyproject.toml
	@$(PY) -m piptools compile $(LOCK) --build-deps-for editable --extra dev \
		--constraint requirements/run.txt --output-file requirements/dev.txt pyproject.toml

LOCK = $(if $(UPGRADE),--upgrade) --quiet --generate-hashes --strip-extras --allow-unsafe \
	--no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links

revision: .venv/.dev ## writes a database revision from the models (MESSAGE='what changed')
	@$(PY) -c 'import sys; from bot import migrations; print(migrations.revise(sys.argv[1]))' \
		"$(or $(MESSAGE),$(error say what changed: make revision MESSAGE=...))"

clean: ## removes what make made
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
