"""The keys of config.yaml that reports read, with their types."""

from dataclasses import dataclass, field
from typing import Any

from fedrobust.files import Json


@dataclass(frozen=True, kw_only=True)
class _Dataset:
    num_classes: int | None = None


@dataclass(frozen=True, kw_only=True)
class _Training:
    epsilon: Any


@dataclass(frozen=True, kw_only=True)
class _Evaluation:
    every: int = 1


@dataclass(frozen=True, kw_only=True)
class ReadKeys:
    """The keys of a stored configuration that reports read; older ones lack some.

    A report shows every other key as text, whatever the type of its value is.
    """

    config_digest: str
    digest_version: int | None = None
    seed: int | None = None
    num_clients: int | None = None
    training: _Training
    dataset: _Dataset = field(default_factory=_Dataset)
    choices: dict[str, str] = field(default_factory=dict)
    partition: Json = field(default_factory=dict)
    model: Json = field(default_factory=dict)
    attack: Json = field(default_factory=dict)
    strategy: Json = field(default_factory=dict)
    runtime: Json = field(default_factory=dict)
    evaluation: _Evaluation = field(default_factory=_Evaluation)
    screening: Json = field(default_factory=dict)
