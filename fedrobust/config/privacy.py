"""Check the privacy mechanism, by itself and against the rest of an experiment."""

import dataclasses
import warnings
from importlib.util import find_spec

from fedrobust.config.components import check_component
from fedrobust.config.defaults import component_class
from fedrobust.config.keys import require
from fedrobust.config.private_training import check_private_training
from fedrobust.config.schema import Config
from fedrobust.config.secure_sums import check_sums, check_sums_with_rule
from fedrobust.privacy.client_dp import ClientDP
from fedrobust.privacy.client_dp_adaptive import AdaptiveClientDP
from fedrobust.privacy.dp_sgd import DPSGD
from fedrobust.privacy.group_secagg import GroupSecAgg
from fedrobust.privacy.local_dp import LocalDP
from fedrobust.privacy.mechanism import NOISE, DifferentialPrivacy, Mechanism
from fedrobust.privacy.secagg import SecAgg
from strategies.rules.base import Rule
from strategies.rules.mean import Mean

NAMES = {
    ClientDP: "client_dp",
    AdaptiveClientDP: "client_dp_adaptive",
    LocalDP: "local_dp",
    DPSGD: "dp_sgd",
    SecAgg: "secagg",
    GroupSecAgg: "group_secagg",
}
# Mechanisms that know no weights: a client counts once, or is one term of a sum.
UNWEIGHTED = (ClientDP, SecAgg)


def name_of(config: Config, mechanism: Mechanism | None = None) -> str:
    """Return the name of the choice of ``privacy``."""
    chosen = config.choices.get("privacy")
    return chosen or NAMES.get(type(mechanism), str(config.privacy.get("_target_")))  # type: ignore[arg-type]


def mechanism_in(config: Config) -> Mechanism | None:
    """Return the mechanism of a checked node; None without one, or for a user's own."""
    if not config.privacy:
        return None
    made: Mechanism | None = check_component(config.privacy, "privacy", Mechanism)[1]
    return made


def check_privacy(config: Config) -> Config:
    """Check the mechanism, before rule and pre-aggregators are checked.

    Returns
    -------
    The configuration with all parameters of the mechanism, and with equal weights of
    the mean where the mechanism knows no others.
    """
    if not config.privacy:
        return config
    node, made = check_component(config.privacy, "privacy", Mechanism)
    require(
        made is None or type(made) in NAMES,
        "privacy._target_",
        node["_target_"],
        "a mechanism, not a base class of them: "
        + ", ".join(f"fedrobust.privacy.{cls.__name__}" for cls in NAMES),
    )
    config = dataclasses.replace(config, privacy=node)
    name = name_of(config, made)
    require(
        not config.centralised or isinstance(made, DPSGD),
        "privacy",
        name,
        "dp_sgd or none without a federation",
    )
    require(
        not config.training.scaffold,
        "training.scaffold",
        True,
        f"false with privacy={name}, which does not protect the control variates that "
        "clients send",
    )
    if isinstance(made, DifferentialPrivacy):
        _check_dp(config, made, name)
    if isinstance(made, SecAgg):
        check_sums(config, made, name)
    return _equal_weights(config, name) if isinstance(made, UNWEIGHTED) else config


def check_with_rule(config: Config, rule: Rule) -> None:
    """Check the mechanism against the rule and the pre-aggregators."""
    made = mechanism_in(config)
    name = name_of(config, made)
    require(
        made is None or "losses" not in rule.needs,
        "strategy.rule",
        type(rule).__name__,
        f"a rule that needs no losses with privacy={name}, which protects the updates "
        "of the clients and not their losses: choose strategy=mean",
    )
    if isinstance(made, DifferentialPrivacy) and made.max_epsilon is not None:
        reason = unclaimed(config)
        require(
            reason is None,
            "privacy.max_epsilon",
            made.max_epsilon,
            f"left out (null) where no epsilon is claimed: {reason}",
        )
    if isinstance(made, SecAgg):
        check_sums_with_rule(config, made, rule, name)


