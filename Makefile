# The front door. Each target is a script in tools/, and installs what it needs and does not find.
.POSIX:
SHELL = /bin/sh
PREFIX = /usr/local
# What a target says last is what there is to know.
MAKEFLAGS += --no-print-directory

help:
	@echo 'make demo       install what is missing, build, and show what locache does'
	@echo 'make test       every test, in its short form'
	@echo 'make test-long  the same with the fault tests in their long form'
	@echo 'make lint       formatting, warnings, types'
	@echo 'make format     put the sources in the form that lint asks for'
	@echo 'make bench      measure, beside other caches'
	@echo 'make compare    what edits and many processes at once make locache and its peers compute'
	@echo 'make coverage   which lines of src/ and python/ext/ the tests reach'
	@echo 'make install    the command and the C library into PREFIX ($(PREFIX)); for Python: pip install .'
	@echo 'make clean      remove everything that the others made here'

demo:
	@sh tools/demo.sh

test:
	@sh tools/test.sh

test-long:
	@LOCACHE_TEST_LONG=1 sh tools/test.sh

lint:
	@sh tools/lint.sh

format:
	@sh tools/format.sh

bench:
	@sh tools/bench.sh

compare:
	@sh tools/compare.sh

coverage:
	@sh tools/coverage.sh

install:
	@sh tools/install.sh '$(PREFIX)' '$(DESTDIR)'

clean:
	rm -rf build dist .venv .venv-* .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find bench examples python tests -type d \( -name __pycache__ -o -name '*.cache' \) -prune -exec rm -rf {} +

.PHONY: help demo test test-long lint format bench compare coverage install clean
