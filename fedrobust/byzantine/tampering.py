"""Byzantine attacks by a client that changes the update it trained."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fedrobust.byzantine.base import ByzantineAttack, Vector


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
