"""Show values in tables and figures literally, whatever characters they hold.

A value may be anything that a configuration can hold, such as a path or a formula.
Markdown, rich and matplotlib would read some of its characters as markup.
"""

import re
from collections.abc import Sequence

import matplotlib as mpl
from rich.text import Text

from fedrobust.report.column import Texts
from strategies.transport.text import printable

# What Markdown, and the HTML within it, would read as markup. An underscore within a
# word is left alone, because keys are full of them and Markdown ignores it there; so is
# a star that ends a word, because it opens nothing.
_MARKDOWN = re.compile(r"[\\`\[\]<>|~$]|\*(?=\S)|(?<!\w)_|_(?!\w)")

# A decorator for functions that draw: matplotlib reads it when it makes a text.
plain_figure_text = mpl.rc_context({"text.parse_math": False})


def escape_markdown(text: str) -> str:
    """Escape a text so that Markdown shows it as it is, on one line."""
    return _MARKDOWN.sub(lambda sign: "\\" + sign[0], printable(text))


def rich_text(text: str, style: str = "") -> Text:
    """Return a text for the terminal in which square brackets are square brackets."""
    return Text(printable(text), style=style)


def markdown_table(
    names: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[str]
) -> str:
    """Return a table of texts that are Markdown themselves.

    Parameters
    ----------
    names
        Of the columns.
    rows
        A text a column.
    left
        Names of the columns that are aligned at the left; numbers are at the right.
    """
    lines = [
        "| " + " | ".join(names) + " |",
        "|" + "|".join("---" if name in left else "---:" for name in names) + "|",
        *("| " + " | ".join(cells) + " |" for cells in rows),
    ]
    return "\n".join(lines)


def plain_markdown_table(texts: Texts) -> str:
    """Return a Markdown table of texts that are shown as they are."""
    return markdown_table(
        [*map(escape_markdown, texts.names)],
        [[*map(escape_markdown, cells)] for cells in texts.rows],
        [*map(escape_markdown, texts.left)],
    )
