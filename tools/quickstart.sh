#!/usr/bin/env bash
# Trains a distilled model from scratch and predicts with it: a quarter of an hour on two
# cores. A second run reuses finished stages. WORKDIR=DIR sets the folder; arguments go
# to pd-bert-run.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/environment.sh
environment requirements.lock
WORKDIR="${WORKDIR:-runs/quickstart}"
# Half precision, if the CPU supports it: a third faster.
precision=()
if grep -qE 'avx512_bf16|amx_bf16' /proc/cpuinfo 2>/dev/null; then
  precision=(--gin_file=runtime/cpu_bfloat16.gin)
fi
.venv/bin/pd-bert-run --gin_file=quickstart "${precision[@]}" --workdir="$WORKDIR" "$@"
echo
echo "Three predictions by $WORKDIR/latest/export-pd/saved_model, from raw text:"
.venv/bin/pd-bert-predict --model="$WORKDIR/latest/export-pd/saved_model" \
  --text="Returns the eigenvalues and right eigenvectors of a square array." \
  --text="A convolution layer that slides its kernel over the time steps of a batch." \
  --text="Renders the text to the terminal with the given style, color and justification." |
  .venv/bin/python -c 'import json, sys
for row in map(json.loads, sys.stdin):
    print("  {label} ({probability:.2f}): {text}".format(**row))'
echo
echo "A page with tables and figures of the run:"
echo "  .venv/bin/pd-bert-report --workdir=$WORKDIR --baseline=basic"
