"""Accuracy of a model: clean, and after each evasion attack at each epsilon.

Clean and robust accuracy use the same examples. An example counts as robust when the
model gets it right as it is and after the attack, so robust accuracy never exceeds
clean, and equals it at epsilon 0. Over several attacks it counts when it withstands all
of them: the worst case is one of each example, not of the attacks' accuracies.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.attacks.base import Attack, distances
from fedrobust.attacks.subject import Subject, Watch
from fedrobust.epsilon import Epsilon, parse_epsilon
from fedrobust.evaluation.cheap_attacks import try_other_loss, try_single_steps
from fedrobust.evaluation.checks import Check, Mask, check_attacks, judged
from fedrobust.evaluation.doubts import (
    about_guessing,
    about_overflow,
    beats_guessing,
)
from fedrobust.evaluation.full_checks import PROBED, probe
from fedrobust.evaluation.quick_checks import look
from fedrobust.evaluation.scores import Scores, hyperparameters
from fedrobust.network import Arrays, Network
from fedrobust.network.inference import predict

Surrogate = Callable[[], tuple[Network, Arrays]]
Keep = Callable[[str, float, NDArray[np.float32]], None]


@dataclass(frozen=True)
class Outcome:
    """What one attack at one epsilon did.

    Attributes
    ----------
    correct
        Which examples stood.
    guided
        Which stood after its parts that use more than outputs; None without such.
    queried
        Whether it has a part that asks for outputs alone.
    largest
        How far it went.
    in_range
        Whether inputs stayed in their range.
    not_finite
        How many examples it gave outputs that are not finite.
    """

    correct: Mask
    guided: Mask | None
    queried: bool
    largest: float
    in_range: bool
    not_finite: int = 0


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
        In input units: numbers, or fractions such as ``"8/255"``.
    seed
        Key of the attacks' draws, with the row of the example.
    victims
        Inputs on which a backdoor shall give its target, and the target; None without.
    checks
        ``fast``: what the numbers at hand and one batch allow; ``full``: more attacks
        on 256 examples; ``none``.
    surrogate
        Makes an undefended model trained on its own, for full checks; None for none.
    watch
        Told of the progress of attacks.
    keep
        Given the adversarial examples: name of the attack, epsilon, (n, ...) inputs.

    Raises
    ------
    ValueError
        When the attacks have several norms or ranges, as one worst case of those is of
        no ball, or an epsilon is none.
    """

    network: Network
    x: NDArray[np.float32]
    y: NDArray[np.int32]
    attacks: Mapping[str, Attack] = field(default_factory=dict)
    epsilons: Sequence[Epsilon] = ()
    _: KW_ONLY
    seed: int = 0
    victims: tuple[NDArray[np.float32], int] | None = None
    checks: str = "fast"
    surrogate: Surrogate | None = None
    watch: Watch | None = None
    keep: Keep | None = None

    def __post_init__(self) -> None:
        given = self.epsilons
        given = [given] if isinstance(given, str | int | float) else given
        object.__setattr__(self, "epsilons", [parse_epsilon(e) for e in given])
        for name in ("norm", "model_range"):
            values = {k: getattr(a, name) for k, a in self.attacks.items()}
            if len(set(values.values())) > 1:
                told = ", ".join(f"{key} has {name}={v}" for key, v in values.items())
                raise ValueError(
                    f"{told}: must be one, as the worst case of all attacks is one of "
                    "one ball; evaluate them apart"
                )

    def __call__(self, arrays: Arrays, workers: int | None = None) -> Scores:
        """Evaluate weights; the number of workers changes no bit."""
        n = len(self.x)
        answers = predict(self.network, arrays, self.x, workers)
        clean = answers == self.y
        outcomes = {
            name: {
                repr(float(epsilon)): self._attacked(
                    name, attack.at(epsilon), arrays, clean, workers
                )
                for epsilon in self.epsilons
            }
            for name, attack in self.attacks.items()
        }
        worst = {
            repr(float(e)): np.logical_and.reduce(
                [curve[repr(float(e))].correct for curve in outcomes.values()]
            )
            for e in self.epsilons
            if outcomes
        }
        checks, notes = self._check(arrays, answers, outcomes, worst, workers)
        return Scores(
            clean=float(clean.sum()) / n,
            robust={
                name: {e: float(o.correct.sum()) / n for e, o in curve.items()}
                for name, curve in outcomes.items()
            },
            worst={e: float(mask.sum()) / n for e, mask in worst.items()},
            checks=checks,
            num_examples=n,
            backdoor_success=self._backdoor_success(arrays, workers),
            hyperparameters=self._hyperparameters(),
            notes=notes,
        )

    def _hyperparameters(self) -> dict[str, Any]:
        return {name: hyperparameters(a) for name, a in self.attacks.items()}

    def _check(
        self,
        arrays: Arrays,
        answers: NDArray[np.int64],
        outcomes: Mapping[str, Mapping[str, Outcome]],
        worst: Mapping[str, Mask],
        workers: int | None,
    ) -> tuple[dict[str, Check], list[str]]:
        """Run the checks that were asked for, and note what explains the numbers."""
        if not worst or self.checks == "none":
            return {}, []
        standing = {
            name: {e: outcome.correct for e, outcome in curve.items()}
            for name, curve in outcomes.items()
        }
        guided = {e: _under_gradients(outcomes, e) for e in worst}
        queried = {
            name: {e: o.correct for e, o in curve.items() if o.queried}
            for name, curve in outcomes.items()
        }
        reached = [
            (float(epsilon), outcome.largest, outcome.in_range)
            for curve in outcomes.values()
            for epsilon, outcome in curve.items()
        ]
        records = self._hyperparameters()
        found = check_attacks(standing, worst, reached, records, guided, queried)
        few = np.arange(min(len(self.x), PROBED))
        subject = Subject(
            self.network, arrays, self.x[few], self.y[few], few, self.seed, workers
        )
        bounds = next(iter(self.attacks.values())).model_range
        seen, notes = look(subject, bounds)
        found |= seen
        not_finite = float((answers < 0).mean())
        if not_finite > 0:
            found["logits"] = judged("logits", False, not_finite)
        found |= _not_undone(found, self._tried(subject, worst, guided, notes))
        overflow = {
            name: {e: o.not_finite for e, o in curve.items()}
            for name, curve in outcomes.items()
        }
        return found, [
            *notes,
            *about_guessing(answers == self.y, self.y),
            *about_overflow(overflow),
        ]

    def _tried(
        self,
        subject: Subject,
        worst: Mapping[str, Mask],
        guided: Mapping[str, Mask | None],
        notes: list[str],
    ) -> dict[str, Check]:
        """Try stronger attacks on some examples, at an epsilon they are said to hold.

        A note is added where that cannot be done.
        """
        epsilon = self._claimed(worst)
        if epsilon is None:
            return {}
        few, key = subject.keys, repr(epsilon)
        attacks = {name: a.at(epsilon) for name, a in self.attacks.items()}
        reported = worst[key][few]
        if self.checks == "fast":
            found = try_other_loss(subject, attacks, reported)
            return found | try_single_steps(subject, attacks, reported)
        surrogate = None
        try:
            surrogate = self.surrogate() if self.surrogate else None
        except ValueError as error:
            notes.append(f"nothing is transferred to the model: {error}")
        by_gradients = guided[key]
        left = reported if by_gradients is None else by_gradients[few]
        return probe(subject, attacks, reported, left, surrogate)

    def _claimed(self, worst: Mapping[str, Mask]) -> float | None:
        """Find the largest epsilon at which the model is said to beat guessing.

        To guess is to say the most frequent label; two standard errors are allowed.
        """
        positive = sorted(float(e) for e in worst if float(e) > 0)
        claims = [e for e in positive if beats_guessing(worst[repr(e)].mean(), self.y)]
        return max(claims, default=min(positive, default=None))

    def _backdoor_success(self, arrays: Arrays, workers: int | None) -> float | None:
        """Measure how many of the backdoor's victims get its target."""
        if self.victims is None or len(self.victims[0]) == 0:
            return None
        x, target = self.victims
        return float(np.mean(predict(self.network, arrays, x, workers) == target))

    def _attacked(
        self,
        name: str,
        attack: Attack,
        arrays: Arrays,
        clean: NDArray[np.bool_],
        workers: int | None,
    ) -> Outcome:
        """Attack the examples that the model gets right; others are lost already."""
        rows = np.flatnonzero(clean)
        if len(rows) == 0:
            self._keep(name, attack, rows, self.x[rows])
            return Outcome(clean, None, False, 0.0, True)
        subject = Subject(
            self.network, arrays, self.x[rows], self.y[rows], rows, self.seed, workers,
            self.watch,
        )  # fmt: skip
        guided, queried = None, False
        correct, x_adv, not_finite = clean, subject.x, 0
        for part, x_adv in attack.stages(subject):
            correct = np.zeros(len(clean), bool)
            answers = subject.answers(x_adv)
            correct[rows] = answers == subject.y
            not_finite = int((answers < 0).sum())
            queried = queried or part.queries_only
            guided = guided if part.queries_only else correct
        self._keep(name, attack, rows, x_adv)
        low, high = attack.model_range
        in_range = bool(x_adv.min() >= low and x_adv.max() <= high)
        largest = float(distances(x_adv, subject.x, attack.norm).max())
        return Outcome(correct, guided, queried, largest, in_range, not_finite)

    def _keep(
        self,
        name: str,
        attack: Attack,
        rows: NDArray[np.intp],
        x_adv: NDArray[np.float32],
    ) -> None:
        """Hand on all examples as they are after an attack on some of them."""
        if self.keep is not None:
            kept = self.x.copy()
            kept[rows] = x_adv
            self.keep(name, float(attack.epsilon), kept)


def _under_gradients(
    outcomes: Mapping[str, Mapping[str, Outcome]], epsilon: str
) -> Mask | None:
    """Tell which examples stand under all that uses more than outputs, if any does."""
    masks = [curve[epsilon].guided for curve in outcomes.values()]
    found = [mask for mask in masks if mask is not None]
    return np.logical_and.reduce(found) if found else None


def _not_undone(
    before: Mapping[str, Check], after: Mapping[str, Check]
) -> dict[str, Check]:
    """Keep a failure on all examples, whatever the probes say of a few."""
    return {
        name: before[name] if before[name].status == "fail" else check
        for name, check in after.items()
    }
