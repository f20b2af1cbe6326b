# Makes .venv with the pinned dependencies and the package; the other tools source it.
#   environment LOCK_FILE [LOCK_FILE …]
# It can be run again: packages that are installed already are not installed again.
environment() {
  local python="${PYTHON:-python3}" pip=".venv/bin/python -m pip --disable-pip-version-check"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "error: pd_bert needs Python 3.11 or newer; $python is $("$python" -V 2>&1)" >&2
    return 1
  }
  [ -x .venv/bin/python ] || "$python" -m venv .venv
  local lock
  # seqeval is built from its sources, which older versions of pip do in a way that fails.
  export PIP_USE_PEP517=1
  for lock in "$@"; do
    _once "$lock" "$lock" $pip install --quiet -r "$lock"
  done
  _once package setup.py $pip install --quiet --no-deps --no-build-isolation --editable .
}

# _once NAME FILE COMMAND…: runs the command, unless it has run for the same FILE.
_once() {
  local stamp=".venv/installed-$1" wanted
  wanted=$(sha256sum < "$2")
  shift 2
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing into .venv: ${*: -1}"
    "$@"
    echo "$wanted" > "$stamp"
  fi
}
