"""AutoAttack: four attacks in sequence, each on the examples that are still robust.

    APGD-CE -> targeted APGD-DLR -> targeted FAB -> Square

An example counts as robust if it withstands all four. Croce, Hein: Reliable Evaluation
of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks, ICML 2020.
The budget is that of the published ``standard`` version: 100 steps, 9 target classes,
one restart, 5,000 queries. Targeted DLR needs four classes. A smaller budget has its
own name, ``AutoAttackFast``, because it is not AutoAttack.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fedrobust.attacks.apgd import APGD
from fedrobust.attacks.base import Attack
from fedrobust.attacks.fab import FAB
from fedrobust.attacks.square import Square
from fedrobust.attacks.subject import Images, Subject
from strategies.validation import require_between


@dataclass(frozen=True, kw_only=True)
class Ensemble(Attack):
    """Attacks in sequence, each on the examples that are still robust."""

    @property
    @abstractmethod
    def parts(self) -> tuple[Attack, ...]:
        """The attacks in order, at this epsilon."""

    @property
    def min_classes(self) -> int:
        """The smallest number of classes for which every part is defined."""
        return max(part.min_classes for part in self.parts)

    def on(self, subject: Subject) -> Images:
        """Attack the examples; those that are misclassified anyway are not changed."""
        return [x_adv for _, x_adv in self._in_turn(subject)][-1]

    def stages(self, subject: Subject) -> Iterator[tuple[Attack, Images]]:
        """Attack part by part; yield each part with the examples made so far."""
        if type(self).on is Ensemble.on:
            yield from self._in_turn(subject)
        else:
            yield self, self.on(subject)  # a subclass that does not attack in turn

    def _in_turn(self, subject: Subject) -> Iterator[tuple[Attack, Images]]:
        self.check(subject)
        x_adv = subject.x.copy()
        rows = np.flatnonzero(subject.is_correct())
        for part in self.parts:
            if len(rows) and self.epsilon != 0:
                standing = subject.only(rows)
                attacked = part.on(standing)
                robust = standing.is_correct(attacked)
                x_adv[rows[~robust]] = attacked[~robust]
                rows = rows[robust]
            yield part, x_adv.copy()

    def _parts(self, steps: int, targets: int, queries: int) -> tuple[Attack, ...]:
        epsilon, norm, bounds = self.epsilon, self.norm, self.model_range
        return (
            APGD(
                epsilon=epsilon, norm=norm, model_range=bounds, steps=steps, loss="ce"
            ),
            APGD(
                epsilon=epsilon, norm=norm, model_range=bounds, steps=steps,
                loss="dlr", targeted=True, targets=targets,
            ),
            FAB(
                epsilon=epsilon, norm=norm, model_range=bounds, steps=steps,
                targeted=True, targets=targets,
            ),
            Square(epsilon=epsilon, norm=norm, model_range=bounds, queries=queries),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class AutoAttack(Ensemble):
    """The standard version, with its fixed budget."""

    steps: ClassVar[int] = 100
    targets: ClassVar[int] = 9
    queries: ClassVar[int] = 5000

    @property
    def parts(self) -> tuple[Attack, ...]:
        """The four parts."""
        return self._parts(self.steps, self.targets, self.queries)


@dataclass(frozen=True, kw_only=True)
class AutoAttackFast(Ensemble):
    """The four parts with a configurable budget.

    Parameters
    ----------
    steps
        Steps of APGD and FAB, at least 1.
    targets
        Target classes of the targeted parts, at least 1.
    queries
        Queries of Square, at least 1.
    """

    steps: int = 20
    targets: int = 3
    queries: int = 500

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("steps", self.steps, 1)
        require_between("targets", self.targets, 1)
        require_between("queries", self.queries, 1)

    @property
    def parts(self) -> tuple[Attack, ...]:
        """The four parts."""
        return self._parts(self.steps, self.targets, self.queries)
