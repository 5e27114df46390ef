"""Draw adversarial examples beside their clean image, and what was added magnified."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fedrobust.report.portraits.choice import shortened
from fedrobust.report.style import COLUMN, INK, PAGE, PALETTE, styled

COLUMNS = 10
RIGHT, WRONG = "\N{CHECK MARK}", "\N{BALLOT X}"

Images = NDArray[np.float32]
Answers = NDArray[np.int64]
# The name of an attack, and ``repr`` of its epsilon.
Attempt = tuple[str, str]


@dataclass(frozen=True)
class Examples:
    """Examples, clean and attacked, with the answers of the model.

    Attributes
    ----------
    x, y
        (n, ...) inputs in [0, 1] and their (n,) classes.
    answers
        (n,) predicted classes, -1 where outputs are not finite.
    adversarial, attacked_answers
        The same under each attempt.
    classes
        Names of the classes.
    """

    x: Images
    y: NDArray[np.int32]
    answers: Answers
    adversarial: Mapping[Attempt, Images]
    attacked_answers: Mapping[Attempt, Answers]
    classes: Sequence[str]

    def name_of(self, label: int) -> str:
        """Return the name of a class, which is its number if it has no other."""
        if label < 0:
            return "not finite"
        return self.classes[label] if label < len(self.classes) else str(label)

    def times_broken(self) -> NDArray[np.int64]:
        """Return under how many attempts each example is misclassified."""
        wrong = [answers != self.y for answers in self.attacked_answers.values()]
        return np.asarray(np.sum(wrong, axis=0), np.int64)


@styled
def examples_figure(
    found: Examples,
    shape: tuple[int, ...],
    attempts: Sequence[Attempt],
    withstanding: Sequence[float | None] = (),
) -> Figure:
    """Draw a column for each example: clean, attacked, and what the attack added.

    A wrong answer has a cross and a thick frame. Below each column stands under how
    many of all attempts the example is misclassified.

    Parameters
    ----------
    found
        The examples, of which at most 10 are drawn.
    shape
        The shape of an image, from ``image_shape``.
    attempts
        The attempts to draw.
    withstanding
        The share of each class that is classified correctly under attack, in [0, 1],
        which stands below the columns; empty to leave it out.
    """
    columns = min(len(found.y), COLUMNS)
    lines = 1 + 2 * len(attempts)
    width = COLUMN if columns <= COLUMNS // 2 else PAGE
    figure = Figure(figsize=(width, 0.4 + 0.76 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False)
    _images(axes[0], "clean", found.x, found.answers, found, shape)
    for number, attempt in enumerate(attempts):
        name, epsilon = attempt
        x_adv, answers = found.adversarial[attempt], found.attacked_answers[attempt]
        words = f"{shortened(name)}\nε = {float(epsilon):.3g}"
        line, below = axes[1 + 2 * number], axes[2 + 2 * number]
        _images(line, words, x_adv, answers, found, shape)
        _perturbations(below, (x_adv - found.x)[:columns], shape)
    for axis, label in zip(axes[0], found.y, strict=False):
        axis.set_title(shortened(found.name_of(label), 11), fontsize=7, pad=3)
    for axis, words in zip(axes[-1], _counts(found, withstanding), strict=False):
        axis.set_xlabel(words, fontsize=7, labelpad=3)
    return figure


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


def magnification(perturbations: Images) -> float:
    """Return 1, 2 or 5 times a power of ten, by which they fit into [-0.5, 0.5]."""
    largest = float(np.abs(perturbations).max())
    # A perturbation below the precision of a pixel is not magnified to noise.
    if largest < 1e-6:
        return 1.0
    # The margin allows for rounding of the inputs to float32.
    room = 0.5 / largest * (1 + 1e-5)
    power = 10.0 ** math.floor(math.log10(room))
    return float(power * max(step for step in (1, 2, 5) if step * power <= room))


def _images(
    line: Any,
    words: str,
    images: Images,
    answers: Answers,
    found: Examples,
    shape: tuple[int, ...],
) -> None:
    """Draw a line of images with the answer of the model below each."""
    _name(line[0], words)
    for axis, image, answer, label in zip(line, images, answers, found.y, strict=False):
        # matplotlib warns of colours that rounding has moved out of their range.
        shown = np.clip(_as_image(image, shape), 0, 1)
        axis.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        is_wrong = answer != label
        sign = WRONG if is_wrong else RIGHT
        name = shortened(found.name_of(int(answer)), 8)
        axis.set_xlabel(f"{sign} {name}", fontsize=7, labelpad=2)
        _frame(axis, PALETTE[1] if is_wrong else INK, 2.0 if is_wrong else 0.6)


def _perturbations(line: Any, added: Images, shape: tuple[int, ...]) -> None:
    """Draw what an attack added, magnified; of grey images, red is up and blue down."""
    factor = magnification(added)
    _name(line[0], f"added\n× {factor:g}")
    for axis, each in zip(line, added, strict=False):
        image = factor * _as_image(each, shape)
        if image.ndim == 3:
            axis.imshow(np.clip(image + 0.5, 0, 1), interpolation="nearest")
        else:
            axis.imshow(image, cmap="RdBu_r", vmin=-0.5, vmax=0.5,
                        interpolation="nearest")  # fmt: skip
        _frame(axis, INK, 0.6)


def _as_image(values: Images, shape: tuple[int, ...]) -> Images:
    """Return an input of a model in the shape of an image, with the channels last."""
    if values.shape != shape and values.shape == (shape[-1], *shape[:-1]):
        return np.moveaxis(values, 0, -1)
    return values.reshape(shape)


def _frame(axis: Any, colour: str, width: float) -> None:
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set(visible=True, color=colour, linewidth=width)


def _name(axis: Any, words: str) -> None:
    axis.set_ylabel(words, rotation=0, ha="right", va="center", fontsize=7)


def _counts(found: Examples, withstanding: Sequence[float | None]) -> list[str]:
    """Return the texts below the columns."""
    attempts = len(found.attacked_answers)
    texts = []
    for label, times in zip(found.y, found.times_broken(), strict=True):
        words = [f"wrong {times}/{attempts}"]
        share = withstanding[label] if label < len(withstanding) else None
        if share is not None:
            words.append(f"class {100 * share:.0f} %")
        texts.append("\n".join(words))
    return texts
