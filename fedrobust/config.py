"""The typed schema of conf/, its validation, and what it says when something is wrong.

Nothing here imports TensorFlow or Flower: every wrong key, choice, type, range and
impossible pair is refused in a second. A component (a ``_target_`` of this project) is
a frozen dataclass, and that class is its schema; its constructor checks the ranges.
"""

import dataclasses
import hashlib
import importlib
import json
import math
import typing
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    InterpolationResolutionError,
    MissingMandatoryValue,
)

from fedrobust.attacks.autoattack import AutoAttack
from fedrobust.attacks.base import Attack
from fedrobust.byzantine.base import ByzantineAttack, byzantine_clients
from fedrobust.data.datasets import Dataset, MissingDataError
from fedrobust.data.partition import Partition
from fedrobust.epsilon import parse_epsilon
from fedrobust.errors import ConfigError
from fedrobust.models import ModelBuilder
from fedrobust.runtime.base import Runtime
from fedrobust.schema import Node, merged_with, named, typed
from fedrobust.targets import OURS, code_digests, file_digest, find_target
from fedrobust.training.objective import Objective
from fedrobust.training.schedule import LocalTraining
from strategies.parameters import MAX_EXAMPLES, require_between
from strategies.preaggregators.base import Preaggregator
from strategies.rules.base import Rule
from strategies.sampling import sample_size
from strategies.server_optimizers import ServerOptimizer

# Keys that came later, and what every run was before: a result of then still counts.
LATER = {
    "byzantine_clients": None,
    "dataset.raw_test": False,
    "model.dropout": 0.0,
    "model.initial": "keras",
    "training.byzantine_momentum": True,
}

# Raised when the meaning of a configuration changes, so that no old result is taken
# for a new one. Version 3 was raised for some alone: models with statistics, and
# replies that are quarantined in every round. The next of all is 4.
SCIENCE_VERSION = 2
PARTIAL_VERSION = 3
PROBES_VERSION = 2  # of checks=full


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(LocalTraining):
    """The group ``training``: ``LocalTraining``, the hook and the optimiser.

    ``fraction`` is the share of the clients that train with the objective.
    """

    objective: Node
    optimizer: Node
    epsilon: Any = None
    fraction: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("fraction", self.fraction, 0, 1)


@dataclass(frozen=True)
class AttackConfig:
    """The group ``attack``: methods by name, each evaluated at each epsilon."""

    epsilon: Any = None
    norm: str = "linf"
    samples: int | None = None
    methods: dict[str, Any] = field(default_factory=dict)

    @property
    def epsilons(self) -> list[float]:
        """The epsilons as sorted, distinct numbers."""
        values = self.epsilon if isinstance(self.epsilon, list) else [self.epsilon]
        return sorted({parse_epsilon(value) for value in values})


@dataclass(frozen=True)
class StrategyConfig:
    """The group ``strategy``."""

    rule: Node
    server_optimizer: Node
    f: int = 0
    root_examples: int = 0


@dataclass(frozen=True)
class EvaluationConfig:
    """When the global model is evaluated."""

    every: int = 1


@dataclass(frozen=True)
class ScreeningConfig:
    """What a reply may declare."""

    max_examples: int = MAX_EXAMPLES


