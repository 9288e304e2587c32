#!/bin/sh
# Measure locache beside other caches, in one run.
. tools/common.sh
sh tools/dependencies.sh build meson
make_venv "$(best_python)" .venv-bench bench/requirements.txt tools/requirements-build.txt
install_package .venv-bench
exec .venv-bench/bin/python bench/run.py "$@"
