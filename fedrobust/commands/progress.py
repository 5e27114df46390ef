"""Progress of a run: its rounds while it runs, then its result."""

import os
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from rich.console import Console

from fedrobust.commands.displays import (
    BesideTable,
    Display,
    LiveLine,
    Pace,
    PlainLines,
)
from fedrobust.commands.lines import (
    WIDTH,
    accuracies,
    duration,
    named_line,
    round_line,
)
from fedrobust.commands.run_table import is_interactive
from fedrobust.config import Config
from fedrobust.config.names import name_of, unusual_choices
from fedrobust.files import Json
from fedrobust.record.environment import version_changes
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow
from fedrobust.record.validation import TRAIN_ANEW

# Of this process, whose jobs follow one another.
PACE = Pace()


@dataclass(frozen=True)
class Job:
    """The place of a run in a sweep.

    Attributes
    ----------
    number, total
        Its number, from 0, and the number of runs.
    name
        What distinguishes it in the sweep.
    table
        The process that draws the table of all runs; None if there is no table.
    """

    number: int
    total: int
    name: str
    table: int | None = None

    @property
    def prefix(self) -> str:
        """What the lines of the run begin with."""
        return f"[{self.number + 1}/{self.total}] "


class Progress:
    """Shows the rounds of one run, then its result.

    Nothing that goes wrong with the terminal or the pipe stops the run.

    Parameters
    ----------
    config
        The experiment.
    folder
        The run directory, which the last line names.
    job
        Its place in a sweep; None for a single run.
    pace
        When plain lines are due.
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        job: Job | None = None,
        pace: Pace = PACE,
    ) -> None:
        self._config = config
        self._folder = folder
        self._job = job
        self._started = time.perf_counter()
        self._first_row: tuple[int, float] | None = None
        self._display = self._chosen_display(pace)

    def _chosen_display(self, pace: Pace) -> Display:
        console = Console(stderr=True)
        num_rounds = self._config.num_rounds
        if not is_interactive(console):
            last = num_rounds if self._job is None else None
            return PlainLines(console, self.name, last, pace)
        if self._job is not None and self._job.table is not None:
            return BesideTable()
        return LiveLine(console, num_rounds)

    @property
    def name(self) -> str:
        """The name of the run in messages."""
        if self._job is None:
            return name_of(unusual_choices(self._config))
        return self._job.prefix + self._job.name

    def __enter__(self) -> Self:
        self._display.begin()
        return self

    def __exit__(self, *_: object) -> None:
        self._display.end()

    def on_row(self, row: RoundRow) -> None:
        """Show one round."""
        now = time.perf_counter()
        self._first_row = self._first_row or (row.round, now)
        self._display.show(row.round, partial(self._line, row, now))

    def _line(self, row: RoundRow, now: float, width: int) -> str:
        """Return the line about a round."""
        loss = row.train_metrics.get("train_loss")
        left = self._seconds_left(row.round, now)
        parts = [
            f"round {row.round}/{self._config.num_rounds}",
            f"{row.quarantined} quarantined" if row.quarantined else "",
            f"{row.failed} failed" if row.failed else "",
            "skipped" if row.skipped else "",
            f"{duration(left)} left" if left is not None else "",
        ]
        found = accuracies(row.clean_accuracy, row.robust_accuracy)
        lost = f"loss {loss:.3g}" if isinstance(loss, float) else ""
        return round_line(parts, found, lost, width)

    def _seconds_left(self, done: int, now: float) -> float | None:
        """Estimate the time until the last round; None if that is not known, or zero.

        The first round says nothing, because most of it is compilation.
        """
        to_do = self._config.num_rounds - done
        first, began = self._first_row or (done, now)
        if to_do == 0 or done == first:
            return None
        return to_do * (now - began) / (done - first)

    def on_warning(self, text: str) -> None:
        """Show a warning about the training."""
        self._note(f"note: {text}", "", alone="fedrobust: ")

    def finish(self, result: Result) -> None:
        """Show the result, and the path of its file."""
        self._display.end()
        self._print_result(result)
        if others := version_changes(result.other_versions):
            note = f"note: the run was trained with {others}; {TRAIN_ANEW}"
            self._note(note, "yellow")
        for name in result.failed_checks:
            self._note(f"check failed: {name}", "red")
        if result.skipped_rounds:
            skipped = f"{result.skipped_rounds} rounds were skipped"
            self._note(f"{skipped}: see events.jsonl", "red")
        if result.privacy:
            self._note(_privacy(result.privacy), "")
        if self._job is None:
            print(f"{self._folder / 'result.json'}")

    def _note(self, text: str, style: str, alone: str = "") -> None:
        """Show a sentence after the run's place in a sweep; ``alone`` without one."""
        before = self._job.prefix if self._job else alone
        self._display.note(f"{before}{text}", style)

    def _print_result(self, result: Result) -> None:
        table = self._job.table if self._job else None
        if table not in (None, os.getpid()) and sys.stdout.isatty():
            return  # another process draws its table there
        line = accuracies(result.clean_accuracy, result.robust_accuracy)
        seconds = time.perf_counter() - self._started
        tail = "" if self._first_row else "  (trained before)"
        tail += f"  ({seconds:.1f} s)"
        head = named_line(self.name, line, WIDTH - len(tail))
        # In one piece, as other processes may print to the same pipe.
        sys.stdout.write(f"{head}{tail}\n")
        sys.stdout.flush()


def _spent(epsilon: float) -> str:
    """Return an epsilon; "0" would say that nothing was released."""
    return "<0.001" if epsilon < 0.001 else f"={epsilon:.4g}"


def _privacy(stated: Json) -> str:
    """Return what is claimed of a run's privacy, or why nothing is."""
    epsilon = stated.get("epsilon")
    if epsilon is None:
        return f"privacy: {stated.get('reason')}"
    told = f"privacy: epsilon{_spent(epsilon)} at delta={stated.get('delta'):g}"
    return "; ".join(
        filter(None, [told, stated.get("relation"), stated.get("stopped")])
    )