@dataclass(frozen=True)
class Config:
    """One resolved, validated experiment; a ``_target_`` node is a dictionary."""

    seed: int
    num_clients: int
    num_rounds: int
    num_byzantine: int
    byzantine_from_round: int
    byzantine_redraw: bool
    byzantine_clients: list[int] | None
    checks: str
    participation: float
    centralised: bool
    dataset: Node
    partition: Node
    model: Node
    training: TrainingConfig
    attack: AttackConfig
    byzantine: Node
    preaggregator: dict[str, Any]
    strategy: StrategyConfig
    runtime: Node
    evaluation: EvaluationConfig
    screening: ScreeningConfig
    # The choice made in each group: how people call what the nodes above describe.
    choices: dict[str, str] = field(default_factory=dict)

    @property
    def num_sampled(self) -> int:
        """Clients that train in a round."""
        return sample_size(self.num_clients, self.participation)

    @property
    def holdout(self) -> float:
        """Share of its images that a client keeps to evaluate with."""
        return float(self.partition.get("holdout", 0.0))

    def is_evaluated(self, round: int) -> bool:
        """Tell whether the global model is evaluated after a round."""
        return round % self.evaluation.every == 0 or round == self.num_rounds

    @cached_property
    def science(self) -> Node:
        """What the trained model depends on: nothing of runtime, paths or attacks."""
        values = dataclasses.asdict(self)
        for name in ("attack", "checks", "runtime", "choices"):
            del values[name]
        if self.cohort > 1:
            values["cohort"] = self.cohort
        # Their order counts, and a digest sorts the keys of a dictionary.
        values["preaggregator"] = list(values["preaggregator"].values())
        for name in ("download", "epsilon"):
            values["dataset"].pop(name, None)
        # Where epsilon has an effect, it is the objective's.
        del values["training"]["epsilon"]
        for key, before in LATER.items():
            group, _, name = key.rpartition(".")
            node = values[group] if group else values
            if node.get(name, before) == before:
                node.pop(name, None)
        code = code_digests(values)
        changed = self._has_statistics or self._is_quarantined
        version = PARTIAL_VERSION if changed else SCIENCE_VERSION
        return {"version": version, "code": code, **values}

    @property
    def _is_quarantined(self) -> bool:
        """Tell whether what Byzantine clients send is never well formed."""
        value = self.byzantine.get("value", 0.0)
        return isinstance(value, float) and not math.isfinite(value)

    @property
    def _has_statistics(self) -> bool:
        """Tell whether arrays may travel beside the update."""
        model = self.model
        is_ours = str(model["_target_"]).startswith(OURS)
        return (
            self.training.scaffold or not is_ours or model.get("norm", "none") != "none"
        )

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name the training science."""
        return _digest(self.science)

    @property
    def evaluation_digest(self) -> str:
        """Sixteen hexadecimal digits that name how the final model is evaluated."""
        values = dataclasses.asdict(self.attack)
        values["epsilon"] = self.attack.epsilons if self.attack.methods else []
        values["checks"] = self.checks if self.attack.methods else None
        paths = (method.get("surrogate") for method in self.attack.methods.values())
        values["files"] = [file_digest(path) for path in paths if path is not None]
        if code := code_digests(self.attack.methods):
            values["code"] = code
        if values["checks"] == "full":
            values["probes"] = PROBES_VERSION
        return _digest({"version": SCIENCE_VERSION, **values})

    @property
    def cohort(self) -> int:
        """How many clients one program trains."""
        return 1 if self.centralised else int(self.runtime.get("cohort", 1))

    def byzantine_ids(self, round: int) -> list[int]:
        """Give the clients that are Byzantine in a round, whenever they begin.

        Without ``byzantine_redraw`` they are the same in all; round 0 draws these.
        """
        if self.byzantine_clients is not None:
            return sorted(self.byzantine_clients)
        drawn = round if self.byzantine_redraw else 0
        return byzantine_clients(self.seed, self.num_clients, self.num_byzantine, drawn)

    def warnings(self) -> list[str]:
        """List what is allowed but probably not what the user wants."""
        found = []
        if self.byzantine and self.num_byzantine == 0:
            found.append("byzantine has no effect: num_byzantine=0")
        if self.byzantine and self.byzantine_from_round > self.num_rounds:
            found.append(
                f"byzantine has no effect: byzantine_from_round="
                f"{self.byzantine_from_round} is after num_rounds={self.num_rounds}"
            )
        if self.strategy.f < self.num_byzantine:
            found.append(
                f"strategy.f={self.strategy.f} is below num_byzantine="
                f"{self.num_byzantine}: the rule is not built for so many"
            )
        if 2 * self.strategy.f >= self.num_sampled > 1 and not self.centralised:
            found.append(
                f"strategy.f={self.strategy.f} of {self.num_sampled} clients a round "
                "is no minority: only a rule with a root data set can withstand it"
            )
        trusted = self.strategy.rule.get("trusted")
        byzantine = self.byzantine_ids(round=0)
        may_be = trusted in byzantine or (self.byzantine_redraw and bool(byzantine))
        if self.byzantine and trusted is not None and may_be:
            found.append(f"strategy.rule.trusted={trusted} is a Byzantine client")
        if trusted is not None and self.num_sampled < self.num_clients:
            found.append(
                f"strategy.rule.trusted={trusted} is not sampled in every round: the "
                "others are skipped"
            )
        alone = {"momentum": 0, "proximal": 0, "fraction": 1}
        for name, neutral in alone.items():
            if self.centralised and getattr(self.training, name) != neutral:
                found.append(f"training.{name} has no effect: centralised=true")
        objective = self.training.objective
        if self.training.epsilon is not None and "epsilon" not in objective:
            found.append(
                f"training.epsilon={self.training.epsilon} has no effect: "
                f"{_class_name(objective)} uses none"
            )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            _check_components(self)
        return found + sorted({str(warning.message) for warning in caught})


def _digest(values: Node) -> str:
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _class_name(node: Node) -> str:
    return str(node["_target_"]).rpartition(".")[2]


# --- reading a composed configuration -------------------------------------------------


def load_config(
    composed: DictConfig, choices: Mapping[str, Any] | None = None
) -> Config:
    """Check a composed configuration and give it as typed values.

    Parameters
    ----------
    composed
        What Hydra composed.
    choices
        The choice made in each group; read from the node ``hydra`` if there is one.

    Raises
    ------
    ConfigError
        With the key, the value, the bound and the nearest valid choice.
    """
    science = OmegaConf.masked_copy(
        composed, [str(k) for k in composed if k != "hydra"]
    )
    try:
        values = OmegaConf.to_container(science, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise ConfigError(f"{error.full_key} is not set: give it a value") from error
    except InterpolationResolutionError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{error.full_key} cannot be read: {reason}") from error
    assert isinstance(values, dict)
    if choices is None and "hydra" in composed:
        choices = OmegaConf.select(composed, "hydra.runtime.choices")
    values["choices"] = {
        group: str(choice)
        for group, choice in (choices or {}).items()
        if choice is not None and not str(group).startswith("hydra/")
    }
    if values["choices"]:
        # Hydra names no choice of a group that was given a list of them.
        names = "+".join(values.get("preaggregator") or {})
        values["choices"]["preaggregator"] = names or "none"
        methods = (values.get("attack") or {}).get("methods")
        if "attack" not in values["choices"] and isinstance(methods, dict):
            values["choices"]["attack"] = "+".join(methods) or "none"
    config: Config = typed(Config, values, "")
    _check_numbers(config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # config.warnings() tells them, when asked
        return _check_components(config)


# --- ranges and pairs -----------------------------------------------------------------


def _require(condition: bool, key: str, value: Any, bound: str) -> None:
    if not condition:
        raise ConfigError(f"{key}={value}: must be {bound}")


def _check_numbers(config: Config) -> None:
    """Check the keys that are no component's."""
    c = config
    _require(0 <= c.seed < 2**32, "seed", c.seed, "in [0, 4294967295]")
    _require(c.num_clients >= 1, "num_clients", c.num_clients, "at least 1")
    _require(c.num_rounds >= 1, "num_rounds", c.num_rounds, "at least 1")
    _require(
        0 <= c.num_byzantine <= c.num_clients,
        "num_byzantine",
        c.num_byzantine,
        f"in [0, num_clients={c.num_clients}]",
    )
    _require(
        0 < c.participation <= 1, "participation", c.participation, "above 0, at most 1"
    )
    _require(
        c.evaluation.every >= 1, "evaluation.every", c.evaluation.every, "at least 1"
    )
    _require(
        c.screening.max_examples >= 1,
        "screening.max_examples",
        c.screening.max_examples,
        "at least 1",
    )
    _require(
        c.byzantine_from_round >= 1,
        "byzantine_from_round",
        c.byzantine_from_round,
        "at least 1",
    )
    if c.byzantine_clients is not None:
        _check_byzantine_clients(c, c.byzantine_clients)
    _require(
        c.strategy.root_examples >= 0,
        "strategy.root_examples",
        c.strategy.root_examples,
        "at least 0",
    )
    _require(c.strategy.f >= 0, "strategy.f", c.strategy.f, "at least 0")
    _require(
        c.checks in ("fast", "full", "none"), "checks", c.checks, "fast, full or none"
    )
    samples = c.attack.samples
    _require(samples is None or samples >= 1, "attack.samples", samples, "at least 1")
    if c.attack.methods:
        named("attack.epsilon", lambda: c.attack.epsilons)
        _require(
            bool(c.attack.epsilons),
            "attack.epsilon",
            c.attack.epsilon,
            "a number, a fraction or a list of them",
        )
    if c.training.epsilon is not None:
        named("training", lambda: parse_epsilon(c.training.epsilon))
    if c.centralised:
        _require(
            not c.byzantine and c.num_byzantine == 0,
            "centralised",
            True,
            "false where there are Byzantine clients; or say num_byzantine=0",
        )


