# One command per intention. Each makes its own environment first; nothing needs to be installed or activated but python3.
PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --extra all pyproject.toml --upgrade
export UV_PYTHON_DOWNLOADS := never
export UV_CUSTOM_COMPILE_COMMAND := make lock
# An activated environment, or a PYTHONPATH from outside, must not change what runs.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help demo test check dev bench bench-lambda chaos chaos-full package infra infra-apply lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/stamp ## run the demo on SQLite: jobs, one tick killed with -9 half-way, and the next that goes on
	$(BIN)/python examples/demo/run.py

test: .venv/stamp ## run the tests on SQLite and a real PostgreSQL; ARGS="-k name" narrows
	$(PYTEST) -n 2 -m "not chaos_full and not bench" $(ARGS)

check: .venv/stamp ## lint, format, types and layers, changing nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

dev: .venv/stamp ## everything in one process: ticks, timers and the dashboard (TICKOVER_APP, else handlers/app.py)
	TICKOVER_DATABASE_URL=$${TICKOVER_DATABASE_URL:-sqlite:///jobs.db} TICKOVER_APP=$${TICKOVER_APP:-handlers.app:jobs} \
		$(BIN)/tickover dev

bench: .venv-bench/stamp ## measure ourselves against the peers, in an environment of its own
	.venv-bench/bin/python benchmarks/run.py $(ARGS)

bench-lambda: .venv/stamp ## cold starts and wake latency of the Lambda functions, in the twin
	$(BIN)/python benchmarks/aws_lambda.py $(ARGS)

package: dist/lambda/tick.zip dist/lambda/web.zip ## what Lambda unpacks: dist/lambda/tick.zip and web.zip

infra: .venvs/sam .venvs/cfn-lint .venvs/checkov ## lint the SAM template and the Terraform module, and test the module's plan
	.venvs/cfn-lint/bin/cfn-lint template.yaml
	SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=eu-west-1 .venvs/sam/bin/sam validate --lint
	.venvs/checkov/bin/checkov --config-file infra/checkov.yaml --framework cloudformation -f template.yaml
	.venvs/checkov/bin/checkov --config-file infra/checkov.yaml --framework terraform -d infra/terraform
	terraform fmt -check -recursive infra/terraform
	terraform -chdir=infra/terraform init -input=false -backend=false $(TF_INIT)
	terraform -chdir=infra/terraform validate
	terraform -chdir=infra/terraform test

infra-apply: .venv/stamp package ## apply the Terraform module to a moto server on this machine, and destroy it again
	$(BIN)/python infra/apply.py $(TF_INIT)

chaos: .venv/stamp ## kill, freeze and cut connections for a minute, then check the invariants
	$(PYTEST) -m chaos $(ARGS)

chaos-full: .venv/stamp ## the same at full size: every seed, both databases
	$(PYTEST) -m chaos_full --timeout 0 $(ARGS)

lock: .venv/stamp ## write requirements-dev.txt and requirements-bench.txt anew from pyproject.toml
	$(LOCK) --group dev --output-file requirements-dev.txt
	$(LOCK) --group bench --constraint requirements-dev.txt --output-file requirements-bench.txt

clean: ## remove the environments and every cache
	rm -rf .venv .venv-bench .venvs .coverage htmlcov dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment is made anew when its lock or pyproject.toml is newer than its stamp. pip installs uv, by the hashes in the
# lock; uv installs the rest, which is faster. The build backend is locked as well (no build isolation).
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tickover needs Python 3.11 or newer: make PYTHON=…")'
	@test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.txt > $(@D)/uv.txt
	@test -x $(@D)/bin/uv || $(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(@D)/uv.txt
	$(@D)/bin/uv pip install --quiet --python $(@D)/bin/python --require-hashes -r $<
	$(@D)/bin/uv pip install --quiet --python $(@D)/bin/python --no-deps --no-build-isolation -e .
	@touch $@
endef

.venv/stamp: requirements-dev.txt pyproject.toml
	$(environment)

.venv-bench/stamp: requirements-bench.txt requirements-dev.txt pyproject.toml
	$(environment)

# Each in an environment of its own: they pin versions that the library must not be bound by.
.venvs/sam:
	$(PYTHON) -m venv $@ && $@/bin/pip install --quiet aws-sam-cli
.venvs/cfn-lint .venvs/checkov:
	$(PYTHON) -m venv $@ && $@/bin/pip install --quiet $(@F)

dist/lambda/%.zip: .venv/stamp infra/package.py pyproject.toml $(shell find src ui/tickover_ui handlers -type f -not -name '*.pyc')
	$(BIN)/python infra/package.py dist/lambda/$* $(if $(filter web,$*),--extras web) --zip $@
