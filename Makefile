# make lab    try it: JupyterLab on the first tutorial
# make test   check it: style, types, contracts, every tier of tests, the notebooks
# make thorough  every test but those in the browser, in all combinations, with hundreds of kills and of random inputs
# make shots  the browser tests, with pictures of what they see in tests/browser/shots
# make replayed  every behaviour test once more, with each run dropped and replayed at every durable point
# make docs   the documentation as web pages: build/docs/index.html
# make bench  measure it, side by side with the peer
# make bench-others  measure one workflow in DBOS too
# make picture  make the animated picture of the README anew, in a real browser
# make dist   build wheel and sdist into dist/, check what they hold, and try each extra in an empty environment
# make fmt    format and fix what can be fixed
# make outputs  run the tutorials headless and keep what they print
# make clean  remove everything that the commands above made
# make help   print this list
#
# All that is installed goes into the checkout. Nothing is registered with the user or the system.

.DELETE_ON_ERROR:
.PHONY: lab test rest thorough shots replayed docs bench bench-others picture dist fmt outputs clean help lint types pytest notebooks

# The first Python on PATH that is new enough; `make PYTHON=...` decides otherwise.
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
  $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$each && break; done)

VENV := .venv
BENCH := .bench-venv
DOCS := .docs-venv
DIST := .dist-venv
OTHERS := .others-venv
VENVS := $(VENV) $(BENCH) $(DOCS) $(DIST) $(OTHERS)
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
STAMPS := $(VENV)/.lab $(VENV)/.dev $(BENCH)/.bench $(DOCS)/.docs $(DIST)/.dist $(OTHERS)/.others
$(foreach stamp,$(STAMPS),$(shell test -x $(dir $(stamp))bin/python && grep -qsxF '$(CURDIR)' $(stamp) || rm -f $(stamp)))

$(VENVS:%=%/bin/python): %/bin/python:
	$(call make_venv,$*)

$(VENV)/.lab: pyproject.toml | $(BIN)/python
	$(BIN)/python $(PIP_INSTALL) --editable '.[demo]'
	@echo '$(CURDIR)' > $@

$(VENV)/.dev: pyproject.toml | $(BIN)/python
	$(BIN)/python $(PIP_INSTALL) --editable '.[demo]' --group dev
	@echo '$(CURDIR)' | tee $(VENV)/.lab > $@

$(BENCH)/.bench: pyproject.toml | $(BENCH)/bin/python
	$(BENCH)/bin/python $(PIP_INSTALL) --editable . --group bench
	@echo '$(CURDIR)' > $@

$(DOCS)/.docs: pyproject.toml | $(DOCS)/bin/python
	$(DOCS)/bin/python $(PIP_INSTALL) --editable . --group docs
	@echo '$(CURDIR)' > $@

$(DIST)/.dist: pyproject.toml | $(DIST)/bin/python
	$(DIST)/bin/python $(PIP_INSTALL) --group dist
	@echo '$(CURDIR)' > $@

$(OTHERS)/.others: pyproject.toml | $(OTHERS)/bin/python
	$(OTHERS)/bin/python $(PIP_INSTALL) --editable . --group others
	@echo '$(CURDIR)' > $@

lab: $(VENV)/.lab
	$(BIN)/python -m jupyterlab $(if $(filter 0,$(shell id -u)),--allow-root) $(wildcard $(FIRST_NOTEBOOK))

# In this order, whatever -j says: the cheapest verdict first.
.NOTPARALLEL:
test: lint
test: THIRD = types rest notebooks
pytest: THIRD = rest

lint: $(VENV)/.dev
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check

types: $(VENV)/.dev
	$(BIN)/python -m mypy
	$(BIN)/python $(BIN)/lint-imports

# Tests write hundreds of databases: in memory, where there is room for their largest values (kB).
ROOMY := $(shell test "$$(df -Pk /dev/shm 2>/dev/null | awk 'END {print $$4}')" -gt 4000000 2>/dev/null && echo /dev/shm)
test pytest rest thorough replayed: export TMPDIR := $(or $(ROOMY),$(TMPDIR),/tmp)
PYTEST := $(BIN)/python -m pytest -p no:nbval

# They also start hundreds of Pythons, kernels among them: none compiles again what another one has, whatever is said
# outside. `make clean` removes it.
test pytest rest thorough shots replayed notebooks: export PYTHONDONTWRITEBYTECODE =

# Tests wait much of their time, in the browser above all: three parts side by side, each of whose verdicts is told.
BESIDE := browser runs
PART_browser := tests/browser
PART_runs := tests/behaviour tests/laws
PART_rest := $(filter-out $(foreach part,$(BESIDE),$(PART_$(part))),$(patsubst %/,%,$(filter-out %__pycache__/,$(wildcard tests/*/))))
test pytest: $(VENV)/.dev
	@mkdir -p build; \
	$(foreach part,$(BESIDE),$(PYTEST) $(PART_$(part)) >build/$(part)-tests.log 2>&1 & $(part)=$$!; ) \
	trap "kill $(foreach part,$(BESIDE),$$$(part))" INT TERM; \
	$(MAKE) --no-print-directory $(THIRD); bad=$$?; \
	for part in $(foreach part,$(BESIDE),$(part):$$$(part)); do \
	  wait $${part#*:} || bad=1; cat build/$${part%:*}-tests.log; \
	done; \
	exit $$bad

rest: $(VENV)/.dev
	$(PYTEST) $(PART_rest)

thorough: export NBFLOW_THOROUGH = 1
thorough: $(VENV)/.dev
	$(PYTEST) -m "not browser"

shots: export NBFLOW_SHOTS = 1
shots: export NBFLOW_THOROUGH = 1
shots: $(VENV)/.dev
	$(PYTEST) tests/browser

# Failures are told by Python itself: pytest parses sources while threads of dropped runs do, which older Pythons break at.
replayed: export NBFLOW_ALWAYS_REPLAY = 1
replayed: $(VENV)/.dev
	$(PYTEST) --tb=native tests/behaviour

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

# The pages and what they are made of: gathered, built with each warning as an error, and looked through for what they
# would ask the network for. Help is as wide as COLUMNS says.
docs: export COLUMNS = 88
docs: $(DOCS)/.docs
	$(DOCS)/bin/python -m docs.pages build/docs-source
	$(DOCS)/bin/python -m sphinx -W --keep-going -E -q -b html -c docs build/docs-source build/docs
	$(DOCS)/bin/python -m docs.pages.offline build/docs
	@echo "build/docs/index.html"

bench: $(BENCH)/.bench
	$(BENCH)/bin/python benchmarks/run.py

bench-others: $(OTHERS)/.others
	$(OTHERS)/bin/python benchmarks/others.py

picture: $(VENV)/.dev
	$(BIN)/python -m tests.browser.animated docs/pictures/study.gif

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
	rm -rf $(VENVS) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache tests/browser/shots
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@sed -n 's/^# make/make/p' $(firstword $(MAKEFILE_LIST))
