"""Check before a run whether it would give the same bits again.

Random draws of TensorFlow show in the graph. Draws by Python do not: while a user's
hook or model is built or traced they become constants of the graph, and in a
``tf.py_function`` they are outside it. Both are found by building everything twice and
comparing one step. A draw that a single step rarely makes can stay undetected.
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
    "training.optimizer.loss_scale_factor to 1024, or compute in mixed_bfloat16"
)


def check_training(config: Config) -> list[str]:
    """Build everything that a run trains with, and warn if it would not repeat.

    Returns
    -------
    The reasons, one sentence each, why the same configuration may give other bits;
    usually empty.

    Raises
    ------
    ConfigError
        When a part cannot be built.
    """
    keys = trainer_keys(config)
    doubts = sorted({doubt for key in keys for doubt in _doubts(*key)})
    network = network_for(config)
    scale = config.training.optimizer.get("loss_scale_factor")
    notes = [UNSCALED] if network.has_graph and network.is_narrow and not scale else []
    for text in (*doubts, *notes):
        warnings.warn(text, stacklevel=2)
    return doubts


@cached(TRAINERS)
def _doubts(kind: str, network: str, hook: str, steps: str) -> list[str]:
    trainer = trainer_of_keys(kind, network, hook, steps)
    if trainer.doubts or not _is_own([json.loads(k) for k in (network, hook, steps)]):
        return trainer.doubts
    try:
        return _doubts_when_built_again(trainer, kind, network, hook, steps)
    except Exception as error:
        # A user's code may raise anything. It may rightly refuse to be built twice, or
        # refuse these examples, so an error here does not end the run.
        return [
            "it could not be checked whether the same configuration gives the same "
            f"numbers again: {summary_of(error)}"
        ]


def _doubts_when_built_again(
    trainer: Trainer, kind: str, network: str, hook: str, steps: str
) -> list[str]:
    """Build a trainer a second time, and compare one step of both."""
    dataset, model = json.loads(network)
    examples = first_examples(network)
    # The first trainer has caused the same warnings.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = Network(keras_model(dataset, model, seed=0))
        second = build_trainer(kind, again, hook, steps, examples)
    start = initial_arrays_of_key(key_of(dataset, model, 0))
    if not _same(start, again.arrays()):
        return [
            "the model has other initial weights each time it is built, even with the "
            "same seed: draw them with Keras's initialisers"
        ]
    with ThreadPoolExecutor(1) as another_thread:
        # Keras's global seed generator belongs to a thread, and steps do not advance
        # it: a step that depends on it differs only in another thread.
        repeated = another_thread.submit(_step, second, start, examples).result()
    if not _same(_step(trainer, start, examples), repeated):
        return [
            "the local step gives other weights when everything is built again, so the "
            "same configuration gives other numbers each time: draw nothing in Python, "
            "use TensorFlow's draws only with the seed that perturb is given, and "
            "keras.random only with a keras.random.SeedGenerator that is an attribute "
            "of a layer"
        ]
    return []


def _is_own(node: Any) -> bool:
    """Return whether a configuration names a user's own class or function."""
    if isinstance(node, dict):
        target = str(node.get("_target_", "keras."))
        is_own = not target.startswith((*OURS, "keras."))
        return is_own or any(map(_is_own, node.values()))
    return isinstance(node, list) and any(map(_is_own, node))


def _step(trainer: Trainer, start: Arrays, examples: Examples) -> Arrays:
    """Return weights and loss after one step; empty if it diverged."""
    local = LocalTraining(local_steps=1)
    try:
        trained, _ = trainer.train(start, *examples, local, seed=0, round=1, client=0)
    except DivergedError:
        return {}
    return trained.arrays | {"loss": np.asarray(trained.loss)}


def _same(one: Arrays, other: Arrays) -> bool:
    """Return whether all values are equal; the names of layers may differ."""
    pairs = zip(one.values(), other.values(), strict=False)
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in pairs)
