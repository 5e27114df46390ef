"""Check secure aggregation against the clients of a round, the rule and the attack."""

import warnings

from fedrobust.byzantine.base import ByzantineAttack
from fedrobust.byzantine.collusion import Collusion
from fedrobust.config.components import check_component
from fedrobust.config.defaults import component_class
from fedrobust.config.keys import require
from fedrobust.config.schema import Config
from fedrobust.config.typed import with_key
from fedrobust.privacy.group_secagg import GroupSecAgg
from fedrobust.privacy.mechanism import Mechanism
from fedrobust.privacy.secagg import SecAgg
from strategies.rules.base import Rule
from strategies.rules.mean import Mean

# A step between two values of an update that is as large as common values.
COARSE = 1e-4


def rows_given(config: Config) -> int:
    """Return how many updates of a round the server is given."""
    if config.privacy:
        made = check_component(config.privacy, "privacy", Mechanism)[1]
        if isinstance(made, GroupSecAgg):
            return max(1, config.num_sampled // made.group_size)
    return config.num_sampled


def check_sums(config: Config, made: SecAgg, name: str) -> None:
    """Check secure aggregation against the clients of a round."""
    require(
        config.holdout == 0,
        "partition.holdout",
        config.holdout,
        f"0 with privacy={name}, which does not hide what a client evaluates on the "
        "images that it holds out",
    )
    _check_clients(config, made, name)
    attack = None
    if config.byzantine and config.num_byzantine > 0:
        attack = check_component(config.byzantine, "byzantine", ByzantineAttack)[1]
    require(
        not made.is_masked or not isinstance(attack, Collusion),
        "privacy.protocol",
        made.protocol,
        f"ideal with byzantine={config.choices.get('byzantine', attack)}, whose "
        "clients see the honest updates, which the full protocol hides from everybody",
    )


def _check_clients(config: Config, made: SecAgg, name: str) -> None:
    """Check that a sum has several clients, and enough that hold shares."""
    sampled = config.num_sampled
    if isinstance(made, GroupSecAgg):
        require(
            min(made.group_size, sampled) >= 2 or not made.is_masked,
            "privacy.group_size",
            made.group_size,
            "at least 2, and so must be the clients of a round: the sum of one update "
            f"is that update, and a round samples {sampled}",
        )
    else:
        _require_sums(config, name)
        alone = f"with privacy={name}: the sum of one update is that update"
        require(
            config.num_clients >= 2,
            "num_clients",
            config.num_clients,
            f"at least 2 {alone}",
        )
        require(
            sampled >= 2,
            "participation",
            config.participation,
            f"larger {alone}, and a round samples {sampled} of num_clients="
            f"{config.num_clients}",
        )
    groups = rows_given(config) if isinstance(made, GroupSecAgg) else 1
    sizes = {sampled // groups, -(-sampled // groups)}
    holders = min(_holders(made, size) for size in sizes)
    require(
        made.threshold is None or made.threshold <= holders,
        "privacy.threshold",
        made.threshold,
        f"at most {holders}, the number of clients that hold the shares of a secret",
    )
    _note_step(made, max(sizes))


def _holders(made: SecAgg, size: int) -> int:
    """Return how many hold a share of each secret in a group, the owner included."""
    if made.neighbors is None:
        return size
    # No regular graph has an odd degree on an odd number of clients.
    is_raised = made.neighbors % 2 == size % 2 == 1
    return min(made.neighbors + is_raised + 1, size)


def _note_step(made: SecAgg, clients: int) -> None:
    """Point out a range so wide that the step between two values is coarse."""
    step = made.clip * clients / 2**31
    if step > COARSE:
        warnings.warn(
            f"privacy.clip={made.clip:g} rounds the values of updates to multiples of "
            f"{step:.1g}, and smaller ones to 0: lower privacy.clip",
            stacklevel=2,
        )


def check_sums_with_rule(config: Config, made: SecAgg, rule: Rule, name: str) -> None:
    """Check that the rule can do with sums, of all clients or of groups."""
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
        if not config.preaggregator:
            with_key("privacy.group_size", lambda: rule.check(groups))
        _note_groups(config, groups)


def _require_sums(config: Config, name: str) -> None:
    """Refuse what needs single updates, which secure aggregation hides.

    The rule may be a user's own, which is not constructed yet.
    """
    target = str(config.strategy.rule.get("_target_"))
    needs = "+".join(config.preaggregator) or target.rpartition(".")[2]
    require(
        component_class(target) is Mean and not config.preaggregator,
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
