"""Federated robustness experiments: dishonest clients, adversarial inputs, privacy."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Imported first: NumPy and TensorFlow read while they load which vectors they may use.
from fedrobust import vectors as vectors
from fedrobust.errors import ConfigError, RunFailedError

if TYPE_CHECKING:
    from fedrobust.api import FailedRun, Run, Sweep, load, run, sweep

__all__ = [
    "ConfigError",
    "FailedRun",
    "Run",
    "RunFailedError",
    "Sweep",
    "load",
    "run",
    "sweep",
]

# Packages of this project, whose classes may be constructed to check a configuration.
OURS = ("fedrobust.", "strategies.")


def __getattr__(name: str) -> Any:
    """Import the Python API at first use, as it needs Hydra and NumPy."""
    if name not in __all__:
        raise AttributeError(f"module 'fedrobust' has no attribute {name!r}")
    import importlib

    from fedrobust.search_path import import_strategies

    import_strategies()
    return getattr(importlib.import_module("fedrobust.api"), name)


def __dir__() -> list[str]:
    """List what is imported at first use, too."""
    return sorted({*globals(), *__all__})
