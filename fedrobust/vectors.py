"""The widest vectors that are computed with, which decide the order of sums.

A CPU with AVX-512 adds up other values together than one without, so that the last bits
differ. ``FEDROBUST_VECTORS=AVX2`` lets the first give the bits of the second. oneDNN
(under TensorFlow), OpenBLAS and NumPy read what they may use while they load, so this
is imported before them, and imports none of them.
"""

import os
import platform
import sys
from pathlib import Path

from fedrobust.errors import ConfigError

VARIABLE = "FEDROBUST_VECTORS"
# What the kernel calls the vectors of x86, the widest first.
NAMES = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}
# What holds each library to AVX2 on a CPU with AVX-512.
AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}


def in_use() -> str | None:
    """Name the widest vectors in use: those of the CPU, or AVX2 where it is held to it.

    Returns
    -------
    None where the kernel does not tell.

    Raises
    ------
    ConfigError
        When FEDROBUST_VECTORS is another word than AVX2, or is set in a process that
        had imported NumPy before fedrobust.
    """
    asked = os.environ.get(VARIABLE)
    if asked not in (None, "", "AVX2"):
        raise ConfigError(f"{VARIABLE}={asked}: must be AVX2, or not be set")
    if _HELD:
        return "AVX2"
    if asked and _of_cpu() == "AVX-512":
        raise ConfigError(
            f"{VARIABLE}={asked}: NumPy was imported before fedrobust and is not held "
            "to it: import fedrobust first"
        )
    return _of_cpu()


def cpu_name() -> str:
    """Name the model of the CPU."""
    return _cpuinfo().get("model name", platform.processor())


def _of_cpu() -> str | None:
    flags = _cpuinfo().get("flags", "").split()
    return next((name for flag, name in NAMES.items() if flag in flags), None)


def _cpuinfo() -> dict[str, str]:
    """Read what Linux tells of the first CPU; nothing elsewhere."""
    found: dict[str, str] = {}
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text().splitlines():
            key, _, value = line.partition(":")
            found.setdefault(key.strip(), value.strip())
    return found


def _hold() -> bool:
    """Hold the libraries to AVX2 where that is asked for and the CPU has more.

    Returns
    -------
    Whether they are held: NumPy is not where it was imported before.
    """
    if os.environ.get(VARIABLE) != "AVX2" or _of_cpu() != "AVX-512":
        return False
    held = "numpy" not in sys.modules or os.environ.items() >= AVX2.items()
    os.environ.update(AVX2)
    return held


_HELD = _hold()
