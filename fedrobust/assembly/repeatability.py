"""Try, before a run begins, whether it would give the same bits again.

Draws in a graph are found there. What Python draws while a hook or a model of a user's
own is built or traced is a constant of the graph, and what it draws in a
``tf.py_function`` is not in the graph at all: both show when everything is built twice
and takes the same step. A draw that one step seldom makes does not.
"""

import json
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from fedrobust import OURS
from fedrobust.assembly.cache import TRAINERS, cached, key_of
from fedrobust.assembly.networks import (
    initial_arrays_of_key,
    keras_model,
    network_for,
)
from fedrobust.assembly.trainers import (
    build_trainer,
    first_examples,
    trainer_keys,
    trainer_of_keys,
)
from fedrobust.config import Config
from fedrobust.errors import summary_of
from fedrobust.network import Arrays, Network
from fedrobust.training.schedule import LocalTraining
from fedrobust.training.trainer import DivergedError, Examples, Trainer

UNSCALED = (
    "the model computes in float16, where gradients below 6e-8 are zero: set "
    "training.optimizer.loss_scale_factor, say to 1024, or compute in mixed_bfloat16"
)


def check_training(config: Config) -> list[str]:
    """Build all that a run trains with, and warn where it would not repeat.

    Returns
    -------
    Sentences that say why the same configuration may give other bits; none as a rule.

    Raises
    ------
    ConfigError
        When something cannot be built.
    """
    keys = trainer_keys(config)
    found = sorted({doubt for key in keys for doubt in _doubts(*key)})
    network = network_for(config)
    scale = config.training.optimizer.get("loss_scale_factor")
    notes = [UNSCALED] if network.has_graph and network.is_narrow and not scale else []
    for text in (*found, *notes):
        warnings.warn(text, stacklevel=2)
    return found


@cached(TRAINERS)
def _doubts(kind: str, network: str, hook: str, steps: str) -> list[str]:
    trainer = trainer_of_keys(kind, network, hook, steps)
    if trainer.doubts or not _is_own([json.loads(k) for k in (network, hook, steps)]):
        return trainer.doubts
    try:
        return _doubts_when_built_again(trainer, kind, network, hook, steps)
    except Exception as error:
        # Whatever a user's code raises. It may refuse to be built twice, or refuse
        # these examples, and be right: that is no reason to end the run.
        return [
            "whether the same configuration gives the same numbers again could not be "
            f"tried: {summary_of(error)}"
        ]


def _doubts_when_built_again(
    trainer: Trainer, kind: str, network: str, hook: str, steps: str
) -> list[str]:
    """Build all of a trainer a second time, and compare one step of both."""
    dataset, model = json.loads(network)
    examples = first_examples(network)
    # Building it the first time has caused the same warnings.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = Network(keras_model(dataset, model, seed=0))
        second = build_trainer(kind, again, hook, steps, examples)
    start = initial_arrays_of_key(key_of(dataset, model, 0))
    if not _same(start, again.arrays()):
        return [
            "the model starts from other weights each time it is built, whatever the "
            "seed: draw them by Keras's initialisers"
        ]
    with ThreadPoolExecutor(1) as another_thread:
        # Keras has a global seed generator for each thread, which no step advances.
        repeated = another_thread.submit(_step, second, start, examples).result()
    if not _same(_step(trainer, start, examples), repeated):
        return [
            "the local step gives other weights when all is built again, so the same "
            "configuration gives other numbers each time: draw nothing in Python, by "
            "TensorFlow only with the seed that perturb is given, and by keras.random "
            "only from a keras.random.SeedGenerator that a layer has as an attribute"
        ]
    return []


def _is_own(node: Any) -> bool:
    """Whether a configuration names a class or function of a user's own."""
    if isinstance(node, dict):
        target = str(node.get("_target_", "keras."))
        is_own = not target.startswith((*OURS, "keras."))
        return is_own or any(map(_is_own, node.values()))
    return isinstance(node, list) and any(map(_is_own, node))


def _step(trainer: Trainer, start: Arrays, examples: Examples) -> Arrays:
    """Weights and loss after one step; nothing if it diverged."""
    local = LocalTraining(local_steps=1)
    try:
        trained, _ = trainer.train(start, *examples, local, seed=0, round=1, client=0)
    except DivergedError:
        return {}
    return trained.arrays | {"loss": np.asarray(trained.loss)}


def _same(one: Arrays, other: Arrays) -> bool:
    """Whether all values are equal, whatever Keras calls the layers they are of."""
    pairs = zip(one.values(), other.values(), strict=False)
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in pairs)
