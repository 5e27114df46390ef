#!/usr/bin/env bash
# TensorFlow 2.21.0 on a CPU: tf.reduce_max of values with a NaN is NaN, but under
# jit_compile=True the NaN is dropped, and of NaN alone the maximum is -inf.
# It matters here because a check for diverged logits or losses by their maximum passes as
# soon as somebody compiles the function: count tf.math.is_finite instead.
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

logits = tf.constant([1.0, np.nan, 2.0])
plain = tf.function(tf.reduce_max)(logits).numpy()
compiled = tf.function(tf.reduce_max, jit_compile=True)(logits).numpy()
print("tensorflow", tf.__version__)
print("expected", plain, "(without jit_compile)")
print("seen    ", compiled)
if not (np.isnan(plain) and compiled == 2):
    sys.exit("changed: reduce_max under XLA no longer drops NaN")
END
