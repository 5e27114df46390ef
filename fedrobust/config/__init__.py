"""The typed schema of conf/, its validation, and what it says when something is wrong.

Nothing here imports TensorFlow or Flower: every wrong key, choice, type, range and
impossible pair is refused in a second.

compose       conf/ and overrides to what Hydra composes, by ``hydra_loader``
load          from what Hydra composed to a checked configuration, once a command
schema        the dataclasses of a checked configuration
components    a node with a ``_target_``: its class is its schema, and checks its ranges
keys          the bounds of the keys that no component checks
aggregation   pre-aggregators and rule against the clients of a round
pairs         all components of an experiment, and what depends on several
defaults      the defaults of our own classes
digests       which results a configuration shares with another
notes         what is allowed but probably not meant
"""

from fedrobust.config.load import load_config
from fedrobust.config.schema import Config, trusted_of

__all__ = ["Config", "load_config", "trusted_of"]
