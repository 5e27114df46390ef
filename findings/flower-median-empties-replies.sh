#!/usr/bin/env bash
# Flower: FedMedian takes the arrays out of the replies that it is given.
#
# FedAvg leaves them as they are. Whoever reads the replies afterwards, as a subclass
# that calls super().aggregate_train first, finds empty ArrayRecords.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flwr==1.42.0 numpy==2.4.6
cat > "$folder/seen.py" <<'PY'
from importlib.metadata import version

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAvg, FedMedian, FedTrimmedAvg
from flwr.supercore.task_identity import TaskIdentity

TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1


def reply(node):
    arrays = ArrayRecord({"a": Array(np.ones(2)), "b": Array(np.ones(3))})
    metrics = MetricRecord({"num-examples": 10})
    content = RecordDict({"arrays": arrays, "metrics": metrics})
    return Message(content, reply_to=Message(RecordDict(), node, "train"))


print(f"flwr {version('flwr')}: arrays left in each of 5 replies")
for strategy in (FedAvg(), FedMedian(), FedTrimmedAvg(beta=0.2)):
    replies = [reply(node) for node in range(5)]
    strategy.aggregate_train(1, replies)
    left = [len(r.content["arrays"]) for r in replies]
    print(type(strategy).__name__, left)
PY
"$folder/venv/bin/python" "$folder/seen.py" 2> /dev/null | tee "$folder/seen"
cat > "$folder/expected" <<'TEXT'
flwr 1.42.0: arrays left in each of 5 replies
FedAvg [2, 2, 2, 2, 2]
FedMedian [0, 0, 0, 0, 0]
FedTrimmedAvg [0, 0, 0, 0, 0]
TEXT
cmp -s "$folder/seen" "$folder/expected" || { echo "changed"; exit 1; }
