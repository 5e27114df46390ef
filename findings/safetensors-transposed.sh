#!/usr/bin/env bash
# safetensors 0.8.0 saves NumPy arrays that are not C-contiguous (a transpose, a
# Fortran-ordered copy, a slice with a step) with their values in another order. Nothing
# is raised, and the shape is right. 0.7.0 saved the same arrays correctly.
# It matters here because weights are often stored transposed, as when Dense kernels go
# from Keras to PyTorch: call np.ascontiguousarray first.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet safetensors==0.8.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'END'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load, save

weights = np.arange(6, dtype=np.float32).reshape(2, 3).T
seen = load(save({"weights": weights}))["weights"]
print("safetensors", safetensors.__version__)
print("expected", weights.tolist())
print("seen    ", seen.tolist())
if seen.tolist() != [[0, 1], [2, 3], [4, 5]]:
    sys.exit("changed: the transposed array is no longer saved as its buffer lies")
END
