# SPDX-License-Identifier: Apache-2.0
#
# The verbs of this project. `make` alone lists them.

SWIFT ?= swift
PYTHON ?= python3
CC ?= cc
# For `make run`: what follows `gori serve`.
ARGS ?=
# For every `swift build` and `swift test` (as `-j 2`), and for `swift test` alone (as `--filter Wire`).
SWIFT_ARGS ?=
TEST_ARGS ?=
# For `make held`: how many connections. For it and `make fuzz`: SECONDS, how long, with a default for each.
COUNT ?= 50000
# For `make world`: SCENARIO (course, hotspot, storm), COUNT, MONSTERS, SECONDS; WORLD_ARGS, see Benchmarks/world.py.
SCENARIO ?= course
MONSTERS ?=
WORLD_ARGS ?=
# For `make fuzz`: what else Tests/Fuzz/fuzz.py takes.
FUZZ_ARGS ?=
# For `make bench`: see Benchmarks/README.md.
BENCH_ARGS ?=
# For `make peers`: what `Benchmarks/peers/peers.py run` takes; INSTALL=1 gets what is missing first, for foreign-bench too.
PEERS_ARGS ?=
INSTALL ?=
# For `make torture`: see Tests/Torture/run.py. QUICK=1 does less of everything.
TORTURE_ARGS ?=
QUICK ?=
# For `make simulate`: how many seeds, or which one again with all that happens; and a bug on purpose to be found.
SEEDS ?= 10000
SEED ?=
CANARY ?=
# For `make fidelity`: UPDATE=1 writes the set anew that `make test` compares by.
UPDATE ?=

GORI := .build/release/gori
PEERS := Benchmarks/peers
SWIFT_FILES := Package.swift Sources Tests $(wildcard docs/examples) Benchmarks/Typed $(PEERS)/swiftnio/Package.swift \
	$(PEERS)/swiftnio/Sources
REFERENCE := Benchmarks/Reference
OUT := Benchmarks/.out

.PHONY: help
help:
	@echo 'make run         build and start the world server (ARGS="--listen :7777")'
	@echo 'make build       build the release program $(GORI)'
	@echo 'make test        everything that is tested: format, tidy, unit, conformance, end to end'
	@echo 'make check       the part of it for every commit: format, tidy, unit; 3 minutes at most'
	@echo 'make fuzz        fuzz framing, sessions and addresses (SECONDS=60 in all), and what the corpus covers'
	@echo 'make bench       measure against the C reference, side by side (BENCH_ARGS="--rounds 60")'
	@echo 'make instructions  count the instructions of the hot path and hold them to their limits (UPDATE=1 records them)'
	@echo 'make foreign-bench  RESP and HTTP examples beside redis-server and nginx, driven by redis-benchmark and wrk (INSTALL=1)'
	@echo 'make peers       measure beside servers on SwiftNIO, Asio, Go, libuv, tokio, Netty and Python (INSTALL=1)'
	@echo 'make torture     the failure catalogue on both ports, into docs/faults.md (QUICK=1: two minutes)'
	@echo 'make simulate    the engine and the world on a simulated kernel (SEEDS=10000, or SEED=7 to see one again)'
	@echo 'make canaries    whether the simulation finds bugs that are there on purpose'
	@echo 'make fidelity    whether the simulated kernel may do all that this machine'"'"'s did (SECONDS=600 of bots)'
	@echo 'make allocations  count heap allocations of the running server under load: none is the promise'
	@echo 'make held        hold idle connections in one process and count what is lost (SECONDS=600 COUNT=50000)'
	@echo 'make world       measure the world with bots (SCENARIO=hotspot COUNT=1000 MONSTERS=20000 SECONDS=20)'
	@echo 'make kills       kill the world server under load and check what it remembers (COUNT=100)'
	@echo 'make sanitize    the tests with AddressSanitizer, ThreadSanitizer and freed I/O memory out of reach'
	@echo 'make format      format the Swift sources'
	@echo 'make docs        the documentation of the libraries (DocC)'
	@echo 'make deps        install the Debian packages that building and running needs'
	@echo 'make deps-test   the same for the foreign tools of the tests'
	@echo 'make clean       remove what was built'

# Build output goes to stderr: the lines of the server on stdout are for programs.
.PHONY: run
run:
	@$(MAKE) --no-print-directory build >&2
	@exec $(GORI) serve $(ARGS)

.PHONY: build
build: deps
	@$(SWIFT) build -c release --static-swift-stdlib --product gori $(SWIFT_ARGS)

