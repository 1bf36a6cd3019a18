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

.PHONY: help demo dashboard demo-dashboard board test check lint types unit fix golden docs soak bench lock clean install-systemd uninstall-systemd

help: ## Print every target with what it does
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## Install the pinned dependencies and show one dry tick on the embedded market
	@test -f demo/data/desk.toml || { $(DEMO_HOME); }
	@$(DEMO_TICK) 2>demo/said.txt; code=$$?; \
	if [ $$code -eq 2 ] && grep -q 'older than the newest' demo/said.txt; then \
		echo "the demo's home has ticked later than that session: starting it anew"; $(DEMO_HOME) && $(DEMO_TICK); \
	else cat demo/said.txt >&2; exit $$code; fi

# The board, in front of the home in use. It reads the ledger and makes nothing in the home.
BOARD := dashboard
BOARD_SOURCES = $(shell find $(BOARD)/app $(BOARD)/components $(BOARD)/lib $(BOARD)/server -type f 2>/dev/null) \
	$(addprefix $(BOARD)/,proxy.ts schema.json next.config.ts postcss.config.mjs tsconfig.json)
BOARD_RUN = cd $(BOARD) && NODE_ENV=production exec node server/start.mjs
HOME_IN_USE = import json, sys; print(next(one["value"] for one in json.load(sys.stdin) if one["key"] == "BOT_HOME"))
YEAR := demo/year

dashboard: $(VENV)/.runtime $(BOARD)/.next/.ready ## Build the board and serve it on 127.0.0.1:3030 for the home in use
	@if [ -z "$$DASHBOARD_HOMES" ]; then \
		shown=$$($(BIN)/python -m bot config show --json) || exit 78; \
		BOT_HOME=$$(printf '%s' "$$shown" | $(BIN)/python -c '$(HOME_IN_USE)') || exit 78; export BOT_HOME; \
	fi; $(BOARD_RUN)

demo-dashboard: $(VENV)/.runtime $(BOARD)/.next/.ready ## The same over a year that the bot trades in a simulated world first
	@test -f demo/data/desk.toml || { $(DEMO_HOME); }
	@test -f $(YEAR)/ledger.sqlite || { rm -rf $(YEAR) $(YEAR).part && \
		$(NEUTRAL) $(BIN)/python -m bot simulate --env $(DEMO) --days 252 --equity 60000 --home $(YEAR).part && mv $(YEAR).part $(YEAR); }
	@BOT_HOME=$(abspath $(YEAR)); export BOT_HOME; unset DASHBOARD_HOMES; $(BOARD_RUN)

# A desk's units. Both only say what they would do until APPLY=1; DRY=1 makes sure of that.
# TICKS=session (timer), always (timer around the clock) or loop; WITH_BOARD=1; OWNER=user; USER_UNITS=1; TEXTS=1
UNITS_DO = $(if $(APPLY),$(if $(DRY),,--apply))
UNITS_OF = --desk '$(DESK)' $(if $(USER_UNITS),--user-units) $(UNITS_DO)
install-systemd: $(VENV)/.runtime ## Install the units of DESK=name [ENV_FILE=.env] [USER_UNITS=1] [TICKS=loop] [APPLY=1]
	@$(abspath $(BIN))/python -m bot units install $(UNITS_OF) $(if $(ENV_FILE),--env '$(ENV_FILE)') \
		$(if $(TICKS),--run '$(TICKS)') $(if $(WITH_BOARD),--board) $(if $(OWNER),--as '$(OWNER)') $(if $(TEXTS),--texts)

uninstall-systemd: $(VENV)/.runtime ## Take the units of DESK=name away and nothing else [USER_UNITS=1] [APPLY=1]
	@$(abspath $(BIN))/python -m bot units uninstall $(UNITS_OF)

test: check unit board ## Run everything: ruff, mypy, pytest with doctests, the board in a real browser

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
	@$(SYSTEMD_HERE) || { $(SYSTEMD_GET) && $(SYSTEMD_HERE); } || \
		echo "systemd-analyze is not here and could not be installed: the units are not verified"
	@$(BIN)/python -m pytest $(ARGS)

