"""The success of a backdoor: after training by experiment, and by round."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fedrobust.report.drawing import Drawing
from fedrobust.report.figures.axes import ordered
from fedrobust.report.finished_run import backdoor_success
from fedrobust.report.groups import Runs, SeedGroup
from fedrobust.report.marks import Marks
from fedrobust.report.portraits.choice import Kind, evenly, labels_of, shortened
from fedrobust.report.style import COLUMN, INK, PAGE, PALETTE, look, styled

KIND = Kind("backdoor", "Success of the backdoor", "comparison")
BY_ROUND = Kind("backdoor-by-round", "Success of the backdoor by round", "learning")
MOST_BARS, MOST_LINES = 24, 6
NONE = (
    "No run has a backdoor: set byzantine to backdoor, dba, edge_case or neurotoxin, "
    "with num_byzantine above 0."
)


@dataclass(frozen=True)
class Bar:
    """The shares of one experiment, in [0, 1], seed by seed."""

    label: str
    success: Sequence[float]
    clean: Sequence[float]


@styled
def bars_figure(bars: Sequence[Bar]) -> Figure:
    """Draw the mean success as a bar, every seed as a dot, and the clean accuracy."""
    longest = max(len(bar.label) for bar in bars)
    width = PAGE if longest > 24 else COLUMN
    figure = Figure(figsize=(width, 0.9 + 0.2 * len(bars)), layout="constrained")
    axes: Any = figure.subplots()
    rows = np.arange(len(bars))
    bar = axes.barh(rows, [100 * fmean(bar.success) for bar in bars], height=0.62,
              color=PALETTE[1], label="success of the backdoor")  # fmt: skip
    handles = [bar, *axes.plot(
        [100 * fmean(bar.clean) for bar in bars], rows, "D", color=PALETTE[0],
        markersize=4.5, zorder=3, label="clean accuracy", clip_on=False,
    )]  # fmt: skip
    if any(len(bar.success) > 1 for bar in bars):
        seeds = [(100 * share, row) for row, bar in enumerate(bars)
                 for share in bar.success]  # fmt: skip
        x, y = zip(*seeds, strict=True)
        handles += axes.plot(x, y, "|", color=INK, markersize=7, label="one seed",
                             clip_on=False)  # fmt: skip
    axes.set_yticks(rows, [bar.label for bar in bars])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("percent")
    axes.grid(axis="x")
    figure.legend(handles=handles, loc="outside lower center",
                  ncols=2 if width == COLUMN else 3)  # fmt: skip
    return figure


@styled
def rounds_figure(
    lines: Sequence[tuple[str, Sequence[int], Sequence[float]]],
    looks: Sequence[int] = (),
) -> Figure:
    """Draw a line for each label, its rounds, and its shares in [0, 1].

    ``looks`` are the numbers of the lines' looks, 0, 1, ... unless given.
    """
    rows = -(-len(lines) // 2)
    figure = Figure(figsize=(PAGE, 2.4 + 0.18 * rows), layout="constrained")
    axes: Any = figure.subplots()
    numbers = looks or range(len(lines))
    for number, (label, rounds, shares) in zip(numbers, lines, strict=True):
        axes.plot(rounds, 100 * np.array(shares), label=label, clip_on=False,
                  markevery=max(1, len(rounds) // 12), **look(number))  # fmt: skip
    axes.set_ylim(0, 100)
    axes.set_xlabel("round")
    axes.set_ylabel("success of the backdoor in percent")
    axes.locator_params(axis="x", integer=True)
    axes.grid()
    figure.legend(loc="outside lower center", ncols=2)
    return figure


def drawings(runs: Runs) -> list[Drawing]:
    """Draw the success after training, and by round, of the runs with a backdoor."""
    groups = [group for group in runs.groups if _mean(group) is not None]
    if not groups:
        return [KIND.missing(NONE)]
    return [_after_training(groups, runs.marks), _by_round(groups, runs)]


def _after_training(groups: Sequence[SeedGroup], marks: Marks) -> Drawing:
    ordered = sorted(groups, key=lambda group: _mean(group) or 0.0)
    chosen = [ordered[place] for place in evenly(len(ordered), MOST_BARS)]
    bars = [
        Bar(
            shortened(label, 56),
            group.values(backdoor_success),
            [result.clean_accuracy for result in group.results],
        )
        for group, label in zip(chosen, labels_of(chosen), strict=True)
    ]
    caption = (
        "Share of the backdoor's victims that the final model assigns to its target, "
        "the least first, beside the clean accuracy; means over seeds."
    )
    if len(chosen) < len(groups):
        caption += f" {len(chosen)} of {len(groups)} experiments are drawn."
    return KIND.of_groups(bars_figure(bars), caption, chosen, marks)


def _by_round(groups: Sequence[SeedGroup], runs: Runs) -> Drawing:
    # The rounds of all runs would take long to read, so only those drawn are read.
    often = [group for group in groups if all(r.evaluated_often for r in group.runs)]
    ordered = sorted(often, key=lambda group: _mean(group) or 0.0)
    some = [ordered[place] for place in evenly(len(ordered), MOST_LINES)]
    curves = [(group, curve) for group in some if (curve := _curve(group))]
    if not curves:
        return BY_ROUND.missing(
            "The seeds of no experiment share two evaluated rounds: set "
            "evaluation.every=1."
        )
    looks = _looks([group for group, _ in curves], runs)
    # In the order of the other figures.
    order = sorted(range(len(curves)), key=lambda place: looks[place] % len(PALETTE))
    curves, looks = [curves[i] for i in order], [looks[i] for i in order]
    chosen = [group for group, _ in curves]
    lines = [
        (shortened(label, 56), [*curve], [*curve.values()])
        for label, (_, curve) in zip(labels_of(chosen), curves, strict=True)
    ]
    caption = "Success of the backdoor after each evaluated round, mean over seeds."
    if len(chosen) < len(groups):
        caption += f" {len(chosen)} of {len(groups)} experiments are drawn."
    return BY_ROUND.of_groups(rounds_figure(lines, looks), caption, chosen, runs.marks)


def _looks(groups: Sequence[SeedGroup], runs: Runs) -> list[int]:
    """Return the number of each group's look: a strategy has its colour everywhere.

    Groups of one strategy have other dashes. With more strategies than colours, only
    those of these groups are told apart.
    """
    key = "strategy" if "strategy" in runs.columns else next(iter(runs.columns), "")
    every = ordered(key, (group.labels.get(key, "") for group in runs.groups))
    if len(every) > len(PALETTE):
        every = ordered(key, (group.labels.get(key, "") for group in groups))
    seen: dict[int, int] = {}
    looks = []
    for group in groups:
        number = every.index(str(group.labels.get(key, "")))
        looks.append(number + len(PALETTE) * seen.setdefault(number, 0))
        seen[number] += 1
    return looks


def _mean(group: SeedGroup) -> float | None:
    return group.mean(backdoor_success)


def _curve(group: SeedGroup) -> dict[int, float]:
    """Average the success over seeds by round, over the rounds that all runs have.

    Runs of one seed are averaged first. Empty with fewer than two such rounds.
    """
    curves = [
        {row.round: row.backdoor_success for row in run.rounds
         if row.backdoor_success is not None}
        for run in group.runs
    ]  # fmt: skip
    shared = sorted(set.intersection(*map(set, curves)))
    if len(shared) < 2:
        return {}
    by_seed: dict[int, list[dict[int, float]]] = {}
    for run, curve in zip(group.runs, curves, strict=True):
        by_seed.setdefault(run.result.seed, []).append(curve)
    return {
        round: fmean(fmean(curve[round] for curve in each) for each in by_seed.values())
        for round in shared
    }
