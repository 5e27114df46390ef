"""From axes to a figure: the kind of figure follows from what is on the axes."""

import shlex
from collections.abc import Callable

from matplotlib.figure import Figure

from fedrobust.errors import ConfigError
from fedrobust.report.drawing import Drawing, file_name
from fedrobust.report.figures.axes import ROBUST, Axes, Data
from fedrobust.report.figures.bars import draw_bars
from fedrobust.report.figures.data import data_for
from fedrobust.report.figures.heat_map import SPREAD, draw_heat_map
from fedrobust.report.figures.layout import literal
from fedrobust.report.figures.lines import draw_lines
from fedrobust.report.figures.scatter import draw_scatter
from fedrobust.report.frame import EPSILON, ROUND, varying_keys
from fedrobust.report.groups import Runs
from fedrobust.report.interval import words
from fedrobust.report.notes import REPEATS, everywhere

# More bars in a panel are too narrow, and more lines hide one another.
MOST_BARS, MOST_NAMES, MOST_LINES, MOST_PANELS = 16, 40, 12, 12
# More lines are rows of a heat map, if they have no more points than this.
MOST_COLUMNS = 26


Draw = Callable[[Data], Figure]


def draw(data: Data, is_measure: bool = False) -> Figure:
    """Draw numbers as a scatter, as lines, as bars or as a heat map."""
    return _kind(data, is_measure)(data)


def _kind(data: Data, is_measure: bool) -> Draw:
    """Return the function that draws numbers."""
    if is_measure:
        return draw_scatter
    if data.is_numeric and len(data.hues) <= MOST_LINES:
        return draw_lines
    several = len(data.hues) * len(data.facets) > 1
    if data.frame["x"].nunique() * len(data.hues) > MOST_BARS and several:
        return draw_heat_map
    return draw_bars


class OnePlaceError(ConfigError):
    """A figure that nobody asked for would have a single value on its x axis."""


def drawing_for(
    runs: Runs, axes: Axes, command: str, section: str = "comparison", fix: bool = False
) -> Drawing:
    """Return the figure of some axes, or the reason why it cannot be drawn.

    Parameters
    ----------
    runs, axes
        The runs, and what to put on the axes.
    command
        The command of the report, to which the options of this figure are added.
    section
        The section of the page.
    fix
        Whether to fix keys for which there is no axis, as for a figure that nobody
        asked for; otherwise they are refused.

    Raises
    ------
    ConfigError
        When ``fix`` is false and the axes are wrong.
    OnePlaceError
        When ``fix`` leaves a single value on the x axis.
    """
    try:
        data = data_for(runs, axes, fix)
        is_measure = data.axes.x not in (*varying_keys(runs), ROUND, EPSILON)
        if not is_measure:
            if fix:
                _refuse_one_place(data)
            _refuse_crowd(data)
        kind = _kind(data, is_measure)
        figure = kind(data)
    except OnePlaceError:
        raise
    except ConfigError as error:
        if not fix:
            raise
        return missing(axes, command, section, str(error))
    place = ["experiment"] if is_measure else ["x", "hue", "facet"]
    counts = data.frame.groupby(place, dropna=False).size()
    seeds = int(counts.min()), int(counts.max())
    letters = {letter for marks in data.frame["marks"] for letter in marks.split()}
    return Drawing(
        name=_name(data.axes),
        title=_title(data.axes, data),
        section=section,
        figure=figure,
        caption=" ".join(
            [
                *_fixed(data),
                *_lowest(data),
                *_flat(data, kind),
                *_seeds(seeds, kind),
                *([REPEATS] if runs.has_repeats else []),
                *everywhere(runs),
            ]
        ).strip(),
        command=_command(command, data.axes),
        digests=sorted({w for each in data.frame["digest"] for w in each.split()}),
        seeds=seeds,
        footnotes=[letter for letter in runs.marks.footnotes if letter in letters],
    )


def missing(axes: Axes, command: str, section: str, why: str) -> Drawing:
    """Return the figure of some axes that only gives a reason."""
    reason = f"{why[:1].upper()}{why[1:]}."
    return Drawing(_name(axes), _title(axes), section, reason=reason,
                   command=_command(command, axes))  # fmt: skip


def _refuse_one_place(data: Data) -> None:
    """Refuse a figure that compares nothing along its x axis."""
    if data.frame["x"].nunique() > 1:
        return
    where = " and ".join(f"{k}={v}" for k, v in data.axes.where.items())
    raise OnePlaceError(
        f"runs{f' with {where}' if where else ''} that have {data.axes.y} have one "
        f"value of {data.axes.x}: choose others with --x {data.axes.x} and --where"
    )


def _refuse_crowd(data: Data) -> None:
    """Refuse a figure in which nothing could be told apart."""
    names = data.frame["x"].nunique()
    if not data.is_numeric and names > MOST_NAMES and len(data.hues) == 1:
        raise ConfigError(
            f"{names} bars do not fit, at most {MOST_NAMES} do: choose with --where "
            f"{data.axes.x}=VALUE or another --x"
        )
    if data.is_numeric and len(data.hues) > MOST_LINES and names > MOST_COLUMNS:
        raise ConfigError(
            f"{len(data.hues)} lines would hide one another, at most {MOST_LINES} can "
            f"be told apart: choose with --where {data.axes.hue}=VALUE or another --hue"
        )
    if len(data.facets) > MOST_PANELS:
        raise ConfigError(
            f"{len(data.facets)} panels are more than {MOST_PANELS}: choose with "
            f"--where {data.axes.facet}=VALUE or another --facet"
        )


def _fixed(data: Data) -> list[str]:
    """Return which values were chosen, if any, and how others are drawn."""
    if not data.axes.where:
        return []
    chosen = " and ".join(f"{k}={literal(v)}" for k, v in data.axes.where.items())
    return [f"Runs with {chosen}; --where draws others."]


def _seeds(seeds: tuple[int, int], kind: Draw) -> list[str]:
    """Return how seeds are drawn."""
    drawn = {
        draw_scatter: "Means over seeds, and each seed small and pale.",
        draw_heat_map: SPREAD,
    }
    if kind not in drawn:
        return [words(*seeds)]
    return [drawn[kind]] if seeds[1] > 1 else []


def _lowest(data: Data) -> list[str]:
    """Return how the robust accuracy of rounds differs from that of tables."""
    if (data.axes.x, data.axes.y) != (ROUND, ROBUST):
        return []
    return [
        "A line may end above the accuracy of the tables, where an image counts only "
        "if it withstands all attacks; rounds record each attack on its own."
    ]


def _flat(data: Data, kind: Draw) -> list[str]:
    """Return what a horizontal line shows, if there is one."""
    if kind is not draw_lines or not data.frame["x"].isna().any():
        return []
    return [f"Dotted and horizontal: without {data.axes.x}."]


def _name(axes: Axes) -> str:
    parts = [axes.y, "over", axes.x, axes.hue and f"by {axes.hue}", axes.facet]
    where = [f"{k} {v}" for k, v in axes.where.items()]
    return file_name(" ".join(filter(None, [*parts, *where])))


def _title(axes: Axes, data: Data | None = None) -> str:
    y = data.measure.label.removesuffix(" (%)") if data else str(axes.y)
    x = {ROUND: "by round", EPSILON: "against ε"}.get(str(axes.x), f"by {axes.x}")
    return f"{y[:1].upper()}{y[1:]} {x}".replace("_", " ")


def _command(command: str, axes: Axes) -> str:
    return f"{command} {shlex.join(axes.options())}"
