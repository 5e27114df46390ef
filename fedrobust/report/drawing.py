"""A figure of a report with what stands under it, or the reason why it is missing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

# Headings of the page, in their order.
SECTIONS = ("robustness", "comparison", "learning", "clients", "classes", "examples")


def file_name(text: str) -> str:
    """Return a text as the name of a file: lower case, words joined by hyphens."""
    plain = text.lower().replace("ε", "epsilon")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:100]


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
        Digests of the experiments behind it.
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
