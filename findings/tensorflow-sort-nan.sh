#!/usr/bin/env bash
# TensorFlow 2.21.0: tf.sort of a vector with a NaN leaves the other values unsorted. NumPy
# and tf.sort under XLA put NaN last and sort the rest; eager mode and plain graphs do not.
# It matters here because a coordinate-wise median or trimmed mean by tf.sort is wrong even
# for the honest values as soon as one client sends NaN: screen replies before they
# are sorted.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0
"$folder/venv/bin/python" - <<'END'
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

values = np.array([3, np.nan, 1, 2], np.float32)
seen = tf.sort(values).numpy()
compiled = tf.function(tf.sort, jit_compile=True)(values).numpy()
print("tensorflow", tf.__version__)
print("expected", np.sort(values), "(NumPy; under XLA", compiled, end=")\n")
print("seen    ", seen)
honest = seen[~np.isnan(seen)]
if (np.diff(honest) >= 0).all() or not np.array_equal(
    compiled, np.sort(values), equal_nan=True
):
    sys.exit("changed: tf.sort now sorts what is not NaN")
END
