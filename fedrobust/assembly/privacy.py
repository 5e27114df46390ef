"""What the privacy mechanism of an experiment needs to know of the rest of it."""

import math
import warnings
from collections.abc import Collection
from dataclasses import dataclass, field

from fedrobust.assembly import networks
from fedrobust.assembly.cache import MANY, cached, component_of_kind
from fedrobust.assembly.tariff import noise_for, sizes_of, spent_in_all, tariff_of
from fedrobust.config import Config
from fedrobust.config.privacy import name_of, unclaimed
from fedrobust.config.typed import with_key
from fedrobust.errors import ConfigError
from fedrobust.privacy.accountants import require_small
from fedrobust.privacy.accounting import largest_epsilon
from fedrobust.privacy.dp_sgd import DPSGD
from fedrobust.privacy.group_secagg import GroupSecAgg
from fedrobust.privacy.ledger import Ledger, Tariff
from fedrobust.privacy.mechanism import NOISE, DifferentialPrivacy, Mechanism
from strategies.preaggregators import Groups


def mechanism_of(config: Config) -> Mechanism | None:
    """Return the privacy mechanism; None without one."""
    if not config.privacy:
        return None
    made: Mechanism = component_of_kind(config.privacy, "privacy", Mechanism)
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
    return _noise_within(of.config, mechanism, "target_epsilon")


def _noise_within(config: Config, mechanism: DifferentialPrivacy, key: str) -> float:
    """Return the noise with which all rounds spend what a key of privacy says."""
    try:
        return noise_for(config, mechanism, getattr(mechanism, key))
    except ValueError as error:
        text = str(error)
        if text.startswith("epsilon="):
            text = key + text.removeprefix("epsilon")
        raise ConfigError(f"privacy.{text}") from error


def _check_accountant(config: Config, ledger: Ledger) -> None:
    """Refuse an accountant that could not count all rounds."""
    if ledger.accountant == "pld":
        rough = largest_epsilon(spent_in_all(config, ledger.tariff), ledger.delta)
        with_key("privacy", lambda: require_small(rough))


def ledger_of(config: Config) -> Ledger | None:
    """Return a ledger with nothing spent; None where no epsilon is claimed."""
    mechanism = mechanism_of(config)
    if not isinstance(mechanism, DifferentialPrivacy) or unclaimed(config):
        return None
    tariff = tariff_for(config)
    limit = mechanism.max_epsilon
    return Ledger(tariff, mechanism.delta, mechanism.accountant, limit)


def tariff_for(config: Config, clients: Collection[int] | None = None) -> Tariff:
    """Return what a round costs if only these clients take part, by default all."""
    mechanism = mechanism_of(config)
    assert isinstance(mechanism, DifferentialPrivacy)
    return tariff_of(config, mechanism, noise_multiplier_of(config), clients)


def check_set_up(config: Config) -> None:
    """Check the mechanism against the model and the data.

    Raises
    ------
    ConfigError
        When the model has statistics that no noise covers, or the first round could
        already spend more than the limit.
    """
    mechanism = mechanism_of(config)
    if not isinstance(mechanism, DifferentialPrivacy):
        return
    if statistics := networks.network_for(config).statistics:
        raise ConfigError(
            f"model: has the variable {statistics[0]!r}, which is not trained and "
            "which no noise covers: must have none with "
            f"privacy={name_of(config, mechanism)}, so replace batch normalisation by "
            "keras.layers.GroupNormalization (model.norm=group), and train every layer "
            "that is frozen (trainable=False)"
        )
    if isinstance(mechanism, DPSGD):
        _note_delta(config, mechanism)
    ledger = ledger_of(config)
    if ledger is not None:
        _check_accountant(config, ledger)
    if ledger is not None and ledger.is_spent:
        epsilon, limit = ledger.epsilon_after_next(), mechanism.max_epsilon
        assert limit is not None
        needed = _noise_within(config, mechanism, "max_epsilon")
        raise ConfigError(
            f"privacy.max_epsilon={limit}: must be at least {_up(epsilon)}, which the "
            f"first round alone could spend with noise_multiplier="
            f"{noise_multiplier_of(config):.4g}; all {config.num_rounds} rounds stay "
            f"within it from privacy.noise_multiplier={_up(needed)}"
        )


def _note_delta(config: Config, mechanism: DifferentialPrivacy) -> None:
    """Warn of a delta that allows to publish an example of the smallest client."""
    sizes = sizes_of(config, range(config.num_clients))
    if not sizes:
        return
    client = min(sizes, key=sizes.__getitem__)
    if mechanism.delta * sizes[client] > 1:
        whose = "the data set" if config.centralised else f"client {client}"
        warnings.warn(
            f"privacy.delta={mechanism.delta} is above 1 over the {sizes[client]} "
            f"examples of {whose}: so weak a bound allows to publish one of them",
            stacklevel=2,
        )


def _up(value: float) -> str:
    """Return a number with four digits, rounded up."""
    step = 10.0 ** (math.floor(math.log10(value)) - 3)
    return f"{math.ceil(value / step) * step:.4g}"


def groups_of(config: Config) -> list[Groups]:
    """Return what averages the groups whose sums are secure; empty without groups."""
    mechanism = mechanism_of(config)
    if not isinstance(mechanism, GroupSecAgg):
        return []
    return [Groups(size=mechanism.group_size)]


def has_secret_noise(config: Config) -> bool:
    """Return whether the noise is keyed by what nobody knows, instead of the seed."""
    mechanism = mechanism_of(config)
    return isinstance(mechanism, DifferentialPrivacy) and mechanism.secret_noise
