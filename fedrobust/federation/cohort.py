"""Cohorts: clients that train together, in one program, before their messages go out.

One client of a small model does not keep a core busy, but a batched program of
``runtime.cohort`` clients does. The ClientApp, its mods and its messages do not change:
a client that receives a train message takes its result from the cohort. Batched
training sums in another order than single training, so the key is part of the digest.
Groups depend only on the sampled clients.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flwr.app import Message, MessageType
from flwr.serverapp import Grid

from fedrobust.assembly import Experiment
from fedrobust.backend import tf
from fedrobust.network import Arrays
from fedrobust.training.trainer import Trained, Trainer
from strategies.threads import parallel_map
from strategies.transport.arrays import unpack_all
from strategies.transport.grids import WrappedGrid
from strategies.transport.requests import read_request


@dataclass(frozen=True)
class Group:
    """Clients with the same trainer and number of images; one program trains them."""

    trainer: Trainer
    clients: Sequence[int]


class Cohort:
    """Trains clients in groups, and keeps each result until its client takes it.

    Parameters
    ----------
    experiment
        The experiment of the clients; ``runtime.cohort`` is the size of a full group.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment
        self._config = experiment.config
        self._trained: dict[int, Trained | Exception] = {}

    def train(self, arrays: Arrays, round: int, clients: Iterable[int]) -> None:
        """Train the clients of a round, except those without a group.

        Parameters
        ----------
        arrays
            The global arrays, by name.
        round
            The round, from 1.
        clients
            Partition ids of the sampled clients.
        """
        clients = list(clients)
        groups = self.groups(round, clients)
        together = sum(len(group.clients) for group in groups)
        if len(clients) > 1 and 2 * together < len(clients):
            warnings.warn(
                f"runtime.cohort={self._config.cohort} trains fewer than half of the "
                "clients together: clients of a group need equally many images, the "
                "same objective, and a model and a hook that can be compiled",
                stacklevel=2,
            )
        workers = self._config.runtime.get("workers")
        self._trained = {}
        for by_client in parallel_map(
            lambda group: self._train(arrays, round, group), groups, workers
        ):
            self._trained |= by_client

    def take(self, client: int) -> Trained | None:
        """Return a client's result of this round, once; None if it must train alone.

        Raises
        ------
        DivergedError
            When a loss or a weight of the client is not finite.
        MemoryError
            When there was too little memory for its group.
        """
        result = self._trained.pop(client, None)
        if isinstance(result, Exception):
            raise result
        return result

    def groups(self, round: int, clients: Iterable[int]) -> list[Group]:
        """Group clients in the order of their ids."""
        alike: dict[tuple[Trainer, int], list[int]] = {}
        for client in sorted(clients):
            trainer = self._experiment.trainer_of_client(client, round)
            size = len(self._experiment.client_rows(client)[0])
            if size > 0 and trainer.has_graph:
                alike.setdefault((trainer, size), []).append(client)
        most = self._config.cohort
        return [
            Group(trainer, members[start : start + most])
            for (trainer, _), members in alike.items()
            for start in range(0, len(members), most)
            if len(members[start : start + most]) > 1
        ]

    def _train(
        self, arrays: Arrays, round: int, group: Group
    ) -> Mapping[int, Trained | Exception]:
        try:
            data = {
                client: self._experiment.training_data(client, round)
                for client in group.clients
            }
            return group.trainer.train_together(
                arrays, data, self._config.training, seed=self._config.seed, round=round
            )
        except (MemoryError, tf.errors.ResourceExhaustedError):
            # Single training might fit, but then the free memory would decide bits.
            error = MemoryError("no memory to train together: lower runtime.cohort")
            return dict.fromkeys(group.clients, error)
        except (Exception, SystemExit) as error:
            # The user's code may raise anything, and no client may end the run.
            reason = " ".join(str(error).split())[:200]
            warnings.warn(
                f"clients cannot be trained together, so each trains alone: {reason}",
                stacklevel=2,
            )
            return {}


class CohortGrid(WrappedGrid):
    """Let the cohort train before train messages go out.

    Parameters
    ----------
    grid
        The grid that carries the messages to clients of this process.
    cohort
        The cohort from which their ClientApp takes its results.
    client_ids
        Partition id of each node.
    """

    def __init__(
        self, grid: Grid, cohort: Cohort, client_ids: Mapping[int, int]
    ) -> None:
        super().__init__(grid)
        self._cohort = cohort
        self._client_ids = dict(client_ids)

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        """Train, then send messages on."""
        sent = list(messages)
        is_train = sent and sent[0].metadata.message_type == MessageType.TRAIN
        # Secure aggregation has train messages without arrays, for keys and shares.
        if is_train and sent[0].content.array_records:
            arrays, round = read_request(sent[0])
            clients = [self._client_ids[m.metadata.dst_node_id] for m in sent]
            self._cohort.train(unpack_all(arrays), round, clients)
        return super().send_and_receive(sent, timeout=timeout)
