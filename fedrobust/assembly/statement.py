"""What is claimed of a run's privacy, and on which terms."""

from importlib.metadata import version

from fedrobust.assembly.privacy import mechanism_of, noise_multiplier_of, tariff_for
from fedrobust.config import Config
from fedrobust.config.privacy import NAMES, name_of, unclaimed
from fedrobust.files import Json
from fedrobust.privacy.accounting import epsilon_spent
from fedrobust.privacy.client_dp import ClientDP
from fedrobust.privacy.dp_sgd import DPSGD
from fedrobust.privacy.ledger import Ledger, Tariff
from fedrobust.privacy.local_dp import LocalDP
from fedrobust.privacy.mechanism import DifferentialPrivacy, Mechanism
from fedrobust.privacy.secagg import SecAgg
from strategies.sampling import sample_size

# Clients send it as it is.
SIZES = "the number of examples of each client is public"


def statement_of(config: Config, ledger: Ledger | None) -> Json | None:
    """Return what may be claimed of a run.

    Parameters
    ----------
    config
        The experiment.
    ledger
        What its rounds have spent; None where no epsilon is claimed.

    Returns
    -------
    The content of ``privacy`` in result.json; None without a mechanism.
    """
    mechanism = mechanism_of(config)
    if mechanism is None:
        return None
    tariff, amplified = None, False
    if isinstance(mechanism, DifferentialPrivacy) and type(mechanism) in NAMES:
        tariff = tariff_for(config) if ledger is None else ledger.tariff
        rounds = config.num_rounds if ledger is None else ledger.round
        amplified = _is_amplified(mechanism, tariff, rounds)
    found: Json = {
        "mechanism": name_of(config, mechanism),
        "epsilon": None if ledger is None else ledger.epsilon(),
        "delta": None,
        "accountant": None,
        "conversion": None,
        "relation": None,
        "sampling": None,
        "trusted": trusted(mechanism, is_amplified=amplified),
    }
    if ledger is None:
        found["reason"] = f"no epsilon is claimed: {unclaimed(config)}"
    if isinstance(mechanism, DifferentialPrivacy) and tariff is not None:
        found |= _terms(config, mechanism, tariff, amplified)
    if ledger is not None:
        found |= _details(ledger, config.num_rounds)
    return found


def _is_amplified(mechanism: DifferentialPrivacy, tariff: Tariff, rounds: int) -> bool:
    """Return whether samples of fixed size make so many rounds more private."""
    release = next(iter(tariff.releases.values()), None)
    if release is None or release.sampling != "fixed":
        return False
    terms = (rounds, mechanism.delta, mechanism.accountant)
    return epsilon_spent(release, *terms) < epsilon_spent(release.unsampled, *terms)


def trusted(mechanism: Mechanism, is_amplified: bool = False) -> str:
    """Return who must be trusted, and with what.

    Parameters
    ----------
    mechanism
        The mechanism.
    is_amplified
        Whether samples of fixed size make the rounds more private.
    """
    if type(mechanism) not in NAMES:
        return f"unknown: fedrobust cannot know what {mechanism!r} protects"
    if isinstance(mechanism, SecAgg):
        if mechanism.protocol == "ideal":
            return "everybody: protocol=ideal computes the sums without hiding anything"
        return (
            "the server to follow the protocol, and not to collude with as many "
            "clients as reconstruct a secret of another, nor with all the other "
            "clients of a sum"
        )
    if isinstance(mechanism, ClientDP):
        who = "the server, which sees every update and adds the noise"
    elif isinstance(mechanism, DPSGD):
        who = "the client that holds an example, and nobody else"
    else:
        assert isinstance(mechanism, LocalDP)
        who = "nobody but the client itself"
    if mechanism.is_noiseless:
        return who
    parts = [who]
    if is_amplified:
        parts.append(
            "the other clients, not to pool what they know of who was sampled, on "
            "which the amplification rests"
        )
    if not mechanism.secret_noise:
        parts.append(
            "all who know the seed of the run, from which the noise follows, and "
            "whoever publishes, to publish at most one run of a seed, as all of its "
            "runs have the same noise (neither with privacy.secret_noise=true)"
        )
    return "; and ".join(parts)


