"""The columns of the page on training epsilons, for its tables and for epsilon.csv."""

from collections.abc import Sequence

import numpy as np

from fedrobust.report.column import Column
from fedrobust.report.columns import MISSING, checks, number, percent
from fedrobust.report.epsilon.matrix import (
    EpsilonMatrix,
    TrainingRow,
    training_epsilon,
)
from fedrobust.report.marks import raised
from fedrobust.report.measures import short

RowColumn = Column[TrainingRow]


def accuracy_columns(matrix: EpsilonMatrix) -> list[RowColumn]:
    """Return the columns of training against test epsilon, clean first."""
    return [*_labels(), *_num_seeds(matrix), *_accuracies(matrix), *_summary(matrix)]


def gain_columns(matrix: EpsilonMatrix) -> list[RowColumn]:
    """Return the columns of each training's cost and gains, in percentage points."""
    return [*_labels(), *_gains(matrix)]


def csv_columns(
    matrix: EpsilonMatrix, labels: Sequence[str], epsilons: Sequence[str]
) -> list[RowColumn]:
    """Return the columns of epsilon.csv for the rows of one of several matrices.

    Parameters
    ----------
    matrix
        The matrix of the rows.
    labels
        Names of the labels in which the matrices differ.
    epsilons
        The test epsilons of all matrices. Figures at epsilons that this matrix lacks
        are empty.
    """
    by_epsilon, by_kind = _labels()
    every = [*_accuracies(matrix), *_gains(matrix)]
    names = {column.name for column in every}
    missing = [
        name
        for epsilon in epsilons
        for name in (*_names(f"robust_{epsilon}"), f"gain_{epsilon}")
        if name not in names
    ]
    every += [Column(name, lambda row: None) for name in missing]
    figures = ["clean", *(f"robust_{epsilon}" for epsilon in epsilons)]
    order = [name for figure in figures for name in _names(figure)]
    order += ["clean_cost", *(f"gain_{epsilon}" for epsilon in epsilons)]
    return [
        *(_matrix_label(matrix, name) for name in labels),
        by_kind,
        by_epsilon,
        Column("seeds", lambda row: " ".join(map(str, row.by_seed))),
        Column("num_evaluated", lambda row: row.num_images),
        *sorted(every, key=lambda column: order.index(column.name)),
        *_summary(matrix),
    ]


def _labels() -> tuple[RowColumn, RowColumn]:
    def epsilon(row: TrainingRow) -> str:
        return training_epsilon(row.epsilon)

    def kind(row: TrainingRow) -> str:
        return row.kind

    return (
        Column("training_epsilon", epsilon, epsilon, "training ε", is_label=True),
        Column("training", kind, kind, is_label=True),
    )


def _matrix_label(matrix: EpsilonMatrix, name: str) -> RowColumn:
    return Column(name, lambda row: matrix.labels.get(name))


def _num_seeds(matrix: EpsilonMatrix) -> list[RowColumn]:
    """Return the number of seeds, if a row has more than one."""

    def text(row: TrainingRow) -> str:
        return str(len(row.group.seeds))

    several = any(len(row.group.seeds) > 1 for row in matrix.rows)
    return [Column("seeds", text, text)] if several else []


def _accuracies(matrix: EpsilonMatrix) -> list[RowColumn]:
    names = ["clean", *(f"robust_{epsilon}" for epsilon in matrix.epsilons)]
    headings = ["clean", *map(_heading, matrix.epsilons)]
    return [
        column
        for place, (name, heading) in enumerate(zip(names, headings, strict=True))
        for column in _accuracy(matrix, name, heading, place)
    ]


def _accuracy(
    matrix: EpsilonMatrix, name: str, heading: str, place: int
) -> list[RowColumn]:
    """Return the mean, the spread and the value of each seed, of one test epsilon."""

    def spread(row: TrainingRow) -> float | None:
        return None if np.isnan(row.spread[place]) else float(row.spread[place])

    def by_seed(row: TrainingRow) -> str:
        return " ".join(str(accuracy[place]) for accuracy in row.by_seed.values())

    def text(row: TrainingRow) -> str:
        if np.isnan(row.accuracy[place]):
            return MISSING
        letters = _marks(matrix, row)
        return percent(row.accuracy[place], spread(row)) + letters

    mean, std, each = _names(name)
    return [
        Column(
            mean,
            lambda row: row.accuracy[place],
            text,
            heading,
        ),
        Column(std, spread),
        Column(each, by_seed),
    ]


def _names(figure: str) -> tuple[str, str, str]:
    return figure, f"{figure}_std", f"{figure}_by_seed"


def _gains(matrix: EpsilonMatrix) -> list[RowColumn]:
    costs = dict(zip(matrix.rows, matrix.cost, strict=True))
    gains = dict(zip(matrix.rows, matrix.gain, strict=True))

    def text(value: float, row: TrainingRow) -> str:
        # A difference is as doubtful as either of its numbers.
        letters = _marks(matrix, row, matrix.reference)
        return number(value) + ("" if np.isnan(value) else letters)

    def gain(place: int, epsilon: str) -> RowColumn:
        return Column(
            f"gain_{epsilon}",
            lambda row: gains[row][place],
            lambda row: text(gains[row][place], row),
            _heading(epsilon),
        )

    cost = Column(
        "clean_cost",
        costs.__getitem__,
        lambda row: text(costs[row], row),
        "clean cost",
    )
    return [cost, *(gain(i, epsilon) for i, epsilon in enumerate(matrix.epsilons))]


def _summary(matrix: EpsilonMatrix) -> list[RowColumn]:
    def average(row: TrainingRow) -> float:
        return matrix.score(row, None).value

    def average_text(row: TrainingRow) -> str:
        text = number(average(row))
        return text if text == MISSING else text + _marks(matrix, row)

    return [
        Column("average", average, average_text),
        Column(
            "failed_checks",
            lambda row: " ".join(row.group.failed_checks),
            lambda row: checks(row.group.results),
            "checks",
        ),
    ]


def _marks(matrix: EpsilonMatrix, *rows: TrainingRow) -> str:
    """Return the raised letters of rows."""
    return raised(matrix.marks.of(run for row in rows for run in row.group.runs))


def _heading(epsilon: str) -> str:
    return f"ε={short(epsilon)}"