def _check_byzantine_clients(config: Config, clients: list[int]) -> None:
    n, b = config.num_clients, config.num_byzantine
    named = set(clients)
    _require(
        len(named) == len(clients) == b and all(0 <= client < n for client in named),
        "byzantine_clients",
        clients,
        f"num_byzantine={b} different clients below num_clients={n}",
    )
    _require(
        not config.byzantine_redraw,
        "byzantine_redraw",
        True,
        "false where byzantine_clients names them",
    )


def _check_components(config: Config) -> Config:
    """Construct every component of ours, and check what depends on several.

    Returns
    -------
    The configuration with each node as its component understands it: defaults filled
    in, and numbers that mean the same written the same, so that digests agree.
    """
    c = config
    model, _ = _check(c.model, "model", ModelBuilder)
    objective, _ = _check(c.training.objective, "training.objective", Objective)
    _check_optimizer(c.training.optimizer)
    if c.training.scaffold:
        _check_scaffold(c)
    _require(
        (model.get("norm") == "dual") == str(objective["_target_"]).endswith("FedRBN"),
        "model.norm",
        model.get("norm", "none"),
        "dual with training=fedrbn, which trains its two branches, and only there",
    )
    _require(
        model.get("norm") != "dual" or c.training.fraction > 0,
        "training.fraction",
        c.training.fraction,
        "above 0 with training=fedrbn: somebody must train what is tested",
    )
    server_optimizer, _ = _check(
        c.strategy.server_optimizer, "strategy.server_optimizer", ServerOptimizer
    )
    methods = {}
    for name, method in c.attack.methods.items():
        key = f"attack.methods.{name}"
        _require(
            isinstance(method, dict) and "epsilon" not in method,
            f"{key}.epsilon",
            method,
            "left out: attack.epsilon is every method's",
        )
        node = {**method, "epsilon": c.attack.epsilons[-1]}
        methods[name], attack_method = _check(node, key, Attack)
        _require(
            name != "autoattack" or type(attack_method) is AutoAttack,
            f"{key}._target_",
            node.get("_target_"),
            "fedrobust.attacks.AutoAttack: nothing else may have its name",
        )
        del methods[name]["epsilon"]
    dataset_node, dataset = _check(c.dataset, "dataset", Dataset)
    size = None
    if isinstance(dataset, Dataset):
        try:
            named("dataset", dataset.check)
            size = dataset.size
        except MissingDataError as error:
            raise ConfigError(f"dataset: {error}") from error
    partition_node, partition = _check(c.partition, "partition", Partition)
    if isinstance(partition, Partition) and size is not None and not c.centralised:
        checked, n = partition, size
        named("partition", lambda: checked.check(c.num_clients, n))
    preaggregators, num_rows = _check_preaggregators(c)
    rule_node, rule = _check(c.strategy.rule, "strategy.rule", Rule)
    if isinstance(rule, Rule) and not c.centralised:
        _check_rule(c, rule, num_rows, size)
    byzantine_node: Node = {}
    if c.byzantine:
        byzantine_node, byzantine = _check(c.byzantine, "byzantine", ByzantineAttack)
        if isinstance(byzantine, ByzantineAttack) and c.num_byzantine > 0:
            attack = byzantine
            named("byzantine", lambda: attack.check(c.num_clients, c.num_byzantine))
    runtime_node, runtime = _check(c.runtime, "runtime", Runtime)
    if isinstance(runtime, Runtime):
        named("runtime", runtime.check)
        _require(
            runtime.cohort == 1 or not c.training.scaffold,
            "runtime.cohort",
            runtime.cohort,
            "1 with training.scaffold=true: each client has a correction of its own",
        )
    return dataclasses.replace(
        c,
        model=model,
        training=dataclasses.replace(c.training, objective=objective),
        attack=dataclasses.replace(
            c.attack, methods=methods, epsilon=c.attack.epsilon if methods else None
        ),
        dataset=dataset_node,
        partition=partition_node,
        strategy=dataclasses.replace(
            c.strategy, rule=rule_node, server_optimizer=server_optimizer
        ),
        byzantine=byzantine_node,
        preaggregator=preaggregators,
        runtime=runtime_node,
    )


