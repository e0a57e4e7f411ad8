# hotline: the door to everything. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
export GOFLAGS ?= -mod=readonly
CACHE := .cache
BIN := bin
PANEL := cmd/panel
CALLS ?= 1
PORT ?= 8080

.PHONY: help demo test sweep test-go test-panel test-e2e lint fmt bench build generate types clean packages
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

demo: build ## the whole product on this machine, with citizens who call (CALLS=0: none; PORT=8080)
	@exec $(BIN)/hotline demo --calls=$(CALLS) --port=$(PORT)

build: $(BIN)/hotline $(BIN)/sim ## panel, server and simulator into bin/

# Everything Go builds from, but tests.
GO_SOURCES := $(shell find agent telephony ticketing realtime cmd/hotline cmd/sim deploy -name '*.go' ! -name '*_test.go' 2>/dev/null) \
	$(shell find agent telephony ticketing deploy -name '*.lua' -o -name '*.sql' -o -name '*.tsv' -o -name '*.tmpl' 2>/dev/null) go.mod go.sum cmd/panel/panel.go

$(BIN)/hotline $(BIN)/sim &: $(GO_SOURCES) $(PANEL)/dist/index.html
	@echo "· building the server"
	@go build -trimpath -o $(BIN)/ ./cmd/hotline ./cmd/sim
	@touch $(BIN)/hotline $(BIN)/sim

PANEL_SOURCES := $(shell find $(PANEL)/src $(PANEL)/public -type f 2>/dev/null) $(PANEL)/index.html $(PANEL)/vite.config.ts $(PANEL)/tsconfig.json

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

sweep: packages ## the server killed at every commit, request and event, once each, 5 minutes (HOTLINE_SWEEP="ring answered": at that one)
	@HOTLINE_SWEEP="$${HOTLINE_SWEEP:-all}" go test -count=1 -timeout 20m -run TestF5 -v ./cmd/hotline/demo

test-panel: $(PANEL)/node_modules/.package-lock.json
	@cd $(PANEL) && npm run --silent check && npm test --silent

test-e2e: build
	@cd $(PANEL) && npm run --silent e2e

lint: $(CACHE)/bin/golangci-lint $(CACHE)/bin/sqlc $(PANEL)/node_modules/.package-lock.json $(PANEL)/dist/index.html ## the linter, and that what is generated is fresh
	@$(CACHE)/bin/golangci-lint run ./...
	@for d in agent telephony ticketing; do (cd $$d/store && ../../$(CACHE)/bin/sqlc diff) || exit 1; done
	@go run ./cmd/hotline openapi | diff -u $(PANEL)/openapi.json - || { echo "the API has changed: run 'make generate' and commit"; exit 1; }
	@cd $(PANEL) && npx openapi-typescript openapi.json 2>/dev/null | diff -q src/api/schema.d.ts - >/dev/null || { echo "the panel's types are old: run 'make generate' and commit"; exit 1; }

fmt: $(CACHE)/bin/golangci-lint ## format the Go code
	@$(CACHE)/bin/golangci-lint fmt ./...

generate: $(CACHE)/bin/sqlc $(PANEL)/node_modules/.package-lock.json ## SQL code, OpenAPI and the panel's types
	@for d in agent telephony ticketing; do (cd $$d/store && ../../$(CACHE)/bin/sqlc generate); done
	@go run ./cmd/hotline openapi > $(PANEL)/openapi.json
	@cd $(PANEL) && npx openapi-typescript openapi.json -o src/api/schema.d.ts

bench: build packages ## B1, B2, B3, B4, B8 beside their opponents, 11 minutes (TRACE=1: the way of a call step by step; ONLY=b1,b3: only these)
	@$(BIN)/sim bench $(if $(TRACE),--trace) $(if $(ONLY),--only=$(ONLY))

# The tools are pinned in a module of their own; building them once takes two minutes.
$(CACHE)/bin/golangci-lint $(CACHE)/bin/sqlc &: deploy/tools/go.mod deploy/tools/go.sum
	@echo "· building the linter and sqlc (once, about two minutes)"
	@mkdir -p $(CACHE)/bin
	@cd deploy/tools && CGO_ENABLED=0 go build -o ../../$(CACHE)/bin/ github.com/golangci/golangci-lint/v2/cmd/golangci-lint github.com/sqlc-dev/sqlc/cmd/sqlc
	@touch $(CACHE)/bin/golangci-lint $(CACHE)/bin/sqlc

clean: ## remove what was built (not the caches, not the demo's data)
	@rm -rf $(BIN) $(PANEL)/dist/assets $(PANEL)/dist/index.html
