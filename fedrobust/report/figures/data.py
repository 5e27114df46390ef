"""The numbers of a figure: the rows and columns of a frame that axes name."""

from dataclasses import replace

import pandas as pd

from fedrobust.errors import ConfigError, nearest
from fedrobust.report.figures.axes import CLEAN, ROBUST, Axes, Data, as_numbers, ordered
from fedrobust.report.figures.free_axes import with_free_axes
from fedrobust.report.figures.names import column, rows_where
from fedrobust.report.frame import (
    EPSILON,
    IDENTITY,
    ROUND,
    epsilons_frame,
    one_row_a_seed,
    rounds_frame,
    runs_frame,
    values_of,
    varying_keys,
)
from fedrobust.report.groups import Runs
from fedrobust.report.measures import measure, middle, short

# Why a frame has no rows.
NOTHING = {
    ROUND: "no run recorded its rounds: their metrics.jsonl are missing",
    EPSILON: "no run was attacked by adversarial inputs: run the sweep with attack=pgd",
}


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
    y = column(axes.y or _usual_measure(frame), frame, keys, "--y", measures=True)
    if y in keys:
        known = [str(c) for c in frame if c not in (*keys, *IDENTITY)]
        raise ConfigError(f"--y {y}: is a key, no measure, {nearest(y, known)}")
    x = column(axes.x or "", frame, keys, "--x", measures=True)
    hue, facet = (
        key and column(key, frame, keys, option, measures=False)
        for option, key in (("--hue", axes.hue), ("--facet", axes.facet))
    )
    frame, where = rows_where(frame, keys, axes.where)
    frame = frame[frame[y].notna() & frame[x].notna()]
    if frame.empty:
        raise ConfigError(f"--y {y}: no run that is left has this measure with {x}")
    labels = [name for name in runs.columns if name in frame and name != x]
    named = Axes(x, y, hue, facet, where)
    chosen = with_free_axes(frame, named, labels, fix)
    frame, _ = rows_where(frame, keys, chosen.where)
    return _data(runs, frame, chosen, is_key=x in keys)


def _data(runs: Runs, frame: pd.DataFrame, axes: Axes, is_key: bool) -> Data:
    """Return the numbers of rows on axes that are all chosen."""
    x, y = str(axes.x), str(axes.y)
    epsilon = middle(runs.epsilons)
    # Over epsilon, robust accuracy stands for all of them.
    shown = measure(y, None if x == EPSILON else epsilon)
    if (x, y) == (ROUND, ROBUST) and epsilon is not None:
        label = f"lowest accuracy over the attacks at ε = {short(epsilon)} (%)"
        shown = replace(shown, label=label)
    across = measure(x, epsilon)
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
    if is_key and values is not None and "inf" in set(frame[x].astype(str)):
        label += " (dotted: inf)"
    hues = ordered(axes.hue, values_of(runs, axes.hue)) if axes.hue else []
    return Data(axes, shown, tidy, values is not None, _unit(label), hues)


def _frame_for(runs: Runs, axes: Axes) -> pd.DataFrame:
    if axes.x == ROUND:
        return rounds_frame(runs)
    return epsilons_frame(runs) if axes.x == EPSILON else runs_frame(runs)


def _unit(label: str) -> str:
    return "ε of the attack (0: clean)" if label == EPSILON else label


def _usual_measure(frame: pd.DataFrame) -> str:
    return ROBUST if EPSILON in frame or CLEAN not in frame else CLEAN
