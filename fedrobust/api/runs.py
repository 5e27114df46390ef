"""A finished run, read from its folder."""

import html
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedrobust.api.process import as_guest
from fedrobust.errors import ConfigError
from fedrobust.files import Json
from fedrobust.record.result import Result
from fedrobust.record.stored_run import StoredRun
from fedrobust.record.validation import TRAIN_ANEW
from strategies.transport.text import printable

if TYPE_CHECKING:
    from pandas import DataFrame

# Fields of a round that hold figures by name, which become a column each.
NESTED = ("robust_accuracy", "collusion", "detection", "federated", "train_metrics")


@dataclass(frozen=True)
class Run:
    """A finished run, as it is in its folder.

    Attributes
    ----------
    folder
        The folder, as an absolute path.
    result
        The content of ``result.json``.
    """

    folder: Path
    result: Result

    @property
    def clean_accuracy(self) -> float:
        """Accuracy on the test images, in [0, 1]."""
        return self.result.clean_accuracy

    @property
    def robust_accuracy(self) -> dict[str, dict[str, float]]:
        """Accuracy by name of the attack, then by ``repr`` of epsilon."""
        return self.result.robust_accuracy

    @cached_property
    def config(self) -> Json:
        """The resolved configuration, with the attacks of this result."""
        found = self._stored.config(TRAIN_ANEW)
        if found is None:
            raise ConfigError(
                f"{self._stored.config_path} does not belong to a run: {TRAIN_ANEW}"
            )
        return {**found, "attack": self.result.attack, "choices": self.result.choices}

    @property
    def rounds(self) -> "DataFrame":
        """One row a round; nested figures as ``robust_accuracy.pgd.0.1``."""
        import pandas as pd

        rows = [row.to_json() for row in self._stored.rounds(self.result.num_rounds)]
        for row in rows:
            for name in NESTED:
                if row[name] is None:  # else it would become a column of its own
                    del row[name]
        return pd.json_normalize(rows)

    @property
    def events(self) -> "DataFrame":
        """One row an event: its kind, its round, its client if it has one, and why."""
        import pandas as pd

        names = ["event", "round", "client", "reason"]
        frame = pd.DataFrame([vars(e) for e in self._stored.events()], columns=names)
        return frame.astype({"round": "Int64", "client": "Int64"})

    def model(self) -> Any:
        """Load the trained Keras model.

        Raises
        ------
        ConfigError
            When its file cannot be loaded.
        """
        from fedrobust.network.classifier import load_model, modules_beside

        path = self._stored.model_path
        with as_guest():
            try:
                return load_model(path, perhaps=modules_beside(path))
            except ValueError as error:
                raise ConfigError(str(error)) from error

    @property
    def _stored(self) -> StoredRun:
        return StoredRun(self.folder)

    def __repr__(self) -> str:
        result = self.result
        parts = [f"clean {result.clean_accuracy:.1%}"]
        for name, curve in result.robust_accuracy.items():
            parts += [f"{name} {e}: {share:.1%}" for e, share in curve.items()]
        doubts = f" ({result.doubts})" if result.doubts else ""
        text = f"{', '.join(parts)}{doubts}"
        return printable(f"<Run seed={result.seed}: {text}; {self.folder}>")

    def _repr_html_(self) -> str:
        return f"<code>{html.escape(repr(self))}</code>"
