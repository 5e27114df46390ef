"""The kinds of Byzantine attack, by what the attacker controls.

poisoning   the client trains on data that it changed, or with another objective
tampering   the client changes the update that it trained, knowing what clients know
collusion   the Byzantine clients agree on what to send, knowing honest updates
backdoor    the client poisons data and tampers; success is measured on its trigger
"""

from abc import ABC
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from strategies.validation import Validated

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Images = NDArray[np.float32]
Labels = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class ByzantineAttack(Validated, ABC):
    """The base class of Byzantine attacks.

    One instance serves all Byzantine clients, rounds and runs, so it has no state: the
    memory of colluding clients is a field of their context.
    """

    # Raise it when a default or a result changes, so that no old result is reused.
    version: ClassVar[int] = 1

    def check(self, num_clients: int, num_byzantine: int) -> None:
        """Raise ValueError if the attack is undefined for such a federation."""
