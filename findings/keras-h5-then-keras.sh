#!/usr/bin/env bash
# Keras 3.15.1: saving a compiled model as .h5 changes what a later .keras file of the same
# model says about its optimizer. A model trained with Adam is loaded with RMSprop and fresh
# optimizer state; without the .h5 in between, Adam comes back with its state.
# It matters here because a script that exports .h5 beside its checkpoints resumes with
# another optimizer: a warning mentions skipped variables, but not the change.
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

folder = tempfile.mkdtemp(dir=os.path.dirname(sys.prefix))
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
model.compile("adam", "mse")
model.fit(np.ones((8, 3)), np.zeros((8, 2)), verbose=0)


def reloaded():
    model.save(f"{folder}/model.keras")
    optimizer = keras.saving.load_model(f"{folder}/model.keras").optimizer
    return type(optimizer).__name__, int(optimizer.iterations)


before = reloaded()
model.save(f"{folder}/model.h5")
after = reloaded()
print("keras", keras.__version__)
print("expected", before, "both times")
print("seen    ", after, "after the model was also saved as .h5")
if (before, after) != (("Adam", 1), ("RMSprop", 0)):
    sys.exit("changed: saving .h5 no longer replaces the stored optimizer")
END
