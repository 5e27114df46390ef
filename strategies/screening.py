"""Screening: a reply that is not well formed is quarantined, with a reason.

Screening judges form, never size: withstanding a huge finite update is the duty of the
rule. It reads array headers itself and compares lengths before it builds anything, so
that pickled objects, false headers and absurd shapes do no harm.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from numpy.typing import NDArray

from strategies.transport.arrays import (
    UnreadableArrayError,
    dtype_name,
    header_of,
    unpack,
)
from strategies.transport.text import LONGEST_NAME, is_plain_name, plain
from strategies.validation import MAX_EXAMPLES

# Name of the metric that is a client's weight, as in Flower's strategies.
WEIGHT = "num-examples"
# The least weight under another key, the smallest normal float32: the share of a
# smaller one in a sum could be 0.
LEAST_WEIGHT = float(np.finfo(np.float32).tiny)

# Bounds of a metric without bounds.
ANY_VALUE = (-math.inf, math.inf)


class MalformedReplyError(ValueError):
    """Raised for a malformed reply; the message is the reason for its quarantine."""


@dataclass(frozen=True)
class ArraySpec:
    """Shape and dtype that an array of the global model has."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]


Specs = Mapping[str, ArraySpec]


@dataclass(frozen=True)
class Reply:
    """A well-formed reply to a train message.

    Attributes
    ----------
    arrays
        Read-only views into the message, by name, in the order of the specs.
    num_examples
        Number of examples that the client declares; a float only if the user has chosen
        another key.
    metrics
        The other finite scalar metrics.
    """

    arrays: dict[str, NDArray[np.generic]]
    num_examples: float
    metrics: dict[str, float]


def specs_of(arrays: ArrayRecord) -> dict[str, ArraySpec]:
    """Return the shapes and dtypes that a reply must have, from the global arrays."""
    specs = {}
    for name, array in arrays.items():
        value = unpack(array)
        specs[name] = ArraySpec(value.shape, value.dtype)
    return specs


def read_array(array: Array, spec: ArraySpec) -> NDArray[np.generic]:
    """Read one serialised array that must fit a spec, without copying it.

    Raises
    ------
    MalformedReplyError
        When the array does not fit the spec exactly, or is not finite.
    """
    if array.stype != "numpy.ndarray":
        raise MalformedReplyError(f"is serialised as {array.stype!r}")
    try:
        (shape, fortran, dtype), start = header_of(array.data)
    except UnreadableArrayError as error:
        raise MalformedReplyError(str(error)) from error
    if dtype != spec.dtype or array.dtype != dtype_name(dtype):
        raise MalformedReplyError(
            f"has dtype {dtype} (declared {array.dtype}), not {spec.dtype}"
        )
    if shape != spec.shape or tuple(array.shape) != shape:
        raise MalformedReplyError(
            f"has shape {shape} (declared {tuple(array.shape)}), not {spec.shape}"
        )
    expected = math.prod(shape) * dtype.itemsize
    if len(array.data) - start != expected:
        raise MalformedReplyError(
            f"carries {len(array.data) - start} bytes of data, not {expected}"
        )
    value = np.frombuffer(array.data, dtype, offset=start)
    value = value.reshape(shape, order="F" if fortran else "C")
    if np.issubdtype(dtype, np.inexact) and not np.isfinite(value).all():
        raise MalformedReplyError("is not finite")
    return value


def read_arrays(record: ArrayRecord, specs: Specs) -> dict[str, NDArray[np.generic]]:
    """Read every array of a record, in the order of the specs.

    Raises
    ------
    MalformedReplyError
        When names are missing or extra, or an array does not fit.
    """
    missing, extra = sorted(specs.keys() - record), sorted(record.keys() - specs.keys())
    if missing or extra:
        raise MalformedReplyError(f"arrays missing: {missing}, unknown: {extra}")
    arrays = {}
    for name, spec in specs.items():
        try:
            arrays[name] = read_array(record[name], spec)
        except MalformedReplyError as error:
            raise MalformedReplyError(f"array {name!r} {error}") from error
    return arrays


