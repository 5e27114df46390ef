"""A picture of adversarial examples, with the class that the model gives to each."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from fedrobust.report.panels import save_figure

if TYPE_CHECKING:
    from fedrobust.evaluation.assessment import Assessment

COLUMNS = 10


def draw_adversarial(found: "Assessment", path: Path, shape: tuple[int, ...]) -> Path:
    """Draw an image of each class, and below it the same image after each attack.

    Above each image is the answer of the model; wrong answers and their frames are red.

    Parameters
    ----------
    found
        The assessment, whose inputs may have been reshaped for the model.
    path
        The file to write.
    shape
        The shape of an image, from ``image_shape``.
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
            image = images[row].reshape(shape)
            axis.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
            colour = "black" if answers[row] == found.y[row] else "red"
            axis.set_title(str(answers[row]), fontsize=8, pad=2, color=colour)
            axis.spines[:].set_color(colour)
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    save_figure(figure, path)
    return path


def image_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape in which an input of the data is drawn.

    Raises
    ------
    ValueError
        When it is not an image: flat but not square, or not with 1, 3 or 4 channels.
    """
    side = math.isqrt(math.prod(shape))
    if len(shape) == 1 and side * side == shape[0]:
        return side, side
    if len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4)):
        return tuple(shape)
    if len(shape) == 3 and shape[2] == 1:
        return tuple(shape[:2])
    raise ValueError(f"inputs of shape {tuple(shape)} are not images")
