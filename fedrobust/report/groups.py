"""Groups of finished runs that differ only in their seed.

Runs of one seed that ``partition.seed`` sets apart are averaged first: they are no
seeds of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev

from fedrobust.record.result import Result
from fedrobust.report.finished_run import FinishedRun, NumberOf
from fedrobust.report.labels import NO_EPSILON
from fedrobust.report.marks import Marks, marks_of


@dataclass(frozen=True)
class SeedGroup:
    """Runs that differ only in their seed, which are one row of the tables.

    Attributes
    ----------
    labels
        The values in which these runs differ from the others, by column.
    choices
        The choice made in each group.
    config
        All values of one run by dotted key; choices are under ``choices``.
    runs
        The runs, in the order of their seeds.
    training_epsilon
        The epsilon of the objective; "none" if it uses none.
    num_classes
        Number of classes of the data; None if the configuration does not have it.
    """

    labels: Mapping[str, str]
    choices: Mapping[str, str]
    config: Mapping[str, str]
    runs: list[FinishedRun]
    training_epsilon: str = NO_EPSILON
    num_classes: int | None = None

    @property
    def results(self) -> list[Result]:
        """Results of the runs."""
        return [run.result for run in self.runs]

    @property
    def seeds(self) -> list[int]:
        """Seeds of the runs, each once, ascending."""
        return sorted({result.seed for result in self.results})

    @property
    def has_repeats(self) -> bool:
        """Whether several runs have one seed, which ``partition.seed`` sets apart."""
        return len(self.seeds) < len(self.runs)

    @property
    def failed_checks(self) -> list[str]:
        """Names of the checks that some run failed, which make numbers unreliable."""
        return sorted({n for result in self.results for n in result.failed_checks})

    def by_seed(self, number: NumberOf) -> dict[int, float]:
        """Return a number of each seed, without seeds of which a run does not have it.

        Runs of one seed are averaged.
        """
        values: dict[int, list[float | None]] = {}
        for result in self.results:
            values.setdefault(result.seed, []).append(number(result))
        found = {s: [v for v in each if v is not None] for s, each in values.items()}
        return {s: fmean(v) for s, v in found.items() if len(v) == len(values[s])}

    def values(self, number: NumberOf) -> list[float]:
        """Return a number of each seed of which every run has it."""
        return [*self.by_seed(number).values()]

    def mean(self, number: NumberOf) -> float | None:
        """Average a number over seeds; None if a run does not have it."""
        values = self.values(number)
        return fmean(values) if len(values) == len(self.seeds) else None

    def std(self, number: NumberOf) -> float | None:
        """Return the spread of a number over seeds (n - 1); None for a single seed."""
        values = self.values(number)
        return stdev(values) if len(values) == len(self.seeds) > 1 else None


# Compared by identity, so that what is computed from it can be kept.
@dataclass(frozen=True, eq=False)
class Runs:
    """The finished runs of a folder.

    Attributes
    ----------
    groups
        Groups of runs that differ only in their seed, in the order of their labels.
    columns
        Names of the labels.
    epsilons
        All evaluated epsilons, ascending, as in result.json.
    unfinished
        Folders of runs without a result.
    failed
        Folders and reasons of attempts that failed.
    unreadable
        A sentence about each file that could not be read.
    clashing
        Digests of experiments that agree in every key and in the seed; each has its
        own group.
    """

    groups: list[SeedGroup]
    columns: list[str]
    epsilons: list[str]
    unfinished: list[Path]
    failed: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    clashing: list[list[str]] = field(default_factory=list)

    def each_alone(self) -> list[SeedGroup]:
        """Return a group of one for each run."""
        return [
            replace(group, runs=[run]) for group in self.groups for run in group.runs
        ]

    @cached_property
    def marks(self) -> Marks:
        """What a reader of the numbers must know, run by run."""
        return marks_of([run for group in self.groups for run in group.runs])

    @property
    def same_seeds(self) -> bool:
        """Whether all groups have the same seeds, so that means can be compared."""
        return len({tuple(group.seeds) for group in self.groups}) == 1

    @property
    def has_repeats(self) -> bool:
        """Whether runs of one seed are averaged before seeds are."""
        return any(group.has_repeats for group in self.groups)