def _terms(
    config: Config, mechanism: DifferentialPrivacy, tariff: Tariff, is_amplified: bool
) -> Json:
    """Return the terms on which an epsilon is counted."""
    is_rdp = mechanism.accountant == "rdp"
    found: Json = {
        "delta": mechanism.delta,
        "accountant": mechanism.accountant,
        "conversion": "improved" if is_rdp else None,
        "relation": _relation(mechanism, tariff),
        "sampling": _sampling(config, mechanism, tariff, is_amplified),
        "clip": mechanism.clip,
        "noise_multiplier": noise_multiplier_of(config),
    }
    target = mechanism.target_epsilon
    if target is not None:
        # JSON has no infinity.
        found["target_epsilon"] = "inf" if target == float("inf") else target
    return found


def _relation(mechanism: DifferentialPrivacy, tariff: Tariff) -> str:
    """Return what neighbouring data sets differ in."""
    if isinstance(mechanism, DPSGD):
        return f"add or remove one example; {SIZES}"
    if isinstance(mechanism, LocalDP):
        return f"replace one client; {SIZES}"
    samplings = {release.sampling for release in tariff.releases.values()}
    return f"{'add or remove' if samplings == {'poisson'} else 'replace'} one client"


def _sampling(
    config: Config, mechanism: DifferentialPrivacy, tariff: Tariff, is_amplified: bool
) -> str:
    """Return how one is sampled, and whether that amplifies the privacy."""
    rates = [release.sampling_rate for release in tariff.releases.values()]
    if not rates:
        return "nobody, as no client holds examples to train on"
    if isinstance(mechanism, DPSGD):
        return _example_sampling(config, min(rates), max(rates))
    release = next(iter(tariff.releases.values()))
    clients = len(tariff.releases)
    sampled = sample_size(clients, config.participation)
    if release.sampling == "poisson" and release.sampling_rate < 1:
        return (
            f"Poisson, each client at a rate of {release.sampling_rate:.4g}, amplifies"
        )
    if release.sampling == "poisson" or sampled == clients:
        return "every client in every round"
    fixed = f"fixed size, {sampled} of {clients} clients"
    if release.sampling == "none":
        return (
            f"{fixed}, does not amplify: a client pays for each round that samples it"
        )
    if is_amplified:
        return f"{fixed}, amplifies"
    return f"{fixed}, does not amplify: to be in every round has no larger bound"


def _example_sampling(config: Config, least: float, most: float) -> str:
    """Return how examples are sampled, given the smallest and the largest rate."""
    span = " to ".join(dict.fromkeys((f"{least:.4g}", f"{most:.4g}")))
    text = f"Poisson batches at a rate of {span}, which amplify"
    if most == 1:
        text = f"{text} below 1"
    if least == 1:
        text = "every example in every batch, which does not amplify"
    if config.participation < 1 and not config.centralised:
        text += "; the sampling of clients does not"
    return text


def _details(ledger: Ledger, num_rounds: int) -> Json:
    """Return what else the ledger of a run of so many rounds tells."""
    # The noise that a target needs follows from it too.
    found: Json = {"library": f"dp-accounting {version('dp-accounting')}"}
    if ledger.accountant == "rdp":
        found["epsilon_classic"] = ledger.epsilon("classic")
    if not ledger.tariff.is_hidden:
        found["epsilon_by_client"] = {
            str(client): epsilon
            for client, epsilon in ledger.epsilon_by_client().items()
        }
    if ledger.max_epsilon is not None:
        found["max_epsilon"] = ledger.max_epsilon
        found["stopped"] = None
        if ledger.round < num_rounds:
            found["stopped"] = (
                f"one more round after round {ledger.round} could spend "
                f"{ledger.epsilon_after_next():.4g}, above max_epsilon="
                f"{ledger.max_epsilon:g}"
            )
    return found
