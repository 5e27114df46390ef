"""The smallest of runs, and another evaluation of it."""

from fedrobust.config import Config, load_config
from fedrobust.config.compose import compose_run

TINY = (
    *("num_clients=2", "num_rounds=2", "dataset.num_train=60", "attack=fgsm"),
    "attack.samples=20",
)
OTHER = (*TINY, "attack.epsilon=0.3")


def configured(*overrides: str) -> Config:
    return load_config(compose_run(overrides))
