# Every command here is one that a newcomer, CI and we run alike. Python 3.11+ and make are all it takes.
.DELETE_ON_ERROR:
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := requirements-dev.lock
NEWEST := .venv-newest
CANARY ?= good
GATEWAY ?= envoy
N ?= 10000
SEED ?= 0

.PHONY: demo demo-cluster products spring-gateway test simulate check e2e e2e-all newest lock on-host on-jvm in-cluster bench cluster cluster-down clean

# Exactly the versions of the lock, each file known by its hash: the same on every machine and on every day. Packages that
# would have to be built are refused, since what builds them is not in the lock. Set up again only when it would differ.
$(VENV)/.installed: pyproject.toml $(LOCK)
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "gatewayctl needs Python 3.11 or newer, this is %d.%d; name one with PYTHON=python3.11" % v[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (once; takes a minute)"
	@$(PIP) --require-hashes --only-binary :all: --requirement $(LOCK)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(VENV)/.installed  ## a whole release on this machine; GATEWAY=nginx|spring-cloud-gateway puts another gateway in front, CANARY=errors|slow|crash|unready shows one rejected; RAMP=mesh|ingress|hourly gives it real traffic in steps, CANARY=errors2pct|slow3x fails one
	@$(if $(filter spring-cloud-gateway,$(GATEWAY)),GATEWAYCTL_SPRING_GATEWAY="$$($(BIN)/python -m tests.gateways.springcloud.product 4.3)") \
		$(BIN)/gatewayctl demo --gateway $(GATEWAY) --canary $(CANARY) $(if $(RAMP),--ramp $(RAMP))

spring-gateway: $(VENV)/.installed  ## the jar of a real Spring Cloud Gateway, from Maven Central; prints where it is
	@$(BIN)/python -m tests.gateways.springcloud.product 4.3

demo-cluster: $(VENV)/.installed  ## the same on a real Kubernetes, made for it and removed afterwards
	@env -u KUBECONFIG $(BIN)/python -m tests.cluster run --name demo -- $(BIN)/python -m tests.cluster.demo $(CANARY)

test: $(VENV)/.installed  ## every hermetic test that takes no minutes; what a gateway product is missing for is told at the end
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -rs --ignore tests/e2e -m "not whole and not jvm and not all"

# Envoy comes from PyPI. The others are the system's, and starting them is the tests' business, not the system's.
products:  ## install the gateway products that tests and demos run for real (Debian, root)
	@test "$$(id -u)" = 0 || { echo "make products installs Debian packages: run it with sudo"; exit 1; }
	@apt-get update -q
	@RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -q nginx-light openjdk-17-jdk-headless maven
	@RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends prometheus

simulate: $(VENV)/.installed  ## N schedules of the simulated world from SEED on, on every core; N=1 prints each step, DRAWS=1 each draw, FORCE="DRAW=OUTCOME" forces one
	@$(BIN)/python -m tests.simulation --seed $(SEED) --count $(N) $(if $(DRAWS),--draws) $(if $(FORCE),--force "$(FORCE)")

check: $(VENV)/.installed  ## style, types, and the direction of imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# Root, Linux and a few Debian packages are needed, and named when they are missing; the first time takes ten minutes more.
e2e: $(VENV)/.installed  ## end to end: whole releases on this machine, then on a real Kubernetes, made for it and removed afterwards
	@$(MAKE) --no-print-directory on-host
	@$(MAKE) --no-print-directory on-jvm
	@$(BIN)/python -m tests.cluster run --name e2e -- $(MAKE) --no-print-directory in-cluster

on-host:
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -rs --ignore tests/e2e -m "whole and not jvm and not all"

on-jvm:
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -rs --ignore tests/e2e -m "jvm and not all"

# The tests wait more than they work, so four at a time; those that need the cluster for themselves come after.
in-cluster:
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder tests/e2e tests/contract -m "cluster and not alone and not all" $(E2E)
	@$(BIN)/python -m pytest tests/e2e -m "alone and not all" $(E2E)

# What makes e2e no surer for its length: more of the same, and an Envoy Gateway, which takes ten minutes to build once.
e2e-all: $(VENV)/.installed  ## what e2e leaves out: the newest versions, a real Envoy Gateway, longer load, more moments at which something breaks
	@$(MAKE) --no-print-directory newest
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder -rs --ignore tests/e2e -m all
	@$(BIN)/python -m tests.cluster build --envoy-gateway
	@$(BIN)/python -m tests.cluster run --name e2e-all -- $(BIN)/python -m pytest tests/e2e -m all $(E2E)

# What needs a cluster makes one as e2e does, or says loudly that it was skipped, and what would make it possible.
bench: $(VENV)/.installed  ## every figure of docs/bench.md, beside its baseline; some twenty minutes
	@$(BIN)/python -m bench all

cluster: $(VENV)/.installed  ## a real Kubernetes with the example in it, kept until make cluster-down
	@$(BIN)/python -m tests.cluster up
	@$(BIN)/python -m tests.cluster shop

cluster-down: $(VENV)/.installed  ## end it
	@$(BIN)/python -m tests.cluster down

# The newest of everything is what a user gets who installs today; the lock keeps its faults out of other work until then.
newest:  ## check, test and whole releases with the newest versions that pyproject.toml allows, in an environment of its own
	@test -x $(NEWEST)/bin/python || $(PYTHON) -m venv $(NEWEST)
	@$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade --upgrade-strategy eager --editable '.[dev]'
	@touch $(NEWEST)/.installed
	@$(MAKE) --no-print-directory VENV=$(NEWEST) check test on-host

lock:  ## pin what development and CI install, again, to the newest versions that pyproject.toml allows
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(PYTHON) -m venv "$$folder" \
		&& "$$folder/bin/python" -m pip install --quiet --disable-pip-version-check 'uv>=0.9' \
		&& "$$folder/bin/uv" pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
			--only-binary :all: --generate-hashes --no-annotate --quiet --custom-compile-command 'make lock' --output-file $(LOCK)

clean:
	rm -rf $(VENV) $(NEWEST) .gatewayctl
