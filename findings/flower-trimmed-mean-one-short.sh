#!/usr/bin/env bash
# Flower: FedTrimmedAvg(beta=f / n) with n replies may trim f - 1 from each end, not f.
#
# It trims int(beta * n) values, and 15 / 44 * 44 is 14.999999999999998. One of the 15
# values that were to go then decides the mean. It is so for 63 pairs up to n = 100.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flwr==1.42.0 numpy==2.4.6
cat > "$folder/seen.py" <<'PY'
from importlib.metadata import version

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedTrimmedAvg
from flwr.supercore.task_identity import TaskIdentity

TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1


def reply(node, value):
    arrays = ArrayRecord({"w": Array(np.array([value]))})
    metrics = MetricRecord({"num-examples": 10})
    content = RecordDict({"arrays": arrays, "metrics": metrics})
    return Message(content, reply_to=Message(RecordDict(), node, "train"))


def trimmed_mean(f, n):
    replies = [reply(node, 1e6 if node < f else 1.0) for node in range(n)]
    arrays, _ = FedTrimmedAvg(beta=f / n).aggregate_train(1, replies)
    return arrays["w"].numpy()[0]


print(f"flwr {version('flwr')}")
print("15 of 45 values are 1000000, the others 1:", trimmed_mean(15, 45))
print("15 of 44 values are 1000000, the others 1:", trimmed_mean(15, 44))
PY
"$folder/venv/bin/python" "$folder/seen.py" 2> /dev/null | tee "$folder/seen"
cat > "$folder/expected" <<'TEXT'
flwr 1.42.0
15 of 45 values are 1000000, the others 1: 1.0
15 of 44 values are 1000000, the others 1: 62500.9375
TEXT
cmp -s "$folder/seen" "$folder/expected" || { echo "changed"; exit 1; }
