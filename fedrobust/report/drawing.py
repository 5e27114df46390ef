"""A figure of a report with what stands under it, or the reason why it is missing."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

# Headings of the page, in their order.
SECTIONS = ("robustness", "comparison", "learning", "clients", "classes", "examples")


# A longer name of a file is cut.
LONGEST = 100


def file_name(text: str) -> str:
    """Return a text as the name of a file: lower case, words joined by hyphens.

    A name ends with a digest of the text if it is cut, or if it lost letters that are
    not ASCII, so that other texts have other names.
    """
    plain = text.lower().replace("ε", "epsilon")
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    has_lost = any(letter.isalnum() and not letter.isascii() for letter in plain)
    if name and len(name) <= LONGEST and not has_lost:
        return name
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    kept = name[: LONGEST - len(digest) - 1].strip("-")
    return f"{kept}-{digest}" if kept else digest


def unique_names(names: Sequence[str]) -> list[str]:
    """Return names of which none is there twice: further ones have a number."""
    taken, seen = set(names), Counter[str]()
    found = []
    for name in names:
        seen[name] += 1
        unique = name
        while seen[name] > 1 and unique in taken:
            unique = f"{name}-{seen[name]}"
            seen[name] += unique in taken
        taken.add(unique)
        found.append(unique)
    return found


@dataclass(frozen=True)
class Drawing:
    """One figure.

    Attributes
    ----------
    name
        The name of its files, without an ending: lower case, words joined by hyphens.
    title
        The heading.
    section
        One of ``SECTIONS``.
    figure
        The figure; None if there are no numbers for it.
    reason
        Why there is no figure, as one sentence; empty if there is one.
    caption
        What is drawn, in one or two sentences: measure, mean and interval, marks.
    command
        The command that draws this figure.
    digests
        Digests of the runs behind it.
    seeds
        Fewest and most seeds behind a number of it.
    footnotes
        Letters of the footnotes that its numbers carry.
    """

    name: str
    title: str
    section: str
    figure: Figure | None = None
    reason: str = ""
    caption: str = ""
    command: str = ""
    digests: Sequence[str] = ()
    seeds: tuple[int, int] = (0, 0)
    footnotes: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for a figure without content, or with another section."""
        if (self.figure is None) != bool(self.reason):
            raise ValueError(f"{self.name}: must have either a figure or a reason")
        if self.section not in SECTIONS:
            known = ", ".join(SECTIONS)
            raise ValueError(
                f"{self.name}: section is {self.section!r}: must be one of {known}"
            )
