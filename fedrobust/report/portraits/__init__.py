"""Figures of single runs: who took part, who was excluded, and what went wrong."""

import shlex
from collections.abc import Sequence
from dataclasses import replace

from fedrobust.report.drawing import Drawing
from fedrobust.report.groups import Runs
from fedrobust.report.notes import everywhere
from fedrobust.report.portraits import (
    backdoor,
    classes,
    clients,
    confusion,
    examples,
    partition,
    rounds_raster,
)

__all__ = ["portraits"]

MODULES = (backdoor, partition, rounds_raster, clients, classes, confusion, examples)


def portraits(runs: Runs, command: str) -> list[Drawing]:
    """Return the figures of a few runs, and the reasons for those without numbers.

    Parameters
    ----------
    runs
        The runs.
    command
        The command that writes the report, which draws one of its figures with
        ``--figure``.
    """
    return [
        _with_command(drawing, command, everywhere(runs))
        for module in MODULES
        for drawing in module.drawings(runs)
    ]


def _with_command(drawing: Drawing, command: str, known: Sequence[str]) -> Drawing:
    """Add the command that draws a figure, and what holds for every run."""
    caption = " ".join(filter(None, [drawing.caption, *known]))
    return replace(
        drawing,
        caption=caption if drawing.figure else "",
        command=f"{command} {shlex.join(['--figure', drawing.name])}",
    )
