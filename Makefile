# make demo   installs and climbs the demo ladder, then prints the leaderboard
# make test   installs and runs the tests (no network needed after the install)
# make lint   ruff and mypy
# make audit  licences of what is installed, and known vulnerabilities where pip-audit reaches its database
# make fuzz   every parser fed with broken files, FUZZ_SECONDS=600
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin

.PHONY: help demo test lint format clean audit fuzz
help:
	@sed -n 's/^# //p' Makefile

# One stamp an extra set, so that a second run installs nothing.
$(VENV)/installed-demo: pyproject.toml
	@echo "== creating $(VENV) and installing mcqa-suite with its training and quantisation extras (several GB with torch)"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[eval,train,gptq]'
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed-demo
	@echo "== installing the development tools"
	$(BIN)/python -m pip install --quiet --editable '.[eval,train,gptq,dev]'
	@touch $@

demo: $(VENV)/installed-demo
	@echo "== climbing the demo ladder: base, SFT, DPO, GPTQ at 8, 4, 3 and 2 bits, each evaluated in the harness"
	$(BIN)/mcqa run training/configs/demo.yaml --output runs/demo

test: $(VENV)/installed-dev
	@echo "== running the tests"
	$(BIN)/python -m pytest

lint: $(VENV)/installed-dev
	@echo "== ruff and mypy"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

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
