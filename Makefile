# The records vault: one target a job. Needs Python 3.11 or later, node with npm, and make. One test
# needs Debian's rsyslog and rsyslog-gnutls, and installs them where it runs as root.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# The first Python here that is new enough; `make setup PYTHON=...` names another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
BUF := node_modules/.bin/buf
INSTALLED := $(VENV)/.installed
STUBS := build/.stubs

# What is compiled once need not be compiled again by each of a thousand short processes.
unexport PYTHONDONTWRITEBYTECODE

PROJECTS := pyproject.toml clients/python/pyproject.toml clients/python-masked/pyproject.toml
PROTOS := $(shell find protos -name '*.proto') protos/generate.py
# Checked by mypy: all of our Python, tests included.
SOURCES := $(wildcard vault clients protos bench tools tests)
# Where generated code could be committed by mistake.
GENERATED := '*_pb2.py' '*_pb2.pyi' '*_pb2_grpc.py' '*_pb2_grpc.pyi' stubs build 'clients/*/generated'

.PHONY: help setup stubs check lint types contracts proto generated compiled test demo dev bench soak fuzz docs lock clean distclean

help: ## What there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) node_modules/.installed stubs ## Install everything into .venv and node_modules

$(INSTALLED): requirements/dev.lock $(PROJECTS)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation \
		-e clients/python-masked -e clients/python -e .
	@touch $@

node_modules/.installed: package-lock.json .npmrc
	npm ci --silent
	@touch $@

stubs: $(STUBS) ## Generate the stubs and the descriptor image from protos/

$(STUBS): $(PROTOS) $(INSTALLED)
	$(BIN)/python protos/generate.py
	@touch $@

check: lint types contracts proto generated ## Lint, strict types, import contracts, proto checks

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED) stubs
	$(BIN)/mypy $(SOURCES)

contracts: $(INSTALLED) stubs
	$(BIN)/lint-imports --no-logo

# The contract is compared with the newest one that was released (protos/released/README.md).
proto: stubs node_modules/.installed
	$(BUF) lint build/image.binpb
	@baseline=$$(ls protos/released/*.binpb 2>/dev/null | sort -V | tail -n 1); \
	if [ -n "$$baseline" ]; then \
		echo "$(BUF) breaking build/image.binpb --against $$baseline"; \
		$(BUF) breaking build/image.binpb --against "$$baseline"; \
	else \
		echo "buf breaking: no contract has been released yet, so there is none to break"; \
	fi

generated:
	@tracked=$$(git ls-files -- $(GENERATED)) || exit 1; \
	if [ -n "$$tracked" ]; then echo "generated code is tracked:" >&2; echo "$$tracked" >&2; exit 1; fi

# Collected once, all is compiled, and each of the processes that share the tests reads what is there.
compiled: $(INSTALLED) stubs
	@$(BIN)/python -m pytest --collect-only -qq > /dev/null

# How many tests run at once is in tests/support/sharing.py.
test: setup ## Everything: setup, check and the whole test suite
	+@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check compiled
	$(BIN)/python -m pytest -n auto $(PYTEST_ARGS)

demo: setup ## A vault in .demo with 1,000 customers: the main job, step by step
	$(BIN)/python clients/examples/demo.py --dir .demo

dev: setup ## Run both tiers of a local vault in .demo until interrupted
	$(BIN)/vaultd dev --dir .demo

bench: setup ## Measure the main job, scans, keys, files for life, statements, disposal, bundles; prints and writes .bench/
	$(BIN)/python -m bench
	$(BIN)/python -m bench.contents
	$(BIN)/python -m bench.life
	$(BIN)/python -m bench.statements
	$(BIN)/python -m bench.disposal
	$(BIN)/python -m bench.bundles
	$(BIN)/python -m bench.file_at_once
	$(BIN)/python -m bench.transfers

soak: setup ## Kill the vault 1,000 times under load and in uploads of 2 GiB, on both databases; live 3,000 lives of the register and 500 of retention; rewrap 100,000 keys; compare times of 5,000 answers; import statements of 1 GiB in each format (some hours)
	VAULT_SOAK_KILLS=1000 $(BIN)/python -m pytest tests/hostile/test_killed_server.py
	VAULT_SOAK_UPLOAD_MIB=2048 VAULT_SOAK_UPLOAD_KILLS=10 $(BIN)/python -m pytest tests/hostile/test_killed_uploads.py
	VAULT_SOAK_LIVES=3000 $(BIN)/python -m pytest tests/services/test_need_to_know.py
	VAULT_SOAK_DISPOSALS=500 $(BIN)/python -m pytest tests/services/test_disposal_lives.py
	VAULT_SOAK_TIMES=40 $(BIN)/python -m pytest tests/e2e/test_tipping_off_times.py
	VAULT_SOAK_KEYS=100000 $(BIN)/python -m pytest tests/services/test_rotation_many.py
	VAULT_SOAK_STATEMENT_MIB=1024 $(BIN)/python -m pytest tests/cli/statements/test_statement_import.py -k large

fuzz: setup ## The property tests with 5,000 examples each (about an hour)
	$(BIN)/python -m pytest -m "not slow" --hypothesis-profile=fuzz tests/records tests/sealing tests/audit tests/rpc tests/cli/statements tests/renditions

docs: setup ## Write docs/reference/ from the commands, the contract and the error reasons
	$(BIN)/python -m tools.docs

# Neither an index nor a host is named in a lock: whoever installs brings their own.
LOCK := $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
	--no-emit-index-url --no-emit-find-links --no-annotate \
	--custom-compile-command "make lock" \
	--no-emit-package recordsvault-client --no-emit-package recordsvault-masked-client

lock: ## Refresh requirements/*.lock and package-lock.json to the newest that is allowed
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) pyproject.toml --extra dev -o requirements/dev.lock
	$(LOCK) pyproject.toml -c requirements/dev.lock -o requirements/server.lock
	npm install --silent --package-lock-only

clean: ## Remove generated code, caches, the demo and its data; keep what is installed
	rm -rf build stubs dist clients/*/generated clients/*/dist .demo .bench
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -not -path './node_modules/*' -prune \
		-exec rm -rf {} +

distclean: clean ## Also remove .venv and node_modules
	rm -rf $(VENV) node_modules
