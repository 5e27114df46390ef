"""The accuracy of each client, sorted: who is left behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fedrobust.record.client_figures import Federated
from fedrobust.report.drawing import Drawing
from fedrobust.report.finished_run import FinishedRun
from fedrobust.report.groups import Runs
from fedrobust.report.measures import middle, short
from fedrobust.report.portraits.choice import (
    Kind,
    byzantine_of,
    most_and_least_robust,
    shared_epsilon,
    shortened,
)
from fedrobust.report.style import COLUMN, INK, PAGE, PALETTE, styled

KIND = Kind("clients", "Accuracy of each client", "clients")
MOST_PANELS = 4
NO_HOLDOUT = (
    "No client holds images back to evaluate the model with: set partition.holdout, "
    "for instance to 0.2."
)
COLOURS = {"clean": PALETTE[0], "robust": PALETTE[1]}
MARKERS = {"clean": "o", "robust": "D"}


@dataclass(frozen=True)
class ClientScores:
    """The accuracies of the clients of a run, in [0, 1], by id.

    ``robust`` is empty without attacks; ``byzantine`` are ids.
    """

    clean: Mapping[int, float]
    robust: Mapping[int, float] = field(default_factory=dict)
    byzantine: frozenset[int] = frozenset()

    @property
    def honest(self) -> dict[int, float]:
        """Clean accuracies of the honest clients; of all if all are Byzantine."""
        kept = {c: a for c, a in self.clean.items() if c not in self.byzantine}
        return kept or dict(self.clean)

    @property
    def worst(self) -> int:
        """The honest client with the lowest clean accuracy, and of these the first."""
        honest = self.honest
        return min(sorted(honest), key=lambda client: honest[client])


def scores_of(
    federated: Federated, byzantine: Sequence[int] | None, epsilon: str | None
) -> ClientScores:
    """Return the accuracies that clients measured on the images that they hold back.

    Parameters
    ----------
    federated
        What the clients' own evaluation gave.
    byzantine
        Ids of the Byzantine clients; None if they are drawn in each round.
    epsilon
        The epsilon of the robust accuracy, which is the lowest over attacks; None for
        none.
    """
    clean, robust = {}, {}
    for name, figures in federated.get("by_client", {}).items():
        accuracy = figures.get("clean_accuracy")
        if accuracy is None:
            continue
        clean[int(name)] = float(accuracy)
        curves = figures.get("robust_accuracy", {}).values()
        attacked = [
            v for curve in curves if (v := curve.get(epsilon or "")) is not None
        ]
        if attacked:
            robust[int(name)] = float(min(attacked))
    return ClientScores(clean, robust, frozenset(byzantine or ()))


@styled
def clients_figure(panels: Sequence[tuple[str, Sequence[ClientScores]]]) -> Figure:
    """Draw a panel for each title with the scores of its seeds.

    With one seed, every client is a dot, at the rank of its clean accuracy. With
    several, every seed is a thin line of its sorted accuracies.
    """
    columns = min(len(panels), 2)
    lines = -(-len(panels) // 2)
    size = (COLUMN if columns == 1 else PAGE, 0.35 + 2.1 * lines)
    figure = Figure(figsize=size, layout="constrained")
    places = figure.subplots(lines, columns, sharey=True, squeeze=False).flat
    kinds: dict[str, Any] = {}
    for axes, (title, seeds) in zip(places, panels, strict=False):
        (_dots if len(seeds) == 1 else _lines)(axes, seeds, kinds)
        axes.set_title(f"{_wrapped(title)}\n{_summary(seeds)}")
        axes.set_ylim(-3, 103)
        axes.grid(axis="y")
    for axes in figure.axes[len(panels) :]:
        axes.set_axis_off()
    # The lowest panel of each column names its axis.
    for axes in figure.axes[max(0, len(panels) - columns) : len(panels)]:
        axes.set_xlabel("clients, sorted by clean accuracy")
    for axes in figure.axes[::columns]:
        axes.set_ylabel("accuracy in percent")
    figure.legend(handles=[*kinds.values()], labels=[*kinds], ncols=2 * columns,
                  loc="outside lower center")  # fmt: skip
    return figure


def _dots(axes: Any, seeds: Sequence[ClientScores], kinds: dict[str, Any]) -> None:
    """Draw the clients of one run, with the worst ringed and the Byzantine crossed."""
    (one,) = seeds
    ranked = sorted(one.clean, key=lambda client: (one.clean[client], client))
    curves = {"clean": one.clean, "robust": one.robust}
    size = 4 if len(ranked) <= 40 else 2.5
    for name, curve in curves.items():
        ranks = [rank for rank, client in enumerate(ranked, 1) if client in curve]
        y = [100 * curve[client] for client in ranked if client in curve]
        if y:
            (kinds[name],) = axes.plot(ranks, y, MARKERS[name], color=COLOURS[name],
                                      markersize=size)  # fmt: skip
    axes.axhline(100 * median(one.honest.values()), color=COLOURS["clean"],
                 linestyle="--", linewidth=1)  # fmt: skip
    kinds["median (clean)"] = axes.lines[-1]
    worst = ranked.index(one.worst) + 1, 100 * one.clean[one.worst]
    ring = {"color": INK, "markerfacecolor": "none", "markersize": 9, "linestyle": ""}
    (kinds["worst honest client"],) = axes.plot(*worst, marker="o", **ring)
    crossed = [(rank, 100 * curve[client]) for curve in curves.values()
               for rank, client in enumerate(ranked, 1)
               if client in one.byzantine and client in curve]  # fmt: skip
    if crossed:
        places = zip(*crossed, strict=True)
        (kinds["Byzantine"],) = axes.plot(*places, "x", color=INK, markersize=7)
    # Only whole clients have a tick.
    axes.locator_params(axis="x", integer=True, nbins=8)


def _lines(axes: Any, seeds: Sequence[ClientScores], kinds: dict[str, Any]) -> None:
    """Draw a thin line for each seed and, if they have as many clients, the mean."""
    for name in COLOURS:
        curves = [
            100 * np.sort([*getattr(one, name).values()])
            for one in seeds
            if getattr(one, name)
        ]
        for curve in curves:
            axes.plot(range(1, len(curve) + 1), curve, color=COLOURS[name],
                      linewidth=0.6, alpha=0.6)  # fmt: skip
        if curves and len({len(curve) for curve in curves}) == 1:
            (kinds[f"{name}, mean"],) = axes.plot(
                range(1, len(curves[0]) + 1), np.mean(curves, axis=0),
                color=COLOURS[name], marker=MARKERS[name], markersize=3,
            )  # fmt: skip
    kinds["one run"] = Line2D([], [], color=INK, linewidth=0.6)
    axes.locator_params(axis="x", integer=True, nbins=8)


def _summary(seeds: Sequence[ClientScores]) -> str:
    """Return the lowest accuracy of an honest client, and the median, in words."""
    worst = fmean(100 * one.clean[one.worst] for one in seeds)
    middle = fmean(100 * median(one.honest.values()) for one in seeds)
    if len(seeds) > 1:
        return f"worst {worst:.0f}, median {middle:.0f}, mean of {len(seeds)} runs"
    return f"worst {worst:.0f} (client {seeds[0].worst}), median {middle:.0f}"


def _wrapped(title: str) -> str:
    return "\n".join(wrap(shortened(title, 76), 38))


def drawings(runs: Runs) -> list[Drawing]:
    """Draw a panel for each of at most four groups, by robust accuracy."""
    measured = [group for group in runs.groups if all(map(_has_clients, group.runs))]
    if not measured:
        return [KIND.missing(NO_HOLDOUT)]
    chosen = most_and_least_robust(measured, MOST_PANELS)
    epsilon = shared_epsilon(
        [run for each in chosen for run in each.group.runs], middle(runs.epsilons)
    )
    panels = [
        (
            each.label,
            [_scores(run, epsilon) for run in each.group.runs],
        )
        for each in chosen
    ]
    caption = (
        "Accuracy of the final model on the images that each client holds back, sorted."
    )
    if epsilon is not None:
        caption += f" Robust: the lowest over attacks at ε = {short(epsilon)}."
    if len(chosen) < len(measured):
        caption += (
            f" {len(chosen)} of {len(measured)} experiments are drawn, at even "
            f"distances by {'clean' if epsilon is None else 'robust'} accuracy."
        )
    return [KIND.of_groups(clients_figure(panels), caption, [c.group for c in chosen],
                           runs.marks)]  # fmt: skip


def _has_clients(run: FinishedRun) -> bool:
    federated = run.result.federated
    return federated is not None and bool(scores_of(federated, None, None).clean)


def _scores(run: FinishedRun, epsilon: str | None) -> ClientScores:
    federated = run.result.federated
    assert federated is not None
    return scores_of(federated, byzantine_of(run), epsilon)