.PHONY: test
test: deps format-check
	@$(SWIFT) build --build-tests $(SWIFT_ARGS)
	@$(SWIFT) test --skip-build --filter TidyTests $(SWIFT_ARGS)
	@rm -f $(TRANSITIONS)
	@GORI_TEST_LEVEL=full GORI_TRANSITIONS=$(TRANSITIONS) \
		$(SWIFT) test --skip-build --skip TidyTests $(SWIFT_ARGS) $(TEST_ARGS)
	@GORI_TEST_LEVEL=full GORI_IO=epoll GORI_TRANSITIONS=$(TRANSITIONS) \
		$(SWIFT) test --skip-build --filter GoriTests $(SWIFT_ARGS) $(TEST_ARGS)
	@$(MAKE) --no-print-directory fidelity-test
	@$(SWIFT) build -c release --static-swift-stdlib --product gori $(SWIFT_ARGS)
	@$(MAKE) --no-print-directory foreign-tests
	@$(MAKE) --no-print-directory simulate SEEDS=1000
	@$(MAKE) --no-print-directory canaries

.PHONY: check
check: deps format-check
	@$(SWIFT) build --build-tests $(SWIFT_ARGS)
	@$(SWIFT) test --skip-build --filter TidyTests $(SWIFT_ARGS)
	@GORI_TEST_LEVEL=quick $(SWIFT) test --skip-build --skip TidyTests $(SWIFT_ARGS) $(TEST_ARGS)

# What talks to the release program from outside, in another language. With CI=true a skip is a failure.
.PHONY: foreign-tests
foreign-tests:
	@if ! command -v $(PYTHON) >/dev/null; then \
		echo 'skipped: Python client, end to end: no $(PYTHON) here (make deps-test)'; \
		[ "$$CI" != true ]; \
	else \
		echo '== Python client' && \
		$(PYTHON) -B -m unittest discover -s Tests/Clients/python -t Tests/Clients/python && \
		echo '== end to end' && \
		GORI=$(abspath $(GORI)) $(PYTHON) -B Tests/EndToEnd/run.py; \
	fi

# Needs liburing as every build does, and the llvm tools of the Swift toolchain.
.PHONY: fuzz
fuzz: SECONDS ?= 60
fuzz: deps
	@SWIFT=$(SWIFT) $(PYTHON) -B Tests/Fuzz/fuzz.py --seconds $(SECONDS) $(FUZZ_ARGS)

# Each of the three in a build of its own, .build-asan, .build-tsan and .build-guard.
.PHONY: sanitize
sanitize: deps
	@for kind in address thread pages; do \
		SWIFT='$(SWIFT)' SWIFT_ARGS='$(SWIFT_ARGS)' TEST_ARGS='$(TEST_ARGS)' Tests/Sanitize/run.sh $$kind || exit 1; \
	done

# A failing seed prints the command that runs it again: with CANARY it is one of the build with bugs on purpose.
SIMULATE_BUILD := $(SWIFT) build -c release --static-swift-stdlib --product Simulate
CANARY_BUILD := $(SIMULATE_BUILD) --scratch-path .build-canaries -Xswiftc -DGORI_CANARIES
.PHONY: simulate
simulate: deps
	@$(if $(CANARY),$(CANARY_BUILD),$(SIMULATE_BUILD)) $(SWIFT_ARGS)
	@$(if $(CANARY),.build-canaries,.build)/release/Simulate $(if $(CANARY),--canary $(CANARY)) \
		$(if $(SEED),--seed $(SEED) --trace,--seeds $(SEEDS))

# Each must be found within 10,000 seeds: a campaign that stays clean has failed.
.PHONY: canaries
canaries: deps
	@$(CANARY_BUILD) $(SWIFT_ARGS)
	@for canary in slot memory doorbell; do \
		if .build-canaries/release/Simulate --canary $$canary --seeds 10000 --failures 1 \
			>.build-canaries/$$canary.txt 2>&1; \
		then echo "canary $$canary: NOT found in 10,000 seeds" >&2; exit 1; \
		else echo "canary $$canary: found: $$(grep -m 1 -E 'FAILED|trapped' .build-canaries/$$canary.txt)"; \
		grep -qE 'FAILED|trapped' .build-canaries/$$canary.txt || exit 1; fi; \
	done

# Trace inclusion: what ports saw of this machine's kernel, among what they may see of the simulated one. The programs
# are those of the torture, with faults and recorders compiled in.
.PHONY: fidelity
fidelity: SECONDS ?= 600
fidelity: deps-test
	@$(SWIFT) build --build-tests $(SWIFT_ARGS)
	@for product in gori Callers Simulate; do $(TORTURE_BUILD) --product $$product $(SWIFT_ARGS) || exit 1; done
	@$(PYTHON) -B Tests/Fidelity/run.py --swift '$(SWIFT)' --seconds $(SECONDS) $(if $(UPDATE),--update)

# The same with what `make test` has recorded, and with a set made before.
TRANSITIONS := $(abspath .build/transitions.txt)
.PHONY: fidelity-test
fidelity-test:
	@if ! command -v $(PYTHON) >/dev/null; then \
		echo 'skipped: fidelity of the simulated kernel: no $(PYTHON) here (make deps-test)'; \
		[ "$$CI" != true ]; \
	else \
		echo '== fidelity of the simulated kernel' && \
		$(PYTHON) -B -m unittest discover -s Tests/Fidelity -t Tests/Fidelity && \
		$(PYTHON) -B Tests/Fidelity/compare.py --allowed Tests/Fidelity/transitions.txt --real $(TRANSITIONS); \
	fi

