"""Where the lines about rounds go: a live line, plain lines, or the table of a sweep.

Nothing that goes wrong with the terminal or the pipe stops a run.
"""

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column

from fedrobust.commands.lines import WIDTH, named_line

# Seconds between two plain lines of one process.
PAUSE = 10.0
# Columns of the live line's bar, and of a long name before a line about a round.
BAR, NAME = 12, 25

# Returns the line about a round in so many columns.
LineOf = Callable[[int], str]


class Display(Protocol):
    """Shows the rounds of one run."""

    def begin(self) -> None:
        """Show that the run begins."""

    def show(self, round: int, line_of: LineOf) -> None:
        """Show a round."""

    def note(self, text: str, style: str) -> None:
        """Show a sentence."""

    def end(self) -> None:
        """Remove what is not to stay; it may be called more than once."""


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


class LiveLine:
    """One line of a terminal that changes with each round.

    Parameters
    ----------
    console
        The terminal.
    num_rounds
        Number of rounds.
    """

    def __init__(self, console: Console, num_rounds: int) -> None:
        self._console = console
        self._is_drawn = True
        self.bar = Bar(
            BarColumn(bar_width=BAR),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(no_wrap=True, overflow="ellipsis"),
            ),
            console=console,
            transient=True,
            # A pipe must keep what is printed to it.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task = self.bar.add_task("starting", total=num_rounds)

    def begin(self) -> None:
        """Draw the line."""
        self._draw(self.bar.start)

    def show(self, round: int, line_of: LineOf) -> None:
        """Draw a round."""
        line = line_of(self._console.width - BAR - 1)
        self._draw(
            lambda: self.bar.update(self._task, completed=round, description=line)
        )

    def note(self, text: str, style: str) -> None:
        """Print a sentence above the line."""
        print_note(self._console, text, style)

    def end(self) -> None:
        """Remove the line."""
        self._draw(self.bar.stop)
        self._is_drawn = False

    def _draw(self, change: Callable[[], None]) -> None:
        """Change the line, until a terminal that is gone has refused it."""
        if self._is_drawn:
            try:
                change()
            except (OSError, ValueError):
                self._is_drawn = False


class PlainLines:
    """Lines on a pipe or in a log: the first at once, the others rarely.

    Parameters
    ----------
    console
        What notes are printed with.
    name
        The name of the run.
    last
        The round whose line is always printed; None in a sweep, where the result
        follows the last round at once. Only there each line has the name.
    pace
        When lines are due.
    """

    def __init__(
        self, console: Console, name: str, last: int | None, pace: Pace
    ) -> None:
        self._console = console
        self._name = name
        self._last = last
        self._pace = pace

    def begin(self) -> None:
        """Print that the run starts."""
        if self._pace.is_due("start"):
            print_line(named_line(self._name, "starting"))

    def show(self, round: int, line_of: LineOf) -> None:
        """Print a round, if a line is due."""
        if not (self._pace.is_due("round") or round == self._last):
            return
        if self._last is not None:
            print_line(line_of(WIDTH))
            return
        line = line_of(WIDTH - min(cell_len(self._name), NAME) - 2)
        print_line(named_line(self._name, line))

    def note(self, text: str, style: str) -> None:
        """Print a sentence."""
        print_note(self._console, text, style)

    def end(self) -> None:
        """Leave all lines where they are."""


class BesideTable:
    """No lines, because the table of the sweep shows the rounds."""

    def begin(self) -> None:
        """Print nothing."""

    def show(self, round: int, line_of: LineOf) -> None:
        """Print nothing."""

    def note(self, text: str, style: str) -> None:
        """Print a sentence above the table, which redirects the stream."""
        print_line(text)

    def end(self) -> None:
        """Print nothing."""


def print_line(line: str) -> None:
    """Print a line in one piece, as other processes may print to the same pipe."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def print_note(console: Console, text: str, style: str) -> None:
    """Print a sentence, which the terminal may wrap."""
    with suppress(OSError, ValueError):
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
