"""Show a text literally in Markdown, whatever characters it contains."""

import re

from strategies.transport.text import printable

# Characters that Markdown, or HTML within it, would interpret as markup. Underscores
# within words are left alone, as keys are full of them and Markdown ignores them there,
# and so are stars at the end of words, which open nothing.
_MARKDOWN = re.compile(r"[\\`\[\]<>|~$]|&(?=#?\w+;)|\*(?=\S)|(?<!\w)_|_(?!\w)")


def escape_markdown(text: str) -> str:
    """Escape a text so that Markdown shows it as it is, on one line."""
    return _MARKDOWN.sub(lambda sign: "\\" + sign[0], printable(text))
