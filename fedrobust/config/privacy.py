"""Check the privacy mechanism, by itself and against the rest of an experiment."""

import dataclasses

from fedrobust.config.components import check_component
from fedrobust.config.keys import require
from fedrobust.config.private_training import check_private_training
from fedrobust.config.schema import Config
from fedrobust.privacy.dp_sgd import DPSGD
from fedrobust.privacy.mechanism import Mechanism


def check_privacy(config: Config) -> Config:
    """Check the mechanism; return the configuration with all its parameters."""
    if not config.privacy:
        return config
    node, made = check_component(config.privacy, "privacy", Mechanism)
    require(
        not config.centralised or isinstance(made, DPSGD),
        "privacy",
        config.choices.get("privacy", node["_target_"]),
        "dp_sgd or none without a federation",
    )
    if isinstance(made, DPSGD):
        check_private_training(config)
    return dataclasses.replace(config, privacy=node)
