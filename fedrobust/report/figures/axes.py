"""What a figure puts on its axes: a measure over a key, by hue and by panel.

    fedrobust report FOLDER --x KEY --y MEASURE --hue KEY --facet KEY --where KEY=VALUE

Each number of a figure belongs to one experiment and its seeds. If runs still differ in
another key, their mean would belong to no experiment: such a key becomes the hue or the
facet, as long as one of them is free, and otherwise has to be fixed by ``where``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from fedrobust.epsilon import fraction
from fedrobust.errors import ConfigError, nearest
from fedrobust.report.frame import (
    EPSILON,
    IDENTITY,
    ROUND,
    epsilons_frame,
    one_row_a_seed,
    rounds_frame,
    runs_frame,
    varying_keys,
)
from fedrobust.report.groups import Runs
from fedrobust.report.labels import NO_EPSILON
from fedrobust.report.measures import Measure, measure, middle
from fedrobust.report.order import rank

# Keys in the order in which a figure distinguishes them by colour.
IMPORTANCE = ("training", "strategy", "byzantine", "preaggregator", "partition")
# What stands for a key that a run does not have.
NO_VALUE = ("", "None", NO_EPSILON)
# Why a frame has no rows.
NOTHING = {
    ROUND: "no run recorded its rounds: their metrics.jsonl are missing",
    EPSILON: "no run was attacked by adversarial inputs: run the sweep with attack=pgd",
}
CLEAN, ROBUST = "clean_accuracy", "robust_accuracy"


@dataclass(frozen=True)
class Axes:
    """The axes of a figure, by name; None where nothing was chosen."""

    x: str | None = None
    y: str | None = None
    hue: str | None = None
    facet: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> list[str]:
        """Return the options of ``fedrobust report`` that draw these axes."""
        named = {"x": self.x, "y": self.y, "hue": self.hue, "facet": self.facet}
        chosen = [word for k, v in named.items() if v for word in (f"--{k}", v)]
        fixed = [w for k, v in self.where.items() for w in ("--where", f"{k}={v}")]
        return [*chosen, *fixed]


@dataclass(frozen=True)
class Data:
    """The numbers of a figure.

    Attributes
    ----------
    axes
        The axes, all chosen.
    measure
        How the measure of the y axis is shown.
    frame
        Rows with ``x``, ``y``, ``hue``, ``facet``, ``seed``, ``digest``, ``marks``, and
        ``experiment``, which runs share that differ only in their seed; x is numeric if
        ``is_numeric``.
    is_numeric
        Whether the x axis is a scale and not a list of names.
    x_label
        What stands at the x axis.
    """

    axes: Axes
    measure: Measure
    frame: pd.DataFrame
    is_numeric: bool
    x_label: str

    @property
    def hues(self) -> list[str]:
        """The values of the hue, the baseline first."""
        return ordered(self.axes.hue or "", self.frame["hue"])

    @property
    def facets(self) -> list[str]:
        """The values of the facet, the baseline first."""
        return ordered(self.axes.facet or "", self.frame["facet"])


def ordered(key: str, values: pd.Series) -> list[str]:
    """Return different values, the default of conf/ first, then numbers, then names."""
    return sorted(map(str, values.unique()), key=lambda value: rank(key, value))


def data_for(runs: Runs, axes: Axes, fix: bool = False) -> Data:
    """Return the numbers for axes, with a hue and a facet chosen where runs need them.

    Parameters
    ----------
    runs
        The runs.
    axes
        The axes; ``x`` must be given.
    fix
        Whether to fix keys that no axis is left for at their first value; otherwise
        they are refused.

    Raises
    ------
    ConfigError
        When a name is unknown, nothing is left, or a key must be fixed.
    """
    frame = _frame_for(runs, axes)
    if frame.empty:
        raise ConfigError(f"--x {axes.x}: {NOTHING[axes.x or '']}")
    keys = [*varying_keys(runs), *(c for c in (ROUND, EPSILON) if c in frame)]
    y = _column(axes.y or _usual_measure(frame), frame, keys, "--y", measures=True)
    x = _column(axes.x or "", frame, keys, "--x", measures=True)
    hue, facet = (
        key and _column(key, frame, keys, option, measures=False)
        for option, key in (("--hue", axes.hue), ("--facet", axes.facet))
    )
    frame, where = _where(frame, keys, axes.where)
    frame = frame[frame[y].notna() & frame[x].notna()]
    if frame.empty:
        raise ConfigError(f"--y {y}: no run that is left has this measure with {x}")
    labels = [name for name in runs.columns if name in frame and name != x]
    named = Axes(x, y, hue, facet, where)
    chosen = _with_free_axes(frame, named, labels, fix)
    frame, _ = _where(frame, keys, chosen.where)
    return _data(runs, frame, chosen, is_key=x in keys)


def _data(runs: Runs, frame: pd.DataFrame, axes: Axes, is_key: bool) -> Data:
    """Return the numbers of rows on axes that are all chosen."""
    x, y = str(axes.x), str(axes.y)
    # Over epsilon, robust accuracy stands for all of them.
    shown = measure(y, None if x == EPSILON else middle(runs.epsilons))
    across = measure(x, middle(runs.epsilons))
    values = as_numbers(frame[x]) if is_key else frame[x].astype(float) * across.scale
    tidy = pd.DataFrame(
        {
            "x": frame[x].astype(str) if values is None else values,
            "y": frame[y].astype(float) * shown.scale,
            "hue": frame[axes.hue].astype(str) if axes.hue else "",
            "facet": frame[axes.facet].astype(str) if axes.facet else "",
            "seed": frame["seed"],
            "digest": frame["config_digest"],
            "marks": frame["marks"],
            "experiment": frame[runs.columns].astype(str).agg("\n".join, axis=1)
            if runs.columns
            else "",
        }
    )
    places = ["experiment", "seed", "hue", "facet", *(["x"] if is_key else [])]
    tidy = one_row_a_seed(tidy, places)
    label = x if is_key else across.label
    return Data(axes, shown, tidy, values is not None, _unit(label))


def _frame_for(runs: Runs, axes: Axes) -> pd.DataFrame:
    if axes.x == ROUND:
        return rounds_frame(runs)
    return epsilons_frame(runs) if axes.x == EPSILON else runs_frame(runs)


def _unit(label: str) -> str:
    return "ε of the attack (0: clean)" if label == EPSILON else label


def _usual_measure(frame: pd.DataFrame) -> str:
    return ROBUST if CLEAN not in frame else CLEAN


def _column(
    name: str, frame: pd.DataFrame, keys: Sequence[str], option: str, measures: bool
) -> str:
    """Return a column of the frame by its name, or by the end of a key's name."""
    known = [
        str(c) for c in frame.columns
        if c not in IDENTITY and (c in keys or measures)
    ]  # fmt: skip
    if name in known:
        return name
    ending = [key for key in keys if key in known and key.endswith(f".{name}")]
    if len(ending) == 1:
        return ending[0]
    if ending:
        raise ConfigError(
            f"{option} {name}: {' and '.join(ending)} end so, write one of them in full"
        )
    what = "varies or was measured" if measures else "varies"
    special = [ROUND, EPSILON] if option == "--x" else []
    raise ConfigError(
        f"{option} {name}: nothing of this name {what} in these runs, "
        f"{nearest(name, [*known, *special])}"
    )


def _where(
    frame: pd.DataFrame, keys: Sequence[str], where: Mapping[str, str]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the rows with the values of some keys, and the full names of the keys."""
    fixed = {}
    for name, value in where.items():
        key = _column(name, frame, keys, "--where", measures=False)
        texts = frame[key].astype(str)
        if value not in set(texts):
            raise ConfigError(
                f"--where {name}={value}: no run has this value, "
                f"{nearest(value, ordered(key, texts))}"
            )
        frame = frame[texts == value]
        fixed[key] = value
    return frame, fixed


def _with_free_axes(
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


def as_numbers(values: pd.Series) -> pd.Series | None:
    """Return values as numbers, fractions included; None if one is a name.

    A run that has no such value, such as the epsilon of standard training, has nan.
    """
    if pd.api.types.is_numeric_dtype(values):
        return values.astype(float)
    found: dict[str, float] = {}
    for text in map(str, values.unique()):
        try:
            found[text] = math.nan if text in NO_VALUE else fraction(text)
        except (ValueError, ZeroDivisionError):
            return None
    numbers = [number for number in found.values() if not math.isnan(number)]
    if len(numbers) < 2 or not all(map(math.isfinite, numbers)):
        return None
    return values.astype(str).map(found).astype(float)
