"""A finished run, read from its folder."""

import html
from dataclasses import dataclass
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

    from fedrobust.report.finished_run import FinishedRun

# Fields of a round that hold figures by name, which become a column each.
NESTED = (
    *("robust_accuracy", "collusion", "detection", "federated", "postprocessed"),
    "train_metrics",
)


@dataclass(frozen=True)
class Run:
    """A finished run.

    Parameters
    ----------
    finished
        One evaluation of the run, as it was read from its folder.
    """

    finished: "FinishedRun"

    @property
    def folder(self) -> Path:
        """The folder, as an absolute path."""
        return self.finished.folder.path

    @property
    def result(self) -> Result:
        """The content of ``result.json``."""
        return self.finished.result

    @property
    def clean_accuracy(self) -> float:
        """Accuracy on the test images, in [0, 1]."""
        return self.result.clean_accuracy

    @property
    def robust_accuracy(self) -> dict[str, dict[str, float]]:
        """Accuracy by name of the attack, then by ``repr`` of epsilon."""
        return self.result.robust_accuracy

    @property
    def config(self) -> Json:
        """The resolved configuration, with the attacks of this result."""
        return self.finished.config

    @property
    def rounds(self) -> "DataFrame":
        """One row a round; nested figures as ``robust_accuracy.pgd.0.1``."""
        import pandas as pd

        stored = self.finished.folder.rounds(self.result.num_rounds)
        rows = [row.to_json() for row in stored]
        for row in rows:
            for name in NESTED:
                if row[name] is None:  # else it would become a column of its own
                    del row[name]
        return pd.json_normalize(rows)

    @property
    def events(self) -> "DataFrame":
        """One row an event: its kind, its round, its client if it has one, and why."""
        import pandas as pd

        events = [vars(event) for event in self.finished.folder.events()]
        names = ["event", "round", "client", "reason"]
        frame = pd.DataFrame(events, columns=names)
        return frame.astype({"round": "Int64", "client": "Int64"})

    def model(self) -> Any:
        """Load the trained Keras model.

        Raises
        ------
        ConfigError
            When its file cannot be loaded.
        """
        from fedrobust.network.classifier import load_model, modules_beside

        path = self.finished.folder.model_path
        with as_guest():
            try:
                return load_model(path, perhaps=modules_beside(path))
            except ValueError as error:
                raise ConfigError(str(error)) from error

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


def run_in(folder: Path, result: Result) -> Run:
    """Read the run behind a result that was just returned.

    Raises
    ------
    ConfigError
        When a file of the run cannot be read.
    """
    # Imported late, as reports need matplotlib.
    from fedrobust.report.collect import finished_run
    from fedrobust.report.reading import FoundRun

    stored = StoredRun(folder)
    config = stored.config(TRAIN_ANEW)
    if config is None:
        raise ConfigError(f"{stored.config_path} is not that of a run: {TRAIN_ANEW}")
    return Run(finished_run(FoundRun(folder, config, [result]), result, []))
