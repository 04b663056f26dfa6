# make demo, make test: environments first, then the demo experiment or every test that needs no GPU and no hub.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help setup demo test test-light test-engines test-slurm bench lint schema reference docs format clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/'

setup: ## build .venv and .venv-llm from pinned lists (seconds when nothing changed)
	@envs/setup.sh $(PYTHON)

demo: setup ## run the demo experiment and name what it made
	snakemake --profile profiles/default
	snakemake --profile profiles/default --report results/experiments/demo/report.html --quiet all
	@rankk results demo

test: setup ## run every test that needs no GPU and no hub; those of engines and of Slurm's daemons, which mostly wait, beside the others
	$(MAKE) --jobs=3 --keep-going --output-sync test-light test-engines test-slurm

test-light:
	pytest -n 2 --dist loadscope --ignore tests/llm --ignore tests/slurm --ignore tests/training

test-engines:
	pytest tests/training tests/llm

test-slurm:
	pytest tests/slurm

bench: setup ## print what the project's own code costs, against the bare tools
	python benchmarks/startup.py
	python benchmarks/overhead.py
	python benchmarks/retrieval.py

lint: setup ## ruff, mypy, snakefmt and Snakemake's own linter
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile rules
	snakemake --lint

schema: setup ## write the JSON schema of configuration files anew
	python -m rankk.schema workflow/schemas/config.schema.yaml

reference: schema ## write the schema and the reference pages of docs/reference anew
	python -m rankk.reference docs/reference

# What is on the documentation site, with its place in the repository.
PAGES = README.md CONTRIBUTING.md CHANGELOG.md NOTICE CITATION.cff docs config benchmarks resources/mini/README.md

docs: reference ## build the documentation site in build/site; a broken link is an error
	rm -rf build/docs && mkdir -p build/docs && cp -r --parents $(PAGES) build/docs
	mkdocs build --strict

format: setup ## format Python and rules in place
	ruff check --fix .
	ruff format .
	snakefmt Snakefile rules

clean: ## delete what the workflow made (results/)
	rm -rf results
