"""Construct the components of a configuration, and cache what takes long to build."""

import json
import threading
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

from hydra.utils import instantiate

from fedrobust import OURS
from fedrobust.backend import start_tensorflow
from fedrobust.config.components import checked_component
from fedrobust.config.user_code import forget_code, remember_code
from fedrobust.errors import ConfigError, exits_refused, summary_of

P = ParamSpec("P")
R = TypeVar("R")

_lock = threading.RLock()
_caches: list[Callable[[], None]] = []


def forget() -> None:
    """Empty all caches."""
    for clear in _caches:
        clear()
    forget_code()


# Sizes of the caches: for data sets and models; for trainers, whose graphs take tens of
# MB each, so that a sweep over a few objectives traces each once; for small objects.
FEW, TRAINERS, MANY = 8, 16, 64


def cached(kept: int) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Cache the latest results of a function, and let one thread at a time compute.

    Parameters
    ----------
    kept
        Number of results to keep: ``FEW``, ``TRAINERS`` or ``MANY``.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        cached_function = lru_cache(maxsize=kept)(function)
        _caches.append(cached_function.cache_clear)

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            with _lock:
                return cached_function(*args, **kwargs)  # type: ignore[arg-type]

        return call

    return decorate


def key_of(*parts: Any) -> str:
    """Return the cache key of parts of a configuration."""
    return json.dumps(parts, sort_keys=True)


def prepare(node: dict[str, Any]) -> None:
    """Start TensorFlow with our settings before a user's module may import it."""
    if not _is_all_ours(node):
        start_tensorflow()


def _is_all_ours(node: Any) -> bool:
    """Return whether a node and all nodes within name classes of this project."""
    if isinstance(node, list):
        return all(map(_is_all_ours, node))
    if isinstance(node, dict):
        ours = str(node.get("_target_", OURS[0])).startswith(OURS)
        return ours and all(map(_is_all_ours, node.values()))
    return True


def component_of(node: dict[str, Any], key: str, **extra: Any) -> Any:
    """Return the component that a node's ``_target_`` names.

    If the check of the configuration has constructed it, that instance is returned.

    Raises
    ------
    ConfigError
        When it cannot be constructed, or when the user edited a module after it was
        imported; the message has the key and the reason.
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
    finally:
        remember_code(node)


def component_of_kind(node: dict[str, Any], key: str, kind: type) -> Any:
    """Return the component of a node, as ``component_of`` does, if it is of a kind.

    Raises
    ------
    ConfigError
        When it cannot be constructed, or a user's class makes something else.
    """
    made = component_of(node, key)
    if not isinstance(made, kind):
        wanted = f"{kind.__module__.rpartition('.')[0]}.{kind.__name__}"
        raise ConfigError(
            f"{key}._target_={node['_target_']}: makes a {type(made).__name__}, must "
            f"make a {wanted}"
        )
    return made
