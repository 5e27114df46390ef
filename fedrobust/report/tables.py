"""Tables: in the terminal, as Markdown and as CSV."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import JustifyMethod
from rich.table import Table

from fedrobust.record.environment import different_versions, versions_told
from fedrobust.record.folder import write_atomically
from fedrobust.report.collect import Cell, Runs
from fedrobust.report.markup import escape_markdown, plain_markdown_table, rich_text
from fedrobust.report.panels import STAR
from fedrobust.report.rule_attack_grid import DOUBTFUL, Grid, grids

MISSING = "–"
OTHER = "other_versions"
CLIENTS = "worst client / spread"
WORST_CLIENT = ("federated", "worst_client", "clean_accuracy")
SPREAD = ("federated", "spread", "clean_accuracy")


def percent(mean: float | None, std: float | None) -> str:
    """Write an accuracy in percent, with its spread over seeds where there is one."""
    if mean is None:
        return MISSING
    return f"{100 * mean:.1f}" + ("" if std is None else f" ± {100 * std:.1f}")


def header(runs: Runs) -> list[str]:
    """Name the columns."""
    seeds = ["seeds"] if any(len(cell.seeds) > 1 for cell in runs.cells) else []
    epsilons = [f"ε={float(epsilon):.4g}" for epsilon in runs.epsilons]
    clients = (
        [CLIENTS] if any(cell.values(*WORST_CLIENT) for cell in runs.cells) else []
    )
    figures = ["clean", *epsilons, *clients, "checks", "MB/round", "s"]
    return [*runs.columns, *seeds, *figures]


def row(cell: Cell, runs: Runs) -> list[str]:
    """Write one cell: accuracies in percent, worst over attacks at each epsilon."""
    seeds = [str(len(cell.seeds))] if "seeds" in header(runs) else []
    robust = [
        percent(
            cell.mean("worst_robust_accuracy", epsilon),
            cell.std("worst_robust_accuracy", epsilon),
        )
        for epsilon in runs.epsilons
    ]
    clients = []
    if CLIENTS in header(runs):
        figures = (cell.mean(*WORST_CLIENT), cell.mean(*SPREAD))
        clients = [" / ".join(percent(figure, None) for figure in figures)]
    rounds = cell.results[0]["num_rounds"]
    sent = (cell.mean("bytes_down") or 0.0) + (cell.mean("bytes_up") or 0.0)
    return [
        *(cell.labels[column] for column in runs.columns),
        *seeds,
        percent(cell.mean("clean_accuracy"), cell.std("clean_accuracy")),
        *robust,
        *clients,
        checks(cell),
        f"{sent / rounds / 1e6:.2f}",
        f"{cell.mean('wall_seconds') or 0.0:.1f}",
    ]


def checks(cell: Cell) -> str:
    """Name the failed checks, or count the passed; not_run is never passed.

    Rounds that were skipped are told, too.
    """
    passed = sum(status == "pass" for _, status in cell.checks)
    told = f"{passed} of {len(cell.checks)}" if cell.checks else MISSING
    if cell.failed_checks:
        told = "FAILED: " + ", ".join(cell.failed_checks)
    if cell.skipped_rounds:
        told = f"{told}; SKIPPED {cell.skipped_rounds} rounds"
    return told


def terminal_table(runs: Runs) -> Table:
    """Make the table that a multirun ends with."""
    rows = [row(cell, runs) for cell in runs.cells]
    return rich_table(header(runs), rows, left=runs.columns, caption=note(runs))


def rich_table(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    left: Sequence[str],
    title: str | None = None,
    caption: str | None = None,
) -> Table:
    """Make a table for the terminal; what failed is red."""
    table = _table(title, caption)
    for name in names:
        justify: JustifyMethod = "left" if name in left else "right"
        table.add_column(rich_text(name), justify=justify)
    for values in rows:
        table.add_row(*(rich_text(v, "red" if _is_trouble(v) else "") for v in values))
    return table


def _table(title: str | None, caption: str | None) -> Table:
    """Return a table without columns, whose title and caption are plain text."""
    return Table(
        title=None if title is None else rich_text(title, "table.title"),
        caption=None if caption is None else rich_text(caption, "table.caption"),
        caption_justify="left",
    )


def _is_trouble(text: str) -> bool:
    return "FAILED" in text or "SKIPPED" in text


def note(runs: Runs) -> str:
    """Say what the numbers are, and what keeps them from being compared."""
    worst = "; at each ε the worst over the attacks" if runs.epsilons else ""
    lines = [f"Accuracy in percent{worst}."]
    if any(checks(cell) != MISSING for cell in runs.cells):
        lines.append("Checks: passed, of all; others were not run unless named.")
    if CLIENTS in header(runs):
        lines.append(
            "Worst client, and standard deviation over clients, of the clean accuracy "
            "on the images that they hold out."
        )
    if any(len(cell.seeds) > 1 for cell in runs.cells):
        lines.append("Mean ± standard deviation (n - 1) over seeds.")
    if not runs.same_seeds:
        lines.append("The cells have different seeds: their means do not compare.")
    if runs.unfinished:
        lines.append(f"{len(runs.unfinished)} runs are not finished.")
    return " ".join([*lines, *record_notes(runs)])


def record_notes(runs: Runs) -> list[str]:
    """List what failed, what could not be read, and what was trained otherwise."""
    lines = []
    if runs.failed:
        lines.append(f"{len(runs.failed)} runs failed: {_some(runs.failed)}.")
    if runs.unreadable:
        told = _some(runs.unreadable)
        lines.append(f"{len(runs.unreadable)} files are left out: {told}.")
    lines += [
        f"{', '.join(digests)} agree in every key and in the seed, so their code or a "
        "version differs: they are not averaged."
        for digests in runs.clashing
    ]
    results = [result for cell in runs.cells for result in cell.results]
    lines += different_versions([result.get("environment", {}) for result in results])
    stale = [versions_told(others) for r in results if (others := r.get(OTHER))]
    if stale:
        told = _some(sorted(set(stale)))
        lines.append(
            f"{len(stale)} runs were trained with other versions than they were last "
            f"asked for with: {told}; --fresh trains them anew."
        )
    return lines


def _some(told: Sequence[str], most: int = 5) -> str:
    """Join the first few of a list, and count the rest."""
    more = [f"and {len(told) - most} more"] if len(told) > most else []
    return "; ".join([*told[:most], *more])


def warnings_of(runs: Runs) -> list[str]:
    """Return what runs were warned of, with the number of runs, most frequent first."""
    results = [result for cell in runs.cells for result in cell.results]
    counts = Counter(w for result in results for w in set(result.get("warnings", ())))
    return [
        f"{warning} ({count} of {len(results)} runs)"
        for warning, count in sorted(counts.items(), key=lambda c: (-c[1], c[0]))
    ]


def markdown(runs: Runs) -> str:
    """Write the tables as Markdown: of rules against attacks, and of every run."""
    rows = [row(cell, runs) for cell in runs.cells]
    every = plain_markdown_table(header(runs), rows, left=runs.columns)
    found = grids(runs)
    parts = [*map(_markdown_grid, found), every, note(runs)]
    if any(grid.doubtful.any() for grid in found):
        parts.insert(len(found), escape_markdown(DOUBTFUL))
    if warned := warnings_of(runs):
        parts.append("\n".join(f"- {escape_markdown(line)}" for line in warned))
    return "\n\n".join(parts) + "\n"


def _markdown_grid(grid: Grid) -> str:
    """Write rules against attacks, with the tax and the worst case of each rule."""
    with_tax = not grid.attacker_gains
    names = ["strategy", *(["tax"] if with_tax else []), *grid.attacks, "worst"]
    rows = []
    for i, strategy in enumerate(grid.strategies):
        values = [
            *map(number, grid.values[i], grid.doubtful[i]),
            number(grid.worst[i], grid.worst_is_doubtful[i]),
        ]
        if with_tax:
            values.insert(0, number(grid.tax[i], grid.tax_is_doubtful[i]))
        rows.append([strategy, *values])
    title = escape_markdown(f"{grid.title.capitalize()}, {grid.training} training")
    title = f"**{title}**, in percent"
    table = plain_markdown_table(names, rows, left=["strategy"])
    why = escape_markdown(no_numbers(grid))
    return "\n\n".join(filter(None, [title, table, why]))


def no_numbers(grid: Grid) -> str:
    """Say why a grid has no numbers; nothing where it has."""
    others = ", ".join(grid.differ_in)
    return f"No numbers: its runs differ in {others}, too." if others else ""


def number(value: float, is_doubtful: bool = False) -> str:
    """Write a share in percent, with a star where doubtful; nan is a dash."""
    star = STAR if is_doubtful else ""
    return MISSING if np.isnan(value) else f"{100 * value:.1f}{star}"


def robustness_table(grid: Grid) -> Table:
    """Make the table of what each rule withstands and what it costs."""
    caption = "Worst: the greatest over the attacks."
    free: dict[str, list[str]] = {}
    if not grid.attacker_gains:
        free = {
            "no attacker": [*map(number, grid.without_attacker, grid.free_is_doubtful)],
            "tax": [*map(number, grid.tax, grid.tax_is_doubtful)],
        }
        caption = (
            "Tax: what a rule loses to plain averaging where nobody attacks. "
            "Worst: the least over the attacks; – where one has no result."
        )
    caption = no_numbers(grid) or caption
    if grid.doubtful.any():
        caption = f"{caption} {DOUBTFUL}"
    table = _table(f"{grid.title}, {grid.training} training", caption)
    table.add_column("strategy")
    for name in (*free, "worst"):
        table.add_column(name, justify="right")
    table.add_column("under")
    for i, strategy in enumerate(grid.strategies):
        worst = number(grid.worst[i], grid.worst_is_doubtful[i])
        figures = [*(column[i] for column in free.values()), worst]
        under = rich_text(grid.worst_attacks[i])
        table.add_row(rich_text(strategy), *figures, under)
    return table


def write_csv(runs: Runs, path: Path) -> None:
    """Write a row a run, accuracies as they are in result.json."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    epsilons = [f"robust_{epsilon}" for epsilon in runs.epsilons]
    writer.writerow([*runs.columns, "seed", "clean", *epsilons, "config_digest"])
    for cell in runs.cells:
        for result in cell.results:
            worst = result["worst_robust_accuracy"]
            writer.writerow(
                [
                    *(cell.labels[column] for column in runs.columns),
                    result["seed"],
                    result["clean_accuracy"],
                    *(worst.get(epsilon, "") for epsilon in runs.epsilons),
                    result["config_digest"],
                ]
            )
    write_atomically(path, text.getvalue())
