"""The tables of a report: for the terminal, as Markdown and as CSV."""

from pathlib import Path

from rich.console import JustifyMethod
from rich.table import Table

from fedrobust.files import write_atomically
from fedrobust.report.column import Texts, csv_text, shown
from fedrobust.report.columns import columns, number
from fedrobust.report.groups import Runs
from fedrobust.report.markup import escape_markdown, plain_markdown_table, rich_text
from fedrobust.report.notes import note, warnings_of
from fedrobust.report.rule_attack_grid import DOUBTFUL, RuleAttackGrid, grids


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


def markdown(runs: Runs) -> str:
    """Return the tables as Markdown: rules against attacks, then all runs."""
    every = plain_markdown_table(shown(columns(runs), runs.groups))
    found = grids(runs)
    parts = [*map(_markdown_grid, found), every, note(runs)]
    if any(grid.doubtful.any() for grid in found):
        parts.insert(len(found), escape_markdown(DOUBTFUL))
    if warned := warnings_of(runs):
        parts.append("\n".join(f"- {escape_markdown(line)}" for line in warned))
    return "\n\n".join(parts) + "\n"


def _markdown_grid(grid: RuleAttackGrid) -> str:
    """Return one grid as Markdown, with the tax and the worst case of each rule."""
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
    table = plain_markdown_table(Texts(names, rows, left=["strategy"]))
    why = escape_markdown(no_numbers(grid))
    return "\n\n".join(filter(None, [title, table, why]))


def no_numbers(grid: RuleAttackGrid) -> str:
    """Return why a grid has no numbers; empty if it has some."""
    others = ", ".join(grid.differ_in)
    return f"No numbers: its runs differ in {others}, too." if others else ""


def robustness_table(grid: RuleAttackGrid) -> Table:
    """Return the table of each rule's worst case and robustness tax."""
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
    """Write a CSV file with one row for each run, and accuracies as in result.json."""
    write_atomically(path, csv_text([(columns(runs), runs.each_alone())]))
