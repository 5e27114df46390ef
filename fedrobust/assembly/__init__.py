"""What runs share in one process: data, partitions, models and compiled trainers.

Each is made once for its part of the configuration and then given to every client,
round and further run of a sweep that asks for the same.
"""

from fedrobust.assembly.byzantine import (
    byzantine_attack,
    byzantine_ids,
    check_poisoning,
    dishonest_ids,
    training_data,
)
from fedrobust.assembly.cache import forget, make
from fedrobust.assembly.data import (
    client_rows,
    digest_of_partition,
    partition_of,
    root_data,
    split_of,
)
from fedrobust.assembly.evaluation import attacks_of, evaluator_for
from fedrobust.assembly.networks import check_saving, initial_arrays, network_for
from fedrobust.assembly.repeatability import check_training
from fedrobust.assembly.trainers import objective_ids, trainer_for, trainer_of_client

__all__ = [
    "attacks_of",
    "byzantine_attack",
    "byzantine_ids",
    "check_poisoning",
    "check_saving",
    "check_training",
    "client_rows",
    "digest_of_partition",
    "dishonest_ids",
    "evaluator_for",
    "forget",
    "initial_arrays",
    "make",
    "network_for",
    "objective_ids",
    "partition_of",
    "root_data",
    "split_of",
    "trainer_for",
    "trainer_of_client",
    "training_data",
]
