"""Text from elsewhere, such as a node's, for logs, events and terminals."""

# Characters of a reason, and of the name of a metric.
LONGEST_REASON, LONGEST_NAME = 300, 100


def plain(text: object, longest: int = LONGEST_REASON) -> str:
    r"""Return text on one line, of printable characters, cut to a length.

    Shown in a terminal, it can neither clear the screen nor look like another line of
    the log.

    >>> plain("lost\n12:00 all is well\x1b[2J")
    'lost 12:00 all is well\\x1b[2J'
    """
    # Cut before anything is done with each character: it may be megabytes.
    line = printable(" ".join(str(text)[: 2 * longest].split()))
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def printable(text: str) -> str:
    """Return text on one line, with characters that cannot be printed written out."""
    return "".join(
        character if character.isprintable() else _escaped(character)
        for character in " ".join(text.splitlines())
    )


def is_plain_name(name: str) -> bool:
    """Whether a name is printable and short."""
    return len(name) <= LONGEST_NAME and name.isprintable()


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
