"""The local trainer: a client's whole local training, hook included, in one graph.

Weights, optimiser state, data and the order of the examples are arguments. One graph
therefore serves every client and round, and several threads may run it at once.
"""

import contextlib
import copy
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fedrobust.backend import tf
from fedrobust.data.view import Rows
from fedrobust.errors import summary_of
from fedrobust.network import Arrays, Network
from fedrobust.randomness import Purpose, generator, stateless_seed
from fedrobust.training.epoch import ClientInputs, Epoch
from fedrobust.training.hidden_state import UNSEEDED, hidden_state
from fedrobust.training.objective import Objective
from fedrobust.training.optimizer import PureOptimizer
from fedrobust.training.schedule import LocalTraining, Schedule

Images = NDArray[np.float32] | Rows
Examples = tuple[NDArray[np.float32], NDArray[np.int32]]


class DivergedError(ArithmeticError):
    """Local training produced a value that is not finite; no update is sent."""


@dataclass(frozen=True)
class Trained:
    """The result of local training.

    Attributes
    ----------
    arrays
        Weights and non-trainable variables, by name.
    loss
        Mean loss over the steps.
    steps, num_examples
        Number of optimiser steps, and of the client's examples.
    """

    arrays: Arrays
    loss: float
    steps: int
    num_examples: int


