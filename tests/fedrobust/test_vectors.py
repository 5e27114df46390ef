"""On a CPU with AVX-512 the bits of one without it can be asked for."""

import os
import subprocess
import sys

import pytest

from fedrobust import vectors
from fedrobust.cli import main
from fedrobust.errors import ConfigError
from fedrobust.runtime.ray import Ray

HAS_MORE = vectors.of_cpu() == "AVX-512"

LIBRARIES = """
from fedrobust.record.environment import processor
import numpy
import scipy.linalg
from numpy._core._multiarray_umath import __cpu_features__ as features
from threadpoolctl import threadpool_info
from fedrobust.backend import tf
print(processor())
print("numpy", features.get("X86_V4") or features["AVX512_SKX"])
print("blas", {i["architecture"] for i in threadpool_info() if "architecture" in i})
tf.linalg.matmul(tf.ones((8, 8)), tf.ones((8, 8)))
"""


def python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own, and give what it wrote."""
    ours = {vectors.VARIABLE, *vectors.AVX2}
    clean = {k: v for k, v in os.environ.items() if k not in ours}
    told = {"ONEDNN_VERBOSE": "1", "TF_ENABLE_ONEDNN_OPTS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, **told, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(not HAS_MORE, reason="the CPU has no AVX-512")
def test_every_library_is_restricted_to_avx2():
    free, held = python(LIBRARIES), python(LIBRARIES, FEDROBUST_VECTORS="AVX2")
    assert "(AVX-512)\nnumpy True\n" in free.stdout
    assert "blas {'Haswell'}" not in free.stdout
    assert "(AVX2)\nnumpy False\nblas {'Haswell'}\n" in held.stdout
    assert "isa:Intel AVX-512" in free.stdout
    assert "isa:Intel AVX2\n" in held.stdout


@pytest.mark.skipif(not HAS_MORE, reason="the CPU has no AVX-512")
def test_a_child_process_inherits_the_restriction():
    held = {"FEDROBUST_VECTORS": "AVX2", **vectors.AVX2}
    late = f"import numpy\n{LIBRARIES}"
    assert "(AVX2)\nnumpy False\n" in python(late, **held).stdout
    error = python(late, FEDROBUST_VECTORS="AVX2").stderr
    assert "NumPy was imported before fedrobust" in error


def test_another_value_than_avx2_is_refused(monkeypatch, capsys):
    monkeypatch.setenv("FEDROBUST_VECTORS", "AVX1024")
    assert main(["list"]) == 2
    assert capsys.readouterr().err == (
        "fedrobust: FEDROBUST_VECTORS=AVX1024: must be AVX2, or not be set\n"
    )


@pytest.fixture
def process(monkeypatch):
    """Let this process be one that has just imported fedrobust on some CPU."""

    def begin(cpu, asked, *, numpy=False, **variables):
        for name in (vectors.VARIABLE, *vectors.AVX2):
            # So that what is set meanwhile is taken back afterwards.
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)
        if asked is not None:
            monkeypatch.setenv(vectors.VARIABLE, asked)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        if not numpy:
            monkeypatch.delitem(sys.modules, "numpy")
        monkeypatch.setattr(vectors, "of_cpu", lambda: cpu)
        monkeypatch.setattr(vectors, "_CAPPED", vectors._cap())

    return begin


def settings():
    return {name: os.environ[name] for name in vectors.AVX2 if name in os.environ}


@pytest.mark.parametrize(
    ("cpu", "asked", "used"),
    [
        ("AVX-512", None, "AVX-512"),
        ("AVX-512", "", "AVX-512"),
        ("AVX2", "AVX2", "AVX2"),  # it has no more to be held to
        ("AVX", None, "AVX"),
        (None, None, None),
    ],
)
def test_nothing_is_set_without_a_restriction(process, cpu, asked, used):
    process(cpu, asked)
    assert not vectors.is_capped()
    assert settings() == {}
    assert vectors.widest() == used


def test_all_variables_are_set_on_request(process):
    process("AVX-512", "AVX2")
    assert vectors.is_capped()
    assert settings() == vectors.AVX2
    assert vectors.widest() == "AVX2"


@pytest.mark.parametrize("asked", [None, "AVX2"])
def test_variables_set_before_the_start_restrict_numpy_in_any_import_order(
    process, asked
):
    process("AVX-512", asked, numpy=True, **vectors.AVX2)
    assert vectors.is_capped()
    assert vectors.widest() == "AVX2"


@pytest.mark.parametrize("cpu", ["AVX", None])
def test_vectors_that_the_cpu_lacks_are_refused(process, cpu):
    process(cpu, "AVX2")
    with pytest.raises(ConfigError, match="no AVX2 for this CPU"):
        vectors.widest()


@pytest.mark.parametrize(
    ("numpy", "variables"), [(True, {}), (False, {"ONEDNN_MAX_CPU_ISA": "SSE41"})]
)
def test_a_restriction_that_comes_too_late_is_refused(process, numpy, variables):
    process("AVX-512", "AVX2", numpy=numpy, **variables)
    assert not vectors.is_capped()
    with pytest.raises(ConfigError, match="set ONEDNN_MAX_CPU_ISA='AVX2' OPENBLAS"):
        vectors.widest()


def test_a_cluster_that_is_joined_is_refused(process):
    process("AVX-512", "AVX2")
    with pytest.raises(ValueError, match="which does not reach a cluster"):
        Ray(address="auto").check()
