# make lab    try it: JupyterLab on the first tutorial
# make test   check it: style, types, contracts, every tier of tests, the notebooks
# make replayed  every behaviour test once more, with each run dropped and replayed at every durable point
# make bench  measure it, side by side with the peer
# make dist   build wheel and sdist into dist/, check what they hold, and try each extra in an empty environment
# make fmt    format and fix what can be fixed
# make outputs  run the tutorials headless and keep what they print
# make clean  remove everything that the commands above made
#
# All that is installed goes into the checkout. Nothing is registered with the user or the system.

.DELETE_ON_ERROR:
.PHONY: lab test replayed bench dist fmt outputs clean lint types pytest notebooks

# The first Python on PATH that is new enough; `make PYTHON=...` decides otherwise.
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)

VENV := .venv
BENCH := .bench-venv
DIST := .dist-venv
BIN := $(VENV)/bin
FIRST_NOTEBOOK := notebooks/01_quickstart.ipynb
NOTEBOOKS := $(wildcard notebooks/*.ipynb)
NOTEBOOKS_COPY := build/notebooks

PIP_INSTALL = -m pip install --quiet --disable-pip-version-check

# $(call make_venv,FOLDER): a fresh environment whose pip knows --group (25.1)
define make_venv
@test -n "$(PYTHON)" || { echo "nbflow needs Python 3.11 or newer on PATH, or: make PYTHON=/path/to/python3" >&2; exit 1; }
$(PYTHON) -m venv --clear $(1)
$(1)/bin/python $(PIP_INSTALL) --upgrade 'pip>=25.1'
endef

# A stamp says that its environment is complete, and for which folder. It goes, before make looks at it, when
# the Python behind the environment is gone or the checkout was moved.
STAMPS := $(VENV)/.lab $(VENV)/.dev $(BENCH)/.bench $(DIST)/.dist
$(foreach stamp,$(STAMPS),$(shell test -x $(dir $(stamp))bin/python && grep -qsxF '$(CURDIR)' $(stamp) || rm -f $(stamp)))

$(BIN)/python:
	$(call make_venv,$(VENV))

$(BENCH)/bin/python:
	$(call make_venv,$(BENCH))

$(DIST)/bin/python:
	$(call make_venv,$(DIST))

$(VENV)/.lab: pyproject.toml | $(BIN)/python
	$(BIN)/python $(PIP_INSTALL) --editable '.[demo]'
	@echo '$(CURDIR)' > $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python $(PIP_INSTALL) --editable '.[demo]' --group dev
	@echo '$(CURDIR)' | tee $(VENV)/.lab > $@

$(BENCH)/.bench: pyproject.toml | $(BENCH)/bin/python
	$(BENCH)/bin/python $(PIP_INSTALL) --editable . --group bench
	@echo '$(CURDIR)' > $@

$(DIST)/.dist: pyproject.toml | $(DIST)/bin/python
	$(DIST)/bin/python $(PIP_INSTALL) --group dist
	@echo '$(CURDIR)' > $@

lab: $(VENV)/.lab
	$(BIN)/python -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) $(wildcard $(FIRST_NOTEBOOK))

# In this order, whatever -j says: the cheapest verdict first.
.NOTPARALLEL:
test: lint types pytest notebooks

lint: $(VENV)/.dev
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check

types: $(VENV)/.dev
	$(BIN)/python -m mypy
	$(BIN)/python $(BIN)/lint-imports

# The browser tier waits most of its time, so it runs beside the others, and is told when both are over.
pytest: $(VENV)/.dev
	@mkdir -p build; \
	$(BIN)/python -m pytest tests/browser >build/browser-tests.log 2>&1 & browser=$$!; \
	trap "kill $$browser" INT TERM; \
	$(BIN)/python -m pytest -m "not browser"; others=$$?; \
	wait $$browser; browser=$$?; \
	cat build/browser-tests.log; \
	exit $$((others | browser))

# Failures are told by Python itself: pytest parses sources while threads of dropped runs do, which older Pythons break at.
replayed: export NBFLOW_ALWAYS_REPLAY = 1
replayed: $(VENV)/.dev
	$(BIN)/python -m pytest --tb=native tests/behaviour

# Tutorials run as a new reader would run them: in a copy, where no earlier run has left its threads, and
# without anybody's settings. Their kernels warn about things of their own, which are no error of ours.
notebooks: export IPYTHONDIR = $(CURDIR)/$(VENV)/ipython
notebooks: export NBFLOW_ANSWERS = $(CURDIR)/notebooks/answers.json
notebooks: export JUPYTER_CONFIG_DIR = $(CURDIR)/$(VENV)/jupyter
notebooks: $(VENV)/.dev
ifeq ($(NOTEBOOKS),)
	@echo "no notebooks yet"
else
	rm -rf $(NOTEBOOKS_COPY) && mkdir -p build && cp -R notebooks $(NOTEBOOKS_COPY) && rm -rf $(addprefix $(NOTEBOOKS_COPY)/,.nbflow made work.log)
	$(BIN)/python -m pytest -p no:cacheprovider -W default --nbval --nbval-current-env --nbval-cell-timeout 60 \
	  --nbval-sanitize-with tests/nbval_sanitize.cfg $(NOTEBOOKS:notebooks/%=$(NOTEBOOKS_COPY)/%)
endif

outputs: export NBFLOW_ANSWERS = $(CURDIR)/notebooks/answers.json
outputs: $(VENV)/.dev
	rm -rf $(NOTEBOOKS_COPY) && mkdir -p build && cp -R notebooks $(NOTEBOOKS_COPY) && rm -rf $(addprefix $(NOTEBOOKS_COPY)/,.nbflow made work.log)
	$(BIN)/python -m jupyter nbconvert --execute --inplace --to notebook \
	  --ExecutePreprocessor.record_timing=False --ExecutePreprocessor.store_widget_state=False $(NOTEBOOKS:notebooks/%=$(NOTEBOOKS_COPY)/%)
	cp $(NOTEBOOKS_COPY)/*.ipynb notebooks/

bench: $(BENCH)/.bench
	$(BENCH)/bin/python benchmarks/run.py

# The wheel in dist/ comes out of the sdist; another one, out of the tree, has to be the same.
dist: $(DIST)/.dist
	rm -rf dist build/wheel
	$(DIST)/bin/python -m build --outdir dist
	$(DIST)/bin/python -m build --wheel --outdir build/wheel
	$(DIST)/bin/python -m twine check --strict dist/*
	$(DIST)/bin/python -m tests.packaging.contents dist build/wheel
	$(DIST)/bin/python -m tests.packaging.extras dist/*.whl

fmt: $(VENV)/.dev
	$(BIN)/python -m ruff check --fix
	$(BIN)/python -m ruff format

clean:
	rm -rf $(VENV) $(BENCH) $(DIST) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache tests/browser/shots
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
