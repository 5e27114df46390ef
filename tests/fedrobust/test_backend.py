"""How TensorFlow is started."""

import os
import subprocess
import sys

import pytest

SHOW = """
from fedrobust import backend
print(backend.uses_onednn(), backend.is_deterministic(backend.tf))
"""
# Once TensorFlow has started, the variable can no longer change what it does.
STARTED_BEFORE = """
import os, tensorflow
tensorflow.constant(0)
del os.environ["TF_ENABLE_ONEDNN_OPTS"]
"""


@pytest.mark.parametrize(
    ("program", "setting", "shown"),
    [
        (SHOW, None, "True True"),
        (SHOW, "0", "False True"),
        (STARTED_BEFORE + SHOW, "0", "False False"),
    ],
)
def test_onednn_computes_unless_told_otherwise(program, setting, shown):
    environment = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    if setting is not None:
        environment["TF_ENABLE_ONEDNN_OPTS"] = setting
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == shown
