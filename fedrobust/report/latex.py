"""The tables of a report for LaTeX, in the style of booktabs."""

import pandas as pd

from fedrobust.report.content import Content, Table
from fedrobust.report.markup import escape_latex

HEAD = (
    "% Needs \\usepackage{booktabs}. Wide tables also need \\usepackage{graphicx} and\n"
    "% \\resizebox{\\linewidth}{!}{...} around their tabular.\n"
)


def latex(content: Content) -> str:
    """Return every table of a report, with captions, labels and footnotes."""
    notes = " ".join(
        f"\\textsuperscript{{{letter}}} {escape_latex(words)}."
        for letter, words in content.footnotes.items()
    )
    tables = [_table(table, notes) for table in content.tables if table.texts.rows]
    return HEAD + "\n" + "\n".join(tables)


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
    has_marks = any("\\textsuperscript" in cell for row in rows for cell in row)
    if not has_marks:
        return text
    return text.replace("\\end{table}", f"\\footnotesize {notes}\n\\end{{table}}")
