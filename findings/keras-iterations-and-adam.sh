#!/usr/bin/env bash
# Keras 3.15.1: setting optimizer.iterations, which is how a learning-rate schedule is made
# to continue, also tells Adam that its moments have seen that many steps. With moments that
# are new, the first step at iteration 1,000 is 2.5 times the learning rate, and at
# iteration 10 half of it; at iteration 0 it is the learning rate.
# It matters here because federated clients begin each round with a new optimizer and would
# continue a schedule over the rounds this way: keep the moments too, or let the schedule
# begin elsewhere and leave the counter at 0.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 keras==3.15.1
"$folder/venv/bin/python" - <<'END'
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np


def first_step(iterations):
    weight = keras.Variable(np.zeros(1, "float32"))
    optimizer = keras.optimizers.Adam(0.1)
    optimizer.build([weight])
    optimizer.iterations.assign(iterations)
    optimizer.apply_gradients([(np.ones(1, "float32"), weight)])
    return round(float(-weight.numpy()[0]), 4)


seen = {n: first_step(n) for n in (0, 10, 1000)}
print("keras", keras.__version__)
print("expected", dict.fromkeys(seen, 0.1), "(the rate is 0.1 and constant)")
print("seen    ", seen)
if seen != {0: 0.1, 10: 0.0482, 1000: 0.2515}:
    sys.exit("changed: the first step no longer depends on the counter in this way")
END
