"""Groups of finished runs that differ only in their seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev

from fedrobust.record.result import Result
from fedrobust.report.finished_run import Figure, FinishedRun
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
        """Seeds of the runs."""
        return [result.seed for result in self.results]

    @property
    def failed_checks(self) -> list[str]:
        """Names of the checks that some run failed, which make numbers unreliable."""
        return sorted({n for result in self.results for n in result.failed_checks})

    @property
    def is_doubtful(self) -> bool:
        """Whether a run failed a check or skipped rounds."""
        return any(result.doubts for result in self.results)

    def values(self, figure: Figure) -> list[float]:
        """Return a figure of each run that has it."""
        values = map(figure, self.results)
        return [float(value) for value in values if value is not None]

    def mean(self, figure: Figure) -> float | None:
        """Average a figure over seeds; None if a run does not have it."""
        values = self.values(figure)
        return fmean(values) if len(values) == len(self.runs) else None

    def std(self, figure: Figure) -> float | None:
        """Return the spread of a figure over seeds (n - 1); None for a single seed."""
        values = self.values(figure)
        return stdev(values) if len(values) == len(self.runs) > 1 else None


@dataclass(frozen=True)
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
