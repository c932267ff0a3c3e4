.DEFAULT_GOAL := setup
.PHONY: setup
setup:  ## create .venv with everything in it
	test -d .venv || python3 -m venv .venv
	.venv/bin/pip install -q -e '.[dev]' rpy2-rinterface==3.6.4
