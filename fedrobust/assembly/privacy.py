"""What the privacy mechanism of an experiment needs to know of the rest of it."""

import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from fedrobust.assembly import data
from fedrobust.assembly.cache import MANY, cached, component_of
from fedrobust.config import Config
from fedrobust.errors import ConfigError
from fedrobust.privacy.accounting import epsilon_spent, noise_multiplier_for
from fedrobust.privacy.client_dp import ClientDP
from fedrobust.privacy.dp_sgd import DPSGD
from fedrobust.privacy.ledger import Ledger, Tariff
from fedrobust.privacy.mechanism import NOISE, DifferentialPrivacy, Mechanism
from fedrobust.privacy.release import Release
from strategies.sampling import sample_clients, sample_size


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
        return _calibrated(_Of(config.digest, config))
    given = mechanism.noise_multiplier
    return NOISE if given is None else given


@dataclass(frozen=True)
class _Of:
    """A configuration as a key of a cache."""

    digest: str
    config: Config = field(compare=False)


@cached(MANY)
def _calibrated(of: _Of) -> float:
    """Return the noise with which all rounds spend the target."""
    mechanism = mechanism_of(of.config)
    assert isinstance(mechanism, DifferentialPrivacy)
    assert mechanism.target_epsilon is not None
    return noise_for(of.config, mechanism, mechanism.target_epsilon)


def noise_for(config: Config, mechanism: DifferentialPrivacy, epsilon: float) -> float:
    """Return the least noise with which no client spends more in all rounds."""
    tariff = tariff_of(config, mechanism, NOISE)
    counts: dict[int, int] = {}
    for round, sampled in enumerate(_sampled(config), 1):
        counts = tariff.charge(counts, round, sampled)
    spent = {(tariff.releases[client], count) for client, count in counts.items()}
    noise, delta, accountant = 0.0, mechanism.delta, mechanism.accountant
    for release, count in sorted(spent, key=lambda pair: (-pair[1], repr(pair))):
        known = replace(release, noise_multiplier=noise)
        if noise and epsilon_spent(known, count, delta, accountant) <= epsilon:
            continue
        needed = noise_multiplier_for(
            epsilon,
            sampling_rate=release.sampling_rate,
            steps=count,
            delta=delta,
            accountant=accountant,
            sampling=release.sampling,
        )
        noise = max(noise, needed)
    return noise


def _sampled(config: Config) -> Iterator[list[int]]:
    """Yield the clients of each round as they are drawn if every node is there."""
    clients = range(config.num_clients)
    for round in range(1, config.num_rounds + 1):
        if config.centralised:
            yield [0]
        else:
            yield sample_clients(clients, config.participation, config.seed, round)


def ledger_of(config: Config, clients: Collection[int] | None = None) -> Ledger | None:
    """Return a ledger with nothing spent; None where no epsilon could be counted.

    Parameters
    ----------
    config
        The experiment.
    clients
        The clients that take part; None means all of them.
    """
    mechanism = mechanism_of(config)
    if not isinstance(mechanism, DifferentialPrivacy):
        return None
    tariff = tariff_of(config, mechanism, noise_multiplier_of(config), clients)
    limit = mechanism.max_epsilon
    return Ledger(tariff, mechanism.delta, mechanism.accountant, limit)


def tariff_of(
    config: Config,
    mechanism: DifferentialPrivacy,
    noise: float,
    clients: Collection[int] | None = None,
) -> Tariff:
    """Return what a round of a mechanism costs the clients that take part."""
    members = range(config.num_clients) if clients is None else sorted(clients)
    if isinstance(mechanism, DPSGD):
        local = config.training
        sizes = (
            {0: len(data.split_of(config).x_train)}
            if config.centralised
            else {
                client: len(data.client_rows(config, client)[0]) for client in members
            }
        )
        rates = {c: min(1.0, local.batch_size / size) for c, size in sizes.items()}
        return Tariff(
            releases={c: Release(noise, rate) for c, rate in rates.items()},
            count=lambda client, round: local.steps(sizes[client], round),
        )
    release, is_hidden = Release(noise, 1.0, "none"), False
    if isinstance(mechanism, ClientDP):
        release, is_hidden = _client_level(config, mechanism, noise, len(members))
    return Tariff(
        releases=dict.fromkeys(members, release),
        count=lambda client, round: 1,
        is_hidden=is_hidden,
    )


def _client_level(
    config: Config, mechanism: ClientDP, noise: float, num_clients: int
) -> tuple[Release, bool]:
    """Return the release of a round of client-level DP, and whether it hides who."""
    if mechanism.sampling == "poisson":
        return Release(noise, config.participation), True
    sampled = sample_size(num_clients, config.participation)
    if sampled == num_clients:
        return Release(noise), True
    if mechanism.accountant == "rdp":
        return Release(noise, sampled / num_clients, "fixed"), True
    return Release(noise, 1.0, "none"), False


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
