"""One resolved experiment as typed values; a ``_target_`` node is a dictionary."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from hydra.utils import instantiate

from fedrobust.byzantine.selection import byzantine_clients
from fedrobust.config import digests
from fedrobust.config.typed import Node
from fedrobust.epsilon import parse_epsilon
from fedrobust.training.schedule import LocalTraining
from fedrobust.training.simulator import Simulator
from strategies.sampling import sample_size
from strategies.validation import MAX_EXAMPLES, require_between


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(LocalTraining):
    """The group ``training``: ``LocalTraining``, the hook and the optimiser.

    ``fraction`` is the share of the clients that train with the objective.
    ``simulator`` is a published simulator whose shortcuts are taken, or None.
    """

    # The epsilon has an effect only through the objective, which counts.
    outside_digest: ClassVar[tuple[str, ...]] = ("epsilon",)

    objective: Node
    optimizer: Node
    epsilon: Any = None
    fraction: float = 1.0
    simulator: Node | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        require_between("fraction", self.fraction, 0, 1)

    @cached_property
    def simulated_by(self) -> Simulator:
        """The simulator that the key ``simulator`` names."""
        node = self.simulator
        return instantiate(node, _convert_="all") if node else super().simulated_by


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
    """The largest values that a reply may declare."""

    max_examples: int = MAX_EXAMPLES


class Noted:
    """Notes that belong to a configuration but are not among its fields.

    So equality, digests, config.yaml and ``dataclasses.replace`` leave them out, and
    no user can set them.

    Attributes
    ----------
    notes
        Sentences about values that are allowed but probably not meant.
    """

    notes: Sequence[str] = ()

    def note(self, notes: Sequence[str]) -> None:
        """Set the notes."""
        object.__setattr__(self, "notes", tuple(notes))


@dataclass(frozen=True, kw_only=True)
class Config(Noted):
    """One resolved, validated experiment; a ``_target_`` node is a dictionary."""

    # No field listed here changes a bit of the trained model.
    outside_digest: ClassVar[tuple[str, ...]] = (
        *("attack", "checks", "evaluation", "runtime", "tracking", "choices"),
    )

    seed: int
    num_clients: int
    num_rounds: int
    num_byzantine: int
    byzantine_from_round: int = 1
    byzantine_redraw: bool = False
    byzantine_clients: list[int] | None = None
    checks: str
    participation: float = 1.0
    centralised: bool = False
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
    privacy: Node = field(default_factory=dict)
    tracking: Node = field(default_factory=dict)
    # The choice made in each group, which names the nodes above.
    choices: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Their order has no effect, so it must not name another experiment.
        if self.byzantine_clients is not None:
            clients = sorted(self.byzantine_clients)
            object.__setattr__(self, "byzantine_clients", clients)

    @property
    def num_sampled(self) -> int:
        """The number of clients that train in a round."""
        return sample_size(self.num_clients, self.participation)

    @property
    def f(self) -> int:
        """The larger of the strategy's f and the rule's f."""
        return max(self.strategy.f, _f_of(self.strategy.rule))

    @property
    def holdout(self) -> float:
        """The share of its images that a client holds out for evaluation."""
        return float(self.partition.get("holdout", 0.0))

    def is_evaluated(self, round: int) -> bool:
        """Return whether the global model is evaluated after a round."""
        return round % self.evaluation.every == 0 or round == self.num_rounds

    @cached_property
    def science(self) -> Node:
        """The values that the trained model depends on."""
        values: Node = digests.differences(self)
        # A list, as their order counts and a digest sorts the keys of a dictionary.
        values["preaggregator"] = [*values["preaggregator"].values()]
        return values | ({"cohort": self.cohort} if self.cohort > 1 else {})

    @cached_property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name the training science."""
        return digests.digest(self.science, digests.TRAINING_VERSION)

    @cached_property
    def evaluation_digest(self) -> str:
        """Sixteen hexadecimal digits that name how the final model is evaluated."""
        methods, values = self.attack.methods, digests.differences(self.attack)
        if methods:
            values |= {"epsilon": self.attack.epsilons, "checks": self.checks}
        return digests.digest(values, digests.EVALUATION_VERSION)

    @property
    def cohort(self) -> int:
        """The number of clients that one program trains."""
        return 1 if self.centralised else int(self.runtime.get("cohort", 1))

    def drawn_byzantine(self, round: int = 0) -> list[int]:
        """Return the clients drawn to be Byzantine in a round, even before they begin.

        Without ``byzantine_redraw`` all rounds have the clients drawn for round 0.
        """
        if self.byzantine_clients is not None:
            return self.byzantine_clients
        drawn = round if self.byzantine_redraw else 0
        return byzantine_clients(self.seed, self.num_clients, self.num_byzantine, drawn)


def trusted_of(rule: Node, key: str = "strategy.rule") -> tuple[str, int | None]:
    """Return the key and the id of the client that a rule trusts; None for no client.

    A rule may contain another rule, whose trusted client counts too.
    """
    trusted, within = rule.get("trusted"), rule.get("rule")
    if type(trusted) is int:
        return f"{key}.trusted", trusted
    return (
        trusted_of(within, f"{key}.rule") if isinstance(within, dict) else (key, None)
    )


def _f_of(rule: Node) -> int:
    """Return the f of a rule or of the rule within it; 0 if neither has one."""
    f, within = rule.get("f"), rule.get("rule")
    if isinstance(f, int):
        return f
    return _f_of(within) if isinstance(within, dict) else 0
