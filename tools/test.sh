#!/usr/bin/env bash
# Runs lint, type checks and all tests in the environment of the quickstart. Arguments go
# to pytest. Tests on real data read PD_BERT_DATA and are skipped without it.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/environment.sh
environment requirements.lock requirements-test.lock
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
# Most tests use one core, and some wait for programs that they have started, so three
# processes keep two cores busy. The tests of a file stay in one process, since they share
# runs. Files are taken in their order, in which those with many short tests come last.
.venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder "$@"
