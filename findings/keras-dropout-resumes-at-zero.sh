#!/usr/bin/env bash
# Keras 3.15.1: a .keras file does not hold the state of Dropout's random generator, although
# it holds the optimizer's state and model.variables lists the generator's. A seeded model
# that is saved, loaded and trained on repeats the masks of its first steps.
# It matters here because training that was interrupted and resumed is then another
# training than the one without a break: store the seed state beside the file.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0 keras==3.15.1
"$folder/venv/bin/python" - <<'END'
import os
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np

path = tempfile.mkdtemp(dir=os.path.dirname(sys.prefix)) + "/model.keras"
model = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5, seed=1)])
x = np.ones((4, 3))
masks = [np.array(model(x, training=True)).tolist() for _ in range(2)]
model.save(path)
third = np.array(model(x, training=True)).tolist()
seen = np.array(keras.saving.load_model(path)(x, training=True)).tolist()
print("keras", keras.__version__)
print("expected", third, "(the third mask)")
print("seen    ", seen, "(the first mask)" if seen == masks[0] else "")
if seen != masks[0] or seen == third:
    sys.exit("changed: the loaded model no longer starts over with its first mask")
END