def _check_preaggregators(config: Config) -> tuple[Node, int]:
    """Check the pre-aggregators in their order.

    Returns
    -------
    Their nodes by name, and how many rows they leave for the rule.
    """
    nodes: Node = {}
    num_rows = config.num_sampled
    for name, node in config.preaggregator.items():
        key = f"preaggregator.{name}"
        nodes[name], component = _check(node, key, Preaggregator)
        if isinstance(component, Preaggregator) and not config.centralised:
            n = num_rows
            named(key, lambda c=component, n=n: c.check(n))  # type: ignore[misc]
            num_rows = component.num_rows(n)
    return nodes, num_rows


def _check_rule(config: Config, rule: Rule, num_rows: int, size: int | None) -> None:
    """Check a rule against the clients that are sampled, and the data there are."""
    c = config
    mixed = f", of which {num_rows} are left" if num_rows != c.num_sampled else ""
    _require(
        num_rows >= rule.min_clients,
        "strategy.rule",
        f"{rule!r}",
        f"given at least {rule.min_clients} clients a round, and num_clients="
        f"{c.num_clients} with participation={c.participation} samples "
        f"{c.num_sampled}{mixed}: raise num_clients or lower strategy.f",
    )
    named("strategy.rule", lambda: rule.check(num_rows))
    _require(
        num_rows == c.num_sampled or not rule.needs_clients,
        "preaggregator",
        "+".join(c.preaggregator),
        f"one that leaves each client its row, as {rule!r} needs to know whose it is; "
        "under strategy=mean clients count alike",
    )
    trusted = getattr(rule, "trusted", 0)
    _require(
        trusted < c.num_clients,
        "strategy.rule.trusted",
        trusted,
        f"below num_clients={c.num_clients}",
    )
    root = c.strategy.root_examples
    if "root_update" in rule.needs:
        _require(
            1 <= root <= (size or root),
            "strategy.root_examples",
            root,
            f"at least 1, and no more than there are images: {rule!r} needs a root "
            "data set at the server",
        )


