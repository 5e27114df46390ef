"""Training epsilon against test epsilon: accuracy, cost and gain of each training.

A row is a kind of training at one epsilon. Each of its m seeds has the accuracies p_0
(clean), p_1, ..., p_k at the test epsilons 0 = e_0 < e_1 < ... < e_k, and the average

    A = sum_i w_i p_i / e_k

with the weights w of the trapezoid rule: the area under the accuracy curve. Rows are
compared seed by seed (:mod:`fedrobust.report.scores`). The n test images give every
accuracy a binomial variance as well,

    at e_i:        p_i (1 - p_i) / n
    over all:      sum_ij w_i w_j c_ij / (n e_k^2)

with c_ij = min(p_i, p_j) - p_i p_j, the largest covariance that two such shares can
have. It is reached when every image that is right at an epsilon is right at all smaller
ones.

All seeds have the same test images. Errors over seeds show how training varies, but not
how another test set would; more seeds do not add images.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedrobust.report.groups import SeedGroup
from fedrobust.report.labels import NO_EPSILON
from fedrobust.report.marks import NO_MARKS, Marks
from fedrobust.report.scores import Score

STANDARD = "standard"
NOISE = "noise"
# The test epsilon of clean accuracy, written as in result.json.
CLEAN = "0.0"

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TrainingRow:
    """A kind of training at one epsilon.

    Attributes
    ----------
    kind
        The choice of training, with other keys in which the objectives differ.
    epsilon
        The training epsilon; None if the objective uses none.
    group
        The runs.
    by_seed
        (1 + k,) accuracies of each seed, clean first.
    num_images
        Number of test images, which all seeds share.
    """

    kind: str
    epsilon: float | None
    group: SeedGroup
    by_seed: Mapping[int, Vector]
    num_images: int

    @property
    def accuracy(self) -> Vector:
        """(1 + k,) means over seeds."""
        # Column by column, as numpy rounds the mean of a matrix's axis differently.
        columns = np.array([*self.by_seed.values()]).T
        return np.array([np.mean(column.copy()) for column in columns])

    @property
    def spread(self) -> Vector:
        """(1 + k,) standard deviations over seeds (n - 1); nan for a single seed."""
        if len(self.by_seed) < 2:
            return np.full(self.accuracy.shape, np.nan)
        spread: Vector = np.std([*self.by_seed.values()], axis=0, ddof=1)
        return spread

    @property
    def is_noise(self) -> bool:
        """Whether this is the control for adversarial training."""
        return self.kind.split(" ")[0] == NOISE

    @property
    def name(self) -> str:
        """The kind of training and its epsilon."""
        if self.epsilon is None:
            return f"{self.kind} training"
        return f"{self.kind} training at {training_epsilon(self.epsilon)}"


@dataclass(frozen=True, eq=False)
class EpsilonMatrix:
    """Runs that differ only in the training and its epsilon.

    Attributes
    ----------
    labels
        The values in which these runs differ from those of the other matrices.
    epsilons
        The test epsilons, ascending, as in result.json; without 0, which is clean.
    rows
        The rows by training epsilon, then by kind, so that noise is next to the
        adversarial training that it is the control of.
    marks
        The footnotes of the runs.
    """

    labels: Mapping[str, str]
    epsilons: list[str]
    rows: list[TrainingRow]
    marks: Marks = NO_MARKS

    @property
    def title(self) -> str:
        """The labels as text; empty if there is only one matrix."""
        return ", ".join(f"{key}={value}" for key, value in self.labels.items())

    @property
    def candidates(self) -> list[TrainingRow]:
        """The rows that may be recommended: all but noise."""
        return [row for row in self.rows if not row.is_noise]

    @property
    def training_epsilons(self) -> set[float]:
        """The epsilons of adversarial training."""
        return {row.epsilon for row in self.candidates if row.epsilon is not None}

    @property
    def reference(self) -> TrainingRow:
        """Standard training; if there is none, the smallest training epsilon."""
        return self.candidates[0]

    @property
    def has_standard(self) -> bool:
        """Whether cost and gain are relative to standard training."""
        return self.reference.kind == STANDARD

    @property
    def cost(self) -> Vector:
        """(rows,) clean accuracy lost against the reference."""
        return np.array([self.reference.accuracy[0] - r.accuracy[0] for r in self.rows])

    @property
    def gain(self) -> NDArray[np.float64]:
        """(rows, k) accuracy gained over the reference at each test epsilon."""
        accuracy = np.array([row.accuracy[1:] for row in self.rows])
        return accuracy - self.reference.accuracy[1:]

    def score(self, row: TrainingRow, at: str | None) -> Score:
        """Return a row's accuracy at a test epsilon or CLEAN; for None, the average."""
        x = np.array([0.0, *map(float, self.epsilons)])
        if at is None:
            weights = np.trapezoid(np.eye(len(x)), x, axis=1) / x[-1]
        else:
            weights = np.eye(len(x))[[CLEAN, *self.epsilons].index(at)]
        p = row.accuracy
        covariance = np.minimum.outer(p, p) - np.outer(p, p)
        # Rounding may leave a variance of -1e-18 where every accuracy is 0 or 1.
        variance = max(float(weights @ covariance @ weights), 0.0)
        return Score(
            by_seed={seed: float(weights @ a) for seed, a in row.by_seed.items()},
            image_error=math.sqrt(variance / row.num_images),
        )


def training_epsilon(epsilon: float | None) -> str:
    """Write a training epsilon; standard training has none."""
    return NO_EPSILON if epsilon is None else f"{epsilon:.4g}"
