"""Accuracy of a model: clean, and after each evasion attack at each epsilon.

Clean and robust accuracy use the same examples. An example counts as robust when the
model gets it right as it is and after the attack, so robust accuracy never exceeds
clean, and equals it at epsilon 0.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fedrobust.attacks.base import Attack
from fedrobust.attacks.checks import Check, check_attacks
from fedrobust.inference import predict
from fedrobust.network import Arrays, Network


@dataclass(frozen=True)
class Scores:
    """Accuracies in [0, 1].

    Attributes
    ----------
    clean
        Accuracy on the examples as they are.
    robust
        By name of the attack, then by ``repr`` of epsilon.
    checks
        Checks that keep the robust numbers honest, by name.
    num_examples
        How many examples they are of.
    backdoor_success
        Share of the backdoor's victims that get its target; None without a backdoor.
    """

    clean: float
    robust: dict[str, dict[str, float]]
    checks: dict[str, Check]
    num_examples: int
    backdoor_success: float | None = None

    @property
    def worst(self) -> dict[str, float]:
        """The least accuracy over attacks, by epsilon."""
        epsilons = sorted(
            {e for curve in self.robust.values() for e in curve}, key=float
        )
        return {
            e: min(curve[e] for curve in self.robust.values() if e in curve)
            for e in epsilons
        }


@dataclass(frozen=True)
class Outcome:
    """What one attack at one epsilon did: which examples stood, and how far it went."""

    correct: NDArray[np.bool_]
    largest: float
    in_range: bool


@dataclass(frozen=True)
class Evaluator:
    """Evaluates a network on fixed examples.

    Parameters
    ----------
    network
        The model without weights.
    x, y
        Examples and labels.
    attacks
        By name; each is run at each epsilon.
    epsilons
        In input units.
    seed
        Key of the attacks' draws, with the row of the example.
    victims
        Inputs on which a backdoor shall give its target, and the target; None without.
    """

    network: Network
    x: NDArray[np.float32]
    y: NDArray[np.int32]
    attacks: Mapping[str, Attack] = field(default_factory=dict)
    epsilons: Sequence[float] = ()
    seed: int = 0
    victims: tuple[NDArray[np.float32], int] | None = None

    def __call__(self, arrays: Arrays, workers: int | None = None) -> Scores:
        """Evaluate weights; the number of workers changes no bit."""
        n = len(self.x)
        clean = predict(self.network, arrays, self.x, workers) == self.y
        outcomes = {
            name: {
                repr(float(epsilon)): self._attacked(
                    attack.at(epsilon), arrays, clean, workers
                )
                for epsilon in self.epsilons
            }
            for name, attack in self.attacks.items()
        }
        robust = {
            name: {e: float(o.correct.sum()) / n for e, o in curve.items()}
            for name, curve in outcomes.items()
        }
        distances = [
            (float(epsilon), outcome.largest, outcome.in_range)
            for curve in outcomes.values()
            for epsilon, outcome in curve.items()
        ]
        return Scores(
            clean=float(clean.sum()) / n,
            robust=robust,
            checks=check_attacks(robust, distances, n) if self.attacks else {},
            num_examples=n,
            backdoor_success=self._backdoor_success(arrays, workers),
        )

    def _backdoor_success(self, arrays: Arrays, workers: int | None) -> float | None:
        """Measure how many of the backdoor's victims get its target."""
        if self.victims is None or len(self.victims[0]) == 0:
            return None
        x, target = self.victims
        return float(np.mean(predict(self.network, arrays, x, workers) == target))

    def _attacked(
        self,
        attack: Attack,
        arrays: Arrays,
        clean: NDArray[np.bool_],
        workers: int | None,
    ) -> Outcome:
        """Attack the examples that the model gets right; others are lost already."""
        rows = np.flatnonzero(clean)
        if len(rows) == 0:
            return Outcome(clean, 0.0, True)
        x, y = self.x[rows], self.y[rows]
        x_adv = attack.on_network(
            self.network, arrays, x, y, seed=self.seed, index=rows, workers=workers
        )
        correct = np.zeros(len(clean), bool)
        correct[rows] = predict(self.network, arrays, x_adv, workers) == y
        low, high = attack.model_range
        distance = np.abs(x_adv.astype(np.float64) - x.astype(np.float64)).max()
        in_range = bool(x_adv.min() >= low and x_adv.max() <= high)
        return Outcome(correct, float(distance), in_range)
