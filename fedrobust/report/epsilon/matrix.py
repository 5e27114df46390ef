"""Training epsilon against test epsilon: accuracy, cost and gain of each training.

A row is a kind of training at one epsilon. Each of its m seeds has the accuracies p_0
(clean), p_1, ..., p_k at the test epsilons 0 = e_0 < e_1 < ... < e_k, and the average

    A = sum_i w_i p_i / e_k

with the weights w of the trapezoid rule: the area under the accuracy curve. Rows are
compared seed by seed (:mod:`fedrobust.report.scores`). A single seed does not show how
training varies; its error is then the binomial error of its n test images,

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

from fedrobust.config.typed import with_key
from fedrobust.epsilon import parse_epsilon
from fedrobust.report.groups import Runs, SeedGroup
from fedrobust.report.labels import NO_EPSILON
from fedrobust.report.order import rank
from fedrobust.report.scores import Score

STANDARD = "standard"
NOISE = "noise"
OBJECTIVE = "training.objective."

Vector = NDArray[np.float64]


class NoChoiceError(ValueError):
    """The runs offer no training epsilon to choose; the message has the reason."""


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
        mean: Vector = np.mean([*self.by_seed.values()], axis=0)
        return mean

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
    """

    labels: Mapping[str, str]
    epsilons: list[str]
    rows: list[TrainingRow]

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
        """Return a row's accuracy at a test epsilon; without one, the average."""
        x = np.array([0.0, *map(float, self.epsilons)])
        if at is None:
            weights = np.trapezoid(np.eye(len(x)), x, axis=1) / x[-1]
        else:
            weights = np.eye(len(x))[1 + self.epsilons.index(at)]
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


def epsilon_matrices(runs: Runs) -> list[EpsilonMatrix]:
    """Arrange runs by training and test epsilon.

    Returns
    -------
    A matrix for each group of runs that differ in the training and its epsilon alone.
    Left out are runs without attack, and groups with a single training epsilon.

    Raises
    ------
    NoChoiceError
        When nothing is left.
    """
    by_label: dict[tuple[tuple[str, str], ...], list[SeedGroup]] = {}
    for group in runs.groups:
        if _test_epsilons(group):
            others = {k: v for k, v in group.labels.items() if not _of_training(k)}
            by_label.setdefault(tuple(others.items()), []).append(group)
    if not by_label:
        raise NoChoiceError(
            "no run was attacked, so none has a robust accuracy: type the sweep again "
            "with attack=pgd, and the trained models are evaluated"
        )
    every = [_matrix(dict(labels), groups) for labels, groups in by_label.items()]
    found = [matrix for matrix in every if len(matrix.training_epsilons) > 1]
    if not found:
        epsilons = sorted(set().union(*(m.training_epsilons for m in every)))
        there = ", ".join(f"{epsilon:.4g}" for epsilon in epsilons) or "none"
        raise NoChoiceError(
            "no two runs of adversarial training differ in training.epsilon alone "
            f"(training.epsilon there is: {there}): run a sweep such as "
            "fedrobust run -m training=standard,noise,pgd training.epsilon=0.1,0.2"
        )
    return found


def _of_training(label: str) -> bool:
    return label in ("training", "training.epsilon") or label.startswith(OBJECTIVE)


def _test_epsilons(group: SeedGroup) -> list[str]:
    found = {e for result in group.results for e in result.worst_robust_accuracy}
    return sorted((e for e in found if float(e) > 0), key=float)


def _matrix(labels: dict[str, str], groups: list[SeedGroup]) -> EpsilonMatrix:
    epsilons = sorted({e for g in groups for e in _test_epsilons(g)}, key=float)
    rows = [_row(group, epsilons) for group in groups]
    rows.sort(key=lambda row: (row.epsilon or 0.0, *rank("training", row.kind)))
    return EpsilonMatrix(labels, epsilons, rows)


def _row(group: SeedGroup, epsilons: list[str]) -> TrainingRow:
    own = {k.removeprefix(OBJECTIVE): v for k, v in group.labels.items()
           if k.startswith(OBJECTIVE) and v}  # fmt: skip
    kind = " ".join(
        [group.choices.get("training", ""), *(f"{k}={v}" for k, v in own.items())]
    )
    text = group.training_epsilon
    epsilon = None
    if text not in (NO_EPSILON, str(None)):
        epsilon = with_key("training.epsilon", lambda: parse_epsilon(text))
    every = [
        [r.clean_accuracy, *map(r.worst_robust_accuracy.get, epsilons)]
        for r in group.results
    ]
    # numpy writes None as nan.
    accuracies = np.array(every, dtype=np.float64)
    seeds = np.array(group.seeds)
    return TrainingRow(
        kind=kind,
        epsilon=epsilon,
        group=group,
        # Runs of one seed, which partition.seed sets apart, are no other seeds.
        by_seed={int(s): accuracies[seeds == s].mean(axis=0) for s in np.unique(seeds)},
        num_images=int(min(group.values(lambda result: result.num_evaluated))),
    )
