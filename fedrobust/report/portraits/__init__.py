"""Figures of single runs: who took part, who was excluded, and what went wrong."""

import shlex
from dataclasses import replace

from fedrobust.report.drawing import Drawing
from fedrobust.report.groups import Runs
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
        replace(drawing, command=f"{command} {shlex.join(['--figure', drawing.name])}")
        for module in MODULES
        for drawing in module.drawings(runs)
    ]
