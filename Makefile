# Xaeroflux: `make run` shows it at work, `make test` checks it, `make help` lists the rest.

GO          ?= go
INPUT       ?=
FUZZTIME    ?= 2s
STATICCHECK ?= honnef.co/go/tools/cmd/staticcheck@v0.8.0
DEADCODE    ?= golang.org/x/tools/cmd/deadcode@v0.51.0
BIN         := bin/xaeroflux

# A C compiler for other systems, as LMDB is C: zig, or how the Python package of it is run.
ZIG         ?= python3 -m ziglang

# Go modules in folders of their own: what they need is no dependency of Xaeroflux.
MODULES     := bench examples

# Of make bench and make reliability: how much of the work, how many runs, which figures, where the
# stores are made (it should be the disk that is meant), where results are kept.
SCALE       ?= 1
N           ?= 5
ONLY        ?=
OUT         ?=
BENCH_DIR   ?= bin/bench
BENCH_BIN   := bin/xaeroflux-bench

# npm writes this file last.
ORACLE_MODULES := tests/oracle/seal/node_modules/.package-lock.json

.DEFAULT_GOAL := help
NORACE := ^Test(ManyTopics|LeafHashAllocatesNothing|BuilderAllocations|NothingIsAllocated|RoomIsUsed|SeedsThatFailed|MemberCannotFlushTheBook|AForkedRosterIsDecided)$$

.PHONY: help reliability build run test vet lint unit race norace fuzz bench microbench modules oracle tryoracle links cross clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the node binary into bin/
	$(GO) build -o $(BIN) ./cmd/xaeroflux

run: build ## build, then two nodes that sync and prove real input (INPUT=any.file for one's own)
	./$(BIN) demo $(INPUT)

test: vet lint modules tryoracle race norace fuzz ## everything that CI runs: vet, format, staticcheck, other modules, other languages, race, transcripts, tests that skip under the race detector, short fuzz

vet: ## go vet and gofmt
	$(GO) vet ./...
	@bad=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$bad" ] || { echo "gofmt would change:"; echo "$$bad"; exit 1; }

lint: ## staticcheck, and no function that neither a command nor a test reaches
	$(GO) run $(STATICCHECK) ./...
	@dead=$$($(GO) run $(DEADCODE) -test ./...) && [ -z "$$dead" ] || { echo "nothing reaches:"; echo "$$dead"; exit 1; }

unit: ## all tests without the race detector
	$(GO) test -shuffle=on ./...

# These take longest, and wait most of the time: they come first, beside all others.
LONG := ./tests/links ./tests/care ./tests/scripts ./tests ./tests/syncing ./tests/hostile ./tests/api

race: ## all tests with the race detector
	$(GO) test -race -shuffle=on -timeout 40m -p 3 $(LONG) ./...

norace: ## the tests that the race detector makes no sense of, or too slow: allocations, seeds that failed once, a book flooded, long forked rosters
	$(GO) test -shuffle=on -run '$(NORACE)' ./event ./merkleindex ./internal/digest ./internal/seal ./tests/simulation ./tests/hostile ./tests/families

fuzz: ## every fuzz target for FUZZTIME each
	@./tests/fuzz.sh $(FUZZTIME)

bench: build ## Xaeroflux and its peers on the same work (over an hour); SCALE=0.02 for a short look, ONLY=regexp for some figures, OUT=folder keeps the results
	@mkdir -p $(BENCH_DIR)
	@if command -v npm >/dev/null; then (cd bench/hypercore && npm ci --no-audit --no-fund --loglevel=error) || echo "npm could not install Hypercore; going on without it"; fi
	cd bench && $(GO) build -mod=mod -o $(abspath $(BENCH_BIN)) .
	cd bench && $(abspath $(BENCH_BIN)) -scale $(SCALE) -n $(N) -only '$(ONLY)' -dir $(abspath $(BENCH_DIR)) $(if $(OUT),-out $(abspath $(OUT)))

modules: ## vet and tests of the modules in folders of their own
	@set -e; for m in $(MODULES); do echo "$$m: vet and tests"; (cd $$m; $(GO) vet ./...; $(GO) test -shuffle=on ./...); done

microbench: ## the engine alone, as Go benchmarks, five times each (about five minutes)
	$(GO) test -run '^$$' -bench 'Append|Iterate|Get|Prove|Open' -benchtime 2s -count 5 ./tests
	$(GO) test -run '^$$' -bench 'Sync' -benchtime 3x -count 5 ./tests/syncing
	$(GO) test -run '^$$' -bench 'Memory' -benchtime 1x ./tests

reliability: ## hurt the engine in every way, SCALE times as much as at 1, and write docs/reliability.md
	$(GO) run ./tests/reliability -scale $(SCALE) -write docs/reliability.md

oracle: $(ORACLE_MODULES) ## other languages against ours: sealing both ways, and every vector (needs node and npm)
	XAEROFLUX_ORACLE=1 $(GO) test -count 1 -run 'Oracle|WorkedExamples' ./internal/seal ./tests/oracle/...

$(ORACLE_MODULES): tests/oracle/seal/package-lock.json
	cd tests/oracle/seal && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# With XAEROFLUX_ORACLE set, as CI has it, a machine without npm fails.
tryoracle:
	@if [ -n "$$XAEROFLUX_ORACLE" ] || command -v npm >/dev/null; then $(MAKE) --no-print-directory oracle; \
	else echo "no npm: what other languages say of the vectors is skipped"; fi

links: ## what happens to a network between two programs in network namespaces (Linux, root; about twenty minutes)
	XF_LINKS=1 $(GO) test ./tests/links -timeout 40m -v

cross: ## vet for other systems, and a program that embeds Xaeroflux built for them (needs zig: ZIG=/path/to/it, or its Python package)
	@ZIG="$(ZIG)" ./tests/cross.sh

clean: ## remove what was built
	rm -rf bin
