"""An experiment: a checked configuration and its parts, built at their first use."""

import secrets
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fedrobust.assembly import (
    byzantine,
    data,
    evaluation,
    networks,
    privacy,
    protection,
    trainers,
)
from fedrobust.assembly.cache import component_of, component_of_kind
from fedrobust.assembly.repeatability import check_training
from fedrobust.attacks.base import Attack
from fedrobust.byzantine import ByzantineAttack
from fedrobust.config import Config
from fedrobust.config.typed import with_key
from fedrobust.data import Split
from fedrobust.data.view import Rows
from fedrobust.evaluation.evaluator import Evaluator
from fedrobust.network import Arrays, Network
from fedrobust.privacy.ledger import Ledger, Tariff
from fedrobust.privacy.mechanism import Mechanism
from fedrobust.runtime.base import Runtime
from fedrobust.tracking.base import Tracking
from fedrobust.training.trainer import Trainer
from strategies.postprocessors import Postprocessor
from strategies.rules.base import Rule
from strategies.sampling import Sampling

if TYPE_CHECKING:
    from flwr.clientapp.typing import Mod


class Experiment:
    """The parts that a configuration names: data, model, trainers, attacks, evaluator.

    Each part is built at its first use, from the component that the check of the
    configuration constructed. Parts that take long to build are cached by the nodes
    that they depend on, so that all experiments of a process share them.

    Parameters
    ----------
    config
        A configuration that ``load_config`` checked.

    Raises
    ------
    ConfigError
        At the first use of a part that cannot be built, with the key and the reason.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        # Two runs of one configuration must not share it.
        self._secret = secrets.randbits(128)

    # The data, and the images that each client holds.

    @property
    def split(self) -> Split:
        """The data set in memory."""
        return data.split_of(self.config)

    @property
    def partition(self) -> list[NDArray[np.int64]]:
        """All rows of each client, including those it holds out."""
        return data.partition_of(self.config)

    @property
    def partition_digest(self) -> str | None:
        """The digest of the partition; None in centralised training."""
        return data.digest_of_partition(self.config)

    def client_rows(self, client: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the rows that a client trains on, and the rows that it holds out."""
        return data.client_rows(self.config, client)

    def root_data(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Draw the server's own images and labels, as in FLTrust."""
        return data.root_data(self.config)

    # The model, and what trains it.

    @property
    def network(self) -> Network:
        """The shared network of the model, whose current weights are arbitrary."""
        return networks.network_for(self.config)

    def initial_arrays(self) -> Arrays:
        """Return the initial arrays, which depend on the seed of the run."""
        return networks.initial_arrays(self.config)

    @property
    def trainer(self) -> Trainer:
        """The compiled trainer of the objective."""
        return trainers.trainer_for(self.config, self.noise_seed)

    def trainer_of_client(self, client: int, round: int) -> Trainer:
        """Return the trainer of a client, whose objective may depend on the round."""
        return trainers.trainer_of_client(self.config, client, round, self.noise_seed)

    @property
    def trains_privately(self) -> bool:
        """Whether local training is differentially private by example."""
        return trainers.trains_privately(self.config)

    @property
    def objective_clients(self) -> list[int]:
        """The clients that train with the objective; the others train clean."""
        return trainers.objective_clients(self.config)

    # Byzantine clients.

    @property
    def byzantine_attack(self) -> ByzantineAttack | None:
        """The attack of the Byzantine clients; None if all clients are honest."""
        return byzantine.byzantine_attack(self.config)

    def byzantine_clients(self, round: int) -> list[int]:
        """Return the clients that are Byzantine in a round.

        There are none before ``byzantine_from_round``. With ``byzantine=none`` these
        clients behave honestly, and ``attackers`` does not list them.
        ``Config.drawn_byzantine`` returns the drawn clients before that round too.
        """
        return byzantine.byzantine_clients(self.config, round)

    def attackers(self, round: int) -> list[int]:
        """Return the Byzantine clients that attack in a round.

        There are none with ``byzantine=none``.
        """
        return byzantine.attackers(self.config, round)

    def training_data(
        self, client: int, round: int
    ) -> tuple[NDArray[np.float32] | Rows, NDArray[np.int32]]:
        """Return a client's images and labels, poisoned if its attack does so."""
        return byzantine.training_data(self.config, client, round)

    # The server.

    @property
    def runtime(self) -> Runtime:
        """The runtime that carries the messages."""
        runtime: Runtime = component_of(self.config.runtime, "runtime")
        return runtime

    @property
    def rule(self) -> Rule:
        """The aggregation rule."""
        rule: Rule = component_of(self.config.strategy.rule, "strategy.rule")
        return rule

    @property
    def preaggregators(self) -> list[Any]:
        """The pre-aggregators in their order; group-wise secure sums come first."""
        nodes = self.config.preaggregator
        return [
            *privacy.groups_of(self.config),
            *(component_of(n, f"preaggregator.{name}") for name, n in nodes.items()),
        ]

    @property
    def server_optimizer(self) -> Any:
        """The optimiser with which the server applies the aggregate."""
        node = self.config.strategy.server_optimizer
        return component_of(node, "strategy.server_optimizer")

    @property
    def mechanism(self) -> Mechanism | None:
        """The privacy mechanism; None without one."""
        return privacy.mechanism_of(self.config)

    @property
    def noise_multiplier(self) -> float:
        """The noise multiplier of the mechanism; 0 without noise."""
        return privacy.noise_multiplier_of(self.config)

    def ledger(self) -> Ledger | None:
        """Return a ledger of what all clients spend; None if there is no epsilon."""
        return privacy.ledger_of(self.config)

    def tariff(self, clients: Collection[int]) -> Tariff:
        """Return what a round costs if only these clients take part."""
        return privacy.tariff_for(self.config, clients)

    @property
    def noise_seed(self) -> int:
        """The seed of the noise: the run's, or one that nobody knows.

        A secret one is drawn once for an experiment, from the operating system.
        """
        is_secret = privacy.has_secret_noise(self.config)
        return self._secret if is_secret else self.config.seed

    @property
    def sampling(self) -> Sampling:
        """How a round samples clients: ``fixed`` or ``poisson``."""
        return protection.sampling_of(self.config)

    @property
    def sampling_seed(self) -> int:
        """The key with which the clients of a round are sampled."""
        return protection.sampling_seed(self.config, self.noise_seed)

    @property
    def postprocessors(self) -> list[Postprocessor]:
        """What the mechanism does to updates and aggregate at the server."""
        return protection.postprocessors_of(self.config, self.noise_seed)

    @property
    def client_mods(self) -> "list[Mod]":
        """The Flower mods of the mechanism, which honest clients apply."""
        return protection.mods_of(self.config)

    @property
    def tracking(self) -> Tracking | None:
        """The sink of the run's figures; None without one."""
        node = self.config.tracking
        if not node:
            return None
        made: Tracking = component_of_kind(node, "tracking", Tracking)
        with_key("tracking", made.check)
        return made

    # Evaluation.

    @property
    def attacks(self) -> dict[str, Attack]:
        """The evasion attacks by name, at the largest epsilon."""
        return evaluation.attacks_of(self.config)

    def evaluator(self, x: Any = None, y: Any = None) -> Evaluator:
        """Return the evaluator, on the test set or on a client's own examples.

        The scores of a client are not checked.
        """
        return evaluation.evaluator_for(self.config, x, y)

    def check(self, will_train: bool = True) -> list[str]:
        """Build everything that a run trains with, and warn of problems.

        Parameters
        ----------
        will_train
            Whether the model will be trained, and so must be one that can be saved.

        Returns
        -------
        The reasons, one sentence each, why the same run may give other bits; usually
        empty.
        """
        if not self.config.centralised:
            _ = self.partition
            _ = self.postprocessors
        if will_train:
            networks.check_weights(self.config)
        doubts = check_training(self.config) + protection.doubts_about(self.config)
        privacy.check_set_up(self.config)
        byzantine.check_poisoning(self.config)
        if will_train:
            networks.check_saving(self.config)
        return doubts
