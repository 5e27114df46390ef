"""A picture of adversarial examples, and what the model takes them for."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from fedrobust.report.panels import save_figure

if TYPE_CHECKING:
    from fedrobust.assessment import Assessment

COLUMNS = 10


def draw_adversarial(found: "Assessment", path: Path) -> Path:
    """Draw an image of each class, and below it the same after each attack.

    The answer of the model stands above each; wrong ones and their frames are red.

    Raises
    ------
    ValueError
        When the inputs are no images.
    """
    rows = [np.flatnonzero(found.y == label)[:1] for label in np.unique(found.y)]
    picked = np.concatenate(rows)[:COLUMNS]
    lines = [("clean", found.x, found.answers)]
    for (name, epsilon), x_adv in found.adversarial.items():
        answers = found.attacked_answers[name, epsilon]
        lines.append((f"{name}\nε={float(epsilon):.3g}", x_adv, answers))
    figure = Figure(
        figsize=(0.8 * len(picked) + 1.2, 1.0 * len(lines)), layout="constrained"
    )
    axes = figure.subplots(len(lines), len(picked), squeeze=False)
    for line, (name, images, answers) in zip(axes, lines, strict=True):
        for axis, row in zip(line, picked, strict=True):
            image = _as_image(images[row])
            axis.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
            colour = "black" if answers[row] == found.y[row] else "red"
            axis.set_title(str(answers[row]), fontsize=8, pad=2, color=colour)
            axis.spines[:].set_color(colour)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    save_figure(figure, path)
    return path


def _as_image(values: Any) -> Any:
    """Shape an input as matplotlib wants it; a flat one must be a square."""
    if values.ndim == 1:
        side = int(np.sqrt(values.size))
        if side * side != values.size:
            raise ValueError(f"inputs of {values.size} values are no square images")
        values = values.reshape(side, side)
    return values[..., 0] if values.ndim == 3 and values.shape[-1] == 1 else values
