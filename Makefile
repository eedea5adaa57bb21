# Frikort's commands; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed-from-lock
LOCK := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet

.DEFAULT_GOAL := help
APT := DEBIAN_FRONTEND=noninteractive apt-get
# Installs a Debian package where make runs as root; fails elsewhere.
debian = [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && echo 'The Debian package $(1) is installed ...' && \
	$(APT) update --quiet=2 && $(APT) install --yes --quiet=2 --no-install-recommends $(1) >/dev/null

.PHONY: help run test verify chromium fuzz simulate demo chaos bench lint schemas chart sbom assets texts screenshots lock clean

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: $(INSTALLED) ## run the whole system on this machine until Ctrl-C: PORT=8080 of the portals, moves all others
	@PORT=$(PORT) $(VENV)/bin/python -m deploy.local

test: $(INSTALLED) chromium ## run all tests, on a real broker and database
	@$(VENV)/bin/python -m pytest --numprocesses=3 --no-loadscope-reorder

verify: $(INSTALLED) ## run the checks that take longer, at most an hour: ONLY="contracts clients" SEEDS=500 ROUNDS=6
	@ONLY="$(ONLY)" SEEDS=$(SEEDS) ROUNDS=$(ROUNDS) $(VENV)/bin/python -m tests.verify

simulate: $(INSTALLED) ## play the whole system under faults, SEEDS=1000 times, or SEED=n once; STEPS=1 scales it
	@$(VENV)/bin/python -m tests.simulation --seeds $(or $(SEEDS),1000) --steps $(or $(STEPS),1) $(if $(SEED),--seed $(SEED))

fuzz: $(INSTALLED) ## random input to the API and to every decoder: TIME=300 seconds, SEEDS= rounds, SEED= of the first
	@TIME=$(TIME) SEEDS=$(SEEDS) SEED=$(SEED) $(VENV)/bin/python -m tests.fuzz

demo: $(INSTALLED) ## play one citizen's year through the public API and check every figure
	@$(VENV)/bin/python -m tests.demo

chaos: $(INSTALLED) ## kill processes under load and reconcile all figures: ROUNDS=20 SECONDS=8 PROFILE=single|cluster SEED=
	@ROUNDS=$(ROUNDS) SECONDS=$(SECONDS) PROFILE=$(PROFILE) SEED=$(SEED) $(VENV)/bin/python -m tests.chaos

bench: $(INSTALLED) ## measure speed against the floor and against others: EVENTS=200000 REPEAT=5 ONLY="row or case" ...
	@$(VENV)/bin/python -m tests.bench $(if $(EVENTS),--events $(EVENTS)) $(if $(REPEAT),--repeat $(REPEAT)) \
		$(if $(ONLY),--only $(ONLY))

lint: $(INSTALLED) ## ruff, mypy --strict, import rules
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

schemas: $(INSTALLED) ## write the JSON Schemas, the AsyncAPI and the OpenAPI document
	@$(VENV)/bin/python -m deploy.generate_contracts

chart: $(INSTALLED) ## write the generated files of the Helm chart: topics, rights, consumer groups, alert rules, dashboard
	@$(VENV)/bin/python -m deploy.generate_chart

sbom: $(INSTALLED) ## write the list of the image's packages (CycloneDX) from the lock file
	@$(VENV)/bin/python -m deploy.generate_sbom

assets: $(INSTALLED) ## copy what the pages use of the design system from npm into the tree
	@$(VENV)/bin/python -m deploy.vendor_assets

texts: $(INSTALLED) ## bring the English catalogues of the pages up to date, and list what lacks a translation
	@$(VENV)/bin/python -m deploy.update_texts

screenshots: $(INSTALLED) ## retake the pictures in docs/portals
	@SCREENSHOTS=1 $(VENV)/bin/python -m pytest tests/portals

lock: $(INSTALLED) ## resolve the dependencies of pyproject.toml, with hashes
	$(VENV)/bin/python -m pip install --quiet uv==0.13.9
	$(VENV)/bin/$(LOCK) pyproject.toml --extra s3 --output-file requirements/runtime.txt
	$(VENV)/bin/$(LOCK) pyproject.toml --group dev --output-file requirements/dev.txt
	$(VENV)/bin/$(LOCK) --group pyproject.toml:bench --output-file requirements/bench.txt
	$(VENV)/bin/python -m deploy.generate_sbom

clean: ## delete the environment, what was fetched, and the data of `make run`
	rm -rf $(VENV) .cache $(if $(FRIKORT_CACHE),$(FRIKORT_CACHE)/run $(FRIKORT_CACHE)/run-*) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(INSTALLED): requirements/dev.txt contracts/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'Frikort needs Python 3.11 or newer as `$(PYTHON)`. On Debian 12 or Ubuntu 24.04: `apt-get install python3`;' \
			'use another one with `make PYTHON=python3.12 ...`.' >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { $(call debian,python3-venv); } || { \
		echo 'Python has no venv module here. On Debian or Ubuntu: `apt-get install python3-venv`.' >&2; exit 1; }
	@echo 'Python packages are installed into $(VENV) ...'
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/dev.txt
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable contracts
	@touch $@

chromium:
	@[ -x /usr/bin/chromium ] || { $(call debian,chromium); } || \
		echo 'The tests of the pages will fail: they need Chromium. On Debian: `sudo apt-get install chromium`.' >&2
