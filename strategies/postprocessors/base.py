"""The base class of postprocessors, which come between rule and server optimiser.

    (n, d) updates -> pre-aggregators -> rule -> postprocessors -> server optimiser

A postprocessor turns the aggregated update into another one: it adds noise, clips, or
compresses it. State that outlives a round goes in and comes out explicitly.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from strategies.linalg.rows import Vector
from strategies.rules.base import Aggregate
from strategies.validation import Validated


@dataclass(frozen=True, kw_only=True)
class PostprocessorContext:
    """What a postprocessor may know beside the vector.

    Attributes
    ----------
    aggregate
        What the rule returned: its vector, whom it weighted or selected, and its
        diagnostics.
    clients
        Ids of the clients whose updates the rule was given.
    expected
        How many clients should have sent one, at least ``len(clients)``.
    round
        The round, from 1.
    seed
        Seed of the run; a postprocessor that draws makes its own generator from it.
    """

    aggregate: Aggregate
    clients: Sequence[int] = ()
    expected: int = 0
    round: int = 1
    seed: int = 0


class Postprocessed(NamedTuple):
    """What a postprocessor returns.

    Attributes
    ----------
    vector
        (d,) float32, what the next postprocessor or the server optimiser is given.
    state
        What the postprocessor is given back in the next round.
    diagnostics
        Figures of the round, by name.
    """

    vector: Vector
    state: Any = None
    diagnostics: Mapping[str, Any] = {}


@dataclass(frozen=True, kw_only=True)
class Postprocessor(Validated, ABC):
    """A postprocessor with its hyper-parameters."""

    @abstractmethod
    def postprocess(
        self, vector: Vector, state: Any, context: PostprocessorContext
    ) -> Postprocessed:
        """Transform a vector, which is not modified."""

    def __call__(
        self, vector: Vector, state: Any, context: PostprocessorContext
    ) -> Postprocessed:
        """Transform the aggregated update of one round.

        Parameters
        ----------
        vector
            (d,) float32, from the rule or the postprocessor before.
        state
            What this postprocessor returned in the round before; None in the first.
        context
            What else is known of the round.

        Raises
        ------
        ValueError
            When the result is no finite (d,) vector.
        """
        found = Postprocessed(*self.postprocess(vector, state, context))
        after = np.asarray(found.vector, np.float32)
        if after.shape != vector.shape or not np.isfinite(after).all():
            raise ValueError(
                f"{self!r} returned a vector of shape {after.shape}: it must be finite "
                f"and of shape {vector.shape}"
            )
        return found._replace(vector=after)


def postprocess(
    postprocessors: Sequence[Postprocessor],
    states: Sequence[Any],
    context: PostprocessorContext,
) -> tuple[Vector, tuple[Any, ...], list[Mapping[str, Any]]]:
    """Apply postprocessors in their order to the vector of an aggregate.

    Parameters
    ----------
    postprocessors
        What is applied.
    states
        What each returned as its state in the round before; empty in the first round.
    context
        The aggregate, and what else is known of the round.

    Returns
    -------
    vector, states, diagnostics
        (d,) float32; and the next state and the figures of each postprocessor.

    Raises
    ------
    ValueError
        When a postprocessor is undefined for what it is given.
    """
    vector, after, diagnostics = context.aggregate.vector, [], []
    before = states or [None] * len(postprocessors)
    for part, state in zip(postprocessors, before, strict=True):
        vector, kept, figures = part(vector, state, context)
        after.append(kept)
        diagnostics.append(figures)
    return vector, tuple(after), diagnostics
