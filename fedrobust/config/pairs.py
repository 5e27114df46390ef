"""Check the components of an experiment, each by itself and in combination."""

import dataclasses

from fedrobust.attacks.autoattack import AutoAttack
from fedrobust.attacks.base import Attack
from fedrobust.byzantine.base import ByzantineAttack
from fedrobust.config.aggregation import check_preaggregators, check_rule
from fedrobust.config.components import check_component
from fedrobust.config.keys import require
from fedrobust.config.optimizers import check_optimizer
from fedrobust.config.privacy import check_privacy, check_with_rule
from fedrobust.config.schema import Config
from fedrobust.config.typed import Node, with_key
from fedrobust.data.dataset import Dataset, MissingDataError
from fedrobust.data.partition import Partition
from fedrobust.errors import ConfigError
from fedrobust.models import ModelBuilder
from fedrobust.runtime.base import Runtime
from fedrobust.tracking.base import Tracking
from fedrobust.training.objective import Objective
from fedrobust.training.simulator import Simulator
from strategies.rules.base import Rule
from strategies.server_optimizers import ServerOptimizer


def check_components(config: Config) -> Config:
    """Construct our components, and check conditions that involve several of them.

    Returns
    -------
    The configuration with the nodes of the components: defaults are filled in and equal
    numbers are written alike, so that digests agree.
    """
    c = check_privacy(config)
    training, strategy = c.training, c.strategy
    model, _ = check_component(c.model, "model", ModelBuilder)
    objective, _ = check_component(training.objective, "training.objective", Objective)
    simulator = training.simulator
    if simulator:
        simulator, _ = check_component(simulator, "training.simulator", Simulator)
    check_optimizer(training.optimizer)
    if training.scaffold:
        _check_scaffold(c)
    _check_branches(c, model, objective)
    server_optimizer, _ = check_component(
        strategy.server_optimizer, "strategy.server_optimizer", ServerOptimizer
    )
    methods = _check_methods(c)
    dataset, partition, size = _check_data(c)
    preaggregators, num_rows, keeps_places = check_preaggregators(c)
    rule_node, rule = check_component(strategy.rule, "strategy.rule", Rule)
    strategy = dataclasses.replace(
        strategy, rule=rule_node, server_optimizer=server_optimizer
    )
    c = dataclasses.replace(c, strategy=strategy)
    if isinstance(rule, Rule) and not c.centralised:
        check_with_rule(c, rule)
        check_rule(c, rule, num_rows, keeps_places, size)
    return dataclasses.replace(
        c,
        model=model,
        training=dataclasses.replace(
            training, objective=objective, simulator=simulator
        ),
        attack=dataclasses.replace(
            c.attack, methods=methods, epsilon=c.attack.epsilon if methods else None
        ),
        dataset=dataset,
        partition=partition,
        byzantine=_check_byzantine(c),
        preaggregator=preaggregators,
        runtime=_check_runtime(c),
        tracking=_check_tracking(c),
    )


def _check_branches(config: Config, model: Node, objective: Node) -> None:
    """Check that dual batch normalisation and FedRBN come together."""
    norm, fraction = model.get("norm", "none"), config.training.fraction
    require(
        (norm == "dual") == str(objective["_target_"]).endswith("FedRBN"),
        "model.norm",
        norm,
        "dual with training=fedrbn, which trains its two branches, and not dual with "
        "any other training",
    )
    require(
        norm != "dual" or fraction > 0,
        "training.fraction",
        fraction,
        "above 0 with training=fedrbn: the tested branch must be trained by some "
        "clients",
    )


def _check_scaffold(config: Config) -> None:
    """Check that a client's mean gradient can be computed from its steps."""
    optimizer = config.training.optimizer
    rate = optimizer.get("learning_rate")
    plain = {"_target_": "keras.optimizers.SGD", "learning_rate": rate}
    require(
        {k: v for k, v in optimizer.items() if v} == plain
        and isinstance(rate, int | float),
        "training.optimizer",
        optimizer,
        "keras.optimizers.SGD with a number as learning_rate and no other argument if "
        "training.scaffold=true",
    )
    require(
        not config.centralised, "training.scaffold", True, "false without a federation"
    )


def _check_methods(config: Config) -> Node:
    """Check the evasion attacks at the largest epsilon; return their nodes by name."""
    attack = config.attack
    methods: Node = {}
    for name, method in attack.methods.items():
        key = f"attack.methods.{name}"
        require(
            isinstance(method, dict) and "epsilon" not in method,
            f"{key}.epsilon",
            method,
            "left out: attack.epsilon applies to every method",
        )
        node = {**method, "epsilon": attack.epsilons[-1]}
        methods[name], made = check_component(node, key, Attack)
        require(
            name != "autoattack" or type(made) is AutoAttack,
            f"{key}._target_",
            node.get("_target_"),
            "fedrobust.attacks.AutoAttack: no other attack may have this name",
        )
        del methods[name]["epsilon"]
    _check_norms(attack.norm, methods)
    return methods


def _check_norms(expected: str, methods: Node) -> None:
    """Refuse a worst case over balls of different shapes."""
    norms = {name: node["norm"] for name, node in methods.items() if "norm" in node}
    other = next((name for name, norm in norms.items() if norm != expected), "")
    require(
        len(set(norms.values())) <= 1,
        f"attack.methods.{other}.norm",
        norms.get(other),
        f"attack.norm={expected} like the others': one epsilon cannot mean both, set "
        f"attack.norm for all, or use -m for a run with each",
    )


def _check_data(config: Config) -> tuple[Node, Node, int | None]:
    """Check the data set and its partition.

    Returns
    -------
    Both nodes, and the number of training images or None if it is not known.
    """
    dataset_node, dataset = check_component(config.dataset, "dataset", Dataset)
    size = classes = None
    if isinstance(dataset, Dataset):
        try:
            with_key("dataset", dataset.check)
            size, classes = dataset.size, dataset.num_classes
        except MissingDataError as error:
            raise ConfigError(f"dataset: {error}") from error
    partition_node, partition = check_component(
        config.partition, "partition", Partition
    )
    if isinstance(partition, Partition) and size is not None and not config.centralised:
        n = size
        with_key("partition", lambda: partition.check(config.num_clients, n))
    if isinstance(partition, Partition) and classes and not config.centralised:
        labels = range(classes)
        with_key(
            "partition", lambda: partition.check_classes(config.num_clients, labels)
        )
    return dataset_node, partition_node, size


def _check_byzantine(config: Config) -> Node:
    """Check the Byzantine attack against the number of clients."""
    if not config.byzantine:
        return {}
    n, b = config.num_clients, config.num_byzantine
    node, attack = check_component(config.byzantine, "byzantine", ByzantineAttack)
    if isinstance(attack, ByzantineAttack) and b > 0:
        with_key("byzantine", lambda: attack.check(n, b))
    return node


def _check_runtime(config: Config) -> Node:
    """Check the runtime."""
    node, runtime = check_component(config.runtime, "runtime", Runtime)
    if isinstance(runtime, Runtime):
        with_key("runtime", runtime.check)
        require(
            runtime.cohort == 1 or not config.training.scaffold,
            "runtime.cohort",
            runtime.cohort,
            "1 with training.scaffold=true: each client has a correction of its own",
        )
    return node


def _check_tracking(config: Config) -> Node:
    """Check the sink, and that its library is installed."""
    if not config.tracking:
        return {}
    node, tracking = check_component(config.tracking, "tracking", Tracking)
    if isinstance(tracking, Tracking):
        with_key("tracking", tracking.check)
    return node
