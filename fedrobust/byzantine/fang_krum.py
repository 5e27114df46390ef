"""The attack of Fang et al. on Krum: the largest backward step that Krum selects.

    u' = -lambda sign(mean)
    lambda <= (sqrt(min_i S_i / (n - f - b - 1)) + max_i |x_i|) / sqrt(d)
    S_i = sum of |x_i - x_j|^2 over the n - f - 2 honest updates j nearest to i

Fang, Cao, Jia, Gong: Local Model Poisoning Attacks to Byzantine-Robust Federated
Learning, USENIX Security 2020, Section 3.2 and Theorem 1, with full knowledge: the
attacker knows every honest update of the round, that the rule is Krum, and its f.
An update is a model minus the global one, so the paper's w_Re is zero. Lambda starts at
the bound and is halved until Krum selects u'. The theorem adds distances where Krum
adds their squares; the bound above follows from its proof with squares. It holds for
f >= b; otherwise it is merely the start of the search. In the paper, the other
attackers send updates within epsilon of u'; here all send u', the limit epsilon -> 0.
"""

import math
from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Matrix
from fedrobust.byzantine.collusion import AttackContext, Collusion, copies
from strategies.linalg.distances import squared_distances
from strategies.rules import Krum
from strategies.validation import require_between, require_positive


@dataclass(frozen=True, kw_only=True)
class FangKrum(Collusion):
    """Send the largest step against the mean's signs that Krum selects.

    Parameters
    ----------
    f
        The f of the server's Krum; None means the number of Byzantine clients.
    threshold
        Lambda at which the search stops, in units of the update; above 0. The attack
        then sends the last candidate.
    """

    f: int | None = None
    threshold: float = 1e-5

    def __post_init__(self) -> None:
        if self.f is not None:
            require_between("f", self.f, 0)
        require_positive("threshold", self.threshold)

    def check(self, num_clients: int, num_byzantine: int) -> None:
        """Raise ValueError if Krum is undefined, or selects b equal updates anyway.

        Raises
        ------
        ValueError
            When n < 2f + 3 or n - f - b - 1 < 1.
        """
        super().check(num_clients, num_byzantine)
        f = num_byzantine if self.f is None else self.f
        needed = max(2 * f + 3, f + num_byzantine + 2)
        if num_clients < needed:
            raise ValueError(
                f"FangKrum with f={f} and b={num_byzantine} Byzantine clients needs "
                f"at least {needed} clients, not n={num_clients}"
            )

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Halve lambda until Krum selects the crafted update."""
        self.check(len(honest) + num_byzantine, num_byzantine)
        f = num_byzantine if self.f is None else self.f
        sign = np.sign(honest.mean(axis=0, dtype=np.float64))
        size = _bound(honest, num_byzantine, f)
        while True:
            crafted = copies(-size * sign, num_byzantine)
            # Krum breaks ties by the lowest row, so the last rows must win clearly.
            selected = Krum(f=f)(np.concatenate([honest, crafted])).selected
            passes = selected is not None and selected[0] >= len(honest)
            if passes or size < self.threshold:
                context.chosen["lambda"] = float(size)
                return crafted
            size /= 2


def _bound(honest: Matrix, num_byzantine: int, f: int) -> float:
    n, d = len(honest) + num_byzantine, honest.shape[1]
    distances = np.sort(squared_distances(honest), axis=1)[:, :-1]
    least = distances[:, : n - f - 2].sum(axis=1).min()
    longest = math.sqrt(np.square(honest, dtype=np.float64).sum(axis=1).max())
    return (math.sqrt(least / (n - f - num_byzantine - 1)) + longest) / math.sqrt(d)
