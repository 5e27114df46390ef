"""Check pre-aggregators and rule against the clients that a round samples."""

from fedrobust.config.components import check_component
from fedrobust.config.keys import require
from fedrobust.config.schema import Config, trusted_of
from fedrobust.config.secure_sums import rows_given
from fedrobust.config.typed import Node, with_key
from strategies.preaggregators.base import Preaggregator
from strategies.rules.base import Rule


def check_preaggregators(config: Config) -> tuple[Node, int, bool]:
    """Check the pre-aggregators in their order.

    Returns
    -------
    Their nodes by name, the number of rows that they leave for the rule, and whether
    each row still belongs to one client.
    """
    nodes: Node = {}
    num_rows, keeps_places = rows_given(config), True
    for name, node in config.preaggregator.items():
        key = f"preaggregator.{name}"
        nodes[name], component = check_component(node, key, Preaggregator)
        if isinstance(component, Preaggregator) and not config.centralised:
            n = num_rows
            with_key(key, lambda c=component, n=n: c.check(n))  # type: ignore[misc]
            num_rows = component.num_rows(n)
            keeps_places = keeps_places and component.keeps_places and num_rows == n
    return nodes, num_rows, keeps_places


def check_rule(
    config: Config, rule: Rule, num_rows: int, keeps_places: bool, size: int | None
) -> None:
    """Check a rule against the sampled clients and the size of the data set."""
    c = config
    mixed = f", of which {num_rows} are left" if num_rows != c.num_sampled else ""
    require(
        num_rows >= rule.min_clients,
        "strategy.rule",
        f"{rule!r}",
        f"given at least {rule.min_clients} clients a round, and num_clients="
        f"{c.num_clients} with participation={c.participation} samples "
        f"{c.num_sampled}{mixed}: raise num_clients or lower strategy.f",
    )
    with_key("strategy.rule", lambda: rule.check(num_rows))
    require(
        keeps_places or not rule.needs_clients,
        "preaggregator",
        "+".join(c.preaggregator),
        f"one that keeps one row for each client, as {rule!r} needs to know the client "
        "of a row; strategy=mean weights all clients alike",
    )
    key, trusted = trusted_of(c.strategy.rule)
    require(
        trusted is None or trusted < c.num_clients,
        key,
        trusted,
        f"below num_clients={c.num_clients}",
    )
    root = c.strategy.root_examples
    if "root_update" in rule.needs:
        require(
            1 <= root <= (size or root),
            "strategy.root_examples",
            root,
            f"at least 1, and at most the number of images: {rule!r} needs a root data "
            "set at the server",
        )
