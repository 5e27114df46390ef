"""Check Keras optimisers and schedules by the source of Keras, without importing it.

Importing Keras takes seconds, and a mistake in the last job of a sweep should be
reported before the first. A user's own optimiser is only constructed before round 1.
"""

import ast
import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from fedrobust.config.components import check_component
from fedrobust.config.targets import find_target, parsed
from fedrobust.config.typed import Node
from fedrobust.errors import ConfigError, nearest
from fedrobust.training.optimizer import UNSUPPORTED

KEY = "training.optimizer"
KERAS = "keras.optimizers."
# Markers for a default that is not a literal, and for a parameter without a default.
OTHER, REQUIRED = object(), object()
ABOVE_ZERO = {
    "learning_rate", "initial_learning_rate", "clipnorm", "clipvalue",
    "global_clipnorm", "decay_steps", "first_decay_steps",
}  # fmt: skip
AT_LEAST_ZERO = {"weight_decay", "epsilon", "initial_accumulator_value"}
SHARES = {"momentum", "beta_1", "beta_2", "rho", "ema_momentum"}


def check_optimizer(node: Node) -> None:
    """Check the optimiser of local training; its node stays as it was written.

    Raises
    ------
    ConfigError
        When an argument is wrong; the message names it.
    """
    check_component(node, KEY)
    target = str(node["_target_"])
    if not target.startswith(KERAS):
        is_keras = target.startswith("keras.")
        _require(not is_keras, f"{KEY}._target_", target, f"in {KERAS.rstrip('.')}")
        return
    _check_arguments(node, KEY)
    for name in UNSUPPORTED:
        if node.get(name):
            raise ConfigError(
                f"{KEY}.{name}={node[name]}: must be left out, local training only "
                "takes steps"
            )
    rate = node.get("learning_rate")
    if isinstance(rate, dict) and str(rate.get("_target_")).startswith(KERAS):
        _check_arguments(rate, f"{KEY}.learning_rate")


def _check_arguments(node: Node, key: str) -> None:
    """Check a node against the arguments of the Keras class that it names."""
    target = str(node["_target_"])
    defaults = arguments_of(target, key)
    if defaults is None:
        return
    for name, value in node.items():
        if name in ("_target_", "_convert_"):
            continue
        if name not in defaults:
            advice = nearest(name, defaults)
            raise ConfigError(f"{key}.{name}: {target} has no such argument, {advice}")
        _check_value(f"{key}.{name}", name, value, defaults[name])
    missing = [n for n, d in defaults.items() if d is REQUIRED and n not in node]
    if missing:
        raise ConfigError(f"{key}.{missing[0]} is not set: {target} needs it")


def _check_value(key: str, name: str, value: Any, default: Any) -> None:
    """Check a value's type by the default, and its range by its name."""
    if value is None and default is None:
        return
    if name == "learning_rate" and isinstance(value, dict):
        return
    if isinstance(default, bool):
        _require(isinstance(value, bool), key, value, "true or false")
    elif isinstance(default, str) or name == "name":
        _require(isinstance(value, str), key, value, "a string")
    elif name in ABOVE_ZERO:
        is_valid = _is_number(value) and 0 < value < 1e9
        _require(is_valid, key, value, "a number above 0 and below 10^9")
    elif name in AT_LEAST_ZERO:
        is_valid = _is_number(value) and 0 <= value < 1e9
        _require(is_valid, key, value, "a number in [0, 10^9)")
    elif name in SHARES:
        is_valid = _is_number(value) and 0 <= value <= 1
        _require(is_valid, key, value, "a number in [0, 1]")
    elif isinstance(default, int | float):
        _require(_is_number(value), key, value, "a number")


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # An integer may be too large for a float.
    return is_number and abs(value) <= sys.float_info.max


def _require(condition: bool, key: str, value: Any, bound: str) -> None:
    if not condition:
        raise ConfigError(f"{key}={value}: must be {bound}")


@lru_cache(maxsize=64)
def arguments_of(target: str, key: str = "") -> Mapping[str, Any] | None:
    """Read the arguments of a class from the text of its module, with their defaults.

    Returns
    -------
    The default by name; ``OTHER`` for one that is not a literal, ``REQUIRED`` where
    there is none. None if the text does not show the constructor.
    """
    name = target.rpartition(".")[2]
    path = find_target(target, key)
    for _ in range(5):
        if path is None:
            return None
        body = parsed(path).body
        found = next((n for n in body if getattr(n, "name", None) == name), None)
        if isinstance(found, ast.ClassDef):
            return _constructor(found)
        imported = _imported(name, body)
        if imported is None:
            return None
        module, name = imported
        path = find_target(f"{module}.{name}", key)
    return None


def _imported(name: str, body: list[ast.stmt]) -> tuple[str, str] | None:
    """Return the module and the name that an imported name comes from."""
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return node.module, alias.name
    return None


def _constructor(cls: ast.ClassDef) -> dict[str, Any] | None:
    """Read the arguments of ``__init__``."""
    for node in cls.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            names = [*node.args.posonlyargs, *node.args.args][1:]
            given = [_literal(default) for default in node.args.defaults]
            defaults = [REQUIRED] * (len(names) - len(given)) + given
            found = dict(zip((a.arg for a in names), defaults, strict=True))
            for argument, default in zip(
                node.args.kwonlyargs, node.args.kw_defaults, strict=True
            ):
                found[argument.arg] = REQUIRED if default is None else _literal(default)
            return found
    return None


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return OTHER
