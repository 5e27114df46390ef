"""Show a text literally in Markdown and in CSV, whatever characters it contains."""

import re
from contextlib import suppress

from strategies.transport.text import printable

# Characters that Markdown, or HTML within it, would interpret as markup. Underscores
# within words are left alone, as keys are full of them and Markdown ignores them there,
# and so are stars at the end of words, which open nothing.
_MARKDOWN = re.compile(r"[\\`\[\]<>|~$]|&(?=#?\w+;)|\*(?=\S)|(?<!\w)_|_(?!\w)")

# Spreadsheets compute a cell that begins with one of these.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def escape_markdown(text: str) -> str:
    """Escape a text so that Markdown shows it as it is, on one line."""
    return _MARKDOWN.sub(lambda sign: "\\" + sign[0], printable(text))


def guarded(value: str) -> str:
    """Return a cell of a CSV file that no spreadsheet takes for a formula."""
    with suppress(ValueError):
        float(value)
        return value
    return f"'{value}" if value.startswith((*FORMULAS, "'")) else value


def unguarded(value: str) -> str:
    """Return the value that ``guarded`` has written."""
    return value.removeprefix("'")
