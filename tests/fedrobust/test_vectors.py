"""On a CPU with AVX-512 the bits of one without it can be asked for."""

import os
import subprocess
import sys

import pytest

from fedrobust import vectors
from fedrobust.cli import main
from fedrobust.errors import ConfigError

HAS_MORE = vectors._of_cpu() == "AVX-512"

LIBRARIES = """
from fedrobust.environment import processor
import numpy
import scipy.linalg
from numpy._core._multiarray_umath import __cpu_features__ as features
from threadpoolctl import threadpool_info
from fedrobust.backend import tf
print(processor())
print("numpy", features["X86_V4"])
print("blas", {i["architecture"] for i in threadpool_info() if "architecture" in i})
tf.linalg.matmul(tf.ones((8, 8)), tf.ones((8, 8)))
"""


def python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, and give what it wrote."""
    clean = {k: v for k, v in os.environ.items() if k not in vectors.AVX2}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, "ONEDNN_VERBOSE": "1", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(not HAS_MORE, reason="the CPU has no AVX-512")
def test_every_library_is_held_to_avx2():
    free, held = python(LIBRARIES), python(LIBRARIES, FEDROBUST_VECTORS="AVX2")
    assert "(AVX-512)\nnumpy True\n" in free.stdout
    assert "(AVX2)\nnumpy False\nblas {'Haswell'}\n" in held.stdout
    assert "isa:Intel AVX-512" in free.stdout
    assert "isa:Intel AVX2\n" in held.stdout


@pytest.mark.skipif(not HAS_MORE, reason="the CPU has no AVX-512")
def test_a_process_of_its_own_inherits_what_holds():
    held = {"FEDROBUST_VECTORS": "AVX2", **vectors.AVX2}
    late = f"import numpy\n{LIBRARIES}"
    assert "(AVX2)\nnumpy False\n" in python(late, **held).stdout
    error = python(late, FEDROBUST_VECTORS="AVX2").stderr
    assert "NumPy was imported before fedrobust" in error


def test_another_word_is_told(monkeypatch, capsys):
    monkeypatch.setenv("FEDROBUST_VECTORS", "AVX1024")
    assert main(["list"]) == 2
    assert capsys.readouterr().err == (
        "fedrobust: FEDROBUST_VECTORS=AVX1024: must be AVX2, or not be set\n"
    )


@pytest.mark.parametrize(
    ("cpu", "asked", "held", "said"),
    [
        ("AVX-512", None, False, "AVX-512"),
        ("AVX-512", "", False, "AVX-512"),
        ("AVX-512", "AVX2", True, "AVX2"),
        # It has no more to be held to.
        ("AVX2", "AVX2", False, "AVX2"),
        ("AVX", "AVX2", False, "AVX"),
        (None, "AVX2", False, None),
    ],
)
def test_what_is_in_use(monkeypatch, cpu, asked, held, said):
    monkeypatch.delenv("FEDROBUST_VECTORS", raising=False)
    if asked is not None:
        monkeypatch.setenv("FEDROBUST_VECTORS", asked)
    for name in vectors.AVX2:
        monkeypatch.setenv(name, "as it was")
    monkeypatch.setattr(vectors, "_of_cpu", lambda: cpu)
    monkeypatch.delitem(sys.modules, "numpy")
    monkeypatch.setattr(vectors, "_HELD", vectors._hold())
    assert vectors._HELD is held
    assert {os.environ[name] for name in vectors.AVX2} == (
        set(vectors.AVX2.values()) if held else {"as it was"}
    )
    assert vectors.in_use() == said


def test_numpy_that_was_there_before_is_not_held(monkeypatch):
    monkeypatch.setenv("FEDROBUST_VECTORS", "AVX2")
    for name in vectors.AVX2:
        monkeypatch.setenv(name, "as it was")
    monkeypatch.setattr(vectors, "_of_cpu", lambda: "AVX-512")
    monkeypatch.setattr(vectors, "_HELD", vectors._hold())
    with pytest.raises(ConfigError, match="NumPy was imported before fedrobust"):
        vectors.in_use()
