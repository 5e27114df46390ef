"""What the bits of a result may depend on: versions, CPU and threads."""

import platform
from importlib.metadata import version

import fedrobust
from fedrobust import backend, vectors
from fedrobust.record import Json
from strategies.threads import num_cores


def environment(runtime: Json) -> Json:
    """Describe what the bits of a result may depend on, and what carried messages."""
    packages = ("flwr", "tensorflow", "keras", "hydra-core", "numpy", "scipy")
    return {
        "fedrobust": fedrobust.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": processor(),
        "vectors_held": vectors.are_held(),
        "cores": num_cores(),
        "intra_op_threads": backend.intra_op_threads(backend.tf),
        "onednn": backend.uses_onednn(),
        "deterministic": backend.is_deterministic(backend.tf),
        "runtime": runtime,
        **{name: version(name) for name in packages},
    }


def processor() -> str:
    """Name the CPU and, where Linux tells them, the widest vectors in use.

    Machines that hide them from their guests have CPUs of one name and other bits: how
    many values an instruction adds up decides the order of sums.
    """
    widest = vectors.in_use()
    name = vectors.cpu_name()
    return name if widest is None else f"{name} ({widest})"