class Trainer:
    """Trains a network with an objective and a Keras optimiser.

    Parameters
    ----------
    network
        The network to train.
    objective
        The training hook.
    optimizer
        A fresh ``keras.optimizers.Optimizer``; its state is reset each round. A
        learning-rate schedule continues as if the client had trained in all earlier
        rounds. The rate is thus a function of the round, and depends neither on the
        sampling of clients nor on whether the run was interrupted.
    proximal
        mu of FedProx's term mu / 2 |w - w_received|^2; 0 for none.
    corrected
        Whether ``train`` receives a correction to add to every gradient.
    """

    epoch_class: ClassVar[type[Epoch]] = Epoch

    def __init__(
        self,
        network: Network,
        objective: Objective,
        optimizer: Any,
        *,
        proximal: float = 0.0,
        corrected: bool = False,
    ) -> None:
        self.network = network
        self.objective = objective
        self._corrected = corrected
        self._optimizer = PureOptimizer(optimizer, network.model.trainable_variables)
        self._epoch = self.epoch_class(network, objective, self._optimizer, proximal)
        self._run = self._epoch.compiled_alone(corrected)
        self._run_together = self._epoch.compiled_together()
        self.has_graph = network.has_graph
        # Reasons why repeating the training may give other bits.
        self.doubts: list[str] = []
        self._at_rate: dict[float, Trainer] = {}

    def with_learning_rate(self, rate: float) -> "Trainer":
        """Return a trainer with another constant rate and the same graph, one per rate.

        Raises
        ------
        ValueError
            When the optimiser's rate is not constant.
        """
        if rate not in self._at_rate:
            other = copy.copy(self)
            other._optimizer = self._optimizer.with_learning_rate(rate)
            # Concurrent callers get the same trainer.
            self._at_rate.setdefault(rate, other)
        return self._at_rate[rate]

    def trace(self, examples: Examples | None = None) -> None:
        """Trace the graph, so that a mistake in the hook is reported before round 1.

        If the model, the hook or the optimiser cannot be compiled, take one eager step
        instead. A warning is issued if the cause is the hook or the optimiser; for
        models, ``Network.has_graph`` warns.

        Parameters
        ----------
        examples
            (n, ...) images and (n,) labels for the eager step; None means one black
            image, which a hook that checks its inputs may refuse.
        """
        if not self.has_graph:
            self._try_a_step(examples)
            self._doubt([UNSEEDED] if self.network.draws_unseeded else [])
            return
        try:
            graph = self._run.trace.graph
        except Exception as error:
            # A hook that needs values may raise anything here. If the cause is a real
            # mistake, the eager step raises it again.
            self.has_graph = False
            self._run = self._epoch.stepped_alone(self._corrected)
            self._try_a_step(examples)
            warnings.warn(
                "the local step cannot be compiled, so it runs step by step, many "
                f"times slower: {summary_of(error)}",
                stacklevel=2,
            )
            return
        self._doubt(hidden_state(graph))

    def _doubt(self, doubts: list[str]) -> None:
        """Record and warn why repeating the training may give other bits."""
        self.doubts = doubts
        for doubt in doubts:
            warnings.warn(doubt, stacklevel=3)

    def _try_a_step(self, examples: Examples | None) -> None:
        """Take one step, and discard its result."""
        shape = self.network.model.input_shape[1:]
        x, y = examples or (np.zeros((1, *shape), np.float32), np.zeros(1, np.int32))
        local = LocalTraining(local_steps=1)
        with contextlib.suppress(DivergedError):
            self.train(self.network.arrays(), x, y, local, seed=0, round=1, client=0)

    def train(
        self,
        arrays: Arrays,
        x: Images,
        y: NDArray[np.int32],
        local: LocalTraining,
        *,
        seed: int,
        round: int,
        client: int,
        state: Sequence[NDArray[Any]] | None = None,
        correction: Arrays | None = None,
    ) -> tuple[Trained, list[NDArray[Any]]]:
        """Train for one round.

        Parameters
        ----------
        arrays
            Weights to start from, by name; they are not modified.
        x, y
            (n, ...) images, or a lazy view of them, and (n,) labels.
        local
            Settings of local training.
        seed, round, client
            Key of the batches, of dropout and of the objective's draws.
        state
            Optimiser state to continue with; None means a fresh one.
        correction
            Term added to every gradient, by name of the weight; None adds nothing.

        Returns
        -------
        The trained weights, and the optimiser state after training.

        Raises
        ------
        DivergedError
            When the loss or a weight is not finite.
        """
        schedule = self._schedule(local, len(x), seed, round, client)
        inputs = self._inputs(arrays, x, y, local, schedule, seed, round, client)
        corrections: list[Any] = []
        if self._corrected:
            names = self.network.trainable
            corrections = [
                np.zeros_like(arrays[n]) if correction is None else correction[n]
                for n in names
            ]
        out_trainable, out_fixed, out_state, loss = self._run(
            self._trainable(arrays),
            self._state(local, len(x), round) if state is None else list(state),
            corrections,
            inputs,
            schedule.bounds,
            np.int32(round),
        )
        trained = self.network.join(out_trainable, out_fixed)
        result = self._trained(trained, float(loss), schedule, len(x), round)
        return result, [np.asarray(v) for v in out_state]

    def train_together(
        self,
        arrays: Arrays,
        data: Mapping[int, tuple[Images, NDArray[np.int32]]],
        local: LocalTraining,
        *,
        seed: int,
        round: int,
    ) -> dict[int, Trained | DivergedError]:
        """Train several clients for one round in one program.

        The results are those of ``train`` for each client, up to the order of sums.

        Parameters
        ----------
        arrays, local, seed, round
            As for ``train``.
        data
            Images and labels by client, as for ``train``; all clients must hold equally
            many.

        Returns
        -------
        By client, what ``train`` would return or raise.

        Raises
        ------
        ValueError
            When clients hold different numbers of images, or the trainer needs a
            correction.
        """
        (size, *others) = {len(x) for x, _ in data.values()}
        if others or self._corrected:
            raise ValueError(
                "clients train together only with equally many images and without a "
                "correction"
            )
        schedules = [self._schedule(local, size, seed, round, c) for c in data]
        all_inputs = [
            self._inputs(arrays, x, y, local, schedule, seed, round, client)
            for schedule, (client, (x, y)) in zip(schedules, data.items(), strict=True)
        ]
        out_trainable, out_fixed, loss = self._run_together(
            self._trainable(arrays),
            self._state(local, size, round),
            tf.nest.map_structure(lambda *values: np.stack(values), *all_inputs),
            schedules[0].bounds,
            np.int32(round),
        )
        stacked, losses = self.network.join(out_trainable, out_fixed), np.asarray(loss)
        results: dict[int, Trained | DivergedError] = {}
        for row, client in enumerate(data):
            trained = {name: values[row] for name, values in stacked.items()}
            try:
                results[client] = self._trained(
                    trained, float(losses[row]), schedules[row], size, round
                )
            except DivergedError as error:
                results[client] = error
        return results

    def _schedule(
        self, local: LocalTraining, size: int, seed: int, round: int, client: int
    ) -> Schedule:
        rng = generator(seed, Purpose.BATCHES, round, client)
        return Schedule.draw(local, size, rng, round)

    def _state(self, local: LocalTraining, size: int, round: int) -> list[NDArray[Any]]:
        """Return the optimiser state with which a client starts a round."""
        if not self._optimizer.is_scheduled:
            return self._optimizer.initial_state
        steps = local.steps_before(size, round) * self._epoch.replays
        return self._optimizer.state_after(steps)

    def _trainable(self, arrays: Arrays) -> list[Any]:
        return [arrays[name] for name in self.network.trainable]

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
        """Return the client's inputs to the graph in this round."""
        classes = self.network.num_classes
        dropout = np.zeros(2, np.int32)
        if self.network.draws:
            key = local.simulated_by.dropout_key(round, client)
            dropout = abs(stateless_seed(seed, Purpose.DROPOUT, *key) // 2)
        x_seen, y_seen, order = schedule.seen(x, y)
        one_stream = local.simulated_by.one_stream
        return ClientInputs(
            fixed=self.network.split(arrays, dropout, one_stream)[1],
            x=x_seen,
            y=y_seen,
            class_counts=np.bincount(y, minlength=classes)[:classes].astype(np.float32),
            order=order,
            seed=stateless_seed(seed, Purpose.OBJECTIVE, round, client),
        )

    def _trained(
        self, arrays: Arrays, loss: float, schedule: Schedule, size: int, round: int
    ) -> Trained:
        """Return the checked result; ``loss`` is the sum over the steps."""
        finite = (np.isfinite(values).all() for values in arrays.values())
        if not (math.isfinite(loss) and all(finite)):
            raise DivergedError(
                f"local training diverged in round {round} (loss {loss}): "
                "lower the learning rate"
            )
        steps = (len(schedule.bounds) - 1) * self._epoch.replays
        return Trained(arrays, loss / steps, steps, size)
