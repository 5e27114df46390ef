"""What the privacy mechanism does at the server and at the clients."""

from typing import TYPE_CHECKING

from fedrobust.assembly.privacy import (
    has_secret_noise,
    mechanism_of,
    noise_multiplier_of,
)
from fedrobust.assembly.tariff import tariff_of
from fedrobust.config import Config
from fedrobust.config.typed import with_key
from fedrobust.privacy.client_dp import ClientDP
from fedrobust.privacy.client_dp_adaptive import AdaptiveClientDP
from fedrobust.privacy.local_dp import LocalDP
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


def sampling_seed(config: Config, noise_seed: int) -> int:
    """Return the key with which the clients of a round are sampled.

    It is as secret as the noise where the accountant relies on the sampling.
    """
    mechanism = mechanism_of(config)
    if isinstance(mechanism, ClientDP) and tariff_of(config, mechanism, 0).is_hidden:
        return noise_seed
    return config.seed


def expected_clients(config: Config) -> float:
    """Return how many clients a round is expected to sample, which is public."""
    if sampling_of(config) == "poisson":
        return config.participation * config.num_clients
    return config.num_sampled


def postprocessors_of(config: Config, noise_seed: int) -> list[Postprocessor]:
    """Return what clips the updates and adds noise to the aggregate.

    Raises
    ------
    ConfigError
        When the noise that is left for the sum would have to be infinite.
    """
    mechanism = mechanism_of(config)
    if not isinstance(mechanism, ClientDP):
        return []
    return [with_key("privacy", lambda: _client_dp(config, mechanism, noise_seed))]


def mods_of(config: Config) -> "list[Mod]":
    """Return the mods with which each honest client protects its own replies."""
    mechanism = mechanism_of(config)
    if not isinstance(mechanism, LocalDP):
        return []
    from strategies.mods import local_dp_mod

    mod = local_dp_mod(
        clip=mechanism.clip,
        noise_multiplier=noise_multiplier_of(config),
        seed=None if mechanism.secret_noise else config.seed,
    )
    return [mod]


def doubts_about(config: Config) -> list[str]:
    """Return why the noise of the same configuration may be another one."""
    if has_secret_noise(config):
        return ["privacy.secret_noise=true draws noise that no run repeats"]
    return []


def _client_dp(config: Config, mechanism: ClientDP, noise_seed: int) -> Postprocessor:
    """Return the postprocessor of client-level privacy."""
    fixed = postprocessors.ClientDP(
        clip=mechanism.clip,
        noise_multiplier=noise_multiplier_of(config),
        expected_clients=expected_clients(config),
        seed=noise_seed,
    )
    if not isinstance(mechanism, AdaptiveClientDP):
        return fixed
    return postprocessors.AdaptiveClientDP(
        **vars(fixed),
        quantile=mechanism.quantile,
        clip_learning_rate=mechanism.clip_learning_rate,
        count_noise=mechanism.count_noise,
    )
