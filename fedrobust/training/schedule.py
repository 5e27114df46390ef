"""How long clients train in a round, and which examples make each batch."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class LocalTraining:
    """How a client trains in a round, whatever its objective, and what it remembers.

    Parameters
    ----------
    local_epochs
        Passes over the client's images; without effect when ``local_steps`` is given.
    local_steps
        Batches; passes are repeated until there are so many.
    epochs_decay, epochs_decay_every
        FedDynAT's schedule (Shah, Dube, Chakraborty, Verma: Adversarial training in
        communication constrained federated learning, 2021): the passes are multiplied
        by ``epochs_decay`` in (0, 1] every so many rounds, rounded, and at least one.
        Long at first they converge fast, short later they drift apart less. (The
        paper's algorithm also fuses by FedCurv; here the rule is the strategy's.)
    batch_size
        Images a batch; the last batch of a pass may be smaller.
    shuffle
        Whether each pass has a new order; else it is that of the data in every round.
    proximal
        mu of FedProx (Li et al.: Federated Optimization in Heterogeneous Networks,
        MLSys 2020, equation 2): mu / 2 |w - w_global|^2 is added to the loss. (The
        code of SFAT leaves out the square.)
    scaffold
        Correct every step by control variates, see ``fedrobust.training.scaffold``.
    momentum
        Worker momentum beta in [0, 1): the client sends m = beta m + update, and keeps
        m across rounds, as the code of Karimireddy et al. 2022 does.
    dampening
        Send m = beta m + (1 - beta) update instead, as ByzFL does, and as Karimireddy,
        He, Jaggi: Learning from History for Byzantine Robust Optimization, ICML 2021,
        Algorithm 2, writes it. At one learning rate it goes 1 - beta times as far.
    byzantine_momentum
        Whether dishonest clients keep a momentum too; those of Karimireddy et al. 2022
        do not.
    dropout_masks
        ``own`` are drawn by each layer of each client in each round. Of ``client`` ones
        all layers draw from one stream, so that layers of one size leave out the same
        units; ``shared`` ones are the same for all clients of a round whose batches are
        of one size, too, ``constant`` ones in every round too, as in the code of
        Karimireddy et al. 2022 on a CPU and on a GPU.
    """

    local_epochs: int = 1
    local_steps: int | None = None
    epochs_decay: float = 1.0
    epochs_decay_every: int = 1
    batch_size: int = 32
    shuffle: bool = True
    proximal: float = 0.0
    scaffold: bool = False
    momentum: float = 0.0
    dampening: bool = False
    byzantine_momentum: bool = True
    dropout_masks: str = "own"

    def __post_init__(self) -> None:
        require_between("local_epochs", self.local_epochs, 1)
        if self.local_steps is not None:
            require_between("local_steps", self.local_steps, 1)
        decay = self.epochs_decay
        require(0 < decay <= 1, "epochs_decay", decay, "above 0, at most 1")
        require(
            decay == 1 or self.local_steps is None,
            "epochs_decay",
            decay,
            "1 where local_steps says how long clients train",
        )
        require_between("epochs_decay_every", self.epochs_decay_every, 1)
        require_between("batch_size", self.batch_size, 1)
        require_between("proximal", self.proximal, 0)
        require(0 <= self.momentum < 1, "momentum", self.momentum, "in [0, 1)")
        require(
            self.dropout_masks in ("own", "client", "shared", "constant"),
            "dropout_masks",
            self.dropout_masks,
            "'own', 'client', 'shared' or 'constant'",
        )
        require(
            not self.scaffold or self.momentum == self.proximal == 0,
            "scaffold",
            self.scaffold,
            "false where momentum or proximal is not 0: one correction at a time",
        )

    def dropout_key(self, round: int, client: int) -> tuple[int, int]:
        """Give round and client of the key that a client's dropout is drawn by."""
        if self.dropout_masks in ("own", "client"):
            return round, client
        return (round, 0) if self.dropout_masks == "shared" else (0, 0)

    def epochs(self, round: int) -> int:
        """Give the passes of a round, from 1."""
        decays = (round - 1) // self.epochs_decay_every
        return max(1, math.floor(self.local_epochs * self.epochs_decay**decays + 0.5))

    def steps(self, num_examples: int, round: int) -> int:
        """Batches of a client with so many images in a round, from 1."""
        if self.local_steps is not None:
            return self.local_steps
        return self.epochs(round) * math.ceil(num_examples / self.batch_size)

    def steps_before(self, num_examples: int, round: int) -> int:
        """Batches of a client with so many images in all rounds before one."""
        return sum(self.steps(num_examples, earlier) for earlier in range(1, round))


@dataclass(frozen=True)
class Schedule:
    """Which examples make each batch.

    Attributes
    ----------
    order
        (m,) row numbers, one batch after the other.
    bounds
        (steps + 1,) where each batch starts in ``order``, and the end.
    """

    order: NDArray[np.int32]
    bounds: NDArray[np.int32]

    def seen(
        self, x: Any, y: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32]]:
        """Gather the images and labels that the batches need, and their order.

        Of a pass that is cut short these are only what is seen.
        """
        used = self.order[: self.bounds[-1]]
        if len(used) >= len(x):
            return x[:], y, self.order
        return x[used], y[used], np.arange(len(used), dtype=np.int32)

    @classmethod
    def draw(
        cls,
        local: LocalTraining,
        num_examples: int,
        rng: np.random.Generator,
        round: int = 1,
    ) -> "Schedule":
        """Order passes over ``num_examples`` rows and cut them into batches."""
        require_between("num_examples", num_examples, 1)
        per_pass = math.ceil(num_examples / local.batch_size)
        if local.local_steps is None:
            passes, steps = local.epochs(round), None
        else:
            passes, steps = math.ceil(local.local_steps / per_pass), local.local_steps
        one_pass = np.arange(num_examples)
        order = [
            rng.permutation(num_examples) if local.shuffle else one_pass
            for _ in range(passes)
        ]
        ends = np.arange(1, per_pass + 1) * local.batch_size
        starts = num_examples * np.arange(passes)[:, None]
        bounds = (starts + ends.clip(max=num_examples)).reshape(-1)[:steps]
        return cls(
            np.concatenate(order).astype(np.int32),
            np.concatenate([[0], bounds]).astype(np.int32),
        )
