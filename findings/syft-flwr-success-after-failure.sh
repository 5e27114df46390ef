#!/usr/bin/env bash
# syft-flwr: run() returns True, and the process exits with 0, though the ServerApp raised.
#
# The traceback is in the log of the data scientist's process alone. So a script or a CI
# job must look at what the ServerApp wrote, not at the return value. Needs Python 3.12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.12}" -m venv "$folder/venv"
# What syft-flwr 0.5.3 pins, without Ray and flwr-datasets.
"$folder/venv/bin/pip" install --quiet flwr==1.25.0 syft-rds==0.5.0 syft-client==0.1.94 \
  syft-job==0.1.23 syft-dataset==0.1.5 tomli-w==1.2.0 safetensors==0.8.0 loguru==0.7.3
"$folder/venv/bin/pip" install --quiet --no-deps syft-flwr==0.5.3
mkdir "$folder/app" "$folder/data" "$folder/tmp"
cat > "$folder/app/pyproject.toml" <<'TOML'
[project]
name = "app"
version = "1.0.0"
license = "Apache-2.0"
[tool.flwr.app]
publisher = "example"
[tool.flwr.app.components]
serverapp = "apps:server_app"
clientapp = "apps:client_app"
[tool.flwr.app.config]
num-server-rounds = 1
TOML
cat > "$folder/app/apps.py" <<'PY'
import os
import threading

from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp

# No party outlives this script by much, whatever becomes of its messages.
timer = threading.Timer(60, os._exit, [1])
timer.daemon = True
timer.start()

client_app = ClientApp()
server_app = ServerApp()


@server_app.main()
def main(grid, context):
    raise RuntimeError("the training diverged")
PY
cat > "$folder/seen.py" <<'PY'
import sys
from importlib.metadata import version

from syft_flwr.bootstrap import bootstrap
from syft_flwr.run import run

app, data = sys.argv[1:]
bootstrap(app, "scientist@example.org", ["owner@example.org"], transport="syftbox")
print(f"syft-flwr {version('syft-flwr')}: run() returned {run(app, [data])}")
PY
status=0
TMPDIR="$folder/tmp" "$folder/venv/bin/python" "$folder/seen.py" "$folder/app" \
  "$folder/data" > "$folder/out" 2> /dev/null || status=$?
{
  grep "^syft-flwr" "$folder/out" || true
  echo "exit status $status"
  grep -o "Server encountered an error: .*" \
    "$folder/app/simulation_logs/scientist@example.org.log" || true
} | tee "$folder/seen"
cat > "$folder/expected" <<'TEXT'
syft-flwr 0.5.3: run() returned True
exit status 0
Server encountered an error: the training diverged
TEXT
cmp -s "$folder/seen" "$folder/expected" || { echo "changed"; exit 1; }
