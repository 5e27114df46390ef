"""Which runs have a figure of their own: a few, from the most to the least robust."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean

import numpy as np
from matplotlib.figure import Figure

from fedrobust.errors import FileError
from fedrobust.report.drawing import Drawing
from fedrobust.report.finished_run import (
    FinishedRun,
    clean_accuracy,
    worst_accuracy_at,
)
from fedrobust.report.groups import Runs, SeedGroup
from fedrobust.report.marks import Marks
from fedrobust.report.measures import middle
from strategies.transport.text import printable

# A figure of a run and its caption; or the reason why there is none, as a sentence.
Portrait = tuple[Figure, str] | str

NOT_ATTACKED = (
    "No run was attacked with an epsilon above 0: repeat the command with attack=pgd, "
    "and the trained models are evaluated."
)
DRAW_OTHERS = "The report of another run's own folder draws that run."


@dataclass(frozen=True)
class Kind:
    """A kind of figure; the fields are those of ``Drawing``."""

    name: str
    title: str
    section: str

    def missing(self, reason: str) -> Drawing:
        """Return the drawing that only gives a reason."""
        return Drawing(self.name, self.title, self.section, reason=reason)

    def of_groups(
        self,
        figure: Figure,
        caption: str,
        groups: Sequence[SeedGroup],
        marks: Marks,
    ) -> Drawing:
        """Return the drawing of several groups, all of whose seeds are shown."""
        runs = [run for group in groups for run in group.runs]
        seeds = [len(group.seeds) for group in groups]
        return Drawing(
            self.name,
            self.title,
            self.section,
            figure=figure,
            caption=caption,
            digests=[run.result.config_digest for run in runs],
            seeds=(min(seeds), max(seeds)),
            footnotes=marks.of(runs),
        )


@dataclass(frozen=True)
class Chosen:
    """A group whose first run is drawn.

    ``label`` says which group it is, and ``place`` is its place among all groups, or
    empty if all are drawn.
    """

    group: SeedGroup
    label: str
    place: str = ""

    @property
    def run(self) -> FinishedRun:
        """The run that is drawn."""
        return self.group.runs[0]


def each_of(
    kind: Kind,
    marks: Marks,
    chosen: Sequence[Chosen],
    draw: Callable[[FinishedRun], Portrait],
) -> list[Drawing]:
    """Draw each of the chosen runs on its own.

    A file that cannot be read is the reason why its figure is missing.
    """
    drawn = []
    for number, each in enumerate(chosen, start=1):
        title = f"{kind.title}: {each.label}" if len(chosen) > 1 else kind.title
        name = kind.name if number == 1 else f"{kind.name}-{number}"
        try:
            found = draw(each.run)
        except FileError as error:
            found = str(error)
        if isinstance(found, str):
            drawn.append(Kind(name, title, kind.section).missing(found))
            continue
        figure, caption = found
        seed = each.run.result.seed
        more = f" {DRAW_OTHERS}" if each.place else ""
        drawn.append(
            Drawing(
                name,
                title,
                kind.section,
                figure=figure,
                caption=f"{caption} Seed {seed} of {each.label}{each.place}.{more}",
                digests=[each.run.result.config_digest],
                seeds=(1, 1),
                footnotes=marks.of([each.run]),
            )
        )
    return drawn


def of_extremes(
    kind: Kind,
    runs: Runs,
    groups: Sequence[SeedGroup],
    draw: Callable[[str | None, FinishedRun], Portrait],
) -> list[Drawing]:
    """Draw the most and the least robust of some groups.

    ``draw`` takes the epsilon at which the report shows robust accuracy, and the run.
    """
    chosen = most_and_least_robust(groups)
    return each_of(kind, runs.marks, chosen, partial(draw, middle(runs.epsilons)))


def most_and_least_robust(groups: Sequence[SeedGroup], most: int = 2) -> list[Chosen]:
    """Choose groups at even distances between the most and the least robust.

    Where attacks have no epsilon in common, the clean accuracy decides. All are
    chosen, in their own order, if they are not more than ``most``.
    """
    if len(groups) <= most:
        return [Chosen(group, label_of(group)) for group in groups]
    ordered = sorted(groups, key=_robustness(groups), reverse=True)
    shared = _shared_epsilons([run for group in groups for run in group.runs])
    by = "robust" if any(float(e) > 0 for e in shared) else "clean"
    return [
        Chosen(
            ordered[place],
            label_of(ordered[place]),
            f", number {place + 1} of {len(ordered)} by {by} accuracy",
        )
        for place in evenly(len(ordered), most)
    ]


def evenly(number: int, most: int) -> list[int]:
    """Return places from the first to the last at even distances, at most so many."""
    places = np.linspace(0, max(number - 1, 0), min(number, most)).round().astype(int)
    return [int(place) for place in places]


def label_of(group: SeedGroup) -> str:
    """Return what distinguishes a group from the others of its folder.

    The rule and the Byzantine attack stand for a group that nothing distinguishes.
    """
    named = {key: value for key, value in group.labels.items() if value} or {
        name: group.choices[name]
        for name in ("strategy", "byzantine")
        if name in group.choices
    }
    return printable(" ".join(f"{key}={value}" for key, value in named.items()))


def labels_of(groups: Sequence[SeedGroup]) -> list[str]:
    """Return what distinguishes each of some groups from the others of these."""
    varying = [
        key
        for key in groups[0].labels
        if len({group.labels.get(key) for group in groups}) > 1
    ]
    return [
        label_of(replace(group, labels={key: group.labels[key] for key in varying}))
        for group in groups
    ]


def byzantine_of(run: FinishedRun) -> list[int] | None:
    """Return the ids of the clients that attack; None if they are drawn each round.

    Without an attack there are none, although a run records which clients it drew.
    """
    return run.result.byzantine_clients if run.config.get("byzantine") else []


def shortened(text: str, longest: int = 12) -> str:
    """Return a text on one line, cut to a number of characters."""
    line = printable(text)
    return line if len(line) <= longest else line[: longest - 1] + "…"


def shared_epsilon(runs: Sequence[FinishedRun], usual: str | None) -> str | None:
    """Return the epsilon of the report, or the middle one that some runs share.

    ``usual`` is the epsilon at which the tables and the other figures show robust
    accuracy. None if the runs share no epsilon above 0.
    """
    shared = _shared_epsilons(runs)
    return usual if usual in shared else middle(shared)


def strongest(run: FinishedRun, epsilon: str, names: Iterable[str]) -> str | None:
    """Return which of some attacks leaves the lowest accuracy at an epsilon.

    None if the result has no accuracy under any of them.
    """
    curves = run.result.robust_accuracy
    known = [name for name in names if epsilon in curves.get(name, {})]
    return min(known, key=lambda name: curves[name][epsilon], default=None)


def _shared_epsilons(runs: Sequence[FinishedRun]) -> set[str]:
    return set.intersection(*(set(run.result.worst_robust_accuracy) for run in runs))


def _robustness(
    groups: Sequence[SeedGroup],
) -> Callable[[SeedGroup], tuple[float, float]]:
    """Return the key of the order: robust accuracy over shared epsilons, then clean."""
    shared = _shared_epsilons([run for group in groups for run in group.runs])

    def key(group: SeedGroup) -> tuple[float, float]:
        robust = [group.mean(worst_accuracy_at(e)) or 0.0 for e in shared]
        return fmean(robust or [0.0]), group.mean(clean_accuracy) or 0.0

    return key
