"""Progress of a run: one live line in a terminal, else plain lines."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column

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
from fedrobust.record.environment import version_changes
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow
from fedrobust.record.validation import TRAIN_ANEW

# Seconds between two plain lines of one process.
PAUSE = 10.0
# Columns of the live line's bar, and of a long name before a line about a round.
BAR, NAME = 12, 25


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


class Pace:
    """Decides which lines of one process are printed: few, but the first ones soon.

    Parameters
    ----------
    clock
        Returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shown: dict[str, float] = {}

    def is_due(self, kind: str) -> bool:
        """Return whether to print a line: the first of its kind, or after a pause."""
        now = self._clock()
        is_due = kind not in self._shown or now - max(self._shown.values()) >= PAUSE
        if is_due:
            self._shown[kind] = now
        return is_due


# Of this process, whose jobs follow one another.
PACE = Pace()


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
        self._pace = pace
        self._console = Console(stderr=True)
        self._started = time.perf_counter()
        self._first_row: tuple[int, float] | None = None
        self._is_plain = not is_interactive(self._console)
        # The table of a sweep shows the rounds, and lines would tear it.
        has_table = job is not None and job.table is not None
        self._is_silent = has_table and not self._is_plain
        self._has_bar = not self._is_plain and not self._is_silent
        self._bar = Bar(
            BarColumn(bar_width=BAR),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis"),
            ),
            console=self._console,
            transient=True,
            # A pipe must keep what is printed to it.
            redirect_stdout=sys.stdout.isatty(),
            disable=not self._has_bar,
        )
        self._task = self._bar.add_task("starting", total=config.num_rounds)

    @property
    def name(self) -> str:
        """The name of the run in messages."""
        if self._job is None:
            return name_of(unusual_choices(self._config))
        return self._job.prefix + self._job.name

    def __enter__(self) -> Self:
        self._draw(self._bar.start)
        if self._is_plain and self._pace.is_due("start"):
            self._print_plain(named_line(self.name, "starting"))
        return self

    def __exit__(self, *_: object) -> None:
        self._remove_bar()

    def on_row(self, row: RoundRow) -> None:
        """Show one round."""
        now = time.perf_counter()
        self._first_row = self._first_row or (row.round, now)
        if self._is_silent:
            return
        if not self._is_plain:
            text = self._line(row, now, self._console.width - BAR - 1)
            self._draw(
                lambda: self._bar.update(
                    self._task, completed=row.round, description=text
                )
            )
            return
        # In a sweep, the result follows the last round at once.
        is_last = row.round == self._config.num_rounds and self._job is None
        if self._pace.is_due("round") or is_last:
            if self._job is None:
                self._print_plain(self._line(row, now, WIDTH))
            else:
                width = WIDTH - min(cell_len(self.name), NAME) - 2
                line = self._line(row, now, width)
                self._print_plain(named_line(self.name, line))

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
        self._print_note(f"fedrobust: note: {text}")

    def finish(self, result: Result) -> None:
        """Show the result, and the path of its file."""
        self._remove_bar()
        self._print_result(result)
        if others := version_changes(result.other_versions):
            note = f"note: the run was trained with {others}; {TRAIN_ANEW}"
            self._print_note(note, "yellow")
        for name in result.failed_checks:
            self._print_note(f"check failed: {name}", "red")
        if result.skipped_rounds:
            skipped = f"{result.skipped_rounds} rounds were skipped"
            self._print_note(f"{skipped}: see events.jsonl", "red")
        if self._job is None:
            print(f"{self._folder / 'result.json'}")

    def _draw(self, change: Callable[[], None]) -> None:
        """Change the live line, until a terminal that is gone has refused it."""
        if self._has_bar:
            try:
                change()
            except (OSError, ValueError):
                self._has_bar = False

    def _remove_bar(self) -> None:
        self._draw(self._bar.stop)
        self._has_bar = False

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

    def _print_note(self, text: str, style: str = "") -> None:
        if self._is_silent:
            self._print_plain(text)  # above the table, which redirects the stream
            return
        with suppress(OSError, ValueError):
            self._console.print(
                text, style=style, markup=False, highlight=False, soft_wrap=True
            )

    def _print_plain(self, line: str) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
