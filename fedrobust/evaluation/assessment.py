"""Assess any existing Keras model, as ``fedrobust attack`` does.

assess(model, x, y, {"autoattack": AutoAttack()}, [0.1, 0.3]).scores.robust
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.attacks.base import Attack
from fedrobust.attacks.subject import Subject, Watch
from fedrobust.data import Split
from fedrobust.epsilon import Epsilon, parse_epsilon, too_wide
from fedrobust.evaluation.evaluator import Evaluator
from fedrobust.evaluation.mismatch import likely_mismatch
from fedrobust.evaluation.scores import Scores
from fedrobust.evaluation.surrogate import train_surrogate
from fedrobust.network import Network
from fedrobust.network.classifier import classifier
from fedrobust.network.inference import predict


@dataclass(frozen=True)
class Stage:
    """A part of an attack at an epsilon, and the number of examples it started with."""

    stage: str
    epsilon: float
    standing: int


@dataclass(frozen=True)
class Assessment:
    """The assessment of a model.

    Attributes
    ----------
    scores
        Accuracies and checks.
    notes
        Adaptations of the model before it was attacked, and explanations of numbers.
    x, y
        The examples, in the shape of the model's input, and their labels.
    adversarial
        (n, ...) attacked examples, by name of the attack and ``repr`` of epsilon.
    answers, attacked_answers
        (n,) classes that the model predicts for x, and for the attacked examples.
    stages
        The parts of the attacks, in the order in which they were run.
    class_names
        Names of the classes; None if they have only numbers.
    """

    scores: Scores
    notes: list[str]
    x: NDArray[np.float32]
    y: NDArray[np.int32]
    adversarial: dict[tuple[str, str], NDArray[np.float32]]
    answers: NDArray[np.int64]
    attacked_answers: dict[tuple[str, str], NDArray[np.int64]]
    stages: list[Stage]
    class_names: Sequence[str] | None = None


def assess(
    model: Any,
    x: NDArray[np.float32],
    y: NDArray[np.int32],
    attacks: Mapping[str, Attack],
    epsilons: Sequence[Epsilon],
    *,
    seed: int = 0,
    checks: str = "fast",
    model_range: Sequence[float] = (0.0, 1.0),
    split: Split | None = None,
    watch: Watch | None = None,
) -> Assessment:
    """Measure clean accuracy and accuracy after each attack at each epsilon.

    Parameters
    ----------
    model
        Any Keras classifier; a softmax at its end is removed.
    x, y
        (n, ...) inputs in [0, 1] and (n,) integer labels.
    attacks
        Attacks by name.
    epsilons
        Numbers, or fractions such as ``"8/255"``, in units of [0, 1].
    seed
        Key of random draws.
    checks
        ``fast``, ``full`` or ``none``.
    model_range
        Range of inputs that the model was trained on.
    split
        Data to train a surrogate with, for the full checks that need one, and the names
        of the classes.
    watch
        Called with the progress.

    Raises
    ------
    ValueError
        When model, examples and attacks do not fit, or the attacks have several norms.
    """
    adapted, inputs, notes, scale = classifier(model, x, model_range)
    network = Network(adapted)
    y = np.asarray(y)
    subject = Subject(network, {}, inputs, y)
    for attack in attacks.values():
        attack.check(subject)
    kept: dict[tuple[str, str], NDArray[np.float32]] = {}
    stages: list[Stage] = []

    def follow(name: str, epsilon: float, done: int, total: int) -> None:
        stage = Stage(name, epsilon, total)
        if stages[-1:] != [stage]:
            stages.append(stage)
        if watch is not None:
            watch(name, epsilon, done, total)

    def keep(name: str, epsilon: float, x_adv: NDArray[np.float32]) -> None:
        kept[name, repr(epsilon)] = x_adv

    evaluator = Evaluator(
        network,
        inputs,
        y,
        attacks,
        epsilons,
        seed=seed,
        checks=checks,
        surrogate=(lambda: train_surrogate(network, split, seed)) if split else None,
        watch=follow,
        keep=keep,
        scale=scale,
    )
    arrays = network.arrays()
    scores = evaluator(arrays)
    notes += [*scores.notes, *_about_width(evaluator)]
    if checks != "none" and len(y):
        mismatch = likely_mismatch(network, arrays, inputs, y, model_range)
        notes += [] if mismatch is None else [mismatch]
    return Assessment(
        scores=scores,
        notes=notes,
        x=inputs,
        y=y,
        adversarial=kept,
        answers=predict(network, arrays, inputs),
        attacked_answers={k: predict(network, arrays, v) for k, v in kept.items()},
        stages=stages,
        class_names=None if split is None else split.class_names,
    )


def _about_width(evaluator: Evaluator) -> list[str]:
    """Return a note about each epsilon that exceeds the range of the inputs."""
    notes: list[str] = []
    for attack in list(evaluator.attacks.values())[:1]:  # all have its norm and range
        low, high = attack.model_range
        for epsilon in map(parse_epsilon, evaluator.epsilons):
            size = evaluator.x[0].size
            notes += too_wide("epsilon", epsilon, attack.norm, size, high - low)
    return notes
