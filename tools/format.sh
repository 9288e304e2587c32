#!/bin/sh
# Put C and Python in the form that tools/lint.sh asks for.
. tools/common.sh
sh tools/dependencies.sh lint
make_venv "$(best_python)" .venv-lint tools/requirements-lint.txt
find include src cli python/ext tests bench examples -type f -name '*.[ch]' -exec \
    clang-format -i {} +
.venv-lint/bin/ruff check --quiet --fix python tests bench examples tools || :
.venv-lint/bin/ruff format --quiet python tests bench examples tools
