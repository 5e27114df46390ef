"""The typed schema of conf/, its validation, and its error messages.

Nothing here imports TensorFlow or Flower, so that every wrong key, choice, type, range
and impossible pair is refused within a second.

compose       composes conf/ and overrides with Hydra, by ``hydra_loader``
jobs          the combinations of a multirun, and their folders
load          checks a composed configuration, once in each command
schema        the dataclasses of a checked configuration
components    checks a node with a ``_target_``, whose class is its schema
keys          the bounds of the keys that no component checks
aggregation   checks pre-aggregators and rule against the clients of a round
privacy       checks the privacy mechanism; private_training and secure_sums its kinds
pairs         checks all components of an experiment, and pairs of them
defaults      the default values of our own classes
digests       names experiments, so that equal ones share results
notes         remarks about values that are allowed but probably not meant
"""

from fedrobust.config.load import load_config
from fedrobust.config.schema import Config, trusted_of

__all__ = ["Config", "load_config", "trusted_of"]
