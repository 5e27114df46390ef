"""What a call from Python leaves as it found it; the command owns its process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.core.hydra_config import HydraConfig
from hydra.version import VersionBase

from fedrobust import vectors
from fedrobust.errors import exits_refused
from fedrobust.search_path import current_folder_last

# Warnings and the threads of BLAS are set for the whole process during a run.
_turn = threading.RLock()


@contextmanager
def as_guest() -> Iterator[None]:
    """Let one thread at a time in, and restore Hydra's state and the search path.

    Raises
    ------
    ConfigError
        When the user's code calls ``sys.exit``, or the vectors are set wrongly.
    """
    with _turn:
        hydra, base = HydraConfig.instance(), VersionBase.instance()
        node, version = hydra.cfg, base.version_base
        try:
            with current_folder_last(), exits_refused():
                vectors.widest()
                yield
        finally:
            hydra.cfg, base.version_base = node, version
