"""Byzantine attacks by clients that agree on what to send, seeing honest updates."""

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
    """What colluding clients know beside the honest updates.

    Attributes
    ----------
    round
        The round, from 1.
    seed
        Seed of the run; an attack that draws makes its own generator from it.
    clients
        Client ids of the honest rows.
    own
        (b, d) updates that the Byzantine clients trained honestly themselves.
    parameters
        (d,) the global values that all updates start from.
    layers
        Number of values of each array of the model, in the order of the update.
    aggregate
        The server's whole pipeline on the honest updates and (b, d) crafted ones:
        the (d,) update it would apply. Calling it changes nothing at the server.
    memory
        What the attack remembers from one round to the next.
    chosen
        What the attack chose in this round, such as whom it copies or how far it goes:
        the attack writes it here, by name, and the record of the round has it.
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

    def everybody(self, honest: Matrix) -> Matrix:
        """Give the (n, d) updates that all clients trained, honest clients first.

        Raises
        ------
        ValueError
            When what the Byzantine clients trained is missing or not finite.
        """
        if self.own is None or not np.isfinite(self.own).all():
            raise ValueError("the attack needs a finite context.own")
        return np.concatenate([honest, self.own])


@dataclass(frozen=True, kw_only=True)
class Collusion(ByzantineAttack):
    """Clients that collude, seeing every honest update of the round.

    ``watches`` tells that it looks at the rounds before they begin, too.
    """

    watches: ClassVar[bool] = False

    def check(self, num_clients: int, num_byzantine: int) -> None:
        """Raise ValueError where there is nobody to see."""
        if num_byzantine >= num_clients:
            raise ValueError(
                f"collusion needs an honest client, and num_byzantine={num_byzantine} "
                f"of num_clients={num_clients} are Byzantine"
            )

    def watch(self, honest: Matrix, context: AttackContext) -> None:
        """See the (h, d) updates of a round in which all clients are honest."""

    @abstractmethod
    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Craft (b, d) updates from checked (h, d) honest ones."""

    def __call__(
        self, honest: Matrix, num_byzantine: int, context: AttackContext | None = None
    ) -> Matrix:
        """Craft the updates of the Byzantine clients.

        Parameters
        ----------
        honest
            (h, d) finite updates of the honest clients; not modified.
        num_byzantine
            How many to craft, at least 1.
        context
            What else the attacker knows of the round.

        Returns
        -------
        (b, d) float32

        Raises
        ------
        ValueError
            When the attack is undefined for these numbers, or misses a field of the
            context.
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
    """Give the same (d,) update to every Byzantine client: (b, d) float32."""
    limit = np.finfo(np.float32).max
    row = vector.astype(np.float64).clip(-limit, limit).astype(np.float32)
    return np.tile(row, (num_byzantine, 1))
