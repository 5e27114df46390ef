"""From runs to the content of a report: head, sentences, tables and figures."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fedrobust.epsilon import fraction
from fedrobust.report.column import Texts, shown
from fedrobust.report.columns import MISSING, columns
from fedrobust.report.content import Content, Table
from fedrobust.report.drawing import Drawing, file_name, unique_names
from fedrobust.report.groups import Runs
from fedrobust.report.head import head, varies
from fedrobust.report.marks import RAISED
from fedrobust.report.notes import note, problems
from fedrobust.report.rule_attack_grid import RuleAttackGrid, grids
from fedrobust.report.summary import summary
from fedrobust.report.tables import grid_caption, grid_texts, grid_title, relative

_LETTERS = "".join(RAISED.values())
# A number or a fraction, perhaps with a spread, a second number or a total, and marks.
_NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_MORE = rf"(?: ± {_NUMBER}| / (?:{_NUMBER}|{MISSING})| of \d+)?"
_CELL = re.compile(rf"({_NUMBER}(?:/\d+)?){_MORE}[,{_LETTERS}]*")
# Columns whose digits are names.
_NAMES = ("run", "digest")


def content(
    runs: Runs, title: str, command: str, drawings: Sequence[Drawing], home: Path
) -> Content:
    """Return the content of a report.

    Parameters
    ----------
    runs
        The runs.
    title
        The name of the report.
    command
        The command that writes it.
    drawings
        The figures.
    home
        The folder of the report, to which the folders of runs are relative.
    """
    found = grids(runs)
    return Content(
        title=title,
        head=head(runs),
        varies=varies(runs),
        summary=summary(runs, found),
        problems=problems(runs),
        tables=_renamed([*map(_grid_table, found), _groups_table(runs)]),
        runs=_runs_table(runs, home),
        drawings=drawings,
        footnotes=dict(runs.marks.footnotes),
        common=runs.marks.common,
        command=command,
    )


def _renamed(tables: list[Table]) -> list[Table]:
    """Return tables whose names differ, as labels of LaTeX must."""
    names = unique_names([table.name for table in tables])
    return [replace(t, name=name) for t, name in zip(tables, names, strict=True)]


def _grid_table(grid: RuleAttackGrid) -> Table:
    texts = grid_texts(grid)
    title = grid_title(grid)
    what = "rules against attacks" if grid.attacked else "rules without an attacker"
    return Table(
        name=file_name(f"{title} table"),
        title=f"{title[:1].upper()}{title[1:]}: {what}",
        texts=texts,
        caption=f"In percent. {grid_caption(grid)}",
        sort_keys=_sort_keys(texts),
    )


def _groups_table(runs: Runs) -> Table:
    texts = shown(columns(runs), runs.groups)
    return Table("experiments", "Experiments", texts, note(runs), "", _sort_keys(texts))


def _runs_table(runs: Runs, home: Path) -> Table:
    each = runs.each_alone()
    texts = shown([c for c in columns(runs) if c.name != "seed"], each)
    folders = [relative(group.runs[0].folder.path, home) for group in each]
    rows = [
        [folder, *row, str(group.seeds[0])]
        for folder, row, group in zip(folders, texts.rows, each, strict=True)
    ]
    table = Texts(["run", *texts.names, "seed"], rows, ["run", *texts.left])
    return Table("runs", "Runs", table, "", "", _sort_keys(table), folders)


def _sort_keys(texts: Texts) -> list[list[float | str | None]]:
    """Return a number for each cell that shows one, else its text."""
    return [
        [
            cell if name in _NAMES else _sort_key(cell)
            for name, cell in zip(texts.names, row, strict=True)
        ]
        for row in texts.rows
    ]


def _sort_key(cell: str) -> float | str | None:
    found = _CELL.fullmatch(cell)
    if found is not None:
        try:
            number = fraction(found[1])
        except ZeroDivisionError:
            return cell
        return number if math.isfinite(number) else cell
    return cell if cell not in ("", MISSING) else None
