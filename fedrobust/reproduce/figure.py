"""Ours against the paper's, a point a cell, on one diagonal."""

from statistics import fmean, stdev

from matplotlib.figure import Figure

from fedrobust.report.figures import save_figure
from fedrobust.reproduce.definition import Cell, Reproduction
from fedrobust.reproduce.results import Results
from fedrobust.reproduce.verdicts import Published, verdict

COLOURS = {"inside": "#2f6fb2", "outside": "#b2432f", "compared": "#7a7a7a"}


def draw_comparison(
    reproduction: Reproduction,
    results: Results,
    published: dict[tuple[Cell, str], Published],
) -> None:
    """Draw figure.png, a panel a measure."""
    measures = list(reproduction.measures)
    figure = Figure(figsize=(5.2 * len(measures), 5), layout="constrained")
    panels = figure.subplots(1, len(measures), squeeze=False)[0]
    for axes, measure in zip(panels, measures, strict=True):
        numbers = results.numbers(measure)
        shown = [c for c in reproduction.cells if (c, measure) in published]
        shown = [cell for cell in shown if numbers.get(cell)]
        words = set()
        for cell in shown:
            paper, ours = published[cell, measure], numbers[cell]
            word = verdict(reproduction.verdict, paper, ours)
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
        if words:
            axes.legend(frameon=False)
    save_figure(figure, reproduction.folder / "figure.png")
