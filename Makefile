# `make demo` and `make test` set everything up on a fresh machine: Python 3.11 or newer, git and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test browser lint format bench bench-quick clean setup

setup: $(READY)

$(READY): pyproject.toml constraints.txt hatch_build.py src/origin/core/native/rows.c
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	touch $@

demo: $(READY)
	$(BIN)/python examples/digits.py
	$(BIN)/python examples/reviews.py
	$(BIN)/python examples/licenses.py
	$(BIN)/python examples/handover.py

test: $(READY) browser
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

# Tests look at pages in Chromium. Where Debian's packages are not to be had, install one, or name it in CHROME_PATH.
browser:
	@test -n "$(CHROME_PATH)" && exit 0; \
	for name in chromium chromium-browser google-chrome google-chrome-stable; do \
	    command -v $$name > /dev/null && exit 0; \
	done; \
	apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium > /dev/null

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python scripts/check_sizes.py

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY)
	$(BIN)/python -m benchmarks.run

bench-quick: $(READY)
	$(BIN)/python -m benchmarks.run --quick

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
