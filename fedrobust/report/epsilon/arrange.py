"""Arrange the runs of a sweep by training and test epsilon."""

from collections.abc import Sequence

import numpy as np

from fedrobust.config.typed import with_key
from fedrobust.epsilon import parse_epsilon
from fedrobust.errors import ConfigError
from fedrobust.report.epsilon.matrix import EpsilonMatrix, TrainingRow
from fedrobust.report.groups import Runs, SeedGroup
from fedrobust.report.labels import NO_EPSILON
from fedrobust.report.marks import Marks
from fedrobust.report.measures import short
from fedrobust.report.order import rank

OBJECTIVE = "training.objective."


class NoChoiceError(ValueError):
    """The runs offer no training epsilon to choose; the message has the reason."""


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
    every = [
        _matrix(dict(labels), groups, runs.marks) for labels, groups in by_label.items()
    ]
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


def find_epsilon(text: str, matrices: Sequence[EpsilonMatrix]) -> str:
    """Return the evaluated epsilon that a user's text denotes.

    Raises
    ------
    ConfigError
        When the text is not an epsilon, or no run was evaluated at it.
    """
    value = with_key("--at", lambda: parse_epsilon(text))
    known = sorted({e for matrix in matrices for e in matrix.epsilons}, key=float)
    near = min(known, key=lambda epsilon: abs(float(epsilon) - value))
    if abs(float(near) - value) > 1e-9:
        raise ConfigError(
            f"--at={text}: must be an epsilon that the runs were attacked at; "
            f"{short(near)} is the nearest of {', '.join(map(short, known))}, and "
            "attack.epsilon adds others to the sweep"
        )
    return near


def _of_training(label: str) -> bool:
    return label in ("training", "training.epsilon") or label.startswith(OBJECTIVE)


def _test_epsilons(group: SeedGroup) -> list[str]:
    found = {e for result in group.results for e in result.worst_robust_accuracy}
    return sorted((e for e in found if float(e) > 0), key=float)


def _matrix(
    labels: dict[str, str], groups: list[SeedGroup], marks: Marks
) -> EpsilonMatrix:
    epsilons = sorted({e for g in groups for e in _test_epsilons(g)}, key=float)
    rows = [_row(group, epsilons) for group in groups]
    rows.sort(key=lambda row: (row.epsilon or 0.0, *rank("training", row.kind)))
    return EpsilonMatrix(labels, epsilons, rows, marks)


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
    seeds = np.array([result.seed for result in group.results])
    return TrainingRow(
        kind=kind,
        epsilon=epsilon,
        group=group,
        # As everywhere, runs of one seed are averaged before seeds are.
        by_seed={int(s): accuracies[seeds == s].mean(axis=0) for s in np.unique(seeds)},
        num_images=int(min(group.values(lambda result: result.num_evaluated))),
    )
