"""Write a report: an HTML page, Markdown, LaTeX, CSV, and its figures as files."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from fedrobust.errors import ConfigError, nearest
from fedrobust.files import write_atomically
from fedrobust.report.build import content
from fedrobust.report.drawing import Drawing
from fedrobust.report.figures import Axes, default_drawings, drawing_for
from fedrobust.report.groups import Runs
from fedrobust.report.interval import count
from fedrobust.report.latex import latex
from fedrobust.report.markdown import markdown
from fedrobust.report.marks import raised
from fedrobust.report.page import render
from fedrobust.report.portraits import portraits
from fedrobust.report.style import KINDS, save
from fedrobust.report.tables import csv_of

FIGURES = "figures"
_LINKED = re.compile(rf"\]\({FIGURES}/([a-z0-9-]+)\.png\)")


def write_report(runs: Runs, folder: Path, title: str, command: str) -> list[Path]:
    """Write the report of runs into a folder.

    Figures of the previous report that this one does not have are removed, because they
    would show other runs. Figures that were drawn on request stay.

    Returns
    -------
    The written files, the page first.
    """
    drawings = all_drawings(runs, command)
    report = content(runs, title, command, drawings, folder)
    page, text = folder / "report.html", folder / "report.md"
    linked = {d.name: PurePath(FIGURES, f"{d.name}.png") for d in drawings if d.figure}
    # All of it exists before the first file of the previous report is replaced.
    texts = {
        page: render(report),
        text: markdown(report, linked),
        folder / "report.tex": latex(report),
        folder / "report.csv": csv_of(runs, folder),
    }
    stale = set(_figures_of(text)) - {*linked}
    folder.mkdir(exist_ok=True, parents=True)
    figures = [path for drawing in drawings for path in write_figure(drawing, folder)]
    for path, written in texts.items():
        write_atomically(path, written)
    for name in stale:
        for kind in KINDS:
            (folder / FIGURES / f"{name}{kind}").unlink(missing_ok=True)
    return [*texts, *figures]


def all_drawings(runs: Runs, command: str) -> list[Drawing]:
    """Return the figures of a sweep and those of single runs."""
    return [*default_drawings(runs, command), *portraits(runs, command)]


def chosen_drawings(
    runs: Runs, command: str, axes: Axes | None, names: Sequence[str]
) -> list[Drawing]:
    """Return figures that somebody asked for: by their axes, or by their names.

    Raises
    ------
    ConfigError
        When there is no such figure, or it has no numbers.
    """
    if axes is not None:
        return [drawing_for(runs, axes, command)]
    known = {drawing.name: drawing for drawing in all_drawings(runs, command)}
    for name in names:
        if name not in known:
            raise ConfigError(
                f"--figure {name}: these runs have no such figure, "
                f"{nearest(name, known)}"
            )
        if known[name].figure is None:
            raise ConfigError(f"--figure {name}: {known[name].reason.rstrip('.')}")
    return [known[name] for name in names]


def caption_of(drawing: Drawing, runs: Runs) -> str:
    """Return what stands under a figure, with the words of its marks, as plain text."""
    seeds = count(*drawing.seeds)
    lines = [f"{drawing.title}. {drawing.caption}".strip(), seeds and f"{seeds}."]
    lines += [f"{raised([x])} {runs.marks.footnotes[x]}" for x in drawing.footnotes]
    return "\n".join(filter(None, lines))


def write_figure(drawing: Drawing, folder: Path) -> list[Path]:
    """Write a figure into a report's folder; nothing if it has no numbers."""
    if drawing.figure is None:
        return []
    (folder / FIGURES).mkdir(exist_ok=True, parents=True)
    path = folder / FIGURES / drawing.name
    return [save(drawing.figure, path.with_suffix(kind)) for kind in KINDS]


def _figures_of(report: Path) -> list[str]:
    """List the figures that an earlier report linked."""
    try:
        return _LINKED.findall(report.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return []
