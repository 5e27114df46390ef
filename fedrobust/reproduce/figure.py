"""The figure of a reproduction: ours against the paper's, or ours a cell."""

from collections.abc import Sequence
from statistics import fmean, stdev

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fedrobust.report.panels import save_figure
from fedrobust.reproduce.definition import Reproduction
from fedrobust.reproduce.published import Published, PublishedNumbers
from fedrobust.reproduce.results import Results
from fedrobust.reproduce.verdicts import verdict

COLOURS = {"inside": "#2f6fb2", "outside": "#b2432f", "compared": "#7a7a7a"}
OURS = COLOURS["inside"]
SIDE = 5.0  # inches, of a square panel
ROW = 0.3  # inches, of a cell


def draw(
    reproduction: Reproduction, results: Results, published: PublishedNumbers
) -> str:
    """Draw figure.png, a panel a measure: a diagonal where verdicts judge, else rows.

    Returns
    -------
    What it shows; nothing where there is nothing to draw.
    """
    judged = reproduction.verdict != "compared"
    figure = (against if judged else by_cell)(reproduction, results, published)
    if figure is None:
        return ""
    save_figure(figure, reproduction.folder / "figure.png")
    if judged:
        return "ours against the paper's"
    return "each seed of ours" + (", and the paper's numbers" if published else "")


def against(
    reproduction: Reproduction, results: Results, published: PublishedNumbers
) -> Figure | None:
    """Draw a point a cell, ours over the paper's, on one diagonal."""
    judged = {
        measure: [
            cell
            for cell, ours in results.numbers(measure).items()
            if ours and (cell, measure) in published and cell in reproduction.cells
        ]
        for measure in reproduction.measures
    }
    shown = {measure: cells for measure, cells in judged.items() if cells}
    if not shown:
        return None
    figure = Figure(figsize=(1.04 * SIDE * len(shown), SIDE), layout="constrained")
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, (measure, cells) in zip(panels, shown.items(), strict=True):
        numbers = results.numbers(measure)
        words = set()
        for cell in cells:
            paper, ours = published[cell, measure], numbers[cell]
            word = verdict(reproduction.rule(cell), paper, ours)
            words.add(word)
            axes.errorbar(
                paper.value,
                fmean(ours),
                xerr=paper.sd,
                yerr=stdev(ours) if len(ours) > 1 else None,
                fmt="o",
                color=COLOURS[word],
                markersize=4,
                linewidth=0.8,
            )
        for word in sorted(words):
            axes.plot([], [], "o", color=COLOURS[word], label=word)
        top = reproduction.measures[measure].scale
        axes.plot([0, top], [0, top], color="#bbbbbb", linewidth=0.8, zorder=0)
        axes.set(xlabel="paper", ylabel="ours", title=measure, aspect="equal")
        axes.legend(frameon=False)
    return figure


def by_cell(
    reproduction: Reproduction, results: Results, published: PublishedNumbers
) -> Figure | None:
    """Draw a row a cell: a point a seed, a line at their mean, the paper's hollow."""
    found = {measure: results.numbers(measure) for measure in reproduction.measures}
    cells = [c for c in reproduction.cells if any(c in n for n in found.values())]
    if not cells:
        return None
    size = (1.5 + 2.6 * len(found), 1.2 + ROW * len(cells))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    for axes, (measure, numbers) in zip(panels, found.items(), strict=True):
        for y, cell in enumerate(cells):
            _row(axes, y, numbers.get(cell, []), published.get((cell, measure)))
        top = reproduction.measures[measure].scale
        axes.set(title=measure, xlim=(-0.03 * top, 1.03 * top))
        axes.grid(axis="x", color="#e5e5e5", linewidth=0.6)
    panels[0].set_yticks(range(len(cells)), ["/".join(cell) for cell in cells])
    panels[0].set_ylim(len(cells) - 0.5, -0.5)
    panels[-1].plot([], [], "o", color=OURS, markersize=4, label="ours, a seed")
    panels[-1].plot([], [], "|", color=OURS, markersize=12, label="their mean")
    if any(cell in cells for cell, _ in published):
        panels[-1].plot([], [], "D", color="black", fillstyle="none", label="paper")
    figure.legend(frameon=False, loc="outside lower right", ncols=3)
    return figure


def _row(axes: Axes, y: int, ours: Sequence[float], paper: Published | None) -> None:
    """Draw one cell at a height."""
    axes.plot(ours, [y] * len(ours), "o", color=OURS, markersize=4, alpha=0.7)
    if ours:
        axes.plot(fmean(ours), y, "|", color=OURS, markersize=12)
    if paper is not None:
        axes.errorbar(
            paper.value,
            y,
            xerr=paper.sd,
            fmt="D",
            color="black",
            fillstyle="none",
            markersize=6,
            linewidth=0.8,
        )