# Where npm or Chromium cannot be had, it says so and goes on: what is left out is named, and on a full machine nothing is.
board: $(VENV)/.test ## Run the board's tests alone: types, units, every page and every attack in headless Chromium
	@if ! command -v npm >/dev/null || ! command -v node >/dev/null; then \
		echo "== dashboard: npm is not here: the board is neither built nor tested"; exit 0; fi; \
	$(MAKE) $(BOARD)/node_modules/.ready || { \
		echo "== dashboard: npm could not install its packages: the board is neither built nor tested"; exit 0; }; \
	$(MAKE) $(BOARD)/.next/.ready && \
	echo "== dashboard: types" && (cd $(BOARD) && npm run --silent check) && \
	echo "== dashboard: units" && (cd $(BOARD) && npm run --silent unit) && \
	if $(CHROMIUM_HERE) || { $(CHROMIUM_GET) && $(CHROMIUM_HERE); }; then \
		echo "== dashboard: in the browser" && (cd $(BOARD) && BOT_PYTHON=$(abspath $(BIN))/python npm run --silent browser); \
	else echo "== dashboard: Chromium is not here and could not be installed: no page was looked at (CHROMIUM names one)"; fi

CHROMIUM_HERE = { test -x "$$CHROMIUM" || command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }
SYSTEMD_HERE = command -v systemd-analyze >/dev/null
SYSTEMD_GET = { command -v apt-get >/dev/null && echo "installing Debian's systemd for the tests of the units (once)" && \
	if [ "$$(id -u)" = 0 ]; then as=; else as='sudo -n'; fi && \
	{ $$as apt-get -qq install -y --no-install-recommends systemd >/dev/null 2>&1 || \
		{ $$as apt-get -qq update >/dev/null 2>&1 && $$as apt-get -qq install -y --no-install-recommends systemd >/dev/null 2>&1; }; }; }
CHROMIUM_GET = { command -v apt-get >/dev/null && echo "installing Debian's Chromium for the tests (once)" && \
	if [ "$$(id -u)" = 0 ]; then as=; else as='sudo -n'; fi && \
	{ $$as apt-get -qq install -y --no-install-recommends chromium >/dev/null 2>&1 || \
		{ $$as apt-get -qq update >/dev/null 2>&1 && $$as apt-get -qq install -y --no-install-recommends chromium >/dev/null 2>&1; }; }; }

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
	@echo 'setuptools>=77' | $(VENV)/lock/bin/$(LOCK) $(LOCK_ARGS) --extra report --extra data \
		-o requirements.lock pyproject.toml - >/dev/null
	@echo 'setuptools>=77' | $(VENV)/lock/bin/$(LOCK) $(LOCK_ARGS) -c requirements.lock --extra report --extra data \
		--extra test --extra bench \
		-o requirements-test.lock pyproject.toml - >/dev/null
	@grep -c == requirements.lock requirements-test.lock

clean: ## Remove the environment, caches and the demo's home (never data/)
	@rm -rf $(PRISM)/node_modules $(BOARD)/node_modules $(BOARD)/.next $(BOARD)/screenshots $(VENV) .mypy_cache .ruff_cache .hypothesis build *.egg-info demo
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

$(BOARD)/node_modules/.ready: $(BOARD)/package-lock.json
	@command -v npm >/dev/null || { echo "expected npm (it comes with Node 20.9 or newer): the board is built with it" >&2; exit 1; }
	@echo "installing the pinned packages of the board (once)"
	@cd $(BOARD) && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(BOARD)/.next/.ready: $(BOARD)/node_modules/.ready $(BOARD_SOURCES)
	@echo "building the board"
	@cd $(BOARD) && NEXT_TELEMETRY_DISABLED=1 npm run --silent build >.build.txt 2>&1 || { cat .build.txt; exit 1; }
	@rm -f $(BOARD)/.build.txt && touch $@

# setuptools comes from the lock, so no network is asked.
define install_project
$(PIP) install --no-deps --no-build-isolation --editable .
endef

$(VENV)/.lock: $(VENV)/.created
	@$(BIN)/python -m venv --clear $(VENV)/lock
	@$(VENV)/lock/bin/python -m pip --disable-pip-version-check --quiet install 'uv>=0.5'
	@touch $@
