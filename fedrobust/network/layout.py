"""Fitting inputs to the shape that a model takes, without moving any pixel elsewhere.

    the data set's           the model's
    (8, 8, 1)                (8, 8), (1, 8, 8)      axes of size 1 come and go
    (32, 32, 3)              (3072,)                flattened
    (784,)                   (28, 28, 1)            an image of one channel
    (32, 32, 3)              (3, 32, 32)            channels first, by transposing

Any other change of shape would scramble the pixels, and is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """How an input becomes one that a model takes.

    Attributes
    ----------
    shape
        What it is reshaped to, if that differs.
    axes
        The order in which its axes, from 1, are taken after that; None for as they are.
    """

    shape: Shape
    axes: Shape | None = None


def layout_for(given: Sequence[int], taken: Sequence[int | None]) -> Layout:
    """Find how inputs of one shape fit a model that takes another.

    Parameters
    ----------
    given
        Shape of one input.
    taken
        Shape that the model takes; None is any size.

    Raises
    ------
    ValueError
        When only a reshape that moves pixels to other places would do.
    """
    given = tuple(given)
    if _fits(given, taken):
        return Layout(given)
    for source, target in ((-1, 0), (0, -1)) if len(given) == 3 else ():
        axes = [1, 2, 3]
        axes.insert(target % 3, axes.pop(source))
        if given[source] > 1 and _fits([given[a - 1] for a in axes], taken):
            return Layout(given, tuple(axes))
    if None not in taken:
        sizes = tuple(size or 0 for size in taken)
        long, wanted = _without_ones(given), _without_ones(sizes)
        is_flat = len(wanted) <= 1 or (len(long) <= 1 and len(wanted) == 2)
        if long == wanted or (is_flat and prod(given) == prod(sizes)):
            return Layout(sizes)
    raise ValueError(
        f"the model takes inputs of shape {tuple(taken)} and the data set's are "
        f"{given}: give the data set, or a first layer of the model, the other's shape"
    )


def _fits(given: Sequence[int], taken: Sequence[int | None]) -> bool:
    """Return whether the model takes a shape."""
    return len(given) == len(taken) and all(
        size in (None, there) for size, there in zip(taken, given, strict=True)
    )


def _without_ones(shape: Sequence[int]) -> Shape:
    return tuple(size for size in shape if size != 1)
