"""Ours against the paper's, a point a cell, on one diagonal."""

from statistics import fmean, stdev

from matplotlib.figure import Figure

from fedrobust.report.figures import save_figure
from fedrobust.reproduce.definition import Cell, Reproduction
from fedrobust.reproduce.results import Results
from fedrobust.reproduce.verdicts import Published, verdict

COLOURS = {"inside": "#2f6fb2", "outside": "#b2432f", "compared": "#7a7a7a"}


def compared_measures(
    reproduction: Reproduction,
    results: Results,
    published: dict[tuple[Cell, str], Published],
) -> list[str]:
    """Name the measures of which both have numbers of a planned cell."""

    def has_both(measure: str) -> bool:
        ours = results.numbers(measure)
        return any(c in ours and (c, measure) in published for c in reproduction.cells)

    return list(filter(has_both, reproduction.measures))


def draw_comparison(
    reproduction: Reproduction,
    results: Results,
    published: dict[tuple[Cell, str], Published],
) -> bool:
    """Draw figure.png, a panel for each measure of which both have numbers.

    Returns
    -------
    Whether there is one; otherwise nothing is drawn.
    """
    measures = compared_measures(reproduction, results, published)
    if not measures:
        return False
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
        axes.legend(frameon=False)
    save_figure(figure, reproduction.folder / "figure.png")
    return True
