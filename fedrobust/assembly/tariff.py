"""What a round of a mechanism costs, and the noise that a target needs."""

import math
from collections.abc import Collection, Iterator
from dataclasses import replace

from fedrobust.assembly import data
from fedrobust.config import Config
from fedrobust.privacy.accounting import epsilon_spent, noise_multiplier_for
from fedrobust.privacy.client_dp import ClientDP, client_level
from fedrobust.privacy.dp_sgd import DPSGD
from fedrobust.privacy.ledger import Tariff
from fedrobust.privacy.local_dp import LocalDP
from fedrobust.privacy.mechanism import NOISE, DifferentialPrivacy
from fedrobust.privacy.release import Release
from strategies.sampling import sample_clients


def tariff_of(
    config: Config,
    mechanism: DifferentialPrivacy,
    noise: float,
    clients: Collection[int] | None = None,
) -> Tariff:
    """Return what a round of a mechanism costs the clients that take part.

    Parameters
    ----------
    config, mechanism
        The experiment and its mechanism.
    noise
        The noise multiplier.
    clients
        The clients that take part; None means all of them.
    """
    members = range(config.num_clients) if clients is None else sorted(clients)
    if isinstance(mechanism, DPSGD):
        local, sizes = config.training, sizes_of(config, members)
        rates = {c: min(1.0, local.batch_size / size) for c, size in sizes.items()}
        return Tariff(
            releases={c: Release(noise, rate) for c, rate in rates.items()},
            count=lambda client, round: local.steps(sizes[client], round),
        )
    if isinstance(mechanism, ClientDP):
        release, is_hidden = client_level(
            noise,
            len(members),
            config.participation,
            mechanism.sampling,
            mechanism.accountant,
        )
    elif isinstance(mechanism, LocalDP):
        release, is_hidden = Release(noise, 1.0, "none"), False
    else:
        raise TypeError(f"nothing is known of what {mechanism!r} costs")
    return Tariff(
        releases=dict.fromkeys(members, release),
        count=lambda client, round: 1,
        is_hidden=is_hidden,
    )


def sizes_of(config: Config, clients: Collection[int]) -> dict[int, int]:
    """Return the number of examples that each client trains on, if it has any.

    Without a federation one client, 0, holds them all.
    """
    if config.centralised:
        return {0: len(data.split_of(config).x_train)}
    sizes = {client: len(data.client_rows(config, client)[0]) for client in clients}
    return {client: size for client, size in sizes.items() if size > 0}


def noise_for(config: Config, mechanism: DifferentialPrivacy, epsilon: float) -> float:
    """Return the least noise with which no client spends more in all rounds.

    Raises
    ------
    ValueError
        When there is none; the message calls the target ``epsilon``.
    """
    spent = spent_in_all(config, tariff_of(config, mechanism, NOISE))
    noise, delta, accountant = 0.0, mechanism.delta, mechanism.accountant
    # First who needs most, as far as that is known without accounting.
    for release, count in sorted(spent, key=_rough_cost, reverse=True):
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


def spent_in_all(config: Config, tariff: Tariff) -> set[tuple[Release, int]]:
    """Return what the clients have spent after all rounds, without equal ones."""
    counts: dict[int, int] = {}
    for round, sampled in enumerate(_sampled(config), 1):
        counts = tariff.charge(counts, round, sampled)
    return {(tariff.releases[client], count) for client, count in counts.items()}


def _rough_cost(pair: tuple[Release, int]) -> tuple[float, float]:
    release, count = pair
    return release.sampling_rate * math.sqrt(count), release.sampling_rate


def _sampled(config: Config) -> Iterator[list[int]]:
    """Yield the clients of each round as they are drawn if every node is there."""
    clients = range(config.num_clients)
    for round in range(1, config.num_rounds + 1):
        if config.centralised:
            yield [0]
        else:
            yield sample_clients(clients, config.participation, config.seed, round)
