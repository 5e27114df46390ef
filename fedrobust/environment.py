"""What the bits of a result may depend on: versions, CPU and threads."""

import platform
from importlib.metadata import version
from pathlib import Path

import fedrobust
from fedrobust import backend
from fedrobust.record import Json
from strategies.threads import num_cores

# What the kernel calls the vectors of x86, the widest first.
VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}


def environment(runtime: Json) -> Json:
    """Describe what the bits of a result may depend on, and what carried messages."""
    packages = ("flwr", "tensorflow", "keras", "hydra-core", "numpy", "scipy")
    return {
        "fedrobust": fedrobust.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor(),
        "cores": num_cores(),
        "intra_op_threads": backend.intra_op_threads(backend.tf),
        "onednn": backend.uses_onednn(),
        "deterministic": backend.is_deterministic(backend.tf),
        "runtime": runtime,
        **{name: version(name) for name in packages},
    }


def processor() -> str:
    """Name the CPU and, where Linux tells them, its widest vectors.

    Machines that hide them from their guests have CPUs of one name and other bits: how
    many values an instruction adds up decides the order of sums.
    """
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return platform.processor()
    found: dict[str, str] = {}
    for line in path.read_text().splitlines():
        key, _, value = line.partition(":")
        found.setdefault(key.strip(), value.strip())
    flags = found.get("flags", "").split()
    widest = next((name for flag, name in VECTORS.items() if flag in flags), None)
    model = found.get("model name", platform.processor())
    return model if widest is None else f"{model} ({widest})"
