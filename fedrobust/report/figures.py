"""Figures: the defence × attack heat map, and accuracy against epsilon."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from fedrobust.report.collect import ORDER, Cell, Runs, rank

mpl.use("Agg")

COLOURS = {"standard": "#b2432f", "noise": "#b8912f", "pgd": "#2f6fb2"}


def draw_figures(runs: Runs, folder: Path) -> list[Path]:
    """Draw the figures that the runs allow.

    Returns
    -------
    The files that were written.
    """
    written: list[Path] = []
    others = set(runs.columns) - set(ORDER)
    if len(others) > 2:
        # Runs that differ in so many ways have no common axes.
        return written
    if {"strategy", "byzantine"} & set(runs.columns):
        path = folder / "heatmap.png"
        _save(heat_map(runs), path)
        written.append(path)
    if runs.epsilons:
        path = folder / "epsilon.png"
        _save(epsilon_curves(runs), path)
        written.append(path)
    return written


def _save(figure: Figure, path: Path) -> None:
    # Without the version of matplotlib in it, the same runs give the same file.
    figure.savefig(path, dpi=144, metadata={"Software": None})


def _choices(runs: Runs, group: str) -> list[str]:
    """List the choices made in a group, the customary ones first."""
    found = {cell.choices.get(group, "") for cell in runs.cells}
    return sorted(found, key=lambda choice: rank(group, choice))


def _only(cells: Sequence[Cell], *path: str) -> float:
    """Give the figure of the one cell; nan where there is none, or are several.

    Averaging what differs in more than the seed would be no number of any experiment.
    """
    mean = cells[0].mean(*path) if len(cells) == 1 else None
    return float("nan") if mean is None else mean


def heat_map(runs: Runs) -> Figure:
    """Draw a panel a kind of training: strategy down, attack across, the worst last."""
    trainings = _choices(runs, "training")
    strategies, attacks = _choices(runs, "strategy"), _choices(runs, "byzantine")
    metrics: list[tuple[str, tuple[str, ...]]] = [
        ("clean accuracy", ("clean_accuracy",))
    ]
    if runs.epsilons:
        middle = runs.epsilons[len(runs.epsilons) // 2]
        metrics.append((f"accuracy at ε = {middle}", ("worst_robust_accuracy", middle)))
    width = 1.5 + len(trainings) * (0.95 * (len(attacks) + 1) + 0.3)
    height = 0.6 + len(metrics) * (0.5 * len(strategies) + 1.1)
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(len(metrics), len(trainings), squeeze=False)
    for line, (title, path) in zip(axes, metrics, strict=True):
        for panel, training in zip(line, trainings, strict=True):
            values = np.array(
                [
                    [
                        _only(
                            [
                                cell
                                for cell in runs.cells
                                if cell.choices.get("training") == training
                                and cell.choices.get("strategy") == strategy
                                and cell.choices.get("byzantine") == attack
                            ],
                            *path,
                        )
                        for attack in attacks
                    ]
                    for strategy in strategies
                ]
            )
            with np.errstate(invalid="ignore"):
                worst = values.min(axis=1, keepdims=True)
            _panel(
                panel,
                np.hstack([values, worst]),
                strategies if training == trainings[0] else [""] * len(strategies),
                [*attacks, "worst"],
            )
            panel.set_title(f"{training} training\n{title}", fontsize=9)
    return figure


def _panel(
    axes: Any, values: np.ndarray[Any, Any], rows: list[str], columns: list[str]
) -> None:
    """Draw one matrix with its numbers in percent."""
    axes.imshow(values, vmin=0, vmax=1, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(columns)), columns, fontsize=8, rotation=20)
    axes.set_yticks(range(len(rows)), rows, fontsize=8)
    axes.axvline(len(columns) - 1.5, color="white", linewidth=3)
    for (y, x), value in np.ndenumerate(values):
        text = "–" if np.isnan(value) else f"{100 * value:.0f}"
        colour = "white" if np.isnan(value) or value < 0.6 else "black"
        axes.text(x, y, text, ha="center", va="center", color=colour, fontsize=8)


def epsilon_curves(runs: Runs) -> Figure:
    """Draw accuracy against epsilon, a line a kind of training, without an attacker.

    Where runs differ in other ways too, it is the first strategy's line.
    """
    strategy, byzantine = _choices(runs, "strategy")[0], _choices(runs, "byzantine")[0]
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    x = [0.0, *map(float, runs.epsilons)]
    for cell in runs.cells:
        choices = cell.choices
        if (choices.get("strategy"), choices.get("byzantine")) != (strategy, byzantine):
            continue
        paths = [("clean_accuracy",)]
        curve = [cell.mean(*path) for path in paths]
        spread = [cell.std(*path) for path in paths]
        for epsilon in runs.epsilons:
            curve.append(cell.mean("worst_robust_accuracy", epsilon))
            spread.append(cell.std("worst_robust_accuracy", epsilon))
        y = np.array([np.nan if v is None else v for v in curve])
        error = np.array([0.0 if v is None else v for v in spread])
        training = choices.get("training", "")
        extra = [v for k, v in cell.labels.items() if k not in ORDER]
        label = " ".join([training, "training", *extra])
        colour = COLOURS.get(training) if not extra else None
        (drawn,) = axes.plot(x, 100 * y, marker="o", label=label, color=colour)
        axes.fill_between(
            x,
            100 * (y - error),
            100 * (y + error),
            alpha=0.2,
            color=drawn.get_color(),
            linewidth=0,
        )
    axes.set_xlabel("ε of the evasion attack (input units; 0 is clean)")
    axes.set_ylabel("accuracy in percent, worst over attacks")
    axes.set_title(f"{strategy}, Byzantine attack: {byzantine}", fontsize=10)
    axes.set_ylim(0, 100)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    axes.legend()
    return figure
