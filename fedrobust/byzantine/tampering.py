"""Byzantine attacks by a client that changes the update it has trained."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fedrobust.byzantine.base import ByzantineAttack, Vector


@dataclass(frozen=True, kw_only=True)
class ClientContext:
    """What a tampering client knows besides the update it trained.

    Attributes
    ----------
    round
        Number of the round, starting at 1.
    parameters
        The trainable global arrays that it received, by name, in the order of the
        update.
    last_step
        (d,) change of the global arrays since this client was last sampled, or None.
    """

    round: int = 1
    parameters: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    last_step: Vector | None = None


@dataclass(frozen=True, kw_only=True)
class Tampering(ByzantineAttack):
    """A client that tampers with its own reply.

    ``needs_last_step`` means that it uses ``context.last_step``.
    """

    needs_last_step: ClassVar[bool] = False

    @abstractmethod
    def tamper(
        self,
        update: Vector,
        rng: np.random.Generator,
        context: ClientContext | None = None,
    ) -> Vector:
        """Return the (d,) update to send instead of the honest one."""

    def declare(self, num_examples: int) -> int:
        """Return the number of examples that the reply declares."""
        return num_examples
