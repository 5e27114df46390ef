"""What an evaluation records beside its accuracies: measures, confusion, examples."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.evaluation.measures import (
    Counts,
    Labels,
    Measures,
    class_measures,
    clean_measures,
    confusion,
    worst_answers,
)

# Number of examples that are kept, each the first of its class.
KEPT = 10


@dataclass(frozen=True)
class Attacked:
    """The answers under one attack at one epsilon.

    Attributes
    ----------
    answers
        (n,) classes that the model predicts, -1 where outputs are not finite. Examples
        that are misclassified without the attack are not attacked.
    shown
        Adversarial examples, in the order of ``first_of_classes``.
    """

    answers: NDArray[np.int64]
    shown: NDArray[np.float32]


@dataclass(frozen=True)
class Details:
    """The details of an evaluation.

    Attributes
    ----------
    measures
        As in result.json.
    clean
        Number of examples by label, then by answer.
    robust
        The same under attack, by name of the attack, then by ``repr`` of epsilon.
    examples
        Arrays by name: ``rows`` of the shown examples, ``x``, ``y``, ``answers``, and
        ``adversarial/<attack>/<epsilon>`` and ``answers/<attack>/<epsilon>``. Empty
        without attacks.
    """

    measures: Measures
    clean: Counts
    robust: dict[str, dict[str, Counts]]
    examples: dict[str, NDArray[Any]] = field(default_factory=dict)


def first_of_classes(y: Labels) -> NDArray[np.int64]:
    """Return the row of the first example of each of the first ten classes."""
    _, rows = np.unique(y, return_index=True)
    return np.asarray(rows[:KEPT], np.int64)


def details_of(
    x: NDArray[np.float32],
    y: Labels,
    answers: Labels,
    logits: NDArray[Any],
    attacked: Mapping[str, Mapping[str, Attacked]],
) -> Details:
    """Return the details of an evaluation.

    Parameters
    ----------
    x, y
        (n, ...) examples and (n,) labels.
    answers, logits
        (n,) classes that the model predicts and its (n, classes) logits.
    attacked
        Answers by name of the attack, then by ``repr`` of epsilon.
    """
    classes = logits.shape[1]
    epsilons = list(next(iter(attacked.values()), {}))
    worst = {
        e: worst_answers(y, answers, [curve[e].answers for curve in attacked.values()])
        for e in epsilons
    }
    return Details(
        measures={
            "clean": clean_measures(y, answers, logits),
            "worst": {e: class_measures(y, a, classes) for e, a in worst.items()},
        },
        clean=confusion(y, answers, classes),
        robust={
            name: {e: confusion(y, a.answers, classes) for e, a in curve.items()}
            for name, curve in attacked.items()
        },
        examples=_examples(x, y, answers, attacked) if attacked else {},
    )


def _examples(
    x: NDArray[np.float32],
    y: Labels,
    answers: Labels,
    attacked: Mapping[str, Mapping[str, Attacked]],
) -> dict[str, NDArray[Any]]:
    rows = first_of_classes(y)
    arrays: dict[str, NDArray[Any]] = {"rows": rows, "x": x[rows], "y": y[rows]}
    arrays["answers"] = answers[rows]
    for name, curve in attacked.items():
        for epsilon, found in curve.items():
            arrays[f"adversarial/{name}/{epsilon}"] = found.shown
            arrays[f"answers/{name}/{epsilon}"] = found.answers[rows]
    return arrays
