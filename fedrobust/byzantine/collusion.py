"""Byzantine attacks by clients that see honest updates and agree on what to send."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fedrobust.byzantine.base import ByzantineAttack, Matrix, Vector
from strategies.rules.base import matrix, reals
from strategies.validation import require_kind


@dataclass(frozen=True, kw_only=True)
class AttackContext:
    """What colluding clients know besides the honest updates.

    Attributes
    ----------
    round
        Number of the round, starting at 1.
    seed
        Seed of the run; an attack that needs random numbers makes a generator from it.
    clients
        Client ids of the honest rows.
    own
        (b, d) updates that the Byzantine clients trained honestly.
    parameters
        (d,) global parameters that all updates start from.
    layers
        Number of values of each array of the model, in the order of the update.
    aggregate
        Function from (b, d) crafted updates to the (d,) update that the server's whole
        pipeline would apply. Calling it does not change the server.
    memory
        State that the attack keeps from one round to the next.
    chosen
        Choices of the attack in this round, by name, such as the copied client or the
        step size. The attack writes them, and the record of the round includes them.
    """

    round: int = 1
    seed: int = 0
    clients: Sequence[int] | None = None
    own: Matrix | None = None
    parameters: Vector | None = None
    layers: Sequence[int] | None = None
    aggregate: Callable[[Matrix], Vector] | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    chosen: dict[str, int | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.own is not None:
            object.__setattr__(self, "own", matrix(self.own, "context.own"))
        if self.parameters is not None:
            start = np.asarray(reals(self.parameters, "context.parameters"), np.float32)
            object.__setattr__(self, "parameters", start)

    def all_updates(self, honest: Matrix) -> Matrix:
        """Return the (n, d) updates that all clients trained, honest clients first.

        Raises
        ------
        ValueError
            When the Byzantine clients' own updates are missing or not finite.
        """
        if self.own is None or not np.isfinite(self.own).all():
            raise ValueError("the attack needs a finite context.own")
        return np.concatenate([honest, self.own])


@dataclass(frozen=True, kw_only=True)
class Collusion(ByzantineAttack):
    """Clients that collude, seeing every honest update of the round.

    ``watches`` means that they also observe the rounds before their attack begins.
    """

    watches: ClassVar[bool] = False

    def check(self, num_clients: int, num_byzantine: int) -> None:
        """Raise ValueError if there is no honest client."""
        if num_byzantine >= num_clients:
            raise ValueError(
                f"collusion needs an honest client, but num_byzantine={num_byzantine} "
                f"of num_clients={num_clients} are Byzantine: lower num_byzantine"
            )

    def watch(self, honest: Matrix, context: AttackContext) -> None:
        """Observe the (h, d) updates of a round in which all clients are honest."""

    @abstractmethod
    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Return (b, d) updates crafted from checked (h, d) honest ones."""

    def __call__(
        self, honest: Matrix, num_byzantine: int, context: AttackContext | None = None
    ) -> Matrix:
        """Craft the updates of the Byzantine clients.

        Parameters
        ----------
        honest
            (h, d) finite updates of the honest clients; not modified.
        num_byzantine
            Number of updates to craft, at least 1.
        context
            What the attacker knows besides the honest updates.

        Returns
        -------
        (b, d) float32

        Raises
        ------
        ValueError
            When the attack is undefined for these numbers, or needs a missing field of
            the context.
        """
        honest = matrix(honest, "honest")
        if len(honest) == 0:
            raise ValueError(f"honest must be (h, d), h >= 1, not {honest.shape}")
        if not np.isfinite(honest).all():
            raise ValueError("honest updates must be finite")
        require_kind("num_byzantine", num_byzantine, int)
        if num_byzantine < 1:
            raise ValueError(f"num_byzantine={num_byzantine}: must be at least 1")
        return self.craft(honest, num_byzantine, context or AttackContext())


def copies(vector: NDArray[np.floating[Any]], num_byzantine: int) -> Matrix:
    """Return (b, d) float32 copies of a (d,) update, clipped to finite float32."""
    limit = np.finfo(np.float32).max
    row = vector.astype(np.float64).clip(-limit, limit).astype(np.float32)
    return np.tile(row, (num_byzantine, 1))
