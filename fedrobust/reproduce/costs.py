"""Estimated cost of the runs that are still to do, from the runs that are done."""

from statistics import median

from fedrobust.reproduce.definition import Cell, Reproduction
from fedrobust.reproduce.results import Results


def minutes_of(cell: Cell, reproduction: Reproduction, results: Results) -> float:
    """Estimate how many minutes one run of a cell takes.

    Returns
    -------
    The median over the finished runs that agree with the cell in the most columns, on
    any machine. Without finished runs, the estimate in ``reproduction.yaml``.
    """
    minutes: dict[int, list[float]] = {}
    for (other, _), row in results.rows.items():
        alike = sum(a == b for a, b in zip(cell, other, strict=True))
        minutes.setdefault(alike, []).append(float(row["minutes"]))
    return median(minutes[max(minutes)]) if minutes else reproduction.minutes
