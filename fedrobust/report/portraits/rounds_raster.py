"""What each client's update came to in each round: counted, excluded, or not usable."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from fedrobust.report.drawing import Drawing
from fedrobust.report.finished_run import FinishedRun
from fedrobust.report.groups import Runs
from fedrobust.report.portraits.choice import (
    Kind,
    Portrait,
    byzantine_of,
    each_of,
    most_and_least_robust,
)
from fedrobust.report.portraits.raster import (
    COUNTED,
    EXCLUDED,
    FAILED,
    QUARANTINED,
    SKIPPED,
    Raster,
    cropped,
    raster,
)
from fedrobust.report.style import COLUMN, INK, MISSING, PAGE, styled

KIND = Kind("clients-by-round", "Who was selected, excluded and quarantined", "clients")

# Signs stand on colours that a dark page does not change, so they are not in ``INK``.
DARK, LIGHT = "#101214", "#ffffff"
# The words of each state of a sampled client, its colour, its marker and the colour of
# that. Colours differ in lightness, and markers are drawn where there is room.
STATES = {
    COUNTED: ("counted", "#4a90c8", "", DARK),
    EXCLUDED: ("excluded", "#f4c08c", "x", DARK),
    QUARANTINED: ("quarantined", "#a3195b", "^", LIGHT),
    FAILED: ("no usable reply", "#6b6f76", "_", LIGHT),
    SKIPPED: ("round skipped", "#c9cdd2", "|", DARK),
}
MARKED_CLIENTS, MARKED_ROUNDS = 30, 40


NOT_RECORDED = (
    "It was not recorded which clients were sampled: train anew with this version, and "
    "with centralised=false."
)


@styled
def raster_figure(shown: Raster, are_redrawn: bool = False) -> Figure:
    """Draw a raster: a row for each client, a column for each round.

    The Byzantine clients are the rows above the line. If they are drawn anew in every
    round, dots mark the rounds in which a client is Byzantine instead.
    """
    n, num_rounds = shown.states.shape
    is_marked = n <= MARKED_CLIENTS and num_rounds <= MARKED_ROUNDS
    width = COLUMN if num_rounds <= 15 else PAGE
    row = 0.16 if is_marked else max(0.045, min(0.16, 4.5 / n))
    figure = Figure(figsize=(width, 1.15 + row * n), layout="constrained")
    axes: Any = figure.subplots()
    colours = ListedColormap(["none", *(colour for _, colour, _, _ in STATES.values())])
    axes.imshow(shown.states, cmap=colours, vmin=0, vmax=len(STATES), aspect="auto",
                interpolation="nearest")  # fmt: skip
    if is_marked:
        for state, (_, _, marker, sign) in STATES.items():
            y, x = np.nonzero(shown.states == state)
            if marker and len(x):
                axes.scatter(x, y, 16, sign, marker=marker, linewidths=1.0)
        _separate(axes, n, num_rounds)
    if are_redrawn:
        y, x = np.nonzero(shown.attacks)
        axes.scatter(x, y, 5 if is_marked else 0.8, DARK, marker=".")
    elif 0 < shown.num_byzantine < n:
        _band(axes, shown, row)
    _label(axes, shown)
    figure.legend(
        **_legend(shown, is_marked, are_redrawn),
        handler_map={tuple: HandlerTuple(ndivide=1, pad=0)},
        loc="outside lower center",
        ncols=2 if width == COLUMN else 3 if are_redrawn else 5,
    )
    return figure


def _separate(axes: Any, n: int, num_rounds: int) -> None:
    """Draw thin lines between the cells, by which they can be counted."""
    axes.set_xticks(np.arange(num_rounds + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(n + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=MISSING, alpha=1.0, linewidth=0.6)
    axes.tick_params(which="minor", length=0)


def _band(axes: Any, shown: Raster, row: float) -> None:
    """Part the rows of Byzantine from those of honest clients, and name both.

    A row is ``row`` inches high; a band that is too low for its name is named across.
    """
    n = len(shown.clients)
    axes.axhline(shown.num_byzantine - 0.5, color=INK, linewidth=1.2)
    side = axes.secondary_yaxis("right")
    middles = [(shown.num_byzantine - 1) / 2, (n + shown.num_byzantine - 1) / 2]
    side.set_yticks(middles, ["Byzantine", "honest"])
    heights = shown.num_byzantine, n - shown.num_byzantine
    for tick, rows in zip(side.get_yticklabels(), heights, strict=True):
        tick.set(rotation=90 if rows * row > 0.6 else 0, va="center")
    side.tick_params(length=0)
    side.spines[:].set_visible(False)


def _label(axes: Any, shown: Raster) -> None:
    n, num_rounds = shown.states.shape
    step = 1 if n <= MARKED_CLIENTS else -(-n // 20)
    axes.set_yticks(range(0, n, step), shown.clients[::step])
    axes.set_ylabel("client")
    across = -(-num_rounds // 10)
    axes.set_xticks(
        range(across - 1, num_rounds, across), shown.rounds[across - 1 :: across]
    )
    axes.set_xlabel("round")
    axes.spines[:].set_visible(False)


def _legend(shown: Raster, is_marked: bool, are_redrawn: bool) -> dict[str, list[Any]]:
    """Return the handles and labels of the states that occur."""
    handles: list[Any] = []
    labels: list[str] = []
    for state, (words, colour, marker, sign) in STATES.items():
        if (shown.states == state).any():
            patch = Patch(facecolor=colour)
            signs = [_sign(marker, sign)] if is_marked and marker else []
            handles.append((patch, *signs))
            labels.append(words)
    if are_redrawn:
        patch = Patch(facecolor=STATES[COUNTED][1])
        handles.append((patch, _sign(".", DARK)))
        labels.append("Byzantine in this round")
    return {"handles": handles, "labels": labels}


def _sign(marker: str, colour: str) -> Line2D:
    return Line2D([], [], color=colour, marker=marker, linestyle="", markersize=4)


def drawings(runs: Runs) -> list[Drawing]:
    """Draw the most and the least robust experiment with Byzantine clients.

    Those whose rule excludes clients come first. Experiments without Byzantine clients
    are only drawn if there are no others.
    """
    # The rounds of all runs would take long to read, so their results decide.
    federated = [g for g in runs.groups if not g.runs[0].config.get("centralised")]
    if not federated:
        return [KIND.missing(NOT_RECORDED)]
    attacked = [g for g in federated if g.runs[0].config.get("byzantine")]
    excluding = [g for g in attacked if g.runs[0].result.detection is not None]
    chosen = most_and_least_robust(excluding or attacked or federated)
    return each_of(KIND, runs.marks, chosen, _portrait)


def _excludes(run: FinishedRun) -> bool:
    return any(row.excluded is not None for row in run.rounds)


def _portrait(run: FinishedRun) -> Portrait:
    if not any(row.sampled for row in run.rounds):
        return NOT_RECORDED
    highest = max(client for row in run.rounds for client in row.sampled)
    num_clients = max(highest + 1, run.config.get("num_clients") or 0)
    known = byzantine_of(run)
    events = run.folder.events() if run.folder.events_path.is_file() else []
    full = raster(run.rounds, events, num_clients, known or ())
    shown = cropped(full)
    are_redrawn = known is None and bool(full.num_byzantine)
    return raster_figure(shown, are_redrawn), " ".join(_caption(run, full, shown))


def _caption(run: FinishedRun, full: Raster, shown: Raster) -> Iterator[str]:
    yield "What became of each client's update in each round."
    counted = int((full.attacks & (full.states == COUNTED)).sum())
    if attacks := int(full.attacks.sum()):
        yield f"{counted} of {attacks} updates of Byzantine clients counted."
    found = run.result.detection
    if not _excludes(run):
        yield (
            "The rule neither selects nor weights clients, so only whose reply was "
            "usable is recorded."
        )
    elif found is not None:
        shares = [f"{100 * share:.0f} % {words}" for share, words in
                  ((found.precision, "of the excluded clients were Byzantine"),
                   (found.recall, "of the Byzantine clients were excluded"))
                  if share is not None]  # fmt: skip
        yield f"On average over rounds, {' and '.join(shares)}."
    (n, num_rounds), (all_n, all_rounds) = shown.states.shape, full.states.shape
    if (n, num_rounds) != (all_n, all_rounds):
        yield (
            f"Only {n} of {all_n} clients and the last {num_rounds} of {all_rounds} "
            "rounds are drawn."
        )
