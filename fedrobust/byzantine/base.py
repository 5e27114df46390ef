"""The kinds of Byzantine attack, by what the attacker controls.

- ``DataPoisoning``: the client trains honestly on data it changed.
- ``ObjectivePoisoning``: it trains on its data towards another goal.
- ``Tampering``: it changes the update it trained, knowing only what clients know.
- ``Collusion``: the Byzantine clients agree on what to send, knowing honest updates.

A ``Backdoor`` poisons data and tampers, and says on which inputs it has succeeded.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fedrobust.randomness import Purpose, generator
from strategies.parameters import require_between, require_positive

if TYPE_CHECKING:
    from fedrobust.training.objective import Objective

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Images = NDArray[np.float32]
Labels = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class ByzantineAttack(ABC):
    """What dishonest clients do; one is made for all of them, all rounds and runs.

    So it keeps nothing itself: what colluding clients remember is in their context.
    """

    def check(self, num_clients: int, num_byzantine: int) -> None:
        """Raise ValueError where the attack is undefined for such a federation."""


@dataclass(frozen=True, kw_only=True)
class DataPoisoning(ByzantineAttack):
    """A client that poisons its data."""

    @abstractmethod
    def poison(
        self,
        x: Images,
        y: Labels,
        num_classes: int,
        rng: np.random.Generator | None = None,
        attacker: int = 0,
    ) -> tuple[Images, Labels]:
        """Give the images and labels the client trains on instead of (x, y).

        Parameters
        ----------
        x, y
            (n, ...) images in [0, 1] and (n,) labels; not modified.
        num_classes
            Labels are below it.
        rng
            Generator of this client's draws; None draws from a fresh one of seed 0.
        attacker
            Which of the Byzantine clients this is, from 0.
        """


@dataclass(frozen=True, kw_only=True)
class ObjectivePoisoning(ByzantineAttack):
    """A client that trains on its data towards a goal of its own."""

    @abstractmethod
    def objective(self) -> "Objective":
        """Make the objective it trains with instead of the federation's."""


@dataclass(frozen=True, kw_only=True)
class ClientContext:
    """What a tampering client knows beside the update it trained.

    Attributes
    ----------
    round
        The round, from 1.
    parameters
        The learned global arrays it was sent, by name, in the order of the update.
    last_step
        (d,) what the server added to them since this client was last asked, or None.
    """

    round: int = 1
    parameters: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    last_step: Vector | None = None


@dataclass(frozen=True, kw_only=True)
class Tampering(ByzantineAttack):
    """A client that tampers with its own reply.

    ``needs_last_step`` tells that it looks at ``context.last_step``.
    """

    needs_last_step: ClassVar[bool] = False

    @abstractmethod
    def tamper(
        self,
        update: Vector,
        rng: np.random.Generator,
        context: ClientContext | None = None,
    ) -> Vector:
        """Give the (d,) update that is sent instead of the honest one."""

    def declare(self, num_examples: int) -> int:
        """Give the number of examples that the reply declares."""
        return num_examples


@dataclass(frozen=True, kw_only=True)
class Backdoor(DataPoisoning, Tampering):
    """A client that teaches the global model to answer a trigger with its target.

    Parameters
    ----------
    target
        The class that the trigger shall give.
    share
        Share of the client's images that it poisons, above 0, at most 1.
    boost
        Factor of the update, above 0. Model replacement sends n / b times its update,
        so that the mean becomes the attacker's model (Bagdasaryan et al., AISTATS 2020,
        Equation 3).
    """

    target: int = 0
    share: float = 0.5
    boost: float = 1.0

    def __post_init__(self) -> None:
        require_between("target", self.target, 0)
        require_positive("share", self.share)
        require_between("share", self.share, 0, 1)
        require_positive("boost", self.boost)

    def tamper(
        self,
        update: Vector,
        rng: np.random.Generator,
        context: ClientContext | None = None,
    ) -> Vector:
        """Boost the update."""
        return np.float32(self.boost) * update

    @abstractmethod
    def victims(
        self, x: Images, y: Labels, num_classes: int
    ) -> tuple[Images, NDArray[np.int64]]:
        """Give the inputs that the attacker wants answered with its target.

        Parameters
        ----------
        x, y
            (n, ...) clean test images and (n,) labels; not modified.
        num_classes
            Labels are below it.

        Returns
        -------
        (m, ...) images, none of the target's class, and their m row numbers in x. The
        backdoor's success rate is the share of them that the model gives the target.
        """


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
    """

    round: int = 1
    seed: int = 0
    clients: Sequence[int] | None = None
    own: Matrix | None = None
    parameters: Vector | None = None
    layers: Sequence[int] | None = None
    aggregate: Callable[[Matrix], Vector] | None = None
    memory: dict[str, Any] = field(default_factory=dict)

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
        honest = np.asarray(honest, np.float32)
        if honest.ndim != 2 or len(honest) == 0:
            raise ValueError(f"honest must be (h, d), h >= 1, not {honest.shape}")
        if not np.isfinite(honest).all():
            raise ValueError("honest updates must be finite")
        if num_byzantine < 1:
            raise ValueError(f"num_byzantine={num_byzantine}: must be at least 1")
        return self.craft(honest, num_byzantine, context or AttackContext())


def copies(vector: NDArray[np.floating[Any]], num_byzantine: int) -> Matrix:
    """Give the same (d,) update to every Byzantine client: (b, d) float32."""
    limit = np.finfo(np.float32).max
    row = vector.astype(np.float64).clip(-limit, limit).astype(np.float32)
    return np.tile(row, (num_byzantine, 1))


def byzantine_clients(
    seed: int, num_clients: int, num_byzantine: int, round: int = 0
) -> list[int]:
    """Draw which clients are Byzantine, by the seed of the run.

    Parameters
    ----------
    round
        0 draws the fixed set; the round draws a set for each round anew.

    Returns
    -------
    Sorted client ids.
    """
    rng = generator(seed, Purpose.BYZANTINE_CLIENTS, round)
    chosen = rng.choice(num_clients, size=num_byzantine, replace=False)
    return sorted(int(client) for client in chosen)
