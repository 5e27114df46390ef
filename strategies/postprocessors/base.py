"""The base class of postprocessors, which come between rule and server optimiser.

    updates -> bound -> pre-aggregators -> rule -> postprocess -> server optimiser

A postprocessor turns the aggregated update into another one: it adds noise, clips, or
compresses it. One that must know how much each client can have contributed also bounds
the updates, before anything else sees them. State that outlives a round goes in and
comes out explicitly.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from strategies.linalg.rows import Matrix, Vector
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
    seen
        What this postprocessor returned as ``seen`` when it bounded the updates; None
        in a round without updates.
    """

    aggregate: Aggregate
    clients: Sequence[int] = ()
    expected: int = 0
    round: int = 1
    seed: int = 0
    seen: Any = None


class Bounded(NamedTuple):
    """The updates after a postprocessor has bounded them.

    Attributes
    ----------
    updates
        (n, d) float32, in the same order.
    seen
        What ``postprocess`` is given of them as ``context.seen``.
    """

    updates: Matrix
    seen: Any = None


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
    """A postprocessor with its hyper-parameters.

    Attributes
    ----------
    is_private
        Whether its result is all that a round may release of the clients' data. Then
        arrays that travel beside the update are refused, and a round without updates
        releases the result for a zero vector instead of being skipped.
    """

    is_private: ClassVar[bool] = False

    def bound(self, updates: Matrix, state: Any) -> Bounded:
        """Bound what each client contributes, before the pre-aggregators.

        By default updates stay as they are.

        Parameters
        ----------
        updates
            (n, d) float32, one client a row, n at least 1; it is not modified.
        state
            What this postprocessor returned in the round before; None in the first.
        """
        return Bounded(updates)

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


def bound(
    postprocessors: Sequence[Postprocessor], states: Sequence[Any], updates: Matrix
) -> tuple[Matrix, list[Any]]:
    """Let postprocessors bound the updates of one round, the last one first.

    They surround the rule in layers: the first one is next to it on both sides.

    Parameters
    ----------
    postprocessors
        What bounds them.
    states
        What each returned as its state in the round before; empty in the first round.
    updates
        (n, d) float32, one client a row.

    Returns
    -------
    updates, seen
        (n, d) float32; and what each postprocessor is to be given of them.

    Raises
    ------
    ValueError
        When a postprocessor returns rows that cannot take the place of the updates.
    """
    seen = []
    before = states or [None] * len(postprocessors)
    for part, state in reversed(list(zip(postprocessors, before, strict=True))):
        found = Bounded(*part.bound(updates, state))
        rows = np.asarray(found.updates, np.float32)
        if rows.shape != updates.shape:
            raise ValueError(
                f"{part!r} returned updates of shape {rows.shape}: must be of shape "
                f"{updates.shape}"
            )
        updates = rows
        seen.append(found.seen)
    return updates, seen[::-1]


def postprocess(
    postprocessors: Sequence[Postprocessor],
    states: Sequence[Any],
    context: PostprocessorContext,
    seen: Sequence[Any] = (),
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
    seen
        What ``bound`` returned for each; empty in a round without updates.

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
    noticed = seen or [None] * len(postprocessors)
    for part, state, own in zip(postprocessors, before, noticed, strict=True):
        vector, kept, figures = part(vector, state, replace(context, seen=own))
        after.append(kept)
        diagnostics.append(figures)
    return vector, tuple(after), diagnostics
