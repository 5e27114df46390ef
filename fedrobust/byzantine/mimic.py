"""Mimic: all Byzantine clients copy one honest client, which gets too much weight.

    u' = x_i*,   i* = argmax_i <x_i, z>,   z = the direction of largest variance
    z <- unit(t / (t + 1) z + 1 / (t + 1) unit(sum_i (x_i - mu) <x_i - mu, z>))

Karimireddy, He, Jaggi: Byzantine-Robust Learning on Heterogeneous Datasets via
Bucketing, ICLR 2022, Section 3.2 and the authors' code. The attacker knows every honest
update of the round (after worker momentum). It sends an honest update, so no rule can
detect it; the attack is effective if clients hold different data.
z starts at N(0, I), and mu is the mean over the rounds so far. As in the authors' code,
the new term has length 1 (in the paper its length grows with the updates), and i* is
chosen by the updates of the current round. ByzFL and FLPoison copy a fixed client;
FLPoison may choose an attacker.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedrobust.byzantine.base import Matrix
from fedrobust.byzantine.collusion import AttackContext, Collusion, copies
from fedrobust.byzantine.directions import Wide
from fedrobust.randomness import Purpose, generator
from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class Mimic(Collusion):
    """Copy an honest client, the same one in every round.

    In a round without a reply from that client, the first honest row is copied.

    Parameters
    ----------
    mode
        ``variance`` chooses by the direction of largest variance; ``fixed`` copies
        ``client``.
    client
        Id of the client to copy (its row number if ids are unknown); None means the
        first honest row of the first round. Only for mode ``fixed``.
    warmup
        Rounds in which the direction is learned and the choice may change, at least 1.
    """

    mode: str = "variance"
    client: int | None = None
    warmup: int = 1

    def __post_init__(self) -> None:
        require(
            self.mode in ("variance", "fixed"),
            "mode",
            self.mode,
            "'variance' or 'fixed'",
        )
        if self.client is not None:
            require_between("client", self.client, 0)
            require(
                self.mode == "fixed", "client", self.client, "null unless mode is fixed"
            )
        require_between("warmup", self.warmup, 1)

    def craft(
        self, honest: Matrix, num_byzantine: int, context: AttackContext
    ) -> Matrix:
        """Copy the chosen client; during warm-up, first choose it again."""
        clients = range(len(honest)) if context.clients is None else context.clients
        memory = context.memory
        if self.mode == "fixed":
            memory.setdefault(
                "client", clients[0] if self.client is None else self.client
            )
        elif memory.get("rounds", 0) < self.warmup:
            self._choose(honest, clients, context)
        chosen = memory["client"]
        row = list(clients).index(chosen) if chosen in clients else 0
        context.chosen["client"] = clients[row]
        return copies(honest[row], num_byzantine)

    def _choose(
        self, honest: Matrix, clients: Sequence[int], context: AttackContext
    ) -> None:
        """Refine the direction of largest variance, and choose the client by it."""
        memory = context.memory
        past = memory.get("rounds", 0)
        wide = honest.astype(np.float64)
        mean: Wide = wide.mean(axis=0)
        if past == 0:
            rng = generator(context.seed, Purpose.COLLUSION, context.round)
            z = _unit(rng.standard_normal(mean.shape))
        else:
            z = memory["z"]
            mean = (past * memory["mean"] + mean) / (past + 1)
        wide -= mean
        step: Wide = (wide @ z) @ wide
        if step.any():  # for equal updates, keep the direction
            z = _unit((past * z + _unit(step)) / (past + 1))
        memory["client"] = clients[int(np.argmax(honest @ z))]
        memory["rounds"] = past + 1
        if past + 1 < self.warmup:
            memory.update(z=z, mean=mean)
        else:
            memory.pop("z", None)
            memory.pop("mean", None)


def _unit(vector: Wide) -> Wide:
    norm = float(np.linalg.norm(vector))
    return vector / norm if norm > 0 else vector
