# make run    crawl the sample ministry: the whole program in half a minute
# make test   all tests; they need no network
# make check  what CI runs: format, modules, vet, staticcheck, imports, tests
# make browser  what a reader does with luutin serve, in Chromium; CI runs it too
# make exchange  what WARC libraries, ReplayWeb.page, Arrow and DuckDB make of an export; CI runs it too
# make bench  the measurements that the documentation speaks of
# make searchcheck  the search over 100,000 articles, beside bleve and a plain scan; a quarter of an hour
# make build  bin/luutin

GO ?= go
# The race detector needs a C compiler; without one the tests run without it.
RACE := $(shell command -v $$($(GO) env CC) >/dev/null 2>&1 && echo -race)
# ./... leaves testdata out; the sample ministry is code all the same.
PACKAGES = ./... ./testdata/ministry/...

.PHONY: build run test check format imports bench fuzz exchange browser searchcheck

build:
	$(GO) build -o bin/luutin ./cmd/luutin

run: build
	@$(GO) run ./testdata/ministry/serve -- sh testdata/ministry/tour.sh

test:
	$(GO) test $(RACE) -timeout 30m $(PACKAGES)

check: format imports
	$(GO) mod tidy -diff
	$(GO) vet $(PACKAGES)
	$(GO) tool staticcheck $(PACKAGES)
	$(MAKE) test

format:
	@out=$$(gofmt -l cmd crawler extract store testdata); \
	if [ -n "$$out" ]; then echo "not as gofmt writes it:"; echo "$$out"; exit 1; fi

# One room, one library; and imports go down only: cmd, crawler, store, extract.
imports:
	@$(GO) list -f '{{$$p := .ImportPath}}{{range .Imports}}{{$$p}} {{.}}{{"\n"}}{{end}}' ./... | awk ' \
	function bad(why) { print $$1 " imports " $$2 ": " why; failed = 1 } \
	$$2 ~ /gocolly\/colly/ && $$1 != "luutin/crawler" { bad("colly is the crawler'"'"'s") } \
	$$2 ~ /PuerkitoBio\/goquery/ && $$1 !~ /^luutin\/extract/ { bad("goquery is for extract") } \
	$$2 ~ /etcd.io\/bbolt/ && $$1 !~ /^luutin\/store\/bolt/ { bad("bbolt is for store/bolt") } \
	$$1 ~ /^luutin\/extract/ && $$2 ~ /^luutin\/(store|crawler|cmd)/ { bad("extract is the lowest room") } \
	$$1 ~ /^luutin\/store/ && $$2 ~ /^luutin\/(crawler|cmd)/ { bad("store is below the crawler") } \
	$$1 ~ /^luutin\/crawler/ && $$2 ~ /^luutin\/(store\/bolt|cmd)/ { bad("the crawler knows the contract, not the engine") } \
	END { exit failed }'

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...

# Libraries and programs of others, in a module of their own.
exchange: build
	@$(GO) run ./testdata/ministry/serve -- sh testdata/exchange.sh

searchcheck:
	$(GO) -C testdata/searchcheck run . -articles $${ARTICLES:-100000}

browser: build
	@$(GO) run ./testdata/ministry/serve -- sh testdata/browser.sh

fuzz:
	@for t in $$(grep -rl --include='*_test.go' '^func Fuzz' cmd crawler extract store); do \
		d=$$(dirname $$t); \
		for f in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' $$t); do \
			echo "$$d $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-30s} ./$$d || exit 1; \
		done; \
	done
