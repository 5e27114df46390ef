"""Heat maps: rules against attacks with the worst case, and any two keys."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from fedrobust.errors import ConfigError
from fedrobust.report.columns import number
from fedrobust.report.figures.axes import Data, ordered
from fedrobust.report.figures.layout import title
from fedrobust.report.figures.lines import estimates
from fedrobust.report.figures.marking import marked
from fedrobust.report.figures.matrix import NONE, Matrix, draw_matrices, pages
from fedrobust.report.rule_attack_grid import RuleAttackGrid

# What stands under cells of several seeds.
SPREAD = "Means, ± the standard deviation (n - 1) over seeds."
# A figure with more rows than this does not fit on a page of paper.
MOST_ROWS = 34


def draw_grids(grids: list[RuleAttackGrid]) -> list[Figure]:
    """Draw grids of one figure in pages, with the worst case beside the attacks."""
    parts = [part for grid in grids for part in pages(_matrix(grid))]
    return [draw_matrices(page) for page in _filled(parts)]


def _filled(parts: list[Matrix]) -> Iterator[list[Matrix]]:
    """Yield pages of matrices with as many rows as fit."""
    page: list[Matrix] = []
    for part in parts:
        if page and sum(len(each.rows) for each in [*page, part]) > MOST_ROWS:
            yield page
            page = []
        page.append(part)
    if page:
        yield page


def _matrix(grid: RuleAttackGrid) -> Matrix:
    """Return the matrix of a grid: no attacker, the worst case, then each attack."""
    attacked, free = grid.attacked, grid.nobody is not None
    columns = [*([grid.nobody] if grid.nobody is not None else []), *attacked]
    values, names = grid.values[:, columns], [grid.attacks[c] for c in columns]
    texts = [
        [cell(grid.values[r, c], grid.errors[r, c], grid.marks[r][c]) for c in columns]
        for r in range(len(grid.strategies))
    ]
    if len(attacked) > 1:
        values = np.insert(values, int(free), grid.worst, axis=1)
        names.insert(int(free), "worst")
        worst = zip(grid.worst, grid.worst_columns, grid.worst_marks, strict=True)
        for r, (value, column, letters) in enumerate(worst):
            error = np.nan if column is None else grid.errors[r, column]
            texts[r].insert(int(free), cell(value, error, letters))
    return Matrix(
        rows=grid.strategies,
        columns=names,
        values=100 * values,
        texts=texts,
        title=grid.setting,
        split=names.index("worst") + 1 if "worst" in names else int(free),
        rising=grid.attacker_gains,
        unit=f"{grid.title} (%)",
    )


def cell(value: float, error: float, letters: list[str]) -> str:
    """Return the text of a cell: a share in percent, its spread and its marks."""
    if np.isnan(value):
        return NONE
    spread = "" if np.isnan(error) else f"\n±{100 * error:.1f}"
    return number(value) + marked(letters) + spread


def draw_heat_map(data: Data) -> Figure:
    """Draw a measure for two keys: x across and hue down, a matrix for each facet."""
    frame = data.frame.assign(x=data.frame["x"].map(_name))
    columns = ordered(data.axes.x or "", frame["x"])
    parts = []
    for facet in data.facets:
        inside = frame[frame["facet"] == facet]
        rows = [hue for hue in data.hues if (inside["hue"] == hue).any()]
        values = np.full((len(rows), len(columns)), np.nan)
        texts = [[NONE] * len(columns) for _ in rows]
        for r, hue in enumerate(rows):
            for x, level, letters in estimates(data, inside[inside["hue"] == hue]):
                c = columns.index(x)
                values[r, c] = level.mean
                spread = (
                    f"\n±{_text(data, level.deviation)}" if level.num_seeds > 1 else ""
                )
                texts[r][c] = f"{_text(data, level.mean)}{marked(letters)}{spread}"
        parts.append(
            Matrix(
                rows=rows if data.axes.hue else [data.measure.label],
                columns=columns,
                values=values,
                texts=texts,
                title=title(data, facet),
                axes=(data.x_label, data.axes.hue or ""),
                rising="success" in data.measure.name,
                span=_span(data, values),
                unit=data.measure.label,
            )
        )
    span = (min(p.span[0] for p in parts), max(p.span[1] for p in parts))
    cut = [page for part in parts for page in pages(part)]
    number = sum(len(page.rows) for page in cut)
    if number > MOST_ROWS:
        raise ConfigError(
            f"a heat map of {number} rows does not fit on a page, which has room for "
            f"{MOST_ROWS}: choose with --where {data.axes.hue or data.axes.facet}=VALUE"
        )
    return draw_matrices([replace(part, span=span) for part in cut])


def _text(data: Data, value: float) -> str:
    """Return a share with one digit, and other numbers with three significant ones."""
    if data.measure.is_share:
        return f"{value:.1f}"
    is_plain = 1000 <= abs(value) < 1e5
    return f"{value:.0f}" if is_plain else f"{value:.3g}"


def _name(x: str | float) -> str:
    if isinstance(x, str):
        return x
    # Enough digits that two numbers never share a column.
    return "" if math.isnan(x) else f"{x:.15g}"


def _span(data: Data, values: np.ndarray) -> tuple[float, float]:
    """Return the ends of the colours: 0 and 100 for shares, else those of the data."""
    if data.measure.is_share:
        return 0.0, 100.0
    return float(np.nanmin(values)), float(np.nanmax(values))
