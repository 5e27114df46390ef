"""What runs that are not there would cost, by those that are."""

from statistics import median

from fedrobust.reproduce.definition import Cell, Reproduction
from fedrobust.reproduce.results import Results


def minutes_of(cell: Cell, reproduction: Reproduction, results: Results) -> float:
    """Estimate what a run of a cell takes.

    Returns
    -------
    The median of the runs that agree with it in most columns, on whichever machine they
    were; without any, what the reproduction says.
    """
    minutes: dict[int, list[float]] = {}
    for (other, _), row in results.rows.items():
        alike = sum(a == b for a, b in zip(cell, other, strict=True))
        minutes.setdefault(alike, []).append(float(row["minutes"]))
    return median(minutes[max(minutes)]) if minutes else reproduction.minutes
