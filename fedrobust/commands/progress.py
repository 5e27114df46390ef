"""Progress of a run: a bar in a terminal, else plain lines."""

import sys
import time
from pathlib import Path
from typing import ClassVar, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from fedrobust.config import Config
from fedrobust.record.environment import version_changes
from fedrobust.record.result import Result
from fedrobust.record.round_row import RoundRow
from fedrobust.record.validation import TRAIN_ANEW

# Accuracies by name of the attack, then by epsilon.
Curves = dict[str, dict[str, float]]


class Progress:
    """Shows the rounds of one run, then its result.

    Parameters
    ----------
    config
        The experiment.
    folder
        The run directory, which the last line names.
    job
        The number of the run in a multirun, from 0; None for a single run.
    """

    # Number of runs of the multirun; 0 in processes that did not start it.
    total: ClassVar[int] = 0

    def __init__(self, config: Config, folder: Path, job: int | None) -> None:
        self._config = config
        self._folder = folder
        self._job = job
        self._console = Console(stderr=True)
        self._started = time.perf_counter()
        self._shown = 0.0
        self._trained = False
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task(
            self.name, total=config.num_rounds, note="starting"
        )

    @property
    def name(self) -> str:
        """The name of the run in messages."""
        return self.name_of(self._config, self._job, self.total)

    @staticmethod
    def name_of(config: Config, job: int | None, total: int) -> str:
        """Return the name of a run in messages: its number, choices and seed."""
        choices = config.choices
        groups = ["dataset", "model", "training"]
        if not config.centralised:
            groups += ["byzantine", "strategy"]
        words = [choices[group] for group in groups if group in choices]
        words += ["centralised"] if config.centralised else []
        number = "" if job is None else f"[{job + 1}/{total or '?'}] "
        return f"{number}{' '.join(words)} seed={config.seed}"

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def on_row(self, row: RoundRow) -> None:
        """Show one round."""
        self._trained = True
        note = _accuracies(row.clean_accuracy, row.robust_accuracy)
        out = row.quarantined + row.failed
        note += f"  {out} clients out" if out else ""
        note += "  round skipped" if row.skipped else ""
        self._bar.update(self._task, completed=row.round, note=note)
        now = time.perf_counter()
        single = self._job is None and not self._console.is_terminal
        if single and (now - self._shown > 5 or row.clean_accuracy is not None):
            self._shown = now
            line = f"round {row.round}/{self._config.num_rounds}  {note}"
            print(line, file=sys.stderr, flush=True)

    def on_warning(self, text: str) -> None:
        """Show a warning about the training."""
        note = f"fedrobust: note: {text}"
        self._console.print(note, markup=False, highlight=False, soft_wrap=True)

    def finish(self, result: Result) -> None:
        """Show the result, and the path of its file."""
        self._bar.stop()
        line = _accuracies(result.clean_accuracy, result.robust_accuracy)
        seconds = time.perf_counter() - self._started
        line += "" if self._trained else "  (trained before)"
        print(f"{self.name}: {line}  ({seconds:.1f} s)", flush=True)
        if others := version_changes(result.other_versions):
            note = f"note: the run was trained with {others}; {TRAIN_ANEW}"
            self._console.print(note, style="yellow", markup=False, highlight=False)
        for name in result.failed_checks:
            self._console.print(f"check failed: {name}", style="red", markup=False)
        if result.skipped_rounds:
            skipped = f"{result.skipped_rounds} rounds were skipped"
            self._console.print(f"{skipped}: see events.jsonl", style="red")
        if self._job is None:
            print(f"{self._folder / 'result.json'}")


def _accuracies(clean: float | None, robust: Curves | None) -> str:
    """Return accuracies in percent as one line; empty without an evaluation."""
    if clean is None:
        return ""
    parts = [f"clean {100 * clean:.1f}"]
    for name, curve in (robust or {}).items():
        values = " ".join(f"{100 * value:.1f}" for value in curve.values())
        parts.append(f"{name} {values}")
    return "  ".join(parts)
