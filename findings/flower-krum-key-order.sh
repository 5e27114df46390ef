#!/usr/bin/env bash
# Flower: Krum and Bulyan depend on the order in which a reply names its arrays.
#
# FedAvg pairs arrays by name. Krum and Bulyan measure distances between arrays in the
# order of each reply: clients that send the same two arrays as {b, a} instead of {a, b}
# seem to be far from the others, and another model is selected.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flwr==1.42.0 numpy==2.4.6
cat > "$folder/seen.py" <<'PY'
from importlib.metadata import version

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import Bulyan, FedAvg, Krum
from flwr.supercore.task_identity import TaskIdentity

TaskIdentity.task_id = TaskIdentity.run_id = TaskIdentity.node_id = 1


def reply(node, arrays):
    arrays = {name: Array(np.float64([value])) for name, value in arrays.items()}
    metrics = MetricRecord({"num-examples": 10})
    content = RecordDict({"arrays": ArrayRecord(arrays), "metrics": metrics})
    return Message(content, reply_to=Message(RecordDict(), node, "train"))


def model(strategy, turned):
    replies = []
    for node in range(7):
        arrays = {"a": float(node), "b": 100.0}
        if node in turned:
            arrays = dict(reversed(arrays.items()))
        replies.append(reply(node, arrays))
    found, _ = strategy.aggregate_train(1, replies)
    return {name: round(found[name].numpy()[0].item(), 6) for name in ("a", "b")}


print(f"flwr {version('flwr')}")
for make in (FedAvg, Krum, Bulyan):
    arguments = {} if make is FedAvg else {"num_malicious_nodes": 1}
    for turned in ((), (2, 3)):
        print(make.__name__, "turned:", turned, model(make(**arguments), turned))
PY
"$folder/venv/bin/python" "$folder/seen.py" 2> /dev/null | tee "$folder/seen"
cat > "$folder/expected" <<'TEXT'
flwr 1.42.0
FedAvg turned: () {'a': 3.0, 'b': 100.0}
FedAvg turned: (2, 3) {'a': 3.0, 'b': 100.0}
Krum turned: () {'a': 3.0, 'b': 100.0}
Krum turned: (2, 3) {'a': 4.0, 'b': 100.0}
Bulyan turned: () {'a': 3.0, 'b': 100.0}
Bulyan turned: (2, 3) {'a': 5.0, 'b': 100.0}
TEXT
cmp -s "$folder/seen" "$folder/expected" || { echo "changed"; exit 1; }
