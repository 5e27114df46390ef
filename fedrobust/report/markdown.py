"""The report as Markdown, with links to its figures."""

from collections.abc import Mapping
from pathlib import PurePath

from fedrobust.report.content import Content, Table
from fedrobust.report.drawing import Drawing
from fedrobust.report.interval import count
from fedrobust.report.marks import raised
from fedrobust.report.markup import (
    code_span,
    escape_markdown,
    markdown_table,
    plain_markdown_table,
)


def markdown(content: Content, files: Mapping[str, PurePath]) -> str:
    """Return a report as Markdown.

    Parameters
    ----------
    content
        The report.
    files
        The picture of each figure by its name, relative to the report.
    """
    parts = [f"# {escape_markdown(content.title)}", code_block(content.command)]
    rows = [*content.head, *((f"varies: {k}", v) for k, v in content.varies)]
    cells = [[*map(escape_markdown, row)] for row in rows]
    parts.append(markdown_table(["", ""], cells, left=["", ""]))
    for lines in (content.summary, content.problems):
        if lines:
            parts.append("\n".join(f"- {escape_markdown(line)}" for line in lines))
    for drawing in content.drawings:
        parts += _drawing(drawing, files)
    for table in content.tables:
        parts += _table(table)
    notes = [
        f"- {raised([letter])} {escape_markdown(words)}"
        for letter, words in content.footnotes.items()
    ]
    return "\n\n".join([*parts, *(["\n".join(notes)] if notes else [])]) + "\n"


def code_block(command: str) -> str:
    """Return a command as an indented block, in which nothing is markup."""
    return "    " + " ".join(command.split())


def _drawing(drawing: Drawing, files: Mapping[str, PurePath]) -> list[str]:
    title = escape_markdown(drawing.title)
    if drawing.figure is None:
        return [f"## {title}", escape_markdown(drawing.reason)]
    path = files[drawing.name].as_posix()
    parts = [f"## {title}", f"![{title}]({path})"]
    marks = raised(drawing.footnotes)
    seeds = count(*drawing.seeds)
    words = [drawing.caption, seeds and f"{seeds}.", marks and f"Marks: {marks}."]
    caption = " ".join(filter(None, words))
    if caption:
        parts.append(escape_markdown(caption))
    return [*parts, code_span(drawing.command)] if drawing.command else parts


def _table(table: Table) -> list[str]:
    title = f"## {escape_markdown(table.title)}"
    if table.reason:
        return [title, escape_markdown(table.reason)]
    found = [title, plain_markdown_table(table.texts)]
    return [*found, escape_markdown(table.caption)] if table.caption else found