def read_metrics(
    content: RecordDict,
    max_examples: int = MAX_EXAMPLES,
    weighted_by_key: str = WEIGHT,
) -> tuple[float, dict[str, float]]:
    """Return the client's weight and the other scalars of its only MetricRecord.

    Metrics with names that cannot be printed are left out.

    Raises
    ------
    MalformedReplyError
        When there is not one MetricRecord, or its weight is out of range: num-examples
        is an integer in [1, max_examples], and a weight under another key any number in
        [``LEAST_WEIGHT``, max_examples].
    """
    if len(content.metric_records) != 1:
        raise MalformedReplyError(
            f"{len(content.metric_records)} MetricRecords, not one"
        )
    (record,) = content.metric_records.values()
    count = record.get(weighted_by_key)
    whole = weighted_by_key == WEIGHT
    kinds, least = ((int,), 1) if whole else ((int, float), LEAST_WEIGHT)
    if type(count) not in kinds or not least <= cast(float, count) <= max_examples:
        kind = "an integer" if whole else "a number"
        raise MalformedReplyError(
            f"{weighted_by_key}={_written(count)}: "
            f"must be {kind} in [{least:.3g}, {max_examples}]"
        )
    metrics = {
        name: float(value)
        for name, value in record.items()
        if name != weighted_by_key
        and isinstance(value, int | float)
        and is_plain_name(name)
    }
    return cast(float, count), metrics


def _written(value: object) -> str:
    """Return a client's value as text; Python refuses one of 5,000 digits."""
    try:
        return repr(value)
    except ValueError:
        return "a huge integer"


def screen(
    message: Message,
    specs: Specs,
    max_examples: int = MAX_EXAMPLES,
    weighted_by_key: str = WEIGHT,
) -> Reply:
    """Read a reply to a train message.

    Parameters
    ----------
    message
        A reply that carries content.
    specs
        Shapes and dtypes of the global arrays.
    max_examples
        The most examples a client may declare.
    weighted_by_key
        Name of the metric that declares them.

    Raises
    ------
    MalformedReplyError
        With the reason for quarantine.
    """
    with _blaming_the_client():
        records = message.content.array_records
        if len(records) != 1:
            raise MalformedReplyError(f"{len(records)} ArrayRecords, not one")
        (record,) = records.values()
        arrays = read_arrays(record, specs)
        count, metrics = read_metrics(message.content, max_examples, weighted_by_key)
    finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
    return Reply(arrays=arrays, num_examples=count, metrics=finite)


def screen_metrics(
    message: Message,
    max_examples: int = MAX_EXAMPLES,
    bounds: tuple[float, float] = ANY_VALUE,
    weighted_by_key: str = WEIGHT,
) -> tuple[float, dict[str, float]]:
    """Read a reply to an evaluate message: its weight, and finite metrics in bounds.

    Raises
    ------
    MalformedReplyError
        With the reason for quarantine.
    """
    with _blaming_the_client():
        count, metrics = read_metrics(message.content, max_examples, weighted_by_key)
    for name, value in metrics.items():
        _require_metric(name, value, bounds)
    return count, metrics


def screen_content(
    content: RecordDict,
    bounds: tuple[float, float] = ANY_VALUE,
    weighted_by_key: str = WEIGHT,
) -> RecordDict:
    """Return the arrays and metrics of a well-formed reply, for a function of the user.

    Metrics with names that cannot be printed are left out, and so are config records,
    which may hold anything.

    Raises
    ------
    MalformedReplyError
        When a metric, or a number in a list of them, is not finite, or out of bounds
        and not the client's weight.
    """
    kept = RecordDict()
    with _blaming_the_client():
        for key, arrays in content.array_records.items():
            kept[plain(key, LONGEST_NAME)] = arrays
        for key, record in content.metric_records.items():
            shown = {
                name: value
                for name, value in record.items()
                if is_plain_name(name) or name == weighted_by_key
            }
            for name, value in shown.items():
                span = ANY_VALUE if name == weighted_by_key else bounds
                for number in value if isinstance(value, list) else [value]:
                    _require_metric(name, number, span)
            kept[plain(key, LONGEST_NAME)] = MetricRecord(shown)
    return kept


def _require_metric(name: str, value: float, bounds: tuple[float, float]) -> None:
    if not math.isfinite(value):
        raise MalformedReplyError(f"metric {name}={value}: must be finite")
    if not bounds[0] <= value <= bounds[1]:
        raise MalformedReplyError(f"metric {name}={value}: must be in {bounds}")


@contextlib.contextmanager
def _blaming_the_client() -> Iterator[None]:
    """Turn any exception into MalformedReplyError: the client caused it."""
    try:
        yield
    except MalformedReplyError:
        raise
    except Exception as error:
        raise MalformedReplyError(f"{type(error).__name__}: {error}") from error
