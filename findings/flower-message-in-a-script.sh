#!/usr/bin/env bash
# Flower: Message(...) raises in a process that Flower did not start.
#
# Up to 1.37 any script, notebook or test can make a Message. From 1.38 on it needs a
# task id that only Flower's own processes set, and no public name sets it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/seen.py" <<'PY'
from importlib.metadata import version
from flwr.app import Message, RecordDict

try:
    seen = Message(RecordDict(), 1, "train").metadata.message_type
except RuntimeError as error:
    seen = f"RuntimeError: {error}"
print(f"flwr {version('flwr')}: {seen}")
PY
for flwr in 1.37.0 1.38.0 1.42.0; do
  "${PYTHON:-python3}" -m venv "$folder/$flwr"
  "$folder/$flwr/bin/pip" install --quiet "flwr==$flwr" numpy==2.4.6
  "$folder/$flwr/bin/python" "$folder/seen.py" | tee -a "$folder/seen"
done
cat > "$folder/expected" <<'TEXT'
flwr 1.37.0: train
flwr 1.38.0: RuntimeError: TaskIdentity.run_id is not set.
flwr 1.42.0: RuntimeError: TaskIdentity.run_id is not set.
TEXT
cmp -s "$folder/seen" "$folder/expected" || { echo "changed"; exit 1; }
