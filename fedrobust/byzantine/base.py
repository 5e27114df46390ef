"""The kinds of Byzantine attack, by what the attacker controls.

poisoning   the client trains on data that it changed, or towards another goal
tampering   it changes the update that it trained, knowing only what clients know
collusion   the Byzantine clients agree on what to send, knowing honest updates
backdoor    it poisons data and tampers, and says on which inputs it has succeeded
"""

from abc import ABC
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strategies.validation import Validated

Matrix = NDArray[np.float32]
Vector = NDArray[np.float32]
Images = NDArray[np.float32]
Labels = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class ByzantineAttack(Validated, ABC):
    """What dishonest clients do; one is made for all of them, all rounds and runs.

    So it keeps nothing itself: what colluding clients remember is in their context.
    """

    def check(self, num_clients: int, num_byzantine: int) -> None:
        """Raise ValueError where the attack is undefined for such a federation."""
