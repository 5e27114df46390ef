"""The page on training epsilons: tables in the terminal, as Markdown and as CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.table import Table

from fedrobust.files import write_atomically
from fedrobust.report.columns import checks, number, percent
from fedrobust.report.epsilon.advice import Advice, short
from fedrobust.report.epsilon.matrix import EpsilonMatrix, TrainingRow, training_epsilon
from fedrobust.report.groups import Runs
from fedrobust.report.markup import escape_markdown, plain_markdown_table
from fedrobust.report.notes import note
from fedrobust.report.scores import ENOUGH_SEEDS
from fedrobust.report.tables import rich_table

LEFT = ["training ε", "training"]
Texts = tuple[list[str], list[list[str]]]


def accuracy_texts(matrix: EpsilonMatrix) -> Texts:
    """Write the names and rows of training against test epsilon, clean first."""
    with_seeds = any(len(row.group.seeds) > 1 for row in matrix.rows)
    seeds = ["seeds"] if with_seeds else []
    epsilons = map(_test_epsilon, matrix.epsilons)
    names = [*LEFT, *seeds, "clean", *epsilons, "average", "checks"]
    rows = []
    for row in matrix.rows:
        spreads = [None if np.isnan(spread) else spread for spread in row.spread]
        accuracies = map(percent, row.accuracy, spreads)
        count = [str(len(row.group.seeds))] if with_seeds else []
        average = number(matrix.score(row, None).value)
        rows.append(
            [*_labels(row), *count, *accuracies, average, checks(row.group.results)]
        )
    return names, rows


def gain_texts(matrix: EpsilonMatrix) -> Texts:
    """Write the names and rows of what each training costs and gains, in points."""
    names = [*LEFT, "clean cost", *map(_test_epsilon, matrix.epsilons)]
    rows = [
        [*_labels(row), number(cost), *map(number, gain)]
        for row, cost, gain in zip(matrix.rows, matrix.cost, matrix.gain, strict=True)
    ]
    return names, rows


def _labels(row: TrainingRow) -> list[str]:
    return [training_epsilon(row.epsilon), row.kind]


def _test_epsilon(epsilon: str) -> str:
    return f"ε={short(epsilon)}"


def _gain_title(matrix: EpsilonMatrix) -> str:
    reference = matrix.reference.name
    if not matrix.has_standard:
        reference += ", the smallest there is, as there is no standard run"
    return f"Points lost clean and gained at each ε against {reference}"


def epsilon_tables(matrix: EpsilonMatrix) -> list[Table]:
    """Return the tables of a matrix for the terminal."""
    title = f"Accuracy after training at ε, attacked at ε. {matrix.title}"
    return [
        rich_table(*accuracy_texts(matrix), left=LEFT, title=title.strip()),
        rich_table(*gain_texts(matrix), left=LEFT, title=_gain_title(matrix)),
    ]


def epsilon_note(runs: Runs, matrices: Sequence[EpsilonMatrix]) -> str:
    """Return what the numbers are, what is left out, and what does not compare."""
    rows = [row for matrix in matrices for row in matrix.rows]
    groups = [row.group for row in rows]
    lines = [
        note(replace(runs, groups=groups)),
        "Average: the area under the accuracy curve from clean to the largest ε, "
        "divided by it.",
        *_chance(rows),
    ]
    left_out = len(runs.groups) - len(groups)
    if left_out:
        lines.append(
            f"{left_out} other rows are left out: not attacked, or with no other "
            "training ε to compare with."
        )
    return " ".join(lines)


def _chance(rows: Sequence[TrainingRow]) -> list[str]:
    """Return how chance is estimated, and what that leaves out."""
    lines = []
    seeds = [len(row.by_seed) for row in rows]
    if max(seeds) >= ENOUGH_SEEDS:
        lines.append(
            "Chance: the 95 % t interval of what two rows differ in, seed by seed; a "
            "mean's standard error is its ± over √seeds. Seeds share the test images: "
            "it says how training varies, not how another test set would."
        )
    if min(seeds) < ENOUGH_SEEDS:
        lines.append(
            f"Fewer than {ENOUGH_SEEDS} seeds do not show how training varies: chance "
            "is then two standard errors of each of the two rows' images, added, or "
            "two standard errors over two seeds where these are more."
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
        if matrix.title:
            parts.append(f"## {escape_markdown(matrix.title)}")
        parts += [
            "\n".join(f"- {escape_markdown(line.text)}" for line in found),
            "Accuracy after training at ε (rows), attacked at ε (columns)",
            plain_markdown_table(*accuracy_texts(matrix), left=LEFT),
            escape_markdown(_gain_title(matrix)),
            plain_markdown_table(*gain_texts(matrix), left=LEFT),
        ]
    return "\n\n".join([*parts, epsilon_note(runs, matrices)]) + "\n"


def write_epsilon_csv(matrices: Sequence[EpsilonMatrix], path: Path) -> None:
    """Write a row a training and epsilon, accuracies as shares.

    Those ``_by_seed`` are in the order of the seeds: all that the comparison needs.
    """
    labels = list(dict.fromkeys(key for matrix in matrices for key in matrix.labels))
    epsilons = sorted({e for m in matrices for e in m.epsilons}, key=float)
    figures = ["clean", *(f"robust_{epsilon}" for epsilon in epsilons)]
    names = [*labels, "training", "training_epsilon", "seeds", "num_evaluated"]
    names += [figure + of for figure in figures for of in ("", "_std", "_by_seed")]
    names += ["clean_cost", *(f"gain_{epsilon}" for epsilon in epsilons)]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*names, "average", "failed_checks"])
    writer.writeheader()
    for matrix in matrices:
        there = ["clean", *(f"robust_{epsilon}" for epsilon in matrix.epsilons)]
        gained = [f"gain_{epsilon}" for epsilon in matrix.epsilons]
        for row, cost, gain in zip(matrix.rows, matrix.cost, matrix.gain, strict=True):
            writer.writerow(
                {
                    **matrix.labels,
                    "training": row.kind,
                    "training_epsilon": training_epsilon(row.epsilon),
                    "seeds": " ".join(map(str, row.by_seed)),
                    "num_evaluated": row.num_images,
                    **_accuracies(row, there),
                    "clean_cost": cost,
                    **dict(zip(gained, gain, strict=True)),
                    "average": matrix.score(row, None).value,
                    "failed_checks": " ".join(row.group.failed_checks),
                }
            )
    write_atomically(path, text.getvalue())


def _accuracies(row: TrainingRow, names: Sequence[str]) -> dict[str, object]:
    """Return a row's mean, spread and accuracies by seed, by their columns."""
    found: dict[str, object] = {}
    every = np.transpose([*row.by_seed.values()])
    for name, mean, spread, by_seed in zip(
        names, row.accuracy, row.spread, every, strict=True
    ):
        found[name] = mean
        found[f"{name}_std"] = "" if np.isnan(spread) else spread
        found[f"{name}_by_seed"] = " ".join(map(str, by_seed))
    return found
