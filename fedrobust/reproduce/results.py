"""results.csv: our numbers, one row for each cell and seed, and their provenance."""

import contextlib
import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fedrobust.config import Config
from fedrobust.errors import ConfigError, RunFailedError
from fedrobust.files import locked, write_atomically, writing
from fedrobust.record.folder import RunFolder
from fedrobust.record.result import Result
from fedrobust.reproduce.definition import Cell, Job, Reproduction
from fedrobust.reproduce.measures import measured
from fedrobust.reproduce.results_csv import Row, Rows, read_rows

# Columns beside the cell, the seed and the numbers.
PROVENANCE = (
    *("trouble", "minutes", "config_digest", "evaluation_digest"),
    *("fedrobust", "tensorflow", "processor", "cores"),
)


class Results:
    """The results of a reproduction.

    Raises
    ------
    ConfigError
        When the file has other columns than the reproduction, or has a row that no run
        could have written or that belongs to no planned run.
    """

    def __init__(self, reproduction: Reproduction) -> None:
        self._reproduction = reproduction
        self.path: Path = reproduction.folder / "results.csv"
        self.names = [
            *reproduction.columns,
            "seed",
            *reproduction.measures,
            *PROVENANCE,
        ]
        self.rows: Rows = {}
        self._read()
        # Checked only here: later, another process with a longer plan may add rows.
        planned = {(job.cell, job.seed) for job in reproduction.jobs}
        for cell, seed in sorted(self.rows.keys() - planned):
            raise ConfigError(
                f"{self.path}: {'/'.join(cell)} with seed {seed} is not planned in "
                "reproduction.yaml: plan it, or remove its row"
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the file against other processes, and read the rows that they added."""
        with locked(self.path.with_name(f".{self.path.name}.lock")):
            self._read()
            yield

    def _read(self) -> None:
        self.rows = read_rows(self._reproduction, self.path, self.names)

    def check(self, job: Job, config: Config) -> None:
        """Refuse a row of another version of the experiment.

        Raises
        ------
        ConfigError
            The message names the digests of both versions; nothing is overwritten.
        """
        row = self.rows.get((job.cell, job.seed))
        if row is None:
            return
        # Older rows do not have a digest of the evaluation.
        recorded = (
            row["config_digest"],
            row["evaluation_digest"] or config.evaluation_digest,
        )
        expected = (config.digest, config.evaluation_digest)
        if recorded != expected:
            raise ConfigError(
                f"{self.path}: {'/'.join(job.cell)} with seed {job.seed} was made by "
                f"another version of this experiment ({'/'.join(recorded)}, now "
                f"{'/'.join(expected)}); remove its row to run it again"
            )

    def by_seed(self, measure: str) -> dict[Cell, dict[int, float]]:
        """Return our numbers by cell and seed."""
        numbers: dict[Cell, dict[int, float]] = {}
        for (cell, seed), row in sorted(self.rows.items()):
            if row[measure]:
                numbers.setdefault(cell, {})[seed] = float(row[measure])
        return numbers

    def numbers(self, measure: str) -> dict[Cell, list[float]]:
        """Return our numbers by cell, in the order of the seeds."""
        return {cell: [*runs.values()] for cell, runs in self.by_seed(measure).items()}

    def doubts(self, cell: Cell, seed: int) -> str:
        """Return why a run is doubtful; empty if it is not, or if it is not done."""
        row = self.rows.get((cell, seed))
        return "" if row is None else row["trouble"]

    def add(self, job: Job, folder: RunFolder, result: Result) -> None:
        """Measure a finished run, add its row and write the file.

        Rows that other processes have added in the meantime are kept, including a row
        of the same run.

        Raises
        ------
        ConfigError
            When the row of the same run is of another version of the experiment.
        RunFailedError
            When the row of the same run has other numbers.
        """
        numbers = {
            name: measured(measure, folder, result)
            for name, measure in self._reproduction.measures.items()
        }
        with self.locked():
            self.check(job, folder.config)
            row = self._row(job, numbers, result)
            kept = self.rows.setdefault((job.cell, job.seed), row)
            for name in (name for name in numbers if row[name] != kept[name]):
                raise RunFailedError(
                    f"{self.path}: another process added {'/'.join(job.cell)} with "
                    f"seed {job.seed}, and its {name} is {kept[name]} where this run "
                    f"has {row[name]}: find out which is right"
                )
            self._write()

    def _row(
        self,
        job: Job,
        numbers: Mapping[str, float | None],
        result: Result,
    ) -> Row:
        environment = result.environment
        # A run that was resumed in its evaluation was trained by an earlier attempt.
        seconds = (result.wall_seconds or 0.0) + result.earlier_seconds
        return {
            **self._reproduction.values(job.cell),
            "seed": str(job.seed),
            **{name: as_text(value) for name, value in numbers.items()},
            "trouble": result.doubts,
            "minutes": f"{seconds / 60:.1f}",
            "config_digest": result.config_digest,
            "evaluation_digest": result.evaluation_digest,
            "fedrobust": environment["fedrobust"],
            "tensorflow": environment["tensorflow"],
            "processor": processor(environment),
            "cores": str(environment["cores"]),
        }

    def _write(self) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.names, lineterminator="\n")
        writer.writeheader()
        order = {cell: i for i, cell in enumerate(self._reproduction.cells)}
        last = len(order)
        for key in sorted(self.rows, key=lambda k: (order.get(k[0], last), *k)):
            writer.writerow(self.rows[key])
        with writing(self.path, "correct this, and run the command again"):
            write_atomically(self.path, text.getvalue())


def processor(environment: Mapping[str, Any]) -> str:
    """Return the CPU of a run, and whether it used oneDNN; bits depend on both."""
    name: str = environment["processor"]
    return f"{name} with oneDNN" if environment.get("onednn") else name


def as_text(number: float | None) -> str:
    """Return a number with all its digits; empty if there is none."""
    return "" if number is None else repr(number)
