# parkgap: `make run` produces the Shanghai study, `make test` passes the tests.
# Both create the environment first; uv is used where it is present, else venv and pip.

SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STUDY ?= shanghai
OSM ?=
CORES ?= 2
UV := $(shell command -v uv 2>/dev/null)

.PHONY: run test lint sbom site system-packages docs screenshot bench clean help
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

run: $(VENV)/.product ## create the environment and produce the study (STUDY=, OSM=)
	$(BIN)/parkgap run --study $(STUDY) --cores $(CORES) $(if $(OSM),--osm $(OSM))

test: $(VENV)/.test ## create the environment and pass the tests
	$(BIN)/python -m pytest -n $(CORES) --dist loadgroup

lint: $(VENV)/.test ## format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.product ## write the generated documentation again
	$(BIN)/parkgap docs

sbom: $(VENV)/.test ## write the software bill of materials (build/sbom.cdx.json)
	$(BIN)/python -m tests.faults.dependencies build/sbom.cdx.json

site: $(VENV)/.docs ## build the documentation site, without network (build/site/index.html)
	$(BIN)/python -m sphinx -W --keep-going -q -b html -d build/.doctrees docs build/site

system-packages: ## what the tests need from Debian: Chromium, QGIS, a CJK font
	apt-get update
	apt-get install -y --no-install-recommends chromium fonts-noto-cjk qgis python3-qgis python3-gdal

clean: ## remove what was built, keep the environment
	rm -rf layers/built outputs/*/ .snakemake

$(VENV)/pyvenv.cfg:
ifdef UV
	uv venv --quiet --python $(PYTHON) $(VENV)
else
	$(PYTHON) -m venv $(VENV)
endif

ifdef UV
INSTALL := uv pip install --quiet --compile-bytecode --python $(BIN)/python -c constraints.txt
else
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
endif

$(VENV)/.product: $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
ifndef UV
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
endif
	$(INSTALL) -e .
	command -v npm >/dev/null || $(INSTALL) --group node
	$(BIN)/python -m pipeline.publish.assets
	touch $@

$(VENV)/.test: $(VENV)/.product
	$(INSTALL) --group test
	touch $@

$(VENV)/.docs: $(VENV)/.product
	$(INSTALL) --group docs
	touch $@

screenshot: run ## draw the README's picture from the built overview (needs Chromium)
	$(BIN)/python -m pipeline.publish.screenshot outputs/$(STUDY)/maps/overview.html docs/overview.png

PEERS ?= build/peers
bench: $(VENV)/.test ## measure against the peers, side by side (writes benchmarks/RESULTS.md)
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check igraph pandana pyrosm osmnx
	$(BIN)/python -m benchmarks --peers $(PEERS)/bin/python
