# 闻过 (Wenguo). Needs Python 3.11+, Node 20+ and make; everything else is installed into .venv and node_modules.
#   make run     start everything (Ctrl-C stops it)      make test       all tests
#   make nightly the long fuzz run of the API
#   make lint    style, types, order of imports          make test-fast  all but browser and slow ones
#   make bench   print figures                           make assets     browser parts and translations
#   make audit   known holes in what we stand on, where the advisory services can be reached

SHELL := /bin/sh
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 && \
  $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
ARGS ?=
export WENGUO_HOME ?= $(CURDIR)/var
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help run install dev assets test test-fast nightly lint audit format bench lock clean

help:
	@sed -n 's/^#   //p' Makefile

run: install assets
	@WENGUO_DEMO=$${WENGUO_DEMO:-1} exec $(BIN)/wenguo up $(ARGS)

install: $(STAMPS)/installed
dev: $(STAMPS)/dev
assets: $(STAMPS)/vendor $(STAMPS)/translations $(STAMPS)/model

$(STAMPS)/venv:
	@test -n "$(PYTHON)" || { echo "需要 Python 3.11 或更新的版本，含 venv (Python 3.11+ with venv is needed)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/installed: $(STAMPS)/venv requirements.lock pyproject.toml
	$(BIN)/pip install -q --require-hashes -r requirements.lock
	$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(STAMPS)/dev: $(STAMPS)/installed requirements-dev.lock
	$(BIN)/pip install -q --require-hashes -r requirements-dev.lock
	@touch $@

$(STAMPS)/node: package.json package-lock.json | $(STAMPS)/venv
	@command -v npm >/dev/null || { echo "需要 Node 20 或更新的版本 (Node 20+ is needed)"; exit 1; }
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(STAMPS)/vendor: $(STAMPS)/node scripts/assets.mjs
	node scripts/assets.mjs
	@touch $@

$(STAMPS)/translations: $(STAMPS)/installed $(shell find src/wenguo -name '*.po' 2>/dev/null)
	@for po in $$(find src/wenguo -name '*.po'); do \
	  $(BIN)/pybabel -q compile -i $$po -o $${po%.po}.mo -l $$(basename $$(dirname $$(dirname $$po))) || exit 1; done
	@touch $@

# The model that proposes categories, taught in seconds with the texts that are shipped.
$(STAMPS)/model: $(STAMPS)/installed $(wildcard src/wenguo/text/*.py src/wenguo/text/*/*.tsv src/wenguo/text/*/*/*.tsv src/wenguo/text/*/*.yaml)
	$(BIN)/python -m wenguo.text.category
	@touch $@

test: dev assets
	$(BIN)/pytest $(ARGS)

test-fast: dev assets
	$(BIN)/pytest -m "not browser and not slow and not nightly" $(ARGS)

nightly: dev assets
	$(BIN)/pytest -m nightly $(ARGS)

lint: dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/messages.py check

audit: dev $(STAMPS)/node
	$(BIN)/python scripts/audit.py

format: dev
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

bench: dev assets
	@$(BIN)/python -m bench $(ARGS)

# What we stand on: versions and hashes, and no registry. UPGRADE=--upgrade takes newer ones.
LOCK = $(BIN)/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-header --no-emit-index-url \
  --no-emit-trusted-host --no-emit-find-links $(UPGRADE)
lock: dev
	$(LOCK) --all-build-deps -o requirements.lock pyproject.toml
	$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['dependency-groups']['dev'], sep='\n')" \
	  | $(LOCK) -c requirements.lock -o requirements-dev.lock -

clean:
	rm -rf $(VENV) node_modules build src/*.egg-info src/wenguo/web/static/vendor
