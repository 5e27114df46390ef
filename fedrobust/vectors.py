"""The vector instructions in use, which determine the order of sums.

A CPU with AVX-512 adds values in another order than one without, so the last bits of
results differ. With ``FEDROBUST_VECTORS=AVX2`` it computes as if it had only AVX2.
oneDNN (in TensorFlow), OpenBLAS and NumPy read their settings when they are loaded, so
this module must be imported before them, and imports none of them.
"""

import os
import platform
import sys
from pathlib import Path

from fedrobust.errors import ConfigError

VARIABLE = "FEDROBUST_VECTORS"
# By the kernel's name, the vector instructions of x86, the widest first.
NAMES = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}
# Environment variables that restrict each library to AVX2 on a CPU with AVX-512. NumPy
# before 2.4 has other names for the same features, and ignores unknown names.
AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512F AVX512CD AVX512_SKX AVX512_CLX "
    "AVX512_CNL AVX512_ICL AVX512_SPR",
}


def widest() -> str | None:
    """Return the name of the widest vector instructions in use.

    Returns
    -------
    The CPU's widest, or AVX2 if it is restricted to that; None if the CPU has no AVX or
    its features are unknown.

    Raises
    ------
    ConfigError
        When FEDROBUST_VECTORS is not AVX2, or AVX2 is impossible, because the CPU does
        not have it or NumPy was imported before fedrobust.
    """
    asked = os.environ.get(VARIABLE) or None
    if asked not in (None, "AVX2"):
        raise ConfigError(f"{VARIABLE}={asked}: must be AVX2, or not be set")
    if _CAPPED:
        return "AVX2"
    cpu = of_cpu()
    if asked and cpu == "AVX-512":
        settings = " ".join(f"{name}='{value}'" for name, value in AVX2.items())
        raise ConfigError(
            f"{VARIABLE}={asked}: NumPy was imported before fedrobust, or one of these "
            f"variables has another value: set {settings} before Python starts"
        )
    if asked and cpu != "AVX2":
        raise ConfigError(
            f"{VARIABLE}={asked}: Linux reports no AVX2 for this CPU: unset it"
        )
    return cpu


def is_capped() -> bool:
    """Return whether a CPU with AVX-512 is restricted to AVX2."""
    return _CAPPED


def of_cpu() -> str | None:
    """Return the name of the CPU's widest vector instructions; None if unknown."""
    flags = _cpuinfo().get("flags", "").split()
    return next((name for flag, name in NAMES.items() if flag in flags), None)


def cpu_name() -> str:
    """Return the model name of the CPU."""
    return _cpuinfo().get("model name", platform.processor())


def _cpuinfo() -> dict[str, str]:
    """Return Linux's description of the first CPU; empty on other systems."""
    described: dict[str, str] = {}
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text().splitlines():
            key, _, value = line.partition(":")
            described.setdefault(key.strip(), value.strip())
    return described


def _cap() -> bool:
    """Restrict the libraries to AVX2 if requested, and return whether they are.

    They are also restricted if all variables were set before Python started.
    """
    if of_cpu() != "AVX-512":
        return False
    if os.environ.get(VARIABLE) == "AVX2" and "numpy" not in sys.modules:
        for name, value in AVX2.items():
            os.environ.setdefault(name, value)
    return os.environ.items() >= AVX2.items()


_CAPPED = _cap()
