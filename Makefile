# The commands that people and CI run. `make demo` and `make test` work on a machine with Rust, a C++ compiler, make and
# Python 3; everything else that they need is fetched.

SHELL := /bin/bash
CARGO ?= cargo
PYTHON ?= python3
LIBTORCH_FLAGS := $(if $(filter 1 yes true,$(CUDA)),--cuda)
PROSPECT = $(CARGO) run --quiet --release --bin prospect --

.PHONY: help libtorch build demo test lint bench figures

help:
	@echo "make demo      fetch libtorch, build, train PPO with curiosity bonuses, leave an HTML report"
	@echo "make test      all tests, with what they need"
	@echo "make lint      format, clippy, layers, documentation"
	@echo "make bench     steps per second of the simulator and of training"
	@echo "make figures   the published comparisons and figures (hours)"
	@echo "make libtorch  fetch libtorch only; CUDA=1 adds the CUDA libraries"

libtorch:
	@$(PYTHON) scripts/libtorch.py $(LIBTORCH_FLAGS)

build: libtorch
	$(CARGO) build --release --bin prospect

demo: build
	$(PROSPECT) demo

# nextest runs the tests of all crates at once; it knows no documentation tests.
test: libtorch
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  set -e -x; $(CARGO) nextest run --workspace --no-fail-fast; $(CARGO) test --workspace --doc --quiet; \
	else \
	  set -e -x; $(CARGO) test --workspace --no-fail-fast; \
	fi

lint: libtorch
	@$(CARGO) fmt --version >/dev/null 2>&1 || { echo "make lint needs rustfmt: rustup component add rustfmt" >&2; exit 2; }
	@$(CARGO) clippy --version >/dev/null 2>&1 || { echo "make lint needs clippy: rustup component add clippy" >&2; exit 2; }
	$(CARGO) fmt --all --check
	$(CARGO) xtask layers
	$(CARGO) xtask lint-torch-random
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

bench: build
	$(PROSPECT) bench steps --env MiniGrid-DoorKey-8x8-v0 --n-envs 1024 --threads 1 --seconds 5
	@for script in benches/*.py; do [ ! -e "$$script" ] || (set -x; $(PYTHON) "$$script"); done

# A finished run is not run again, so this goes on where it was stopped.
figures: build
	@set -e; for suite in assets/suites/*.toml; do \
	  (set -x; $(PROSPECT) compare "$$suite" --out "runs/$$(basename "$$suite" .toml)"); \
	done
	$(PYTHON) scripts/agent_figures.py
