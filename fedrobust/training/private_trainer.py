"""A trainer with DP-SGD: what leaves it is differentially private by example."""

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fedrobust.errors import summary_of
from fedrobust.network import Arrays
from fedrobust.randomness import Purpose, generator, stateless_seed
from fedrobust.training.epoch import ClientInputs, Epoch
from fedrobust.training.hidden_state import hidden_state
from fedrobust.training.poisson import PoissonSchedule, sampling_rate
from fedrobust.training.private_epoch import PrivateEpoch, PrivateInputs
from fedrobust.training.schedule import LocalTraining, Schedule
from fedrobust.training.separation import check_private, require_private
from fedrobust.training.trainer import (
    DivergedError,
    Examples,
    Images,
    Trained,
    Trainer,
)


@dataclass(frozen=True)
class ExampleNoise:
    """The clipping and the noise of DP-SGD.

    Attributes
    ----------
    clip
        Largest norm of one example's gradient.
    multiplier
        Standard deviation of the noise over ``clip``.
    seed
        Key of the noise and of the batches, which nobody may know who is to learn
        nothing of an example.
    """

    clip: float = 1.0
    multiplier: float = 1.0
    seed: int = 0


class PrivateTrainer(Trainer):
    """Trains with per-example clipping, Gaussian noise and Poisson batches.

    Takes the parameters of ``Trainer``. Weights, the number of steps and the number of
    examples may leave the client; ``Trained.loss`` is not noised and may not.

    Attributes
    ----------
    noise
        The clipping and the noise, which are arguments of the graph.
    """

    epoch_class: ClassVar[type[Epoch]] = PrivateEpoch

    noise: ExampleNoise = ExampleNoise()

    def with_noise(self, noise: ExampleNoise) -> "PrivateTrainer":
        """Return a trainer with other clipping and noise, and the same graph."""
        other = copy.copy(self)
        other.noise = noise
        return other

    def trace(self, examples: Examples | None = None) -> None:
        """Trace the graph, and check that each example's gradient is its own.

        Parameters
        ----------
        examples
            (n, ...) images and (n,) labels to check it on; None means random ones.

        Raises
        ------
        ValueError
            When something in the model or the objective depends on several examples at
            once, or the step cannot be compiled.
        """
        require_private(self.network, self.objective, self._optimizer)
        check_private(self.network, self.objective, examples)
        try:
            graph = self._run.trace.graph
        except Exception as error:
            # The user's hook may raise anything.
            raise ValueError(
                "the private step must be compiled, but that fails: "
                f"{summary_of(error)}"
            ) from error
        self._doubt(hidden_state(graph))

    def train_together(self, *_: Any, **__: Any) -> Any:
        """Raise ValueError, because DP-SGD trains each client alone."""
        raise ValueError(
            "clients with privacy=dp_sgd train alone: set runtime.cohort to 1"
        )

    def _schedule(
        self, local: LocalTraining, size: int, seed: int, round: int, client: int
    ) -> Schedule:
        # Who knows the batches of a step loses the amplification by sampling, so they
        # share the noise's key.
        rng = generator(self.noise.seed, Purpose.PRIVATE_BATCHES, round, client)
        return PoissonSchedule.draw(local, size, rng, round)

    def _inputs(
        self,
        arrays: Arrays,
        x: Images,
        y: NDArray[np.int32],
        local: LocalTraining,
        schedule: Schedule,
        seed: int,
        round: int,
        client: int,
    ) -> ClientInputs:
        inputs = super()._inputs(arrays, x, y, local, schedule, seed, round, client)
        n, noise = len(y), self.noise
        return inputs._replace(
            private=PrivateInputs(
                clip=np.float32(noise.clip),
                noise_multiplier=np.float32(noise.multiplier),
                expected=np.float32(sampling_rate(local.batch_size, n) * n),
                key=stateless_seed(noise.seed, Purpose.EXAMPLE_NOISE, round, client),
            )
        )

    def _trained(
        self, arrays: Arrays, loss: float, schedule: Schedule, size: int, round: int
    ) -> Trained:
        """Return the result; whether it is finite depends on released values alone."""
        if not all(np.isfinite(values).all() for values in arrays.values()):
            raise DivergedError(
                f"local training diverged in round {round}: lower the learning rate"
            )
        steps = len(schedule.bounds) - 1
        return Trained(arrays, loss / steps, steps, size)
