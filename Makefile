# hotline: the door to everything. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export GOFLAGS ?= -mod=readonly -trimpath
CACHE := .cache
BIN := bin
PANEL := cmd/panel
CALLS ?= 1
PORT ?= 8080
FUZZTIME ?= 30s
ATTACK ?= 2m
SEED ?= 0

.PHONY: help demo test test-install sweep mutate fuzz fuzz-go test-go test-panel test-e2e look lint audit fmt bench build tools generate types clean packages
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: build ## the whole product on this machine, with citizens who call (CALLS=0: none; PORT=8080)
	@exec $(BIN)/hotline demo --calls=$(CALLS) --port=$(PORT)

build: tools $(BIN)/hotline $(BIN)/sim ## panel, server and simulator into bin/

tools:
	@for tool in go node npm; do command -v $$tool >/dev/null || { echo "$$tool is not on PATH: install Go (go.mod says which) and Node 20, then start again"; exit 1; }; done

# Everything Go builds from, but tests.
GO_SOURCES := $(shell find agent telephony ticketing realtime cmd/hotline cmd/sim deploy -name '*.go' ! -name '*_test.go' 2>/dev/null) \
	$(shell find agent telephony ticketing deploy -name '*.lua' -o -name '*.sql' -o -name '*.tsv' -o -name '*.tmpl' 2>/dev/null) realtime/asyncapi.json go.mod go.sum cmd/panel/panel.go cmd/panel/encoding.go

$(BIN)/hotline $(BIN)/sim &: $(GO_SOURCES) $(PANEL)/dist/index.html
	@echo "· building the server"
	@go build -o $(BIN)/ ./cmd/hotline ./cmd/sim
	@touch $(BIN)/hotline $(BIN)/sim

PANEL_SOURCES := $(shell find $(PANEL)/src $(PANEL)/build $(PANEL)/public -type f 2>/dev/null) $(PANEL)/index.html $(PANEL)/vite.config.ts $(PANEL)/tsconfig.json

$(PANEL)/node_modules/.package-lock.json: $(PANEL)/package-lock.json
	@echo "· installing the panel's packages"
	@cd $(PANEL) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

$(PANEL)/dist/index.html: $(PANEL_SOURCES) $(PANEL)/node_modules/.package-lock.json
	@echo "· building the panel"
	@cd $(PANEL) && npm run --silent build

packages: ## install what tests need from the distribution (as root)
	@go run ./deploy/local/packages

test: build packages ## every test: Go with -race, panel, browser end to end
	@go run ./deploy/local/with --asterisk -- $(MAKE) --no-print-directory test-go
	@$(MAKE) --no-print-directory test-panel test-e2e

test-go:
	@go test -race -count=1 -timeout 15m ./...

test-install: ## make demo on a bare Debian 12 in a folder, Ctrl-C and all, a quarter of an hour (as root)
	@go run ./deploy/newcomer

sweep: packages ## the server killed at every commit, request and event, once each, 5 minutes (HOTLINE_SWEEP="ring answered": at that one)
	@HOTLINE_SWEEP="$${HOTLINE_SWEEP:-all}" go test -count=1 -timeout 20m -run TestF5 -v ./cmd/hotline/demo

fuzz: packages ## every fuzz target for FUZZTIME (30s) each, one after the other, 15 minutes (NAME="part of its name": those)
	@go run ./deploy/local/with --asterisk -- $(MAKE) --no-print-directory fuzz-go

