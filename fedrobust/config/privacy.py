"""Check the privacy mechanism, by itself and against the rest of an experiment."""

import dataclasses
import warnings
from importlib.util import find_spec

from fedrobust.byzantine.base import ByzantineAttack
from fedrobust.byzantine.collusion import Collusion
from fedrobust.config.components import check_component
from fedrobust.config.defaults import component_class
from fedrobust.config.keys import require
from fedrobust.config.private_training import check_private_training
from fedrobust.config.schema import Config
from fedrobust.config.typed import with_key
from fedrobust.privacy.client_dp import ClientDP
from fedrobust.privacy.client_dp_adaptive import AdaptiveClientDP
from fedrobust.privacy.dp_sgd import DPSGD
from fedrobust.privacy.group_secagg import GroupSecAgg
from fedrobust.privacy.local_dp import LocalDP
from fedrobust.privacy.mechanism import DifferentialPrivacy, Mechanism
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
        _check_secagg(config, made, name)
    return _equal_weights(config, name) if isinstance(made, UNWEIGHTED) else config


def rows_given(config: Config) -> int:
    """Return how many updates of a round the server is given."""
    made = mechanism_in(config)
    if isinstance(made, GroupSecAgg):
        return max(1, config.num_sampled // made.group_size)
    return config.num_sampled


def check_with_rule(config: Config, rule: Rule) -> None:
    """Check the mechanism against the rule and the pre-aggregators."""
    made = mechanism_in(config)
    name = name_of(config, made)
    if isinstance(made, DifferentialPrivacy) and made.max_epsilon is not None:
        reason = unclaimed(config)
        require(
            reason is None,
            "privacy.max_epsilon",
            made.max_epsilon,
            f"left out (null) where no epsilon is claimed: {reason}",
        )
    if isinstance(made, GroupSecAgg):
        groups = rows_given(config)
        require(
            not rule.needs_clients,
            "privacy",
            name,
            f"none with {rule!r}, which needs the update of each client, or a rule "
            "that judges each update by itself, such as strategy=median",
        )
        require(
            groups >= rule.min_clients,
            "privacy.group_size",
            made.group_size,
            f"smaller for {rule!r}, which needs at least {rule.min_clients} updates: "
            f"{config.num_sampled} clients a round are {groups} groups",
        )
        with_key("privacy.group_size", lambda: rule.check(groups))
        _note_groups(config, groups)
    elif isinstance(made, SecAgg):
        _require_sums(config, rule, name)


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
    if not isinstance(made, DifferentialPrivacy):
        return "no mechanism of fedrobust bounds it"
    if made.is_noiseless:
        return "without noise nothing bounds it"
    if not isinstance(made, ClientDP):
        # The noise is in what a client sends, so the server may do anything with it.
        return None
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


def _check_secagg(config: Config, made: SecAgg, name: str) -> None:
    """Check secure aggregation against the clients of a round."""
    sampled, size = config.num_sampled, config.num_sampled
    is_full = made.protocol == "full"
    if isinstance(made, GroupSecAgg):
        size = min(made.group_size, sampled)
        require(
            size >= 2 or not is_full,
            "privacy.group_size",
            made.group_size,
            "at least 2, and so must be the clients of a round: the sum of one update "
            f"is that update, and a round samples {sampled}",
        )
    else:
        require(
            sampled >= 2,
            "participation",
            config.participation,
            f"larger with privacy={name}: the sum of one update is that update, and a "
            f"round samples {sampled} of num_clients={config.num_clients}",
        )
    holders = min(made.neighbors or size, size)
    require(
        made.threshold is None or made.threshold <= holders,
        "privacy.threshold",
        made.threshold,
        f"at most {holders}, the number of clients that hold the shares of a secret",
    )
    attack = None
    if config.byzantine and config.num_byzantine > 0:
        attack = check_component(config.byzantine, "byzantine", ByzantineAttack)[1]
    require(
        not is_full or not isinstance(attack, Collusion),
        "privacy.protocol",
        made.protocol,
        f"ideal with byzantine={config.choices.get('byzantine', attack)}, whose "
        "clients see the honest updates, which the full protocol hides from everybody",
    )


def _equal_weights(config: Config, name: str) -> Config:
    """Weight all clients alike in a plain mean."""
    rule = config.strategy.rule
    is_mean = component_class(rule.get("_target_")) is Mean
    if not is_mean or not rule.get("weighted", False):
        return config
    warnings.warn(
        f"strategy.rule.weighted is false instead of true: privacy={name} weights all "
        "clients alike",
        stacklevel=2,
    )
    strategy = dataclasses.replace(config.strategy, rule={**rule, "weighted": False})
    return dataclasses.replace(config, strategy=strategy)


def _require_sums(config: Config, rule: Rule, name: str) -> None:
    """Refuse what needs single updates, which secure aggregation hides."""
    needs = "+".join(config.preaggregator) if config.preaggregator else repr(rule)
    require(
        type(rule) is Mean and not config.preaggregator,
        "privacy",
        name,
        f"group_secagg or none with {needs}, which needs single updates, where the "
        "server learns their sum alone",
    )


def _note_groups(config: Config, groups: int) -> None:
    """Point out Byzantine clients that may spoil half of the groups."""
    b = config.num_byzantine
    if 0 < groups <= 2 * b:
        warnings.warn(
            f"num_byzantine={b} clients may spoil {min(b, groups)} of {groups} groups, "
            "which no rule withstands from a half: lower privacy.group_size",
            stacklevel=2,
        )
