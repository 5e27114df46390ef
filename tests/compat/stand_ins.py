"""A pytest plugin for versions of Flower that lack what the framework's grid needs.

The tests of `strategies` send their messages over fedrobust's LocalGrid, which takes
two private names from Flower 1.41. `strategies` itself is imported first, so that it
cannot rest on what stands in for them here.
"""

import importlib
import sys
from types import ModuleType, SimpleNamespace

import strategies.robust  # noqa: F401


def stand_in(module: str, **names: object) -> None:
    """Add a module of these names, if Flower has none."""
    try:
        importlib.import_module(module)
    except ImportError:
        sys.modules[module] = ModuleType(module)
        vars(sys.modules[module]).update(names)


stand_in("flwr.supercore.task_identity", TaskIdentity=SimpleNamespace())
stand_in("flwr.supercore.run", Run=SimpleNamespace(create_empty=lambda run_id: None))
