# `make demo` and `make test` set everything up first; they need only Python 3.11 to 3.13.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export FLWR_TELEMETRY_ENABLED ?= 0

# The theme's makers advertise its successor at every build.
export NO_MKDOCS_2_WARNING := 1

.PHONY: setup demo byzantine epsilon training test test-slow test-docs docs catalogues fuzz oracles compat syft bench scale wheel lint types lock clean

setup: $(READY)

# Python compiles the modules that are imported; pip would compile all 19,000.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "make: $(PYTHON) is not Python 3.11, 3.12 or 3.13; run make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY)  ## the main job: a multirun, its table and its figures, in demo/
	$(BIN)/fedrobust run -m experiment=demo

byzantine: $(READY)  ## every rule against every attack: 754 runs, in byzantine/
	$(BIN)/fedrobust run -m experiment=byzantine

training: $(READY)  ## every kind of training under label skew: 48 runs, in training/
	$(BIN)/fedrobust run -m experiment=training

epsilon: $(READY)  ## which training epsilon to choose: 33 runs and the answer, in epsilon/
	$(BIN)/fedrobust run -m experiment=epsilon
	$(BIN)/fedrobust epsilon epsilon

# Most tests keep one core busy, and a worker takes up to 3 GB: two, on any machine.
test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(READY)  ## tests that take minutes, such as adversarial training on MNIST
	$(BIN)/python -m pytest -m slow --timeout 3600 --ignore tests/docs

test-docs: $(READY)  ## run the commands of the documents that take minutes
	$(BIN)/python -m pytest tests/docs -m slow --timeout 3600

docs: $(READY)  ## build the documents into site/, without a network; a broken link fails
	$(BIN)/mkdocs build --strict

catalogues: $(READY)  ## write the pages that are made from conf/ and docstrings
	$(BIN)/python -m tests.docs.write

fuzz: $(READY)  ## an hour of random overrides and files; writes fuzz.json
	FEDROBUST_FUZZ_SECONDS=3600 $(BIN)/python -m pytest tests/test_fuzz.py --timeout 0

# Peers to compare with, in a separate environment with the packages of this project's
# lock. Python and torch are pinned, so that the log states what was compared. torch is
# installed first, and the lock then corrects the versions of its dependencies. byzfl is
# installed without dependencies, as its rules and attacks need only torch, NumPy and
# SciPy (see tests/oracles/conftest.py). So are CleverHans, Foolbox and ART, whose old
# bounds must not change the lock. Foolbox also imports eagerpy and GitPython, and the
# latter needs the last two packages. Opacus imports opt_einsum, which TensorFlow brings.
ORACLES := .oracles
ORACLES_READY := $(ORACLES)/.ready
TORCH := torch==2.13.0
BYZFL := byzfl==0.0.11
OPACUS := opacus==1.6.0
EVASION := cleverhans==4.0.0 foolbox==3.3.4 adversarial-robustness-toolbox==1.20.1 \
  eagerpy==0.30.0 GitPython==3.2.1 gitdb==4.0.12 smmap==5.0.3

# ByzFL, Flower, CleverHans, Foolbox and ART.
oracles: $(ORACLES_READY)  ## compare with the code of peers, and write docs/results/oracles.md
	FEDROBUST_ORACLES=1 $(ORACLES)/bin/python -m pytest tests/oracles

compat:  ## try strategies on each minor version of Flower, and write docs/results/compat.md
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "make: $(PYTHON) is not Python 3.11; run make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m tests.compat

# syft-flwr 0.5 needs Python 3.12 and Flower 1.25. It is installed without dependencies,
# as it needs neither Ray nor flwr-datasets; the list has everything that it needs.
PYTHON312 ?= python3.12
SYFT := .syft
SYFT_READY := $(SYFT)/.ready

syft: $(SYFT_READY)  ## train over syft-flwr, without a network if Linux allows it
	FEDROBUST_SYFT=1 PYTHONPATH=$(CURDIR) \
	  $$(unshare -rn true 2>/dev/null && echo unshare -rn) \
	  $(SYFT)/bin/python -m pytest tests/syft

$(SYFT_READY): examples/syft/requirements.txt
	@$(PYTHON312) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' \
	  || { echo "make: $(PYTHON312) is not Python 3.12; run make PYTHON312=PATH"; exit 1; }
	$(PYTHON312) -m venv $(SYFT)
	$(SYFT)/bin/python -m pip install --quiet --no-deps -r $<
	@touch $@

bench: $(ORACLES_READY)  ## time it against its peers, and write experiments/benchmarks/results.md
	$(ORACLES)/bin/python -m experiments.benchmarks

scale: $(ORACLES_READY)  ## measure how time and memory grow, and draw experiments/benchmarks/scale.png
	$(ORACLES)/bin/python -m experiments.benchmarks.scale

$(ORACLES_READY): requirements.lock pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "make: $(PYTHON) is not Python 3.11; run make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(ORACLES)
	$(ORACLES)/bin/python -m pip install --quiet $(TORCH)
	$(ORACLES)/bin/python -m pip install --quiet --require-hashes -r requirements.lock
	$(ORACLES)/bin/python -m pip install --quiet --no-deps $(BYZFL) $(EVASION) $(OPACUS)
	$(ORACLES)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# The package as users install it: the wheel built from the sdist, in a clean environment.
WHEEL := .wheel

wheel: $(READY)  ## build the sdist and the wheel in dist/, and test the wheel in a clean environment
	rm -rf dist $(WHEEL)
	$(BIN)/python -m hatchling build -t sdist -d dist
	mkdir $(WHEEL) && tar -xzf dist/*.tar.gz -C $(WHEEL) --strip-components 1
	cd $(WHEEL) && ../$(BIN)/python -m hatchling build -t wheel -d ../dist
	$(PYTHON) -m venv $(WHEEL)/env
	$(WHEEL)/env/bin/python -m pip install --quiet --require-hashes -r requirements.lock
	$(WHEEL)/env/bin/python -m pip install --quiet --no-deps dist/*.whl
	$(WHEEL)/env/bin/python -m pip check
	FEDROBUST_WHEEL=$(CURDIR)/$(WHEEL)/env/bin $(BIN)/python -m pytest tests/end_to_end/test_wheel.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

lock:  ## pin every dependency anew; needs uv
	uv pip compile pyproject.toml --extra dev --generate-hashes --universal \
	  --python-version 3.11 --no-header --no-annotate --output-file requirements.lock

clean:
	rm -rf $(VENV) $(ORACLES) $(SYFT) $(WHEEL) .compat dist site outputs multirun demo byzantine training epsilon robustness_attacks
