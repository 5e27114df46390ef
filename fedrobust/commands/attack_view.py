"""What ``fedrobust attack`` shows: its progress, then the accuracy of the model."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from fedrobust.evaluation.scores import Scores

COLOURS = {"pass": "green", "fail": "red", "not_run": "dim"}


class AttackProgress:
    """Shows the progress of each stage: a bar in a terminal, else plain lines.

    Parameters
    ----------
    num_examples
        How many examples are attacked.
    """

    def __init__(self, num_examples: int) -> None:
        self._num_examples = num_examples
        self._line = ""
        console = Console(stderr=True)
        self._live = console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
            disable=not self._live,
        )
        self._task = self._bar.add_task("loading", total=num_examples)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, name: str, epsilon: float, done: int, total: int) -> None:
        """Show that a batch is done; several threads work on the batches of a stage."""
        line = (
            f"{name} at ε={epsilon:.4g}: {total} of {self._num_examples} examples "
            "to break"
        )
        if line != self._line:
            self._line = line
            self._bar.reset(self._task, total=total, description=line)
            if not self._live:
                print(line, file=sys.stderr, flush=True)
        self._bar.update(self._task, advance=done)


def print_scores(scores: Scores) -> None:
    """Print accuracies and checks, with failed checks in red."""
    # Imported late, as the package loads matplotlib.
    from fedrobust.report.markup import rich_text

    console = Console()
    if not console.is_terminal:
        console = Console(width=120)
    table = Table(title=f"Accuracy in percent on {scores.num_examples} examples")
    table.add_column("attack")
    for epsilon in scores.worst:
        table.add_column(f"ε={float(epsilon):.4g}", justify="right")
    table.add_row("none (clean)", *[f"{100 * scores.clean:.2f}"] * len(scores.worst))
    for name, curve in scores.robust.items():
        table.add_row(rich_text(name), *(f"{100 * v:.2f}" for v in curve.values()))
    if len(scores.robust) > 1:
        worst = (f"{100 * v:.2f}" for v in scores.worst.values())
        table.add_row("worst case", *worst)
    console.print(table)
    for name, check in scores.checks.items():
        figure = "" if check.figure is None else f" {check.figure:.4g}"
        status = rich_text(f"{check.status:8}", COLOURS[check.status])
        text = rich_text(f"{name}:{figure} ({check.meaning})")
        console.print(status + text, highlight=False)
