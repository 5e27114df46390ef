"""The widest vectors that are computed with, which decide the order of sums.

A CPU with AVX-512 adds up other values together than one without, so that the last bits
differ. ``FEDROBUST_VECTORS=AVX2`` lets it compute as if it had none. oneDNN (under
TensorFlow), OpenBLAS and NumPy read what they may use while they load, so this is
imported before them, and imports none of them.
"""

import os
import platform
import sys
from pathlib import Path

from fedrobust.errors import ConfigError

VARIABLE = "FEDROBUST_VECTORS"
# What the kernel calls the vectors of x86, the widest first.
NAMES = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}
# What holds each library to AVX2 on a CPU with AVX-512. NumPy before 2.4 has other
# names for the same features, and passes over those that it does not know.
AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512F AVX512CD AVX512_SKX AVX512_CLX "
    "AVX512_CNL AVX512_ICL AVX512_SPR",
}


def in_use() -> str | None:
    """Name the widest vectors in use: those of the CPU, or AVX2 where it is held to it.

    Returns
    -------
    None where there are none of AVX, or nothing tells of them.

    Raises
    ------
    ConfigError
        When FEDROBUST_VECTORS is another word than AVX2, or cannot be had: on a CPU
        without, and in a process that had imported NumPy before fedrobust.
    """
    asked = os.environ.get(VARIABLE) or None
    if asked not in (None, "AVX2"):
        raise ConfigError(f"{VARIABLE}={asked}: must be AVX2, or not be set")
    if _HELD:
        return "AVX2"
    cpu = of_cpu()
    if asked and cpu == "AVX-512":
        settings = " ".join(f"{name}='{value}'" for name, value in AVX2.items())
        raise ConfigError(
            f"{VARIABLE}={asked}: NumPy was imported before fedrobust, or another of "
            f"these variables is set otherwise: set {settings} before Python starts"
        )
    if asked and cpu != "AVX2":
        raise ConfigError(
            f"{VARIABLE}={asked}: Linux tells of no AVX2 in this CPU: unset it"
        )
    return cpu


def are_held() -> bool:
    """Tell whether a CPU with AVX-512 is held to AVX2."""
    return _HELD


def of_cpu() -> str | None:
    """Name the widest vectors that the CPU has, where Linux tells them."""
    flags = _cpuinfo().get("flags", "").split()
    return next((name for flag, name in NAMES.items() if flag in flags), None)


def cpu_name() -> str:
    """Name the model of the CPU."""
    return _cpuinfo().get("model name", platform.processor())


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
    """Hold the libraries to AVX2 where that is asked for, and tell whether they are.

    They are, too, where all of it was set before Python started.
    """
    if of_cpu() != "AVX-512":
        return False
    if os.environ.get(VARIABLE) == "AVX2" and "numpy" not in sys.modules:
        for name, value in AVX2.items():
            os.environ.setdefault(name, value)
    return os.environ.items() >= AVX2.items()


_HELD = _hold()
