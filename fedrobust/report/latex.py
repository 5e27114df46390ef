"""The tables of a report for LaTeX, in the style of booktabs."""

import re

import pandas as pd

from fedrobust.report.content import Content, Table
from fedrobust.report.marks import RAISED, raised
from fedrobust.report.markup import escape_latex

HEAD = (
    "% Needs \\usepackage{booktabs}. Wide tables also need \\usepackage{graphicx} and\n"
    "% \\resizebox{\\linewidth}{!}{...} around their tabular.\n"
)
# The marks at the end of a cell; an empty text if it has none.
_RAISED = f"[{''.join(RAISED.values())}]+"
_MARKS = re.compile(f"({_RAISED}(,{_RAISED})*)?$")


def latex(content: Content) -> str:
    """Return every table of a report, with captions, labels and footnotes."""
    tables = [
        _table(table, _notes(table, content))
        for table in content.tables
        if table.texts.rows
    ]
    return HEAD + "\n" + "\n".join(tables)


def _notes(table: Table, content: Content) -> str:
    """Return what holds for every run, and the words of the marks in a table."""
    cells = [cell for row in table.texts.rows for cell in row]
    marks = [mark[0] for cell in cells if (mark := _MARKS.search(cell))]
    letters = {word for mark in marks for word in mark.split(",")}
    return " ".join(
        [
            *(f"All runs: {escape_latex(words)}." for words in content.common),
            *(
                f"\\textsuperscript{{{letter}}} {escape_latex(words)}."
                for letter, words in content.footnotes.items()
                if raised([letter]) in letters
            ),
        ]
    )


def _table(table: Table, notes: str) -> str:
    texts = table.texts
    names = [escape_latex(name) for name in texts.names]
    rows = [[escape_latex(cell) for cell in row] for row in texts.rows]
    frame = pd.DataFrame(rows, columns=names)
    columns = "".join("l" if name in texts.left else "r" for name in texts.names)
    caption = " ".join(filter(None, [f"{escape_latex(table.title)}.",
                                     escape_latex(table.caption)]))  # fmt: skip
    text: str = frame.style.hide(axis="index").to_latex(
        hrules=True,
        column_format=columns,
        caption=caption,
        label=f"tab:{table.name}",
        position="t",
        position_float="centering",
    )
    if not notes:
        return text
    below = f"\\par\\medskip\n{{\\footnotesize {notes}\\par}}\n\\end{{table}}"
    return text.replace("\\end{table}", below)
