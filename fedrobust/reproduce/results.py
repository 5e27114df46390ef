"""results.csv: our numbers, a row a cell and seed, and what they were made with."""

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

# What stands in a row beside the cell, the seed and the numbers.
MADE_WITH = (
    *("trouble", "minutes", "config_digest", "evaluation_digest"),
    *("fedrobust", "tensorflow", "processor", "cores"),
)


class Results:
    """The results of a reproduction.

    Raises
    ------
    ConfigError
        When the file has other columns than the reproduction, a row that no run could
        have written, or one of a run that is not planned.
    """

    def __init__(self, reproduction: Reproduction) -> None:
        self._reproduction = reproduction
        self.path: Path = reproduction.folder / "results.csv"
        self.names = [
            *reproduction.columns,
            "seed",
            *reproduction.measures,
            *MADE_WITH,
        ]
        self.rows: Rows = {}
        self._read()
        # Once: another process may know of a longer plan, and add to it meanwhile.
        planned = {(job.cell, job.seed) for job in reproduction.jobs}
        for cell, seed in sorted(self.rows.keys() - planned):
            raise ConfigError(
                f"{self.path}: {'/'.join(cell)} with seed {seed} is not planned in "
                "reproduction.yaml: plan it, or take its row away"
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes of this machine away, and read what they added."""
        with locked(self.path.with_name(f".{self.path.name}.lock")):
            self._read()
            yield

    def _read(self) -> None:
        self.rows = read_rows(self._reproduction, self.path, self.names)

    def check(self, job: Job, config: Config) -> None:
        """Refuse a row that another version of the experiment made.

        Raises
        ------
        ConfigError
            Naming both digests; nothing is overwritten.
        """
        row = self.rows.get((job.cell, job.seed))
        if row is None:
            return
        # Rows from before the evaluation was told have no digest of it.
        was = (
            row["config_digest"],
            row["evaluation_digest"] or config.evaluation_digest,
        )
        now = (config.digest, config.evaluation_digest)
        if was != now:
            raise ConfigError(
                f"{self.path}: {'/'.join(job.cell)} with seed {job.seed} was made by "
                f"another version of this experiment ({'/'.join(was)}, now "
                f"{'/'.join(now)}); take its row away to run it anew"
            )

    def by_seed(self, measure: str) -> dict[Cell, dict[int, float]]:
        """Give our numbers by cell and seed."""
        found: dict[Cell, dict[int, float]] = {}
        for (cell, seed), row in sorted(self.rows.items()):
            if row[measure]:
                found.setdefault(cell, {})[seed] = float(row[measure])
        return found

    def numbers(self, measure: str) -> dict[Cell, list[float]]:
        """Give our numbers by cell, in the order of the seeds."""
        return {cell: [*runs.values()] for cell, runs in self.by_seed(measure).items()}

    def trouble(self, cell: Cell, seed: int) -> str:
        """Tell what makes a run doubtful; nothing for most, and for one not run."""
        row = self.rows.get((cell, seed))
        return "" if row is None else row["trouble"]

    def add(self, job: Job, folder: RunFolder, result: Result) -> None:
        """Measure a finished run, add its row and write the file.

        Rows that another process added meanwhile are kept, that of this run too.

        Raises
        ------
        ConfigError
            When that one is of another version of the experiment.
        RunFailedError
            When it has other numbers.
        """
        numbers = {
            name: measured(measure, folder, result)
            for name, measure in self._reproduction.measures.items()
        }
        with self.locked():
            self.check(job, folder.config)
            row = self._row(job, numbers, result)
            there = self.rows.setdefault((job.cell, job.seed), row)
            for name in (name for name in numbers if row[name] != there[name]):
                raise RunFailedError(
                    f"{self.path}: {'/'.join(job.cell)} with seed {job.seed} was added "
                    f"meanwhile, and its {name} is {there[name]}, of this run "
                    f"{row[name]}: find out which is right"
                )
            self._write()

    def _row(
        self,
        job: Job,
        numbers: Mapping[str, float | None],
        result: Result,
    ) -> Row:
        environment = result.environment
        # Of a run that was resumed in its evaluation, the training, too.
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
        with writing(self.path, "see to it, and type the command again"):
            write_atomically(self.path, text.getvalue())


def processor(environment: Mapping[str, Any]) -> str:
    """Name the CPU of a run, and oneDNN if it computed there: both decide the bits."""
    name: str = environment["processor"]
    return f"{name} with oneDNN" if environment.get("onednn") else name


def as_text(number: float | None) -> str:
    """Write every digit of a number; nothing where a run has none."""
    return "" if number is None else repr(number)