.PHONY: format-check
format-check:
	@$(SWIFT) format lint --strict --parallel -r $(SWIFT_FILES) || { echo 'make format mends most of this.' >&2; exit 1; }

.PHONY: format
format:
	@$(SWIFT) format --in-place --parallel -r $(SWIFT_FILES)

# Counted by callgrind, and held to Benchmarks/instructions.json. UPDATE=1 records what there is.
.PHONY: instructions
instructions: deps-test build reference
	@$(SWIFT) build -c release --static-swift-stdlib --product Typed $(SWIFT_ARGS)
	@$(PYTHON) -B Benchmarks/instructions.py --gori $(GORI) $(if $(UPDATE),--update) $(INSTRUCTIONS_ARGS)

# Instructions first: they need no quiet machine.
.PHONY: bench
bench: instructions
	@$(PYTHON) -B Benchmarks/run.py --gori $(GORI) $(BENCH_ARGS)

# What is not installed is skipped by name; INSTALL=1 gets it first.
.PHONY: foreign-bench
foreign-bench: deps
	@$(if $(INSTALL),Tests/Support/packages.sh foreign)
	@for example in KeyValue Plaintext; do \
		$(SWIFT) build -c release --static-swift-stdlib --product $$example $(SWIFT_ARGS) || exit 1; \
	done
	@$(PYTHON) -B Benchmarks/foreign.py $(BENCH_ARGS)

# Those that this machine cannot build are named and left out.
.PHONY: peers
peers: build reference
	@$(PYTHON) -B $(PEERS)/peers.py build $(if $(INSTALL),--install)
	@$(PYTHON) -B $(PEERS)/peers.py run --gori $(GORI) $(PEERS_ARGS)

# The failure catalogue: faults are compiled in, so it has a build of its own. Some rows need root.
TORTURE_BUILD := $(SWIFT) build -c release --static-swift-stdlib --scratch-path .build-torture -Xswiftc -DGORI_FAULTS
.PHONY: torture
torture: deps-test
	@$(TORTURE_BUILD) --product gori $(SWIFT_ARGS)
	@$(TORTURE_BUILD) --product Torture $(SWIFT_ARGS)
	@$(PYTHON) -B Tests/Torture/run.py $(if $(QUICK),--quick) $(if $(TORTURE_ARGS),,--out docs/faults.md) $(TORTURE_ARGS)

# Heap allocations for each packet, counted in the running server: none is the promise.
.PHONY: allocations
allocations: build $(OUT)/load $(OUT)/count_allocations.so
	@for io in uring epoll; do $(PYTHON) -B Benchmarks/allocations.py --gori $(GORI) --io $$io || exit 1; done

# Connections with heartbeats in one process, which may open fewer files than that.
.PHONY: held
held: SECONDS ?= 600
held: build $(OUT)/hold
	@$(PYTHON) -B Benchmarks/held.py --gori $(GORI) --count $(COUNT) --seconds $(SECONDS)

# The world under load, server and bots on the same machine: what a delivery costs, and how late moves are answered.
.PHONY: world
world: SECONDS ?= 20
world: BOTS = $(if $(filter command line environment,$(origin COUNT)),--count $(COUNT))
world: build
	@$(PYTHON) -B Benchmarks/world.py --gori $(GORI) --scenario $(SCENARIO) --seconds $(SECONDS) $(BOTS) \
		$(if $(MONSTERS),--monsters $(MONSTERS)) $(WORLD_ARGS)

# Players walk, the server is killed, and everybody must be where he was at most ten seconds before.
.PHONY: kills
kills: KILLS = $(if $(filter command line environment,$(origin COUNT)),$(COUNT),100)
kills: build
	@GORI=$(abspath $(GORI)) $(PYTHON) -B Tests/EndToEnd/kills.py --kills $(KILLS)

$(OUT)/count_allocations.so: $(REFERENCE)/count_allocations.c
	@mkdir -p $(OUT)
	@$(CC) -std=gnu11 -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $<

.PHONY: reference
reference: $(OUT)/echo_uring $(OUT)/echo_epoll $(OUT)/load $(OUT)/churn

$(OUT)/%: $(REFERENCE)/%.c $(wildcard $(REFERENCE)/*.h)
	@mkdir -p $(OUT)
	@$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -o $@ $<

.PHONY: docs
docs:
	@$(SWIFT) package generate-documentation --target Overlapped --target Wire --target Gori

.PHONY: deps
deps:
	@Tests/Support/packages.sh run

.PHONY: deps-test
deps-test:
	@Tests/Support/packages.sh test

.PHONY: clean
clean:
	@rm -rf .build .build-asan .build-tsan .build-guard .build-torture .build-canaries Tests/Fuzz/.build $(OUT)
