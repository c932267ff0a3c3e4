# The verbs of this repository. `make` alone lists them; CONTRIBUTING.md says more.
.DEFAULT_GOAL := help
.PHONY: help setup demo test matrix soak lint format bench peers generate docs coverage clean

PYTHON ?= python3
JOBS ?= 4  # test files that run at the same time: much of the suite waits for interpreters
BIN := .venv/bin
TYPED := clients/python adapters bridges tools
export ARCUATE_REQUIRE

help:  ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## create .venv with the `arcuate` command in it; install R and Octave where that needs no password
	@$(PYTHON) tools/setup.py

.PHONY: generator everything
generator: setup
	@$(PYTHON) tools/setup.py generate

everything:
	@$(PYTHON) tools/setup.py test

demo: setup  ## R and Octave called from Python on real data (under 20 s)
	$(BIN)/arcuate demo

test: everything  ## run the tests; ARCUATE_REQUIRE=all makes a skip an error, ARGS="-k frames" chooses
	@$(BIN)/python -m compileall -q adapters bridges clients/python  # else each process may do it, of thousands
	$(BIN)/pytest -n $(strip $(JOBS)) --dist loadfile $(ARGS)

matrix: setup  ## every client x transport x environment x case; reports in build/matrix/; ARGS="--client go"
	$(BIN)/arcuate matrix --json build/matrix/matrix.json --junit build/matrix/matrix.xml \
	    --html build/matrix/matrix.html $(ARGS)

soak: everything  ## run the long versions: 10,000 calls, 200 sessions, 100 MB floods, big fuzzing
	ARCUATE_SOAK=1 $(BIN)/pytest -m "soak or not soak" --timeout=3600 $(or $(ARGS),tests)

lint: generator  ## ruff, mypy --strict, the layer contract, buf, generated files in step
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(TYPED)
	$(BIN)/python tools/layers.py
	$(BIN)/python tools/generate.py --check
	$(BIN)/python tools/protocol.py

format: setup  ## let ruff rewrite what it can
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: setup  ## Arcuate beside rpy2 and oct2py, one run; ARGS=--quick for the short one
	@$(PYTHON) tools/setup.py bench
	$(BIN)/python tests/bench/run.py --peers .venv-bench/bin/python $(ARGS)

peers: setup  ## the golden vectors through rpy2, oct2py, reticulate: docs/peers.json and docs/comparison.md
	@$(PYTHON) tools/setup.py peers
	$(BIN)/python -m tests.interop.peers.run $(ARGS)
	$(BIN)/python tools/generate.py

generate: generator  ## rewrite generated files: protobuf code, the type table in the documentation
	$(BIN)/python tools/generate.py

docs: setup  ## build the site into site/, strictly
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

coverage: everything  ## run the tests under coverage, worker processes included; fails below the set figure
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

clean:  ## remove everything that the other verbs made
	rm -rf .venv .venv-* .venv*.lock .tools site dist build htmlcov .coverage .coverage.* \
	    .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
