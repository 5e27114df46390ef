"""Fit inputs to the shape that a model takes, without scrambling pixels.

    the data set's           the model's
    (8, 8, 1)                (8, 8), (1, 8, 8)      axes of size 1 come and go
    (32, 32, 3)              (3072,)                flattened
    (784,)                   (28, 28, 1)            an image of one channel
    (32, 32, 3)              (3, 32, 32)            channels first, by transposing

Any other change of shape would scramble the pixels and is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """The transformation of an input to the shape that a model takes.

    Attributes
    ----------
    shape
        The shape to reshape the input to.
    axes
        The permutation of its axes, counted from 1, after that; None for no change.
    """

    shape: Shape
    axes: Shape | None = None


def layout_for(given: Sequence[int], taken: Sequence[int | None]) -> Layout:
    """Return the layout that fits inputs of one shape to a model of another.

    Parameters
    ----------
    given
        Shape of one input.
    taken
        Shape that the model takes; a size None matches any size.

    Raises
    ------
    ValueError
        When no such layout keeps each pixel in its place.
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
        f"the model takes inputs of shape {tuple(taken)}, but the data set's are "
        f"{given}: reshape the data set, or add a first layer that reshapes its inputs"
    )


def _fits(given: Sequence[int], taken: Sequence[int | None]) -> bool:
    """Return whether a model takes inputs of a shape."""
    return len(given) == len(taken) and all(
        size in (None, there) for size, there in zip(taken, given, strict=True)
    )


def _without_ones(shape: Sequence[int]) -> Shape:
    return tuple(size for size in shape if size != 1)
