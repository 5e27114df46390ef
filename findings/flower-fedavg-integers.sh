#!/usr/bin/env bash
# Flower: FedAvg turns integer arrays into float64, and equal integers into less.
#
# Three clients that all send the counter 7 (as BatchNorm's num_batches_tracked) give
# 6.999999999999999, which is 6 for whoever casts it back.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flwr==1.42.0 numpy==2.4.6
cat > "$folder/seen.py" <<'PY'
from importlib.metadata import version

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAvg
from flwr.supercore.task_identity import TaskIdentity

TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1


def reply(node, num_examples):
    arrays = ArrayRecord({"count": Array(np.array([7], np.int64))})
    metrics = MetricRecord({"num-examples": num_examples})
    content = RecordDict({"arrays": arrays, "metrics": metrics})
    return Message(content, reply_to=Message(RecordDict(), node, "train"))


replies = [reply(node, n) for node, n in enumerate([10, 10, 10])]
arrays, _ = FedAvg().aggregate_train(1, replies)
count = arrays["count"].numpy()
print(f"flwr {version('flwr')}: three int64 7 give {count.dtype} {count[0]!r}")
print(f"cast back: {count.astype(np.int64)[0]}")
PY
"$folder/venv/bin/python" "$folder/seen.py" 2> /dev/null | tee "$folder/seen"
cat > "$folder/expected" <<'TEXT'
flwr 1.42.0: three int64 7 give float64 np.float64(6.999999999999999)
cast back: 6
TEXT
cmp -s "$folder/seen" "$folder/expected" || { echo "changed"; exit 1; }
