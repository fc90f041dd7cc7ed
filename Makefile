# Everything a newcomer needs is Python 3.11 or newer and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CATALOG ?= build/demo-catalog

.PHONY: demo test lint format bench bench-formats bench-check docs wheel constraints clean

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "cimkit needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

## demo: make a catalog of the sample city
demo: $(VENV)/.installed
	@$(BIN)/cimkit run pipelines/demo.yaml --catalog $(CATALOG)

## test: run the whole test suite
test: $(VENV)/.installed
	$(BIN)/python -m pytest -n auto --dist loadfile

## lint: style, types
lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

## format: mend what can be mended by itself
format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

## bench: measure convert, check and fuse beside a bare copy (SIZES="10000 100000 1000000")
bench: $(VENV)/.installed
	$(BIN)/python benchmarks/run.py $(SIZES)

## bench-formats: measure the ways from GeoPackage, Shapefile and GeoJSON to GeoParquet (SIZES="1000000 5000000")
bench-formats: $(VENV)/.installed
	$(BIN)/python benchmarks/formats.py $(SIZES)

## bench-check: measure a check beside a hand-written query and jsonschema (SIZES="1000000 10000000")
bench-check: $(VENV)/.installed
	$(BIN)/python benchmarks/check_speed.py $(SIZES)

## suite: the official JSON Schema test suite, keyword by keyword (SUITE=folder)
SUITE ?= ../shared/suites/json-schema-test-suite
suite: $(VENV)/.installed
	$(BIN)/python tests/check/suite.py $(SUITE)

## docs: write the help texts into docs/commands again
docs: $(VENV)/.installed
	$(BIN)/python docs/generate.py

## wheel: build the package
wheel: $(VENV)/.installed
	$(BIN)/python -m build --quiet --outdir dist

## constraints: pin the versions that a fresh environment gets today
constraints:
	rm -rf build/constraints && $(PYTHON) -m venv build/constraints
	build/constraints/bin/python -m pip install --quiet --disable-pip-version-check '.[dev]'
	build/constraints/bin/python -m pip freeze --exclude cimkit --exclude pip --exclude setuptools > constraints.txt

clean:
	rm -rf build dist .venv
