#!/usr/bin/env bash
# Lint, types and all tests, in the environment that the quickstart uses. Arguments go
# to pytest. Tests on real data look in PD_BERT_DATA and are skipped without it.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/environment.sh
environment requirements.lock requirements-test.lock
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
# Most of a test's time is Python's, of one core. A file stays in one process, since its
# tests share runs.
.venv/bin/python -m pytest -n 2 --dist loadfile "$@"