fuzz-go:
	@for package in $$(grep -rl --include='*_test.go' '^func Fuzz' agent telephony ticketing realtime cmd deploy | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$package/*_test.go | cut -c6- | grep -F -- "$(NAME)" || true); do \
			echo "· $$target of $$package for $(FUZZTIME)"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s -timeout 0 ./$$package; \
		done; \
	done
	@if [[ "TestEveryOperationUnderAttack" == *"$(NAME)"* ]]; then \
		echo "· every operation, by everybody, for $(ATTACK)"; \
		go test -count=1 -v -run TestEveryOperationUnderAttack ./cmd/hotline -attack=$(ATTACK) -seed=$(SEED); \
	fi

mutate: packages ## every guard switched off, one by one: its test has to fall, 3 minutes (GUARD="part of its name": that one)
	@go run ./deploy/local/with --asterisk -- go run ./deploy/mutate "$(GUARD)"

test-panel: $(PANEL)/node_modules/.package-lock.json
	@cd $(PANEL) && npm run --silent check && npm test --silent

test-e2e: build
	@cd $(PANEL) && npm run --silent e2e

look: packages $(PANEL)/node_modules/.package-lock.json ## every page and dialog in every state, drawn and examined: pictures in .look/index.html (ONLY="seat-": those)
	@cd $(PANEL) && ONLY="$(ONLY)" npm run --silent look

lint: $(CACHE)/bin/golangci-lint $(CACHE)/bin/sqlc $(PANEL)/node_modules/.package-lock.json $(PANEL)/dist/index.html ## the linters, and that what is generated is fresh
	@$(CACHE)/bin/golangci-lint run ./...
	@cd $(PANEL) && npm run --silent lint
	@for d in agent telephony ticketing; do (cd $$d/store && ../../$(CACHE)/bin/sqlc diff) || exit 1; done
	@go run ./cmd/hotline openapi | diff -u $(PANEL)/openapi.json - || { echo "the API has changed: run 'make generate' and commit"; exit 1; }
	@cd $(PANEL) && npx openapi-typescript openapi.json 2>/dev/null | diff -q src/api/schema.d.ts - >/dev/null || { echo "the panel's types are old: run 'make generate' and commit"; exit 1; }

# Not in .ci/run: both ask services outside, Go's database of vulnerabilities and npm's advisories, and a mirror that has packages has
# mostly neither (a name that is not found, 405). A build must not turn red because somebody else's service is away.
audit: $(CACHE)/bin/govulncheck ## known holes in what this is built on (needs Go's vulnerability database and npm's advisories)
	@$(CACHE)/bin/govulncheck ./...
	@cd $(PANEL) && npm audit --package-lock-only

fmt: $(CACHE)/bin/golangci-lint ## format the Go code
	@$(CACHE)/bin/golangci-lint fmt ./...

generate: $(CACHE)/bin/sqlc $(PANEL)/node_modules/.package-lock.json ## SQL code, OpenAPI and the panel's types
	@for d in agent telephony ticketing; do (cd $$d/store && ../../$(CACHE)/bin/sqlc generate); done
	@go run ./cmd/hotline openapi > $(PANEL)/openapi.json
	@cd $(PANEL) && npx openapi-typescript openapi.json -o src/api/schema.d.ts

bench: build packages ## B1, B2, B3, B4, B8 beside their opponents, and commands, 12 minutes (TRACE=1: the way of a call step by step; ONLY=b1,b3: only these)
	@$(BIN)/sim bench $(if $(TRACE),--trace) $(if $(ONLY),--only=$(ONLY))

# The tools are pinned in a module of their own; building them once takes two minutes.
$(CACHE)/bin/golangci-lint $(CACHE)/bin/sqlc &: deploy/tools/go.mod deploy/tools/go.sum
	@echo "· building the linter and sqlc (once, about two minutes)"
	@mkdir -p $(CACHE)/bin
	@cd deploy/tools && CGO_ENABLED=0 go build -o ../../$(CACHE)/bin/ github.com/golangci/golangci-lint/v2/cmd/golangci-lint github.com/sqlc-dev/sqlc/cmd/sqlc
	@touch $(CACHE)/bin/golangci-lint $(CACHE)/bin/sqlc

$(CACHE)/bin/govulncheck: deploy/tools/go.mod deploy/tools/go.sum
	@mkdir -p $(CACHE)/bin
	@cd deploy/tools && CGO_ENABLED=0 go build -o ../../$(CACHE)/bin/ golang.org/x/vuln/cmd/govulncheck

clean: ## remove what was built (not the caches, not the demo's data)
	@rm -rf $(BIN) $(PANEL)/dist/assets $(PANEL)/dist/index.html
