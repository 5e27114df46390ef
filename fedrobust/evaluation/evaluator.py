"""Clean accuracy of a model, and its accuracy under each attack at each epsilon.

Clean and robust accuracy use the same examples. An example counts as robust if the
model classifies it correctly both clean and attacked, so robust accuracy never exceeds
clean accuracy, and equals it at epsilon 0. Under several attacks, an example counts if
it withstands all of them: the worst case is taken per example, not over the accuracies.
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
from fedrobust.evaluation.details import Attacked, details_of, first_of_classes
from fedrobust.evaluation.doubts import (
    about_guessing,
    about_overflow,
    beats_guessing,
)
from fedrobust.evaluation.full_checks import MAX_EXAMPLES, full_checks
from fedrobust.evaluation.measures import mean_loss
from fedrobust.evaluation.quick_checks import quick_checks
from fedrobust.evaluation.scores import Scores, hyperparameters
from fedrobust.network import Arrays, Network
from fedrobust.network.inference import labels_of, logits_of, predict

Surrogate = Callable[[], tuple[Network, Arrays]]
Keep = Callable[[str, float, NDArray[np.float32]], None]


@dataclass(frozen=True)
class Outcome:
    """The outcome of one attack at one epsilon.

    Attributes
    ----------
    correct
        (n,) mask of the examples that are correct both clean and attacked.
    guided
        The same after the parts of the attack that use more than outputs; None if there
        are no such parts.
    queried
        Whether the attack has a part that uses only outputs.
    largest
        Largest perturbation, in the attack's norm.
    in_range
        Whether inputs stayed in their range.
    attacked
        The answers, and some adversarial examples.
    not_finite
        Number of attacked examples whose outputs are not finite.
    """

    correct: Mask
    guided: Mask | None
    queried: bool
    largest: float
    in_range: bool
    attacked: Attacked
    not_finite: int = 0


@dataclass(frozen=True)
class Evaluator:
    """Evaluates a network on fixed examples.

    Parameters
    ----------
    network
        The model without weights.
    x, y
        (n, ...) examples and (n,) labels.
    attacks
        Attacks by name; each is run at each epsilon.
    epsilons
        Numbers, or fractions such as ``"8/255"``, in input units.
    seed
        Key of the attacks' draws, together with the row of the example.
    victims
        Inputs on which a backdoor should trigger its target, and the target; None
        without a backdoor.
    checks
        ``fast``: checks of the available numbers and of one batch; ``full``: more
        attacks on 256 examples; ``none``.
    surrogate
        Function that returns an undefended model trained separately, for full checks;
        None for no such model.
    watch
        Called with the progress of attacks.
    keep
        Called with the adversarial examples: name of the attack, epsilon and (n, ...)
        inputs.
    detailed
        Whether the scores have details: measures, confusion matrices, examples.
    scale
        Factor by which the user's logits were multiplied, which is undone before
        probabilities are measured.

    Raises
    ------
    ValueError
        When an epsilon is invalid, or the attacks have several norms or ranges, for
        which a common worst case is not defined.
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
    detailed: bool = True
    scale: float = 1.0

    def __post_init__(self) -> None:
        given = self.epsilons
        given = [given] if isinstance(given, str | int | float) else given
        object.__setattr__(self, "epsilons", [parse_epsilon(e) for e in given])
        for name in ("norm", "model_range"):
            values = {k: getattr(a, name) for k, a in self.attacks.items()}
            if len(set(values.values())) > 1:
                used = ", ".join(f"{key} has {name}={v}" for key, v in values.items())
                raise ValueError(
                    f"{used}: must be the same, because the worst case of all attacks "
                    "is defined for one ball; evaluate them separately"
                )

    def __call__(self, arrays: Arrays, workers: int | None = None) -> Scores:
        """Return the scores of weights; the number of workers changes no bit."""
        n = len(self.x)
        logits = logits_of(self.network, arrays, self.x, workers)
        answers, logits = labels_of(logits), logits / np.float32(self.scale)
        clean = answers == self.y
        outcomes = {
            name: {
                repr(float(epsilon)): self._attacked(
                    name, attack.at(epsilon), arrays, answers, workers
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
        attacked = {
            name: {e: outcome.attacked for e, outcome in curve.items()}
            for name, curve in outcomes.items()
        }
        details = None
        if self.detailed:
            details = details_of(self.x, self.y, answers, logits, attacked)
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
            loss=mean_loss(self.y, logits),
            details=details,
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
        """Return the requested checks, and notes that explain the numbers."""
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
        checks = check_attacks(standing, worst, reached, records, guided, queried)
        few = np.arange(min(len(self.x), MAX_EXAMPLES))
        subject = Subject(
            self.network, arrays, self.x[few], self.y[few], few, self.seed, workers
        )
        bounds = next(iter(self.attacks.values())).model_range
        quick, notes = quick_checks(subject, bounds)
        checks |= quick
        not_finite = float((answers < 0).mean())
        if not_finite > 0:
            checks["logits"] = judged("logits", False, not_finite)
        checks |= _not_undone(checks, self._tried(subject, worst, guided, notes))
        overflow = {
            name: {e: o.not_finite for e, o in curve.items()}
            for name, curve in outcomes.items()
        }
        return checks, [
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
        """Return checks by stronger attacks on some examples, at the claimed epsilon.

        If the surrogate cannot be built, a note is appended to ``notes``.
        """
        epsilon = self._claimed(worst)
        if epsilon is None:
            return {}
        few, key = subject.keys, repr(epsilon)
        attacks = {name: a.at(epsilon) for name, a in self.attacks.items()}
        reported = worst[key][few]
        if self.checks == "fast":
            checks = try_other_loss(subject, attacks, reported)
            return checks | try_single_steps(subject, attacks, reported)
        surrogate = None
        try:
            surrogate = self.surrogate() if self.surrogate else None
        except ValueError as error:
            notes.append(f"no transfer attack was run: {error}")
        by_gradients = guided[key]
        left = reported if by_gradients is None else by_gradients[few]
        return full_checks(subject, attacks, reported, left, surrogate)

    def _claimed(self, worst: Mapping[str, Mask]) -> float | None:
        """Return the largest epsilon at which the model reportedly beats guessing.

        Guessing means always predicting the most frequent label. If the model never
        beats it, return the smallest positive epsilon; None if there is none.
        """
        positive = sorted(float(e) for e in worst if float(e) > 0)
        claims = [e for e in positive if beats_guessing(worst[repr(e)].mean(), self.y)]
        return max(claims, default=min(positive, default=None))

    def _backdoor_success(self, arrays: Arrays, workers: int | None) -> float | None:
        """Return the share of victims for which the model predicts the target."""
        if self.victims is None or len(self.victims[0]) == 0:
            return None
        x, target = self.victims
        return float(np.mean(predict(self.network, arrays, x, workers) == target))

    def _attacked(
        self,
        name: str,
        attack: Attack,
        arrays: Arrays,
        answers: NDArray[np.int64],
        workers: int | None,
    ) -> Outcome:
        """Attack the correctly classified examples; the others count as broken."""
        clean = answers == self.y
        rows = np.flatnonzero(clean)
        if len(rows) == 0:
            x_adv = self.x[rows]
            self._keep(name, attack, rows, x_adv)
            attacked = self._answered(answers, rows, answers[rows], x_adv)
            return Outcome(clean, None, False, 0.0, True, attacked)
        subject = Subject(
            self.network, arrays, self.x[rows], self.y[rows], rows, self.seed, workers,
            self.watch,
        )  # fmt: skip
        guided, queried = None, False
        correct, x_adv, given = clean, subject.x, answers[rows]
        for part, x_adv in attack.stages(subject):
            correct = np.zeros(len(clean), bool)
            given = subject.answers(x_adv)
            correct[rows] = given == subject.y
            queried = queried or part.queries_only
            guided = guided if part.queries_only else correct
        self._keep(name, attack, rows, x_adv)
        low, high = attack.model_range
        in_range = bool(x_adv.min() >= low and x_adv.max() <= high)
        largest = float(distances(x_adv, subject.x, attack.norm).max())
        attacked = self._answered(answers, rows, given, x_adv)
        not_finite = int((given < 0).sum())
        return Outcome(
            correct, guided, queried, largest, in_range, attacked, not_finite
        )

    def _answered(
        self,
        clean: NDArray[np.int64],
        rows: NDArray[np.intp],
        given: NDArray[np.int64],
        x_adv: NDArray[np.float32],
    ) -> Attacked:
        """Return the answers to all examples, of which ``rows`` were attacked."""
        answers, shown = clean.copy(), first_of_classes(self.y)
        answers[rows] = given
        examples = self.x[shown].copy()
        found = np.flatnonzero(np.isin(shown, rows))
        examples[found] = x_adv[np.searchsorted(rows, shown[found])]
        return Attacked(answers, examples)

    def _keep(
        self,
        name: str,
        attack: Attack,
        rows: NDArray[np.intp],
        x_adv: NDArray[np.float32],
    ) -> None:
        """Pass all examples to ``keep``, with the attacked ones replaced."""
        if self.keep is not None:
            kept = self.x.copy()
            kept[rows] = x_adv
            self.keep(name, float(attack.epsilon), kept)


def _under_gradients(
    outcomes: Mapping[str, Mapping[str, Outcome]], epsilon: str
) -> Mask | None:
    """Return the mask of examples robust to all attacks that use gradients."""
    masks = [curve[epsilon].guided for curve in outcomes.values()]
    guided = [mask for mask in masks if mask is not None]
    return np.logical_and.reduce(guided) if guided else None


def _not_undone(
    before: Mapping[str, Check], after: Mapping[str, Check]
) -> dict[str, Check]:
    """Return the later checks, but keep failures found earlier on all examples."""
    return {
        name: before[name] if before[name].status == "fail" else check
        for name, check in after.items()
    }
