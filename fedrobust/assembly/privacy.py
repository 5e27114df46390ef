"""What the privacy mechanism of an experiment needs to know of the rest of it."""

import secrets

from fedrobust.assembly.cache import MANY, cached, component_of
from fedrobust.config import Config
from fedrobust.errors import ConfigError
from fedrobust.privacy.group_secagg import GroupSecAgg
from fedrobust.privacy.mechanism import NOISE, DifferentialPrivacy, Mechanism
from strategies.preaggregators import Groups


def mechanism_of(config: Config) -> Mechanism | None:
    """Return the privacy mechanism; None without one."""
    node = config.privacy
    if not node:
        return None
    made = component_of(node, "privacy")
    if not isinstance(made, Mechanism):
        raise ConfigError(
            f"privacy._target_={node['_target_']}: makes a {type(made).__name__}, must "
            "make a fedrobust.privacy.Mechanism"
        )
    return made


def noise_multiplier_of(config: Config) -> float:
    """Return the noise multiplier, which may follow from a target epsilon."""
    mechanism = mechanism_of(config)
    if not isinstance(mechanism, DifferentialPrivacy) or mechanism.is_noiseless:
        return 0.0
    if mechanism.target_epsilon is not None:
        raise NotImplementedError
    given = mechanism.noise_multiplier
    return NOISE if given is None else given


def groups_of(config: Config) -> list[Groups]:
    """Return what averages the groups whose sums are secure; empty without groups."""
    mechanism = mechanism_of(config)
    if not isinstance(mechanism, GroupSecAgg):
        return []
    return [Groups(size=mechanism.group_size)]


def noise_seed(config: Config) -> int:
    """Return the seed of the noise: the run's, or one that nobody knows."""
    mechanism = mechanism_of(config)
    if isinstance(mechanism, DifferentialPrivacy) and mechanism.secret_noise:
        return _secret_seed(config.digest)
    return config.seed


@cached(MANY)
def _secret_seed(digest: str) -> int:
    """Draw the seed of one run from the operating system, once in a process."""
    return secrets.randbits(128)
