"""The interface of sinks: what a run tells them, and when.

A sink receives plain values, so it can be written and tested without a federation. The
values that a run logs are in ``record/tracked_values.py``.
"""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from strategies.validation import require_positive

Values = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """What a sink is told about a run before its first round.

    Attributes
    ----------
    name
        A short name for people, which need not be unique.
    folder
        The run folder.
    sweep
        The folder of the sweep; None for a single run.
    config
        The configuration by dotted key. A group's name has the choice that was made.
    text
        The configuration as YAML.
    config_digest, evaluation_digest
        Digests of the training and of the evaluation.
    seed
        Key of all random draws.
    num_rounds
        Number of rounds.
    previous
        The ``Tracker.id`` of an earlier attempt that has not ended; None if there is
        none. A sink should mark that attempt as ended.
    """

    name: str
    folder: Path
    sweep: Path | None = None
    config: Mapping[str, str | int | float | bool]
    text: str = ""
    config_digest: str
    evaluation_digest: str
    seed: int
    num_rounds: int
    previous: str | None = None


class Tracker(ABC):
    """A run in a sink, while it is written.

    All methods are called in one thread of their own. They may raise anything: the run
    then goes on without the sink.
    """

    @property
    def id(self) -> str:
        """The name by which the sink finds the run again; empty if it has none."""
        return ""

    @abstractmethod
    def log_round(self, round: int, values: Values) -> None:
        """Log the finite figures of a round, by names such as ``loss``."""

    @abstractmethod
    def finish(self, values: Values) -> None:
        """Log the finite figures of the result, and end the run.

        ``config.yaml`` and ``result.json`` are then in the run folder.
        """

    def fail(self, is_interrupted: bool) -> None:
        """End a run that failed, or that the user interrupted."""


@dataclass(frozen=True, kw_only=True)
class Tracking(ABC):
    """A sink for the figures of runs.

    Parameters
    ----------
    timeout
        Seconds that a call may take. After a call that takes longer, the run goes on
        without the sink.
    """

    # The library that the sink needs; empty if it needs none.
    library: ClassVar[str] = ""

    timeout: float = 60.0

    def __post_init__(self) -> None:
        require_positive("timeout", self.timeout)

    def check(self) -> None:
        """Raise ValueError when the sink is not installed; it is not imported."""
        if self.library and importlib.util.find_spec(self.library) is None:
            raise ValueError(
                f"needs {self.library}, which is not installed: "
                "pip install fedrobust[track], or set tracking=none"
            )

    @property
    def address(self) -> str:
        """Where runs are logged. A run is logged once at each address."""
        return f"{type(self).__module__}.{type(self).__qualname__}"

    @abstractmethod
    def start(self, run: TrackedRun) -> Tracker:
        """Start to log a run."""
