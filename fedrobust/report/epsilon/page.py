"""The page on training epsilons: tables in the terminal, as Markdown and as CSV."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.table import Table

from fedrobust.files import write_atomically
from fedrobust.report.column import Texts, csv_text, shown
from fedrobust.report.epsilon.advice import Advice
from fedrobust.report.epsilon.columns import (
    accuracy_columns,
    csv_columns,
    gain_columns,
)
from fedrobust.report.epsilon.matrix import EpsilonMatrix, TrainingRow
from fedrobust.report.groups import Runs
from fedrobust.report.markup import escape_markdown, plain_markdown_table
from fedrobust.report.notes import footnotes, note, problems
from fedrobust.report.scores import ENOUGH_SEEDS
from fedrobust.report.tables import rich_table


def _gain_title(matrix: EpsilonMatrix) -> str:
    reference = matrix.reference.name
    if not matrix.has_standard:
        reference += ", the smallest there is, as there is no standard run"
    return f"Points lost clean and gained at each ε against {reference}"


def epsilon_tables(matrix: EpsilonMatrix) -> list[Table]:
    """Return the tables of a matrix for the terminal."""
    title = f"Accuracy after training at ε, attacked at ε. {matrix.title}"
    accuracies, gains = _tables(matrix)
    return [
        rich_table(accuracies, title=title.strip()),
        rich_table(gains, title=_gain_title(matrix)),
    ]


def epsilon_note(runs: Runs, matrices: Sequence[EpsilonMatrix]) -> str:
    """Return what the numbers are, and how their differences are judged."""
    rows = [row for matrix in matrices for row in matrix.rows]
    lines = [
        note(_compared(runs, matrices)),
        "Average: the area under the accuracy curve from clean to the largest ε, "
        "divided by it.",
        *_chance(rows),
    ]
    return " ".join(lines)


def epsilon_problems(runs: Runs, matrices: Sequence[EpsilonMatrix]) -> list[str]:
    """List what is left out, what does not compare, and the words of the marks."""
    compared = _compared(runs, matrices)
    left_out = len(runs.groups) - len(compared.groups)
    lines = [
        f"{left_out} other rows are left out: not attacked, or with no other training "
        "ε to compare with."
    ]
    return [*problems(compared), *(lines if left_out else []), *footnotes(runs)]


def _compared(runs: Runs, matrices: Sequence[EpsilonMatrix]) -> Runs:
    """Return the runs of some matrices."""
    return replace(runs, groups=[r.group for matrix in matrices for r in matrix.rows])


def _chance(rows: Sequence[TrainingRow]) -> list[str]:
    """Return how differences are judged, and what that leaves out."""
    lines = []
    seeds = [len(row.by_seed) for row in rows]
    if max(seeds) >= ENOUGH_SEEDS:
        lines.append(
            "± of a recommendation: the 95 % t interval of what two rows differ in, "
            "seed by seed. Undecided: the interval includes 0, which shows neither a "
            "difference nor that there is none. Seeds share the test images: the "
            "interval says how training varies, not how another test set would."
        )
    if min(seeds) < ENOUGH_SEEDS:
        lines.append(
            f"Fewer than {ENOUGH_SEEDS} seeds do not show how training varies; such "
            "rows are not compared."
        )
    counts = sorted({row.num_images for row in rows})
    # An accuracy of 50 % has the largest: 2 sqrt(0.5 * 0.5 / n).
    points = " or ".join(f"{100 / np.sqrt(count):.1f}" for count in counts)
    images = " or ".join(map(str, counts))
    lines.append(
        f"Two standard errors of the {images} test images are up to {points} points."
    )
    return lines


def epsilon_markdown(
    runs: Runs,
    matrices: Sequence[EpsilonMatrix],
    advice: Sequence[Sequence[Advice]],
) -> str:
    """Write recommendations and tables as Markdown."""
    parts = ["# Which training epsilon?"]
    for matrix, found in zip(matrices, advice, strict=True):
        accuracies, gains = _tables(matrix)
        if matrix.title:
            parts.append(f"## {escape_markdown(matrix.title)}")
        parts += [
            "\n".join(f"- {escape_markdown(line.text)}" for line in found),
            "Accuracy after training at ε (rows), attacked at ε (columns)",
            plain_markdown_table(accuracies),
            escape_markdown(_gain_title(matrix)),
            plain_markdown_table(gains),
        ]
    lines = [f"- {escape_markdown(line)}" for line in epsilon_problems(runs, matrices)]
    notes = [epsilon_note(runs, matrices), *(["\n".join(lines)] if lines else [])]
    return "\n\n".join([*parts, *notes]) + "\n"


def write_epsilon_csv(matrices: Sequence[EpsilonMatrix], path: Path) -> None:
    """Write a row a training and epsilon, accuracies as shares.

    Those ``_by_seed`` are in the order of the seeds: all that the comparison needs.
    """
    labels = dict.fromkeys(key for matrix in matrices for key in matrix.labels)
    epsilons = sorted({e for m in matrices for e in m.epsilons}, key=float)
    parts = [(csv_columns(m, list(labels), epsilons), m.rows) for m in matrices]
    write_atomically(path, csv_text(parts))


def _tables(matrix: EpsilonMatrix) -> tuple[Texts, Texts]:
    """Return the tables of accuracies and of gains."""
    return (
        shown(accuracy_columns(matrix), matrix.rows),
        shown(gain_columns(matrix), matrix.rows),
    )
