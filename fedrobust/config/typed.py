"""Convert values of a configuration to dataclasses; refuse wrong keys and types."""

import contextlib
import copy
import dataclasses
import typing
from collections.abc import Callable, Collection
from dataclasses import field
from functools import lru_cache
from typing import Any, TypeVar

from omegaconf import OmegaConf
from omegaconf.errors import (
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
    ValidationError,
)

from fedrobust.epsilon import fraction
from fedrobust.errors import ConfigError, nearest, reason_of

T = TypeVar("T")

Node = dict[str, Any]


def typed(cls: Any, values: Any, key: str) -> Any:
    """Return values as a dataclass, whose fields may be dataclasses themselves."""
    if not isinstance(values, dict):
        raise ConfigError(f"{key}={values!r}: must be a group of keys")
    hints = typing.get_type_hints(cls)
    nested = {n: h for n, h in hints.items() if dataclasses.is_dataclass(h)}
    parts = {
        name: typed(hint, values.get(name, {}), join(key, name))
        for name, hint in nested.items()
    }
    rest = {name: value for name, value in values.items() if name not in nested}
    # Nodes are merged one by one, as the jobs of a multirun share most of them.
    nodes = {n: v for n, v in rest.items() if isinstance(v, dict) and n in hints}
    merged = merged_with(cls, rest | {n: {} for n in nodes}, key, without=nested)
    for name, value in nodes.items():
        merged |= merged_with(cls, {name: value}, key, without=hints.keys() - {name})
    return with_key(key, lambda: cls(**merged, **parts))


def _as_field(f: Any) -> Any:
    if f.default_factory is not dataclasses.MISSING:
        return field(default_factory=f.default_factory)
    return field() if f.default is dataclasses.MISSING else field(default=f.default)


# Cached, as a sweep checks components of one class thousands of times.
@lru_cache(maxsize=256)
def _structured(schema: type, without: frozenset[str]) -> Any:
    """Return the structured config of a dataclass, without some of its fields."""
    if without:
        hints = typing.get_type_hints(schema)
        schema = dataclasses.make_dataclass(
            schema.__name__,
            [
                (f.name, hints[f.name], _as_field(f))
                for f in dataclasses.fields(schema)
                if f.name not in without
            ],
            kw_only=True,
        )
    structured = OmegaConf.structured(schema)
    OmegaConf.set_readonly(structured, False)
    return structured


def merged_with(
    schema: type, values: Node, key: str, without: Collection[str] = ()
) -> Node:
    """Merge values into the schema of a dataclass; refuse wrong keys and types.

    Parameters
    ----------
    schema
        A dataclass.
    values
        The values by field name.
    key
        The key of the values in the configuration.
    without
        Names of fields to leave out.
    """
    name = schema, repr(values), key, frozenset(without)
    if name not in _merged:
        _merged[name] = _merge(schema, values, key, without)
    return copy.deepcopy(_merged[name])


# Earlier results, most of which the jobs of a multirun repeat.
_merged: dict[tuple[type, str, str, frozenset[str]], Node] = {}


def forget_merged() -> None:
    """Empty the cache of merged values."""
    _merged.clear()


def _merge(schema: type, values: Node, key: str, without: Collection[str]) -> Node:
    values = _with_fractions(schema, values)
    try:
        merged = OmegaConf.merge(_structured(schema, frozenset(without)), values)
        result = OmegaConf.to_container(merged, throw_on_missing=True)
    except ConfigKeyError as error:
        wrong = str(error.key)
        names = [f.name for f in dataclasses.fields(schema) if f.name not in without]
        raise ConfigError(
            f"{join(key, wrong)}: there is no such key, {nearest(wrong, names)}"
        ) from error
    except MissingMandatoryValue as error:
        raise ConfigError(f"{join(key, str(error.full_key))} is not set") from error
    except (ValidationError, OmegaConfBaseException) as error:
        wrong = str(error.full_key or "") or _culprit(schema, values, without)
        reason = reason_of(error)
        value = values.get(wrong.partition("[")[0].partition(".")[0])
        raise ConfigError(f"{join(key, wrong)}={value!r}: {reason}") from error
    assert isinstance(result, dict)
    return {str(name): value for name, value in result.items()}


def _culprit(schema: type, values: Node, without: Collection[str]) -> str:
    """Return the field with an invalid value, which OmegaConf does not always name."""
    for name, value in values.items():
        try:
            OmegaConf.merge(_structured(schema, frozenset(without)), {name: value})
        except OmegaConfBaseException:
            return str(name)
    return ""


def _with_fractions(schema: type, values: Node) -> Node:
    """Convert fractions such as 2/255 to numbers in fields that hold a number."""
    hints = typing.get_type_hints(schema)
    found = dict(values)
    for name, value in values.items():
        kinds = typing.get_args(hints.get(name)) or (hints.get(name),)
        is_number = float in kinds and str not in kinds
        if isinstance(value, str) and "/" in value and is_number:
            with contextlib.suppress(ValueError, ZeroDivisionError):
                found[name] = fraction(value)
    return found


def join(*parts: str) -> str:
    """Join parts of a key with dots, leaving out empty ones."""
    return ".".join(part for part in parts if part)


def with_key(key: str, make: Callable[[], T]) -> T:
    """Return ``make()``; in its ValueError, replace the parameter by the user's key."""
    try:
        return make()
    except ValueError as error:
        text = str(error)
        head = text.partition("=")[0]
        is_last = key.rpartition(".")[2] == head
        has_name = head.isidentifier() and not is_last
        key = key.rpartition(".")[0] if is_last else key
        text = join(key, text) if has_name or is_last else f"{key}: {text}"
        raise ConfigError(text) from error
