# Every chore is one word; `make` alone lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
# Whatever the shell says: every process that starts would compile all of the program anew.
export PYTHONDONTWRITEBYTECODE :=
sum = $(firstword $(shell cat $(1) | cksum))
RUN_STAMP := .venv/packages-$(call sum,requirements.txt)
DEV_STAMP := .venv/packages_dev-$(call sum,requirements.txt requirements-dev.txt)
TESTS ?= tests
# The first time one process compiles what all of them load, while the rest is prepared; else each would.
warm = test -d tests/__pycache__ || $(PY) -m pytest -qq --collect-only tests >/dev/null 2>&1 &

.PHONY: help run test deep check audit bench lint types demo words docs screens guide clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN_STAMP) ## start the program on http://127.0.0.1:8080 (Ctrl-C stops it)
	@$(PY) run.py

test: $(DEV_STAMP) ## everything the tests need, then all of them in short form
	@$(warm) $(PY) tools/chromium.py && $(PY) -m tools.thrift_compiler && $(PY) -m tools.redis_server; done=$$?; wait; exit $$done
	@$(PY) -m pytest -n 4 --dist worksteal $(TESTS)

deep: $(DEV_STAMP) ## the long forms of the tests; figures and seeds go to docs/deep.md
	@$(PY) -m pytest -n 2 --dist worksteal -m deep --record-deep $(TESTS)

check: lint types ## lint, types, import floors, spelling, migrations
	@.venv/bin/lint-imports --no-cache --no-logo
	@.venv/bin/codespell
	@$(PY) tools/check_migrations.py

# In a virtual environment of its own: what audits the packages is not one of them.
audit: ## ask PyPI what is known against our pinned packages; needs the network, fails when one could not be asked
	@test -x build/audit/bin/pip-audit || { python=$$(sh tools/find_python.sh) && "$$python" -m venv build/audit && build/audit/bin/pip install --quiet pip-audit==2.10.1; }
	@build/audit/bin/pip-audit --strict --no-deps --disable-pip --requirement requirements.txt

bench: $(DEV_STAMP) ## measure; prints the figures that docs/performance.md holds
	@for file in $(sort $(filter-out bench/crash.py bench/vend.py bench/reports.py,$(wildcard bench/*.py))); do PYTHONPATH=. $(PY) $$file || exit 1; done

lint: $(DEV_STAMP) ## ruff: style and likely mistakes
	@$(PY) -m ruff check .

types: $(DEV_STAMP) ## mypy --strict on the inner floors
	@$(PY) -m mypy

demo: $(RUN_STAMP) ## load the demonstration data into an empty installation
	@$(PY) -m flask setup
	@$(PY) -m flask demo load

words: $(DEV_STAMP) ## collect the words of the pages; name what is not translated (LANGUAGE=xx begins another language)
	@$(PY) tools/words.py $(if $(LANGUAGE),add $(LANGUAGE))

screens: $(DEV_STAMP) ## every page in every language as pictures on contact sheets (build/screens)
	@PYTHONPATH=. $(PY) tools/screens.py $(if $(LANGUAGES),--languages $(LANGUAGES)) $(if $(WIDTHS),--widths $(WIDTHS))

guide: $(DEV_STAMP) ## take the pictures of docs/guide anew
	@PYTHONPATH=. $(PY) tools/screens.py --guide

docs: $(DEV_STAMP) ## check that the pages of docs/ agree with the program
	@$(PY) -m pytest -q tests/test_docs.py

clean: ## remove what was built here; instance/ (your data) stays
	@rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	@find app tests tools bench migrations -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(RUN_STAMP):
	@sh tools/make_venv.sh requirements.txt $@

$(DEV_STAMP):
	@sh tools/make_venv.sh requirements-dev.txt $@
	@touch $(RUN_STAMP)
