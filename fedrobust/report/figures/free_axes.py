"""The hue and the facet that nobody chose: keys in which runs of one place differ.

Each number of a figure belongs to one experiment and its seeds. If runs still differ in
another key, their mean would belong to no experiment: such a key becomes the hue or the
facet, as long as one of them is free, and otherwise has to be fixed by ``where``.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from fedrobust.errors import ConfigError
from fedrobust.report.figures.axes import Axes, ordered
from fedrobust.report.frame import EPSILON, IDENTITY, ROUND

# Keys in the order in which a figure distinguishes them by colour.
IMPORTANCE = ("training", "strategy", "byzantine", "preaggregator", "partition")


def with_free_axes(
    frame: pd.DataFrame, axes: Axes, labels: Sequence[str], fix: bool
) -> Axes:
    """Assign keys in which runs still differ to the hue and the facet, if free."""
    order = sorted(labels, key=lambda k: (*_importance(k), labels.index(k)))
    if axes.hue is None and axes.x in _measures(frame, order):
        several = [key for key in order if frame[key].nunique() > 1]
        axes = replace(axes, hue=several[0] if several else None)
    for name in ("hue", "facet"):
        left = _ambiguous(frame, axes, order)
        if left and getattr(axes, name) is None:
            axes = replace(axes, **{name: left[0]})  # type: ignore[arg-type]
    left = _ambiguous(frame, axes, order)
    if left and not fix:
        example = f"--where {left[0]}={ordered(left[0], frame[left[0]])[0]}"
        raise ConfigError(
            f"the runs also differ in {', '.join(left)}, and a mean over them belongs "
            f"to no experiment: add {example}"
        )
    while left:
        first = ordered(left[0], frame[left[0]])[0]
        axes = replace(axes, where={**axes.where, left[0]: first})
        frame = frame[frame[left[0]].astype(str) == first]
        left = _ambiguous(frame, axes, order)
    return axes


def _importance(key: str) -> tuple[int]:
    return (IMPORTANCE.index(key) if key in IMPORTANCE else len(IMPORTANCE),)


def _ambiguous(frame: pd.DataFrame, axes: Axes, keys: Sequence[str]) -> list[str]:
    """List the keys that differ between runs of one place in the figure."""
    place = [axis for axis in (axes.x, axes.hue, axes.facet) if axis]
    if axes.x not in frame or frame.empty:
        return []
    if axes.x in _measures(frame, keys):
        return []  # each experiment is a point of its own
    left = [key for key in keys if key not in place]
    if not place:
        return [key for key in left if frame[key].nunique() > 1]
    groups = frame.groupby(place, sort=False, observed=True)
    return [key for key in left if (groups[key].nunique() > 1).any()]


def _measures(frame: pd.DataFrame, keys: Sequence[str]) -> set[str]:
    """Return the numeric columns, on which no two runs share a place."""
    named = {*keys, *IDENTITY, ROUND, EPSILON}
    return {str(c) for c in frame.columns if c not in named
            and pd.api.types.is_float_dtype(frame[c])}  # fmt: skip
