"""The length of local training, and the examples of each batch."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.training.simulator import Simulator
from strategies.validation import require, require_between


@dataclass(frozen=True, kw_only=True)
class LocalTraining:
    """Settings of a client's local training that do not depend on the objective.

    Parameters
    ----------
    local_epochs
        Passes over the client's images, at least 1; ignored if
        ``local_steps`` is given.
    local_steps
        Number of batches, at least 1; passes are repeated until there are so many.
    epochs_decay, epochs_decay_every
        The schedule of FedDynAT (Shah, Dube, Chakraborty, Verma: Adversarial training
        in communication constrained federated learning, 2021): the number of passes is
        multiplied by ``epochs_decay`` in (0, 1] every so many rounds, rounded, and at
        least 1. Many passes in early rounds converge fast, and few passes in later
        rounds reduce client drift. (The paper's algorithm also aggregates by FedCurv;
        here the strategy aggregates.)
    batch_size
        Images per batch, at least 1; the last batch of a pass may be smaller.
    shuffle
        Whether each pass has a new order; otherwise the order is that of the data.
    proximal
        mu of FedProx (Li et al.: Federated Optimization in Heterogeneous Networks,
        MLSys 2020, equation 2), at least 0: mu / 2 |w - w_global|^2 is added to the
        loss. (The code of SFAT omits the square.)
    scaffold
        Correct every step by control variates; see ``fedrobust.training.scaffold``.
    momentum
        Worker momentum beta in [0, 1): the client sends m = beta m + update, and keeps
        m across rounds, as in the code of Karimireddy et al. 2022.
    dampening
        Send m = beta m + (1 - beta) update instead, as in ByzFL and in Karimireddy, He,
        Jaggi: Learning from History for Byzantine Robust Optimization, ICML 2021,
        Algorithm 2. For one learning rate, its steps are 1 - beta times as long.
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
            "1 if local_steps is set",
        )
        require_between("epochs_decay_every", self.epochs_decay_every, 1)
        require_between("batch_size", self.batch_size, 1)
        require_between("proximal", self.proximal, 0)
        require(0 <= self.momentum < 1, "momentum", self.momentum, "in [0, 1)")
        require(
            not self.scaffold or self.momentum == self.proximal == 0,
            "scaffold",
            self.scaffold,
            "false if momentum or proximal is not 0, because only one correction of "
            "the updates is possible",
        )

    @property
    def simulated_by(self) -> Simulator:
        """What decides whose dropout masks are drawn and who keeps a momentum."""
        return Simulator()

    def epochs(self, round: int) -> int:
        """Return the number of passes in a round, which counts from 1."""
        decays = (round - 1) // self.epochs_decay_every
        return max(1, math.floor(self.local_epochs * self.epochs_decay**decays + 0.5))

    def steps(self, num_examples: int, round: int) -> int:
        """Return the number of batches of a client with so many images in a round."""
        if self.local_steps is not None:
            return self.local_steps
        return self.epochs(round) * math.ceil(num_examples / self.batch_size)

    def steps_before(self, num_examples: int, round: int) -> int:
        """Return the number of batches of such a client in all earlier rounds."""
        return sum(self.steps(num_examples, earlier) for earlier in range(1, round))


@dataclass(frozen=True)
class Schedule:
    """The examples of each batch.

    Attributes
    ----------
    order
        (m,) row numbers, one batch after the other.
    bounds
        (batches + 1,) start of each batch in ``order``, and the end of the last.
    """

    order: NDArray[np.int32]
    bounds: NDArray[np.int32]

    def seen(
        self, x: Any, y: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int32]]:
        """Return the images and labels that the batches need, and their order.

        If a single pass is cut short, only the examples in its batches are gathered.
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
        """Draw the order of passes over ``num_examples`` rows, cut into batches."""
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
