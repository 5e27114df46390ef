#!/usr/bin/env bash
# flwr 1.42.0: the adaptive clipping of DifferentialPrivacyServerSideAdaptiveClipping moves
# its norm away from the quantile that it should find. It counts the updates that were
# clipped, and steps by the formula of Andrew et al. 2021 for those that were not.
# One would expect that, with updates of lengths 1 to 10, the norm settles at the median,
# between 5 and 6, wherever it starts. It shrinks from below and grows from above.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet flwr==1.42.0 numpy==2.4.6
cat > "$folder/seen.py" <<'PY'
import logging

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy import (
    DifferentialPrivacyServerSideAdaptiveClipping as Adaptive,
)
from flwr.serverapp.strategy import FedAvg
from flwr.supercore.task_identity import TaskIdentity

# A script must set what Flower's own processes set before it can make messages.
TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 1, 1
logging.disable()


def reply(length):
    request = Message(RecordDict(), 1, "train")
    arrays = ArrayRecord({"w": Array(np.array([length], np.float32))})
    metrics = MetricRecord({"num-examples": 1})
    return Message(RecordDict({"arrays": arrays, "m": metrics}), reply_to=request)


def norm_after(rounds, start):
    strategy = Adaptive(FedAvg(), 0.0, 10, initial_clipping_norm=start)
    for number in range(1, rounds + 1):
        strategy.current_arrays = ArrayRecord({"w": Array(np.zeros(1, np.float32))})
        strategy.aggregate_train(number, [reply(length) for length in range(1, 11)])
    return strategy.clipping_norm


for start in (0.5, 20.0):
    print(f"norm {start} -> {norm_after(60, start):.4g} after 60 rounds, median 5.5")
PY
"$folder/venv/bin/python" "$folder/seen.py" | tee "$folder/seen"
cat > "$folder/expected" <<'TEXT'
norm 0.5 -> 0.001239 after 60 rounds, median 5.5
norm 20.0 -> 8069 after 60 rounds, median 5.5
TEXT
cmp -s "$folder/seen" "$folder/expected" || { echo "changed"; exit 1; }
