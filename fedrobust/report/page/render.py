"""Render the content of a report as one HTML page without any file beside it."""

import hashlib
from base64 import b64encode
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fedrobust.report.content import Content, Table
from fedrobust.report.drawing import SECTIONS, Drawing
from fedrobust.report.interval import count
from fedrobust.report.page.cells import Cell, cells, tail_widths
from fedrobust.report.page.svg import inline_svg
from strategies.transport.text import printable

FOLDER = Path(__file__).parent
HEADINGS = {
    "robustness": "Robustness",
    "comparison": "Comparison",
    "learning": "Learning, round by round",
    "clients": "Clients",
    "classes": "Classes",
    "examples": "Adversarial examples",
}
# A figure wider than this, in inches, takes the whole width of the page.
HALF_WIDTH = 4.2
# From so many rows on, a table has a filter.
FILTERED = 12


@dataclass(frozen=True)
class NumberedFigure:
    """A drawing with its number on the page, and its SVG if it is not missing."""

    number: int
    drawing: Drawing
    svg: Markup

    @property
    def is_wide(self) -> bool:
        """Whether the figure takes the whole width of the page."""
        figure = self.drawing.figure
        return figure is not None and figure.get_figwidth() > HALF_WIDTH

    @property
    def seeds(self) -> str:
        """The number of seeds behind the figure, in words; empty if it has none."""
        return count(*self.drawing.seeds)


@dataclass(frozen=True)
class NumberedTable:
    """A table with its number on the page, and its cells."""

    number: int
    table: Table
    tails: Sequence[float]
    rows: Sequence[Sequence[Cell]]
    varies: frozenset[str] = frozenset()

    @property
    def has_filter(self) -> bool:
        """Whether the page has fields that filter the rows."""
        return bool(self.varies) or len(self.rows) >= FILTERED


def render(content: Content) -> str:
    """Return a report as an HTML page; equal reports give equal pages.

    Every name and text is shown literally. The page loads nothing: its figures are SVG
    within it, and its policy lets a browser run no script but its own.
    """
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    figures = _figures(content.drawings)
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_literal,
    )
    environment.filters["words"] = _words
    return environment.get_template("page.html.jinja").render(
        content=content,
        sections=[
            (name, HEADINGS[name], found)
            for name in SECTIONS
            if (found := [f for f in figures if f.drawing.section == name])
        ],
        tables=[
            _table(number, table, content.footnotes)
            for number, table in enumerate(content.tables, start=1)
        ],
        runs=_table(
            len(content.tables) + 1,
            content.runs,
            content.footnotes,
            frozenset(key for key, _ in content.varies),
        ),
        marked={
            letter: [f.number for f in figures if letter in f.drawing.footnotes]
            for letter in content.footnotes
        },
        style=Markup((FOLDER / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_digest=digest,
    )


def _figures(drawings: Sequence[Drawing]) -> list[NumberedFigure]:
    """Return the figures in the order of the page, each with its number."""
    ordered = sorted(drawings, key=lambda drawing: SECTIONS.index(drawing.section))
    return [
        NumberedFigure(number, drawing, _svg(number, drawing))
        for number, drawing in enumerate(ordered, start=1)
    ]


def _svg(number: int, drawing: Drawing) -> Markup:
    if drawing.figure is None:
        return Markup()
    label = printable(". ".join(filter(None, [drawing.title, drawing.caption])))
    return Markup(inline_svg(drawing.figure, f"f{number}", label))


def _table(
    number: int,
    table: Table,
    letters: Container[str],
    varies: frozenset[str] = frozenset(),
) -> NumberedTable:
    tails = tail_widths(table.texts)
    rows = [*cells(table, tails, letters)]
    return NumberedTable(
        number, table, tails, rows, varies.intersection(table.texts.names)
    )


def _literal(value: object) -> object:
    """Write out what cannot be printed; markup of the page's own stays as it is."""
    if isinstance(value, Markup) or not isinstance(value, str) or value.isprintable():
        return value
    return printable(value)


def _words(text: str) -> Markup:
    """Return a command whose lines stay apart, and whose words break only if long."""
    lines = [[*map(printable, line.split(" "))] for line in text.split("\n")]
    return Markup("\n").join(
        Markup(" ").join(Markup("<span>{}</span>").format(word) for word in line)
        for line in lines
    )
