#!/usr/bin/env bash
# mlflow 3.17.2: the SQLite store that is its default is created by whoever opens it
# first, without a lock between processes: of several that open a new one at the same
# time, some raise an error of alembic or of SQLite ("table ... already exists"). One
# would expect them to wait, as they do once the store exists.
# It matters here because the jobs of a sweep start together: open the store once before,
# or hold a lock of your own.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mlflow==3.17.2
cat > "$folder/open.py" <<'END'
import pathlib
import sys
import time

from mlflow import MlflowClient

pathlib.Path(f"ready-{sys.argv[2]}").touch()
while not pathlib.Path("go").exists():
    time.sleep(0.001)
MlflowClient(f"sqlite:///{sys.argv[1]}").search_experiments()
END
cat > "$folder/all.py" <<'END'
import pathlib
import subprocess
import sys
import time
from importlib.metadata import version


def failures(store, number=4):
    for path in pathlib.Path().glob("ready-*"):
        path.unlink()
    pathlib.Path("go").unlink(missing_ok=True)
    every = [
        subprocess.Popen([sys.executable, "open.py", store, str(i)],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for i in range(number)
    ]
    while len([*pathlib.Path().glob("ready-*")]) < number:
        time.sleep(0.01)
    pathlib.Path("go").touch()
    return sum(process.wait() != 0 for process in every)


print("mlflow", version("mlflow"))
new = max(failures(f"{attempt}.db") for attempt in range(3))
old = failures("0.db")
print("expected no process to fail")
print(f"seen     {new} of 4 failed on a new store, {old} of 4 on the same one later")
if new == 0 or old > 0:
    sys.exit("changed: a new store can be opened by several processes")
END
cd "$folder"
MLFLOW_DISABLE_TELEMETRY=true GIT_PYTHON_REFRESH=quiet venv/bin/python all.py
