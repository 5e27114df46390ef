"""The tables of a report: their texts, for the terminal, and as CSV."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import JustifyMethod, RenderableType
from rich.table import Table

from fedrobust.report.column import Texts, csv_of_rows, shown
from fedrobust.report.columns import MISSING, columns, number
from fedrobust.report.frame import runs_frame
from fedrobust.report.groups import Runs
from fedrobust.report.marks import raised
from fedrobust.report.markup import rich_text
from fedrobust.report.notes import note
from fedrobust.report.rule_attack_grid import RuleAttackGrid

TAX = "Tax: what a rule loses to plain averaging where nobody attacks, seed by seed."


def terminal_table(runs: Runs) -> Table:
    """Return the table that is printed at the end of a multirun."""
    return rich_table(shown(columns(runs), runs.groups), caption=note(runs))


def rich_table(
    texts: Texts, title: str | None = None, caption: str | None = None
) -> Table:
    """Return a table for the terminal, with failures in red."""
    table = _table(title, caption)
    for name in texts.names:
        justify: JustifyMethod = "left" if name in texts.left else "right"
        table.add_column(rich_text(name), justify=justify)
    for values in texts.rows:
        table.add_row(*(rich_text(v, "red" if _is_doubtful(v) else "") for v in values))
    return table


def _table(title: str | None, caption: str | None) -> Table:
    """Return a table without columns, whose title and caption are plain text."""
    return Table(
        title=None if title is None else rich_text(title, "table.title"),
        caption=None if caption is None else rich_text(caption, "table.caption"),
        caption_justify="left",
    )


def _is_doubtful(text: str) -> bool:
    return "FAILED" in text or "SKIPPED" in text


def grid_texts(grid: RuleAttackGrid) -> Texts:
    """Return the table of a grid, with the tax and the worst case of each rule."""
    with_tax = not grid.attacker_gains and grid.nobody is not None
    names = ["strategy", *(["tax"] if with_tax else []), *grid.attacks,
             *(["worst"] if grid.attacked else [])]  # fmt: skip
    rows = []
    for i, strategy in enumerate(grid.strategies):
        values = [
            *map(_cell, grid.values[i], grid.marks[i], grid.errors[i]),
            *([_cell(grid.worst[i], grid.worst_marks[i])] if grid.attacked else []),
        ]
        if with_tax:
            values.insert(0, _tax(grid, i))
        rows.append([strategy, *values])
    return Texts(names, rows, left=["strategy"])


def _cell(value: float, letters: Sequence[str], error: float = np.nan) -> str:
    if np.isnan(value):
        return MISSING
    spread = "" if np.isnan(error) else f" ± {100 * error:.1f}"
    return number(value) + spread + raised(letters)


def _tax(grid: RuleAttackGrid, row: int) -> str:
    return _cell(grid.tax[row], grid.tax_marks[row], grid.tax_errors[row])


def grid_caption(grid: RuleAttackGrid) -> str:
    """Return what the tax and the worst case of a grid are, and over which seeds."""
    with_tax = not grid.attacker_gains and grid.nobody is not None
    best = "greatest" if grid.attacker_gains else "least"
    sentences = [
        TAX if with_tax else "",
        f"Worst: the {best} over the attacks; – where one has no result."
        if grid.attacked
        else "",
        grid.tax_over_seeds,
        grid.worst_over_seeds,
    ]
    return " ".join(filter(None, sentences))


def grid_title(grid: RuleAttackGrid) -> str:
    """Return the title of a grid: its figure and its setting."""
    return ", ".join(filter(None, [grid.title, grid.setting]))


def robustness_table(grid: RuleAttackGrid) -> Table:
    """Return the table of each rule's worst case and robustness tax."""
    free: dict[str, list[str]] = {}
    if not grid.attacker_gains and grid.nobody is not None:
        free = {
            "no attacker": [*map(_cell, grid.without_attacker, grid.free_marks)],
            "tax": [_tax(grid, row) for row in range(len(grid.strategies))],
        }
    table = _table(grid_title(grid), grid_caption(grid))
    table.add_column("strategy")
    worst = ["worst"] if grid.attacked else []
    for name in (*free, *worst):
        table.add_column(name, justify="right")
    if worst:
        table.add_column("under")
    for i, strategy in enumerate(grid.strategies):
        cells: list[RenderableType] = [
            rich_text(strategy),
            *(column[i] for column in free.values()),
        ]
        if worst:
            cells += [_cell(grid.worst[i], grid.worst_marks[i]),
                      rich_text(grid.worst_attacks[i])]  # fmt: skip
        table.add_row(*cells)
    return table


def csv_of(runs: Runs, home: Path | None = None) -> str:
    """Return a CSV file with one row for each run, and accuracies as in result.json.

    The columns of the tables come first, under the names that they always had; then
    what there is to know about the run, and the rest of the collected table.

    Parameters
    ----------
    runs
        The runs.
    home
        The folder to which the folders of the runs are relative.
    """
    first, rows = columns(runs), []
    collected = runs_frame(runs).astype(object)
    frame = collected.where(collected.notna(), None).drop(columns="marks")
    for group, row in zip(runs.each_alone(), frame.to_dict("records"), strict=True):
        (run,) = group.runs
        own = {column.name: column.value(group) for column in first}
        own["warnings"] = "; ".join(runs.marks.sentences_of(run))
        own["folder"] = relative(run.folder.path, home)
        rows.append({**own, **{str(k): v for k, v in row.items() if k not in own}})
    return csv_of_rows(rows)


def relative(path: Path, home: Path | None) -> str:
    """Return a folder relative to that of the report if it is below it."""
    if home is None or not path.is_relative_to(home):
        return str(path)
    return str(path.relative_to(home))
