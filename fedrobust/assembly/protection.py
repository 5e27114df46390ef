"""What the privacy mechanism does at the server and at the clients."""

from typing import TYPE_CHECKING

from fedrobust.assembly.privacy import mechanism_of, noise_multiplier_of, noise_seed
from fedrobust.config import Config
from fedrobust.config.typed import with_key
from fedrobust.privacy.client_dp import ClientDP
from fedrobust.privacy.client_dp_adaptive import AdaptiveClientDP
from fedrobust.privacy.local_dp import LocalDP
from fedrobust.privacy.mechanism import DifferentialPrivacy
from strategies import postprocessors
from strategies.postprocessors import Postprocessor
from strategies.sampling import Sampling

if TYPE_CHECKING:
    from flwr.clientapp.typing import Mod


def sampling_of(config: Config) -> Sampling:
    """Return how a round samples clients."""
    mechanism = mechanism_of(config)
    is_poisson = isinstance(mechanism, ClientDP) and mechanism.sampling == "poisson"
    return "poisson" if is_poisson else "fixed"


def expected_clients(config: Config) -> float:
    """Return how many clients a round is expected to sample, which is public."""
    if sampling_of(config) == "poisson":
        return config.participation * config.num_clients
    return config.num_sampled


def postprocessors_of(config: Config) -> list[Postprocessor]:
    """Return what clips the updates and adds noise to the aggregate.

    Raises
    ------
    ConfigError
        When the noise that is left for the sum would have to be infinite.
    """
    mechanism = mechanism_of(config)
    if not isinstance(mechanism, ClientDP):
        return []
    return [with_key("privacy", lambda: _client_dp(config, mechanism))]


def mods_of(config: Config) -> "list[Mod]":
    """Return the mods with which each honest client protects its own replies."""
    mechanism = mechanism_of(config)
    if not isinstance(mechanism, LocalDP):
        return []
    from strategies.mods import local_dp_mod

    mod = local_dp_mod(
        clip=mechanism.clip,
        noise_multiplier=noise_multiplier_of(config),
        seed=None if mechanism.secret_noise else noise_seed(config),
    )
    return [mod]


def doubts_about(config: Config) -> list[str]:
    """Return why the noise of the same configuration may be another one."""
    mechanism = mechanism_of(config)
    if isinstance(mechanism, DifferentialPrivacy) and mechanism.secret_noise:
        return ["privacy.secret_noise=true draws noise that no run repeats"]
    return []


def _client_dp(config: Config, mechanism: ClientDP) -> Postprocessor:
    """Return the postprocessor of client-level privacy."""
    fixed = postprocessors.ClientDP(
        clip=mechanism.clip,
        noise_multiplier=noise_multiplier_of(config),
        expected_clients=expected_clients(config),
        seed=noise_seed(config),
    )
    if not isinstance(mechanism, AdaptiveClientDP):
        return fixed
    return postprocessors.AdaptiveClientDP(
        **vars(fixed),
        quantile=mechanism.quantile,
        clip_learning_rate=mechanism.clip_learning_rate,
        count_noise=mechanism.count_noise,
    )
