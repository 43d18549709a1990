# Everything a fresh machine needs is installed by the targets below: Python (any 3), make and git are enough.
SHELL := /bin/bash
.DEFAULT_GOAL := help
ARGS ?=
UV_VERSION := 0.13.9
UV := .local/uv/bin/uv
PY := .venv/bin/python
export UV_PYTHON_PREFERENCE := system
unexport AWS_ENDPOINT_URL

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

$(UV):
	@python3 -m venv .local/uv && .local/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# one environment per concern: ours, the AWS emulator (its functions must not see our packages), the SAM CLI
.local/.venv.stamp: requirements.lock pyproject.toml .python-version | $(UV)
	@$(UV) venv --quiet --allow-existing --python "$$(cat .python-version)" .venv
	@VIRTUAL_ENV=.venv $(UV) pip sync --quiet --require-hashes requirements.lock
	@VIRTUAL_ENV=.venv $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.local/.%.stamp: tools/%.lock .python-version | $(UV)
	@$(UV) venv --quiet --allow-existing --python "$$(cat .python-version)" .local/$*
	@VIRTUAL_ENV=.local/$* $(UV) pip sync --quiet --require-hashes tools/$*.lock
	@touch $@

.PHONY: install
install: .local/.venv.stamp .local/.ministack.stamp .local/.sam.stamp ## install everything the other targets need (they do it by themselves)

.PHONY: lock
lock: $(UV) ## resolve the newest allowed versions into the lock files
	$(UV) pip compile -q --upgrade --universal --python-version 3.13 --generate-hashes --no-header --group dev pyproject.toml -o requirements.lock
	$(UV) pip compile -q --upgrade --universal --python-version 3.13 --generate-hashes --no-header pyproject.toml -c requirements.lock -o layers/common/python/requirements.txt
	$(UV) pip compile -q --upgrade --universal --python-version 3.13 --generate-hashes --no-header tools/ministack.in -o tools/ministack.lock
	$(UV) pip compile -q --upgrade --universal --python-version 3.13 --generate-hashes --no-header tools/sam.in -o tools/sam.lock
