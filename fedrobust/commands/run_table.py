"""The table of the runs of a sweep, from their files alone."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.live import Live
from rich.text import Text

from fedrobust.commands.lines import (
    SHORTEST_NAME,
    accuracies,
    counted,
    cut_end,
    cut_middle,
    duration,
)
from fedrobust.record.run_state import (
    FAILED,
    FINISHED,
    KINDS,
    NOT_STARTED,
    RUNNING,
    STOPPED,
    RunState,
    read_state,
)

STYLES = {FINISHED: "green", RUNNING: "bold", FAILED: "red", STOPPED: "yellow"}
# Lines of a live table, if the terminal is not lower.
HEIGHT = 20
# Seconds between two looks at the files.
PAUSE = 1.0


@dataclass(frozen=True)
class ShownRun:
    """A run of a table.

    Attributes
    ----------
    path
        Its folder.
    name
        Its name within the sweep.
    evaluation_digest
        The evaluation that is shown; empty for the latest.
    """

    path: Path
    name: str
    evaluation_digest: str = ""


class States:
    """The states of runs; those of finished runs are read only once."""

    def __init__(self, runs: Sequence[ShownRun]) -> None:
        self.runs = runs
        self._finished: dict[int, RunState] = {}
        self._states: list[RunState] = []
        self._read_at = float("-inf")

    def read(self, pause: float = 0.0) -> list[RunState]:
        """Return the states, which are not read again before a pause is over."""
        if time.monotonic() - self._read_at >= pause:
            self._states = self._one_a_folder()
            self._read_at = time.monotonic()
        return self._states

    def _one_a_folder(self) -> list[RunState]:
        """Return the states, of which one at most is at work in each folder.

        Jobs that differ only in the evaluation share a folder, and take turns.
        """
        states, busy = [], set[Path]()
        for index, run in enumerate(self.runs):
            state = self._state(index)
            if state.kind in (RUNNING, STOPPED):
                state = RunState(NOT_STARTED) if run.path in busy else state
                busy.add(run.path)
            states.append(state)
        return states

    def _state(self, index: int) -> RunState:
        if index in self._finished:
            return self._finished[index]
        run = self.runs[index]
        state = read_state(run.path, run.evaluation_digest)
        if state.kind == FINISHED:
            self._finished[index] = state
        return state


def total_line(states: Sequence[RunState]) -> str:
    """Return how many runs there are of each kind, and the time left."""
    count = Counter(state.kind for state in states)
    kinds = ", ".join(f"{count[kind]} {kind}" for kind in KINDS if count[kind])
    left = seconds_left(states)
    ahead = "" if left is None else f"; about {duration(left)} left"
    return f"{counted(len(states), 'run')}: {kinds}{ahead}"


def seconds_left(states: Sequence[RunState]) -> float | None:
    """Estimate the seconds until all runs that are running or not started are done.

    A run that is not started takes as long as the finished runs on average, or without
    any as the running ones, and as many run at once as do now.

    Returns
    -------
    The seconds; None if no run is running, or nothing is known about their duration.
    """
    running = [s for s in states if s.kind == RUNNING]
    known = [s for s in running if s.left is not None and s.seconds is not None]
    times = [s.seconds for s in states if s.kind == FINISHED and s.seconds is not None]
    typical = times or [(s.seconds or 0.0) + (s.left or 0.0) for s in known]
    if not running or not typical:
        return None
    to_do = sum(s.kind == NOT_STARTED for s in states)
    # A run without a round yet is at its beginning.
    ahead = sum(fmean(typical) if s.left is None else s.left for s in running)
    return (ahead + to_do * fmean(typical)) / len(running)


def window(states: Sequence[RunState], height: int) -> list[int]:
    """Choose the runs to show: the running ones, the last before and the next after.

    Returns
    -------
    Indices in their order, at most ``height`` of them.
    """
    active = [i for i, s in enumerate(states) if s.kind == RUNNING][:height]
    ahead = [i for i, s in enumerate(states) if s.kind == NOT_STARTED]
    done = [i for i, s in enumerate(states) if s.kind not in (RUNNING, NOT_STARTED)]
    free = height - len(active)
    # A third for the next ones, or more where fewer are done.
    num_next = min(len(ahead), max(free // 3, free - len(done)))
    num_last = min(len(done), free - num_next)
    num_next = min(len(ahead), free - num_last)
    return sorted([*active, *ahead[:num_next], *done[len(done) - num_last :]])


def state_words(state: RunState) -> str:
    """Return the state of a run in one or two words."""
    rounds = f"{state.round}/{state.num_rounds or '?'}"
    if state.kind == RUNNING and state.round == 0:
        return "starting"
    if state.kind == RUNNING and state.round == state.num_rounds:
        return "evaluating"
    if state.kind == RUNNING:
        return f"round {rounds}"
    return f"stopped {rounds}" if state.kind == STOPPED else state.kind


def run_lines(
    runs: Sequence[ShownRun], states: Sequence[RunState], width: int
) -> list[Text]:
    """Return a line for each run: its name, its state, its accuracies or its failure.

    Parameters
    ----------
    runs, states
        The runs, and how far each is.
    width
        Width of the lines; names are cut first, then what follows the state.
    """
    words = [*map(state_words, states)]
    details = [*map(_detail, states)]
    widest_state = max(map(cell_len, words), default=0)
    widest_name = max((cell_len(run.name) for run in runs), default=0)
    widest_detail = max((cell_len(d) for d in details), default=0)
    free = width - widest_state - 4
    # Names and details share what is free; neither takes what the other needs not.
    for_names = min(widest_name, max(free - widest_detail, free // 2, SHORTEST_NAME))
    lines = []
    for run, state, word, detail in zip(runs, states, words, details, strict=True):
        name = set_cell_size(cut_middle(run.name, for_names), for_names)
        line = Text(no_wrap=True)
        line.append(name).append("  ")
        line.append(set_cell_size(word, widest_state), STYLES.get(state.kind, "dim"))
        line.append("  " + cut_end(detail, max(free - for_names, 0)))
        line.rstrip()
        lines.append(line)
    return lines


def _detail(state: RunState) -> str:
    if state.kind == FAILED:
        return state.reason
    out = f"  {counted(state.out, 'client')} out" if state.out else ""
    return f"{accuracies(state.clean, state.robust)}{out}"


def width_of(console: Console) -> int:
    """Return the width for lines; without a terminal 80 columns."""
    return console.width if console.is_terminal else min(console.width, 80)


def table(states: States, console: Console, pause: float = 0.0) -> Text:
    """Return the bounded table of runs, whose last line is the total."""
    found = states.read(pause)
    shown = window(found, max(min(HEIGHT, console.height - 3), 1))
    runs = [states.runs[i] for i in shown]
    lines = run_lines(runs, [found[i] for i in shown], width_of(console))
    return Text("\n").join([*lines, Text(total_line(found))])


def is_interactive(console: Console) -> bool:
    """Return whether lines can be drawn over: a terminal, and not a dumb one."""
    is_tty = getattr(console.file, "isatty", None)
    return (
        console.is_terminal
        and not console.is_dumb_terminal
        and bool(is_tty and is_tty())
    )


@contextmanager
def live_table(states: States, console: Console, pause: float) -> Iterator[Live]:
    """Draw the table until the context ends, and then remove it."""
    with Live(
        get_renderable=lambda: table(states, console, pause),
        console=console,
        refresh_per_second=1 / pause,
        transient=True,
        # A stream that is no terminal must keep what is printed to it.
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=sys.stderr.isatty(),
    ) as live:
        yield live
