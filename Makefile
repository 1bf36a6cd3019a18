# Every target works from a fresh clone and installs what it needs; nothing here needs root.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
SOURCES := bot bench
PRISM := bot/tests/prism
export PIP_ROOT_USER_ACTION := ignore

# What a command of ours may see of the caller's environment: no BOT_* and no ALPACA_* variable leaks in.
NEUTRAL = env -i PATH="$$PATH" HOME="$$HOME" TERM="$${TERM:-dumb}" LANG="$${LANG:-C.UTF-8}" $${COLUMNS:+COLUMNS=$$COLUMNS} $${NO_COLOR:+NO_COLOR=$$NO_COLOR}
DEMO := demo/.env
DEMO_HOME = rm -rf demo/data $(DEMO) && mkdir -p demo && \
	$(NEUTRAL) $(BIN)/python -m bot init --env $(DEMO) > demo/init.txt || { cat demo/init.txt; exit 1; }
DEMO_TICK = $(NEUTRAL) $(BIN)/python -m bot tick --env $(DEMO) --dry --at session

.PHONY: help demo test check lint types unit fix golden docs soak bench lock clean

help: ## Print every target with what it does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## Install the pinned dependencies and show one dry tick on the embedded market
	@test -f demo/data/desk.toml || { $(DEMO_HOME); }
	@$(DEMO_TICK) 2>demo/said.txt; code=$$?; \
	if [ $$code -eq 2 ] && grep -q 'older than the newest' demo/said.txt; then \
		echo "the demo's home has ticked later than that session: starting it anew"; $(DEMO_HOME) && $(DEMO_TICK); \
	else cat demo/said.txt >&2; exit $$code; fi

test: check unit ## Run everything: ruff, mypy, pytest with doctests

check: lint types ## Run ruff and mypy without the tests

lint: $(VENV)/.test ## Run ruff alone
	@echo "== ruff check"
	@$(BIN)/ruff check $(SOURCES)
	@echo "== ruff format --check"
	@$(BIN)/ruff format --check $(SOURCES)

types: $(VENV)/.test ## Run mypy alone, strict
	@echo "== mypy --strict"
	@$(BIN)/mypy

unit: $(VENV)/.test $(PRISM)/node_modules/.ready ## Run pytest with doctests alone (ARGS="-k wheel" picks some)
	@echo "== pytest"
	@$(BIN)/python -m pytest $(ARGS)

fix: $(VENV)/.test ## Let ruff mend and format what it can
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

golden: $(VENV)/.test ## Rewrite the golden files from what the code says now; read the diff
	@UPDATE_GOLDEN=1 $(BIN)/python -m pytest -q $(ARGS)
	@echo "golden files are rewritten: read 'git diff' before you keep them"

docs: $(VENV)/.test ## Rewrite the parts of the documents that the code knows better
	@$(BIN)/python -m bot.ops.reference

soak: $(VENV)/.test ## Run the property tests with many more examples (minutes)
	@HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -q $(ARGS)

bench: $(VENV)/.test ## Print every figure beside its target (ratios of interleaved runs)
	@$(NEUTRAL) $(BIN)/python -m bench.run $(ARGS)

# The lock files name versions and hashes and no address: pip asks whatever index the machine is set to.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate
lock: $(VENV)/.lock ## Renew requirements.lock and requirements-test.lock from pyproject.toml (needs an index)
	@echo 'setuptools>=77' | $(VENV)/lock/bin/$(LOCK) $(LOCK_ARGS) -o requirements.lock pyproject.toml - >/dev/null
	@echo 'setuptools>=77' | $(VENV)/lock/bin/$(LOCK) $(LOCK_ARGS) -c requirements.lock --extra test --extra bench \
		-o requirements-test.lock pyproject.toml - >/dev/null
	@grep -c == requirements.lock requirements-test.lock

clean: ## Remove the environment, caches and the demo's home (never data/)
	@rm -rf $(PRISM)/node_modules $(VENV) .mypy_cache .ruff_cache .hypothesis build *.egg-info demo
	@find bot bench -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps are touched last: an install that was cut short runs again.

$(VENV)/.created:
	@found=; for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "expected Python 3.11 or newer, found: $$(python3 --version 2>&1 || true)." >&2; \
		echo "Install one, or name it: make demo PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	echo "making $(VENV) with $$($$found --version)"; $$found -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.created requirements.lock pyproject.toml
	@echo "installing the pinned dependencies (once)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(call install_project)
	@touch $@

$(VENV)/.test: $(VENV)/.created requirements-test.lock pyproject.toml
	@echo "installing the pinned dependencies of the tests (once)"
	@$(PIP) install --require-hashes -r requirements-test.lock
	@$(call install_project)
	@touch $@

# The lock file names versions and hashes and no address: npm asks whatever registry the machine is set to.
$(PRISM)/node_modules/.ready: $(PRISM)/package-lock.json
	@if command -v npm >/dev/null; then \
		echo "installing the mock of Alpaca's documents for the tests (once)"; \
		{ cd $(PRISM) && npm ci --ignore-scripts --silent && touch node_modules/.ready; } || \
			echo "npm could not install it: the tests against Alpaca's published documents will say so"; \
	else echo "npm is not here: the tests against Alpaca's published documents will be skipped"; fi

# setuptools comes from the lock, so no network is asked.
define install_project
$(PIP) install --no-deps --no-build-isolation --editable .
endef

$(VENV)/.lock: $(VENV)/.created
	@$(BIN)/python -m venv --clear $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip --disable-pip-version-check --quiet install 'uv>=0.5'
	@touch $@
