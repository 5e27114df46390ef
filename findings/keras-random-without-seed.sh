#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow: a layer that calls keras.random.normal without a seed draws
# anew at each call of the model, but model.stateless_call draws the same numbers every time:
# they come from a generator that is no variable of the model, so its state is not carried.
# It matters here because compiled training loops (and everything on JAX) use
# stateless_call: noise that a defence adds is then one constant. Give the layer a
# keras.random.SeedGenerator as an attribute.
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


class Noise(keras.layers.Layer):
    def call(self, x):
        return x + keras.random.normal(keras.ops.shape(x))


model = keras.Sequential([keras.Input((3,)), Noise()])
x = np.zeros((1, 3), "float32")
called = [np.asarray(model(x)).tolist() for _ in range(2)]
stateless = [np.asarray(model.stateless_call([], [], x)[0]).tolist() for _ in range(2)]
print("keras", keras.__version__, "- variables of the model:", len(model.variables))
print("model(x) twice      ", called)
print("stateless_call twice", stateless, "(expected: two draws, as above)")
if called[0] == called[1] or stateless[0] != stateless[1]:
    sys.exit("changed: both calls draw alike now")
END
