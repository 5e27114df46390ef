#!/usr/bin/env bash
# syft-flwr 0.4.3: installed on its own, it is given another syft-rds and cannot be
# imported.
#
# It asks for syft-rds>=0.5.0. That is 0.6.1 by now, another code base which no longer
# brings syft-core along. With syft-rds==0.5.0 beside it, it works. Needs Python 3.12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
try() { # the packages to install
  "${PYTHON:-python3.12}" -m venv --clear "$folder/venv"
  "$folder/venv/bin/pip" install --quiet "$@"
  "$folder/venv/bin/python" -c "
from importlib.metadata import version
print('syft-flwr', version('syft-flwr'), 'with syft-rds', version('syft-rds'))"
  "$folder/venv/bin/python" -c "import syft_flwr.run; print('imported')" 2>&1 | tail -1 || true
}
{ try syft-flwr==0.4.3; try syft-flwr==0.4.3 syft-rds==0.5.0; } | tee "$folder/seen"
cat > "$folder/expected" <<'TEXT'
syft-flwr 0.4.3 with syft-rds 0.6.1
ModuleNotFoundError: No module named 'syft_core'
syft-flwr 0.4.3 with syft-rds 0.5.0
imported
TEXT
cmp -s "$folder/seen" "$folder/expected" || { echo "changed"; exit 1; }
