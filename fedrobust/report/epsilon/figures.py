"""Figures of training epsilons: accuracy by test epsilon, and cost of robustness."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fedrobust.report.epsilon.matrix import (
    NOISE,
    STANDARD,
    EpsilonMatrix,
    TrainingRow,
    training_epsilon,
)
from fedrobust.report.figures.heat_map import cell
from fedrobust.report.figures.matrix import NONE, Matrix, draw_matrices
from fedrobust.report.interval import Estimate, estimate
from fedrobust.report.measures import middle, short
from fedrobust.report.scores import ENOUGH_SEEDS
from fedrobust.report.style import COLUMN, KINDS, PAGE, look, save, styled


def draw_epsilon_figures(
    matrices: Sequence[EpsilonMatrix], at: str | None, folder: Path
) -> list[Path]:
    """Draw the matrices, and clean accuracy against robust accuracy.

    Parameters
    ----------
    matrices
        The matrices; each has its own panel or line of panels.
    at
        Test epsilon of the robust accuracy; None means the middle one of all. A matrix
        without it has its own middle one.
    folder
        The folder to write to.

    Returns
    -------
    The written files.
    """
    drawn = {
        "training_epsilon": training_heat_map(matrices),
        "clean_against_robust": clean_against_robust(matrices, at),
    }
    return [
        save(figure, folder / f"{name}{kind}")
        for name, figure in drawn.items()
        for kind in KINDS
    ]


def training_heat_map(matrices: Sequence[EpsilonMatrix]) -> Figure:
    """Draw training epsilon down and test epsilon across, a heat map for each kind.

    Kinds of training share their rows, so that noise and adversarial training with
    equal epsilon are in the same place.
    """
    found = [part for matrix in matrices for part in _by_kind(matrix)]
    return draw_matrices(found)


def _by_kind(matrix: EpsilonMatrix) -> list[Matrix]:
    rows = {(row.kind, row.epsilon): row for row in matrix.rows}
    kinds = dict.fromkeys(row.kind for row in matrix.rows if row.kind != STANDARD)
    epsilons = dict.fromkeys(row.epsilon for row in matrix.rows)
    columns = ["clean", *map(short, matrix.epsilons)]
    missing = np.full(len(columns), np.nan)
    found = []
    for kind in kinds:
        line = [rows.get((kind, epsilon)) for epsilon in epsilons]
        names = [*map(training_epsilon, epsilons)]
        if line[0] is None and (STANDARD, None) in rows:
            line[0] = rows[STANDARD, None]
            names[0] = STANDARD
        values = [missing if row is None else row.accuracy for row in line]
        found.append(
            Matrix(
                rows=names,
                columns=columns,
                values=100 * np.array(values),
                texts=[_texts(matrix, row, len(columns)) for row in line],
                title=", ".join(filter(None, [f"{kind} training", matrix.title])),
                axes=("test ε", "training ε"),
                split=1,
                unit="accuracy (%)",
            )
        )
    return found


def _texts(matrix: EpsilonMatrix, row: TrainingRow | None, columns: int) -> list[str]:
    """Return the texts of a row of cells."""
    if row is None:
        return [NONE] * columns
    letters = matrix.marks.of(row.group.runs)
    pairs = zip(row.accuracy, row.spread, strict=True)
    return [cell(value, spread, letters) for value, spread in pairs]


@styled
def clean_against_robust(matrices: Sequence[EpsilonMatrix], at: str | None) -> Figure:
    """Draw one point for each row: clean accuracy across, robust accuracy up."""
    columns = min(len(matrices), 2)
    lines = -(-len(matrices) // columns)
    size = (COLUMN + 1 if columns == 1 else PAGE, 3.2 * lines)
    figure = Figure(figsize=size, layout="constrained")
    places = figure.subplots(lines, columns, squeeze=False).ravel()
    for place in places[len(matrices) :]:
        place.set_axis_off()
    usual = middle({e for matrix in matrices for e in matrix.epsilons})
    for place, matrix in zip(places, matrices, strict=False):
        _trade_off(place, matrix, _epsilon(matrix, at or usual))
    drawn = [place.get_legend_handles_labels() for place in places[: len(matrices)]]
    entries = {name: line for pair in drawn for line, name in zip(*pair, strict=True)}
    figure.legend([*entries.values()], [*entries], loc="outside lower center",
                  ncols=2 if columns == 1 else 4)  # fmt: skip
    return figure


def _epsilon(matrix: EpsilonMatrix, wanted: str | None) -> str:
    """Return an epsilon of a matrix: the wanted one, or its own middle one."""
    own = middle(matrix.epsilons) or matrix.epsilons[-1]
    return wanted if wanted in matrix.epsilons and wanted else own


def _trade_off(axes: Any, matrix: EpsilonMatrix, at: str) -> None:
    """Draw the points of a matrix, with a line through those of one kind."""
    kinds: dict[str, list[TrainingRow]] = {}
    for row in matrix.rows:
        kinds.setdefault(row.kind, []).append(row)
    column = 1 + matrix.epsilons.index(at)
    every = 100 * np.array([row.accuracy[[0, column]] for row in matrix.rows])
    near = 0.07 * np.ptp(every, axis=0) + 1e-9
    for number, (kind, rows) in enumerate(kinds.items()):
        drawn = look(number)
        points = 100 * np.array([row.accuracy[[0, column]] for row in rows])
        robust = [_interval(row, column) for row in rows]
        below = [level.mean - level.low for level in robust]
        above = [level.high - level.mean for level in robust]
        axes.errorbar(
            *points.T,
            yerr=np.array([below, above]),
            **drawn,
            linewidth=1,
            elinewidth=0.5,
            label=f"{kind} training",
        )
        # Labels of the control are below their points. Points that lie close together
        # share one label, such as 0.05 to 0.15.
        below_it = kind.split(" ")[0] == NOISE
        for group in _close(points, near):
            first, last = (training_epsilon(rows[i].epsilon) for i in group[[0, -1]])
            axes.annotate(
                first if first == last else f"{first} to {last}",
                points[group].mean(axis=0),
                xytext=(2, -6) if below_it else (6, 0),
                textcoords="offset points",
                ha="left",
                va="top" if below_it else "center",
                fontsize=7.5,
                color=drawn["color"],
            )
    axes.set_xlabel("clean accuracy (%)")
    axes.set_ylabel(f"accuracy at ε = {short(at)} (%)")
    told = f"numbers are the training ε{_bars(matrix)}"
    axes.set_title("\n".join(filter(None, [matrix.title, told])), fontsize=8)
    axes.margins(x=0.1)
    axes.grid()


def _interval(row: TrainingRow, column: int) -> Estimate:
    """Return the accuracy of a row in a column in percent, with its interval."""
    values = [100 * float(accuracy[column]) for accuracy in row.by_seed.values()]
    return estimate(values, (0.0, 100.0))


def _bars(matrix: EpsilonMatrix) -> str:
    """Return what the bars are; empty if no row has more than one seed."""
    seeds = {len(row.by_seed) for row in matrix.rows}
    several = ["95 % t intervals over seeds"] if max(seeds) >= ENOUGH_SEEDS else []
    pair = ["from one of two seeds to the other"] if 2 in seeds else []
    return f"; bars: {', or '.join([*several, *pair])}" if several or pair else ""


def _close(points: NDArray[np.float64], near: NDArray[np.float64]) -> list[Any]:
    """Group consecutive points that lie near the first of their group."""
    groups: list[list[int]] = []
    for i, point in enumerate(points):
        if groups and np.all(np.abs(point - points[groups[-1][0]]) < near):
            groups[-1].append(i)
        else:
            groups.append([i])
    return [np.array(group) for group in groups]
