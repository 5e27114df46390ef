#!/usr/bin/env bash
# TensorFlow 2.21.0 on a CPU: tf.random.stateless_uniform is a function of its seed alone by
# its documentation, but draws other numbers under jit_compile=True than without: the
# default algorithm is another one there. alg="philox" draws the same in both.
# It matters here because random starts, noise and dropout masks keyed by stateless seeds
# change with a flag that is for speed alone.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet tensorflow==2.21.0
"$folder/venv/bin/python" - <<'END'
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf


def draw(alg, **compilation):
    @tf.function(autograph=False, **compilation)
    def uniform():
        return tf.random.stateless_uniform((3,), seed=(1, 2), alg=alg)

    return uniform().numpy().tolist()


plain, compiled = draw("auto_select"), draw("auto_select", jit_compile=True)
print("tensorflow", tf.__version__)
print("expected", plain, "(without jit_compile)")
print("seen    ", compiled)
if plain == compiled or draw("philox") != draw("philox", jit_compile=True):
    sys.exit("changed: XLA draws the same numbers, or philox no longer does")
END
