"""What is claimed of a run's privacy, and on which terms."""

from importlib.metadata import version

from fedrobust.assembly.privacy import mechanism_of, noise_multiplier_of, tariff_for
from fedrobust.config import Config
from fedrobust.config.privacy import name_of, unclaimed
from fedrobust.files import Json
from fedrobust.privacy.client_dp import ClientDP
from fedrobust.privacy.dp_sgd import DPSGD
from fedrobust.privacy.ledger import Ledger, Tariff
from fedrobust.privacy.mechanism import DifferentialPrivacy, Mechanism
from fedrobust.privacy.secagg import SecAgg
from strategies.sampling import sample_size


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
    found: Json = {
        "mechanism": name_of(config, mechanism),
        "epsilon": None if ledger is None else ledger.epsilon(),
        "delta": None,
        "accountant": None,
        "conversion": None,
        "relation": None,
        "sampling": None,
        "trusted": trusted(mechanism),
    }
    if ledger is None:
        found["reason"] = f"no epsilon is claimed: {unclaimed(config)}"
    if isinstance(mechanism, DifferentialPrivacy):
        tariff = tariff_for(config) if ledger is None else ledger.tariff
        found |= _terms(config, mechanism, tariff)
    if ledger is not None:
        found |= _details(ledger, config.num_rounds)
    return found


def trusted(mechanism: Mechanism) -> str:
    """Return who must be trusted, and with what."""
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
        who = "nobody but the client itself"
    if not isinstance(mechanism, DifferentialPrivacy) or mechanism.is_noiseless:
        return who
    if not mechanism.secret_noise:
        return (
            f"{who}; and all who know the seed of the run, from which the noise "
            "follows (not so with privacy.secret_noise=true)"
        )
    return who


def _terms(config: Config, mechanism: DifferentialPrivacy, tariff: Tariff) -> Json:
    """Return the terms on which an epsilon is counted."""
    is_rdp = mechanism.accountant == "rdp"
    release = next(iter(tariff.releases.values()))
    unit = "example" if isinstance(mechanism, DPSGD) else "client"
    how = "add or remove" if release.sampling == "poisson" else "replace"
    found: Json = {
        "delta": mechanism.delta,
        "accountant": mechanism.accountant,
        "conversion": "improved" if is_rdp else None,
        "relation": f"{how} one {unit}",
        "sampling": _sampling(config, mechanism, tariff),
        "clip": mechanism.clip,
        "noise_multiplier": noise_multiplier_of(config),
    }
    target = mechanism.target_epsilon
    if target is not None:
        # JSON has no infinity.
        found["target_epsilon"] = "inf" if target == float("inf") else target
    return found


def _sampling(config: Config, mechanism: DifferentialPrivacy, tariff: Tariff) -> str:
    """Return how one is sampled, and whether that amplifies the privacy."""
    if isinstance(mechanism, DPSGD):
        rates = sorted({each.sampling_rate for each in tariff.releases.values()})
        span = " to ".join(
            f"{rate:.4g}" for rate in dict.fromkeys((rates[0], rates[-1]))
        )
        text = f"Poisson batches at a rate of {span}, which amplify"
        if config.participation < 1 and not config.centralised:
            text += "; the sampling of clients does not"
        return text
    if config.participation == 1:
        return "every client in every round"
    release = next(iter(tariff.releases.values()))
    if release.sampling == "poisson" and release.sampling_rate < 1:
        return (
            f"Poisson, each client at a rate of {release.sampling_rate:.4g}, amplifies"
        )
    clients = len(tariff.releases)
    sampled = sample_size(clients, config.participation)
    fixed = f"fixed size, {sampled} of {clients} clients"
    if release.sampling == "fixed":
        return f"{fixed}, amplifies"
    return f"{fixed}, does not amplify: a client pays for each round that samples it"


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
