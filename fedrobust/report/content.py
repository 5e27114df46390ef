"""The content of a report, which its HTML page, Markdown and LaTeX files show."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fedrobust.report.column import Texts
from fedrobust.report.drawing import Drawing


@dataclass(frozen=True)
class Table:
    """A table of texts, or the reason why it has no rows.

    ``sort_keys`` holds a number or a text for every cell of ``texts``, by which an
    interactive table sorts; None sorts a cell last. ``name`` and ``title`` are as in
    ``Drawing``. ``caption`` stands under the table. ``links`` holds a path for every
    row, relative to the report, to which the first cell links; an empty one is no link.
    """

    name: str
    title: str
    texts: Texts
    caption: str = ""
    reason: str = ""
    sort_keys: Sequence[Sequence[float | str | None]] = ()
    links: Sequence[str] = ()


@dataclass(frozen=True)
class Content:
    """A report.

    Attributes
    ----------
    title
        The name of the folder.
    head
        What was run: names and values, such as ("data set", "digits").
    varies
        What varies between the runs: keys and their values, joined by commas.
    summary
        Sentences that answer the questions of the sweep, the most important first.
    problems
        Runs that failed or are unfinished, and files that could not be read.
    tables
        Tables of groups of seeds: rules against attacks, then all groups.
    runs
        The table of single runs, with a link to each folder.
    drawings
        The figures, by section.
    footnotes
        The words of each mark, by its letter.
    common
        What holds for every run, which marks none of them.
    command
        The command that writes this report.
    """

    title: str
    head: Sequence[tuple[str, str]]
    varies: Sequence[tuple[str, str]]
    runs: Table
    tables: Sequence[Table] = ()
    summary: Sequence[str] = ()
    problems: Sequence[str] = ()
    drawings: Sequence[Drawing] = ()
    footnotes: dict[str, str] = field(default_factory=dict)
    common: Sequence[str] = ()
    command: str = ""
