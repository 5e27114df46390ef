"""TensorBoard's event files, below ``tensorboard/`` in the run folder.

``tensorboard --logdir FOLDER`` shows all runs below a folder. Scalars have 32 bits. The
files of an attempt that did not end are replaced.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from fedrobust.backend import start_tensorflow, tf
from fedrobust.tracking.base import TrackedRun, Tracker, Tracking, Values

FOLDER = "tensorboard"


@dataclass(frozen=True, kw_only=True)
class TensorBoard(Tracking):
    """Write scalars, hyper-parameters and the configuration as event files."""

    library: ClassVar[str] = "tensorboard"

    def start(self, run: TrackedRun) -> Tracker:
        """Create the event file, and log the configuration."""
        # Before TensorBoard imports TensorFlow with other settings than ours.
        start_tensorflow()
        folder = run.folder / FOLDER / run.evaluation_digest
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("events.out.tfevents.*"):
            path.unlink()
        return _EventFile(folder, run)


class _EventFile(Tracker):
    def __init__(self, folder: Path, run: TrackedRun) -> None:
        from tensorboard.plugins.hparams import api

        self._num_rounds = run.num_rounds
        self._writer: Any = tf.summary.create_file_writer(str(folder))
        with self._writer.as_default(step=0):
            name = f"{run.config_digest}-{run.evaluation_digest}"
            api.hparams(dict(run.config), trial_id=name)
            # Indented, so that TensorBoard shows the text literally.
            text = "\n".join(f"    {line}" for line in run.text.splitlines())
            tf.summary.text("config", text)
        self._writer.flush()

    def log_round(self, round: int, values: Values) -> None:
        with self._writer.as_default(step=round):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._writer.flush()

    def finish(self, values: Values) -> None:
        from tensorboard.plugins.hparams import api_pb2

        self.log_round(self._num_rounds, values)
        self._end(api_pb2.STATUS_SUCCESS)

    def fail(self, is_interrupted: bool) -> None:
        from tensorboard.plugins.hparams import api_pb2

        self._end(api_pb2.STATUS_FAILURE)

    def _end(self, status: int) -> None:
        from tensorboard.plugins.hparams import summary

        ended = summary.session_end_pb(status).SerializeToString()
        with self._writer.as_default(step=0):
            tf.summary.experimental.write_raw_pb(ended)
        self._writer.close()
