"""Show values in tables and figures literally, whatever characters they contain.

A value may be anything that a configuration can contain, such as a path or a formula,
and Markdown, rich and matplotlib would interpret some of its characters as markup.
"""

import re
from collections.abc import Sequence

from rich.text import Text

from fedrobust.record.escape import escape_markdown as escape_markdown
from fedrobust.report.column import Texts
from fedrobust.report.marks import RAISED
from strategies.transport.text import printable


def rich_text(text: str, style: str = "") -> Text:
    """Return a text for the terminal that shows square brackets literally."""
    return Text(printable(text), style=style)


def markdown_table(
    names: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[str]
) -> str:
    """Return a table of texts that are Markdown themselves.

    Parameters
    ----------
    names
        Names of the columns.
    rows
        The rows, with one text for each column.
    left
        Names of the columns to align at the left; the others are aligned at the right.
    """
    lines = [
        "| " + " | ".join(names) + " |",
        "|" + "|".join("---" if name in left else "---:" for name in names) + "|",
        *("| " + " | ".join(cells) + " |" for cells in rows),
    ]
    return "\n".join(lines)


def plain_markdown_table(texts: Texts) -> str:
    """Return a Markdown table that shows its texts literally."""
    return markdown_table(
        [*map(escape_markdown, texts.names)],
        [[*map(escape_markdown, cells)] for cells in texts.rows],
        [*map(escape_markdown, texts.left)],
    )


def code_span(text: str) -> str:
    """Return a text as code on one line, whatever backticks it contains."""
    text = printable(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"


# What LaTeX writes for characters that it would interpret, or that its fonts lack.
_LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    '"': "\\char34{}",
    # A row that begins with one of these would continue the command before it.
    **{sign: f"{{{sign}}}" for sign in "[]*"},
    "±": "$\\pm$",
    "ε": "$\\varepsilon$",
    "–": "\\textendash{}",
    "×": "$\\times$",
    "…": "\\ldots{}",
    **{raised: f"\\textsuperscript{{{letter}}}" for letter, raised in RAISED.items()},
}


def escape_latex(text: str) -> str:
    """Escape a text so that LaTeX shows it as it is, on one line."""
    plain = "".join(_LATEX.get(sign, sign) for sign in printable(text))
    # Two hyphens would become a dash.
    return re.sub("-(?=-)", "-{}", plain)
