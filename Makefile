# Python 3.11 or newer and make are all that is needed; the rest goes into .venv.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
READY := $(VENV)/ready
COMPILE := $(RUN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links

.PHONY: demo test sure bench serve format lock
.DELETE_ON_ERROR:

demo: $(READY) ## An evening of an agency, played over real HTTP; ONCE=1 writes demo.json and ends.
	$(RUN)/relief demo $(if $(ONCE),--once)

test: $(READY) ## The tests, but for those that take their time.
	$(RUN)/python -m pytest -n 2 --dist worksteal

sure: $(READY) ## Every other check, and the tests that take their time.
	$(RUN)/ruff check
	$(RUN)/ruff format --check
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/relief migrate --sql | $(RUN)/squawk --stdin-filepath migrations.sql
	$(RUN)/python -m pytest -n 2 --dist worksteal -m thorough tests/test_contract.py
	$(RUN)/python -m pytest -n 2 --dist loadfile -m thorough --ignore tests/test_contract.py

bench: $(READY) ## What it costs, beside what it is compared with.
	$(RUN)/python -m bench

serve: $(READY) ## The server, with a database of its own.
	$(RUN)/relief serve

format: $(READY)
	$(RUN)/ruff check --fix-only
	$(RUN)/ruff format

lock: $(READY) ## The newest versions of everything, with their hashes.
	$(RUN)/python -m pip install --quiet uv
	$(COMPILE) --upgrade --output-file requirements.lock pyproject.toml
	$(COMPILE) --upgrade --output-file requirements-dev.lock --constraint requirements.lock --group dev pyproject.toml

$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Python 3.11 or newer with venv is needed: install it (on Debian: python3-venv)'; \
		echo 'or name one: make PYTHON=/path/to/python3'; exit 1; }
	@echo 'Installing what is needed into $(VENV), once: this takes a minute or two.'
	$(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
