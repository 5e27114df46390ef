"""Making what a configuration names, and remembering it."""

import json
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

from hydra.utils import instantiate

from fedrobust import OURS
from fedrobust.backend import start_tensorflow
from fedrobust.config.components import checked_component
from fedrobust.errors import ConfigError, exits_refused, summary_of

P = ParamSpec("P")
R = TypeVar("R")

_lock = threading.RLock()
_caches: list[Callable[[], None]] = []


def forget() -> None:
    """Drop everything that is shared, as a new process has nothing of it."""
    for clear in _caches:
        clear()


# How many results are remembered: of what is as large as a data set or a model; of
# trainers, whose graphs take some tens of MB, so that a sweep over a few hooks traces
# each of them once; and of small things.
FEW, TRAINERS, MANY = 8, 16, 64


def shared(kept: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Remember the last results, and let one thread at a time make a new one.

    Parameters
    ----------
    kept
        How many: ``FEW``, ``TRAINERS`` or ``MANY``.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        cached = lru_cache(maxsize=kept)(function)
        _caches.append(cached.cache_clear)

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            with _lock:
                return cached(*args, **kwargs)  # type: ignore[arg-type]

        return call

    return decorate


def key_of(*parts: Any) -> str:
    """Write parts of a configuration as the key that they are remembered by."""
    return json.dumps(parts, sort_keys=True)


def prepare(node: dict[str, Any]) -> None:
    """Set TensorFlow up before a user's module may import it."""
    if not _is_all_ours(node):
        start_tensorflow()


def _is_all_ours(node: Any) -> bool:
    """Whether a node, and every node within, names a class of this project."""
    if isinstance(node, list):
        return all(map(_is_all_ours, node))
    if isinstance(node, dict):
        ours = str(node.get("_target_", OURS[0])).startswith(OURS)
        return ours and all(map(_is_all_ours, node.values()))
    return True


def make(node: dict[str, Any], key: str, **extra: Any) -> Any:
    """Return what a node's ``_target_`` names.

    It is the component that was constructed to check the node, if there is one.

    Raises
    ------
    ConfigError
        When it cannot be constructed, with the key and the reason.
    """
    node = {**node, **extra}
    checked = checked_component(node, key)
    if checked is not None:
        return checked
    prepare(node)
    try:
        with exits_refused():
            return instantiate(node, _convert_="all")
    except Exception as error:
        cause = error.__cause__ or error
        reason = summary_of(cause)
        raise ConfigError(f"{key}: cannot make {node['_target_']}: {reason}") from error
