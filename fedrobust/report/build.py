"""From runs to the content of a report: head, sentences, tables and figures."""

import re
from collections.abc import Sequence
from pathlib import Path

from fedrobust.report.column import Texts, shown
from fedrobust.report.columns import columns
from fedrobust.report.content import Content, Table
from fedrobust.report.drawing import Drawing, file_name
from fedrobust.report.groups import Runs
from fedrobust.report.head import head, varies
from fedrobust.report.notes import note, problems
from fedrobust.report.rule_attack_grid import RuleAttackGrid, grids
from fedrobust.report.summary import summary
from fedrobust.report.tables import grid_caption, grid_texts, grid_title

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


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
        tables=[*map(_grid_table, found), _groups_table(runs)],
        runs=_runs_table(runs, home),
        drawings=drawings,
        footnotes=dict(runs.marks.footnotes),
        command=command,
    )


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
    folders = [_folder(group.runs[0].folder.path, home) for group in each]
    rows = [
        [folder, *row, str(group.seeds[0])]
        for folder, row, group in zip(folders, texts.rows, each, strict=True)
    ]
    table = Texts(["run", *texts.names, "seed"], rows, ["run", *texts.left])
    return Table("runs", "Runs", table, "", "", _sort_keys(table), folders)


def _folder(path: Path, home: Path) -> str:
    try:
        return str(path.relative_to(home)) or "."
    except ValueError:
        return str(path)


def _sort_keys(texts: Texts) -> list[list[float | str | None]]:
    """Return a number for each cell that begins with one, else its text."""
    return [[_sort_key(cell) for cell in row] for row in texts.rows]


def _sort_key(cell: str) -> float | str | None:
    number = _NUMBER.match(cell)
    if number is not None:
        return float(number[0])
    return cell if cell not in ("", "–") else None
