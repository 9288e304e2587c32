#!/bin/sh
# What an edit makes locache and its peers compute again, and how often they compute what many
# processes ask for at once, as tables; into docs/, too, with --docs.
. tools/common.sh
sh tools/dependencies.sh build bench
make_venv "$(best_python)" .venv-bench bench/requirements.txt tools/requirements-build.txt
install_package .venv-bench
if [ ! -f build/bench-locache4/locache.py ]; then
    quietly install-locache4 .venv-bench/bin/python -m pip install --no-deps \
        --target build/bench-locache4 locache==4.0.2
fi
# Each row's processes import what was not compiled when it was installed.
quietly compile-compare .venv-bench/bin/python -m compileall -q build/bench-locache4 \
    .venv-bench/lib/python3.*/site-packages
.venv-bench/bin/python bench/edits.py "$@"
.venv-bench/bin/python bench/flights.py "$@"