def unclaimed(config: Config) -> str | None:
    """Return why no epsilon is claimed of an experiment, as part of a sentence.

    None if one is claimed.
    """
    made = mechanism_in(config)
    if isinstance(made, SecAgg):
        return (
            "secure aggregation hides single updates from the server, and bounds "
            "nothing that their sum or the model reveals"
        )
    if not isinstance(made, DifferentialPrivacy) or type(made) not in NAMES:
        return "no mechanism of fedrobust bounds it"
    if made.is_noiseless:
        return "without noise nothing bounds it"
    if bypass := _bypass(config):
        return bypass
    return _unbounded(config) if isinstance(made, ClientDP) else None


def _bypass(config: Config) -> str | None:
    """Return what is computed from clients' data without any noise; None if nothing."""
    if config.centralised:
        return None
    if config.strategy.root_examples > 0:
        return (
            f"strategy.root_examples={config.strategy.root_examples} rows of the "
            "clients' data are the server's too, which trains on them without noise"
        )
    if config.holdout > 0:
        return (
            f"partition.holdout={config.holdout} makes clients send accuracies on "
            "their own data, which no noise covers"
        )
    return None


def _unbounded(config: Config) -> str | None:
    """Return why noise at the server bounds nothing; None for the plain mean.

    Noise in what a client sends needs no bound: the server may do anything with it.
    """
    if config.preaggregator:
        names = "+".join(config.preaggregator)
        return (
            f"preaggregator={names} comes between the clipped updates and the noise, "
            "and nothing bounds how far one client moves what it returns"
        )
    if component_class(config.strategy.rule["_target_"]) is not Mean:
        rule = str(config.strategy.rule["_target_"]).rpartition(".")[2]
        return (
            "the noise is for the mean of clipped updates, and nothing bounds how far "
            f"one client moves what {rule} returns"
        )
    return None


def _check_dp(config: Config, made: DifferentialPrivacy, name: str) -> None:
    """Check a mechanism that adds noise."""
    require(
        made.is_noiseless or find_spec("dp_accounting") is not None,
        "privacy",
        name,
        "none without dp-accounting, which counts epsilon: pip install 'fedrobust[dp]'",
    )
    norm = config.model.get("norm", "none")
    require(
        norm not in ("batch", "dual"),
        "model.norm",
        norm,
        f"group, layer or none with privacy={name}: batch statistics mix the examples, "
        "and no noise covers them",
    )
    if isinstance(made, AdaptiveClientDP):
        _check_count_noise(made)
    if isinstance(made, DPSGD):
        require(
            config.cohort == 1,
            "runtime.cohort",
            config.cohort,
            f"1 with privacy={name}, which draws batches of its own for each client",
        )
        check_private_training(config)
    elif made.delta * config.num_clients > 1:
        warnings.warn(
            f"privacy.delta={made.delta} is above 1 over num_clients="
            f"{config.num_clients}: so weak a bound allows to publish one of them",
            stacklevel=2,
        )
    if config.holdout > 0:
        warnings.warn(
            f"partition.holdout={config.holdout}: what clients evaluate on the images "
            f"that they hold out is not protected by privacy={name}",
            stacklevel=2,
        )


def _check_count_noise(made: AdaptiveClientDP) -> None:
    """Refuse noise on the count that leaves none for the sum, as far as it is known.

    The noise that follows from a target is checked before round 1.
    """
    given = made.noise_multiplier
    noise = NOISE if given is None and made.target_epsilon is None else given
    if made.count_noise is not None and noise is not None:
        require(
            noise == 0 or made.count_noise > noise / 2,
            "privacy.count_noise",
            made.count_noise,
            f"above noise_multiplier / 2 = {noise / 2:g}, or else no noise on the sum "
            "makes the round as private as asked for",
        )


def _equal_weights(config: Config, name: str) -> Config:
    """Weight all clients alike in a plain mean."""
    rule = config.strategy.rule
    is_mean = component_class(rule.get("_target_")) is Mean
    if not is_mean or not rule.get("weighted", False):
        return config
    how = "weights all clients alike"
    if component_class(config.privacy["_target_"]) is GroupSecAgg:
        how = "counts each group once, whatever its size"
    warnings.warn(
        f"strategy.rule.weighted is false instead of true: privacy={name} {how}",
        stacklevel=2,
    )
    strategy = dataclasses.replace(config.strategy, rule={**rule, "weighted": False})
    return dataclasses.replace(config, strategy=strategy)
