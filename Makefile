# The targets for people and CI. `make help` lists them.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.PHONY: help demo test check bench chaos images oracle

CARGO ?= cargo
# One set of flags everywhere, so that all targets share compiled crates.
FLAGS := --workspace --all-features --locked
KILLS ?= 1000
BACKUPS ?= 200

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

images: ## make sure that a Docker Engine answers, and prepare the base images of demo and tests
	@tests/images/engine
	@tests/images/prepare
	@tests/images/pool

demo: images ## build Dayfly and run the demo: two pull requests are opened, pushed to, merged and removed
	@$(CARGO) build $(FLAGS)
	@exec "$${CARGO_TARGET_DIR:-target}/debug/dayfly" demo

test: images ## run every test: unit, simulation, contract, end to end on Docker
	@tests/images/registry "$${CARGO_TARGET_DIR:-target}/tools"
	@command -v cargo-nextest >/dev/null || $(CARGO) install --locked cargo-nextest
	@$(CARGO) build $(FLAGS) --bins
	@$(CARGO) test $(FLAGS) --doc
	@$(CARGO) nextest run $(FLAGS) $(if $(CI),--profile ci)

check: ## check format, lints, docs and dependencies; must pass before a commit
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy $(FLAGS) --all-targets -- -D warnings
	@RUSTDOCFLAGS='-D warnings' $(CARGO) doc $(FLAGS) --no-deps
	@# Without cargo-deny, the tidy test checks the same licences and bans.
	@if command -v cargo-deny >/dev/null; then
	@	$(CARGO) deny --locked check bans licenses sources
	@fi

oracle: ## compare recorded dumps, and how compose files are read, with the real programs
	@tests/dumps/oracle
	@$(CARGO) build $(FLAGS) --bins
	@tests/compose/oracle

bench: images ## measure webhook, push and new preview against plain git and docker
	@$(CARGO) build --locked --release --package orchestrator --package bench --bins
	@exec $(CARGO) run --locked --release --package bench

chaos: images ## kill the server KILLS times (1000) under load; restore BACKUPS (200) backups taken during kills
	@$(CARGO) build $(FLAGS) --bins
	@$(CARGO) run --locked --all-features --package chaos -- --kills $(KILLS)
	@exec $(CARGO) run --locked --all-features --package chaos -- --backups $(BACKUPS) --minutes 40