def _check(node: Any, key: str, base: type | None = None) -> tuple[Node, Any]:
    """Check one node with a ``_target_``.

    Returns
    -------
    The node and its component; for a class that is not ours, the node as it is and
    None, as constructing it would run the user's code.
    """
    if not isinstance(node, dict) or not isinstance(node.get("_target_"), str):
        raise ConfigError(f"{key}={node!r}: must have a _target_, the path of a class")
    target = node["_target_"]
    if not target.startswith(OURS):
        find_target(target, key)
        return node, None
    module_name, _, name = target.rpartition(".")
    try:
        cls = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{key}._target_={target}: there is no such class") from error
    if not dataclasses.is_dataclass(cls) or (base and not issubclass(cls, base)):  # type: ignore[arg-type]
        kind = f" {base.__name__}" if base else " component"
        raise ConfigError(f"{key}._target_={target}: must be a{kind}")
    # A rule within a rule is a component of its own.
    hints = typing.get_type_hints(cls)
    inner = {
        f.name: hints[f.name]
        for f in dataclasses.fields(cls)
        if dataclasses.is_dataclass(hints[f.name])
    }
    plain = {k: v for k, v in node.items() if k != "_target_" and k not in inner}
    nodes, components = {}, {}
    for name in inner.keys() & node.keys():
        nodes[name], components[name] = _check(
            node[name], f"{key}.{name}", typing.cast(type, inner[name])
        )
    values = merged_with(typing.cast(type, cls), plain, key, without=set(inner))
    if any(component is None for component in components.values()):
        return {**node, **nodes}, None  # the user's own rule is made with the rest
    component: Any = named(key, lambda: cls(**values, **components))  # type: ignore[operator]
    return {**_node_of(component), "_target_": target, **nodes}, component


def _node_of(component: Any) -> Node:
    """Write a component as a node; so are the components within it."""
    cls = type(component)
    node: Node = {"_target_": f"{cls.__module__}.{cls.__qualname__}"}
    for f in dataclasses.fields(component):
        value = getattr(component, f.name)
        is_component = dataclasses.is_dataclass(value)
        node[f.name] = (
            _node_of(value) if is_component else json.loads(json.dumps(value))
        )
    return node


def _check_scaffold(config: Config) -> None:
    """Check that a client's steps are such that they tell its mean gradient."""
    optimizer = config.training.optimizer
    rate = optimizer.get("learning_rate")
    plain = {"_target_": "keras.optimizers.SGD", "learning_rate": rate}
    _require(
        {k: v for k, v in optimizer.items() if v} == plain
        and isinstance(rate, int | float),
        "training.optimizer",
        optimizer,
        "keras.optimizers.SGD with nothing but a number as learning_rate where "
        "training.scaffold=true",
    )
    _require(
        not config.centralised, "training.scaffold", True, "false without a federation"
    )


def _check_optimizer(node: Node) -> None:
    """Check a Keras optimiser's declared numbers without importing Keras."""
    key = "training.optimizer"
    _check(node, key)
    bounds = {"learning_rate": (0.0, False), "momentum": (0.0, True)}
    for name, (low, closed) in bounds.items():
        value = node.get(name, 1.0)
        if isinstance(value, dict):
            continue  # a schedule, which Keras itself checks
        number = isinstance(value, int | float) and not isinstance(value, bool)
        _require(
            number and (value > low or (closed and value == low)) and value < 1e9,
            f"{key}.{name}",
            value,
            f"a number {'of at least' if closed else 'above'} {low:g}",
        )
