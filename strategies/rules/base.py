"""What every aggregation rule is: a pure function of the updates.

A rule takes the matrix of updates, one client a row, and gives one vector. State that
outlives a round goes in and comes out explicitly, so a checkpoint is the state itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from strategies.linalg.order import Rows, by_ids, by_values
from strategies.linalg.rows import Matrix, Vector, mean_of
from strategies.threads import num_cores, parallel_map
from strategies.validation import Validated, require_between

# Values from which threads are worth their start.
WIDE = 1_000_000

# Fields of the context that have an entry a row.
PER_ROW = ("clients", "num_examples", "losses")


@dataclass(frozen=True, kw_only=True)
class RuleContext:
    """What a rule may know beside the updates, one entry a row where it is an array.

    Attributes
    ----------
    clients
        Client ids, in row order.
    num_examples
        Examples each client says it trained on; hostile clients lie about it.
    round
        The round, from 1.
    seed
        Seed of the run; a rule that draws makes its own generator from it.
    root_update
        (d,) update on the server's own data, for rules that trust a root data set.
    parameters
        (d,) the global values that the updates start from.
    layers
        Number of values of each array of the model, in the order of the update.
    losses
        Training loss each client reports, infinite where it reports none; hostile
        clients lie about it.
    """

    clients: Sequence[int] | None = None
    num_examples: NDArray[np.int64 | np.float64] | None = None
    round: int = 1
    seed: int = 0
    root_update: Vector | None = None
    parameters: Vector | None = None
    layers: Sequence[int] | None = None
    losses: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        # Lists are accepted, but only the rows of arrays can be reordered.
        for name in ("num_examples", "root_update", "parameters", "losses"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, reals(value, f"context.{name}"))

    def check(self, n: int) -> None:
        """Raise ValueError where a field that has an entry a row has not n of them."""
        for name in PER_ROW:
            value = getattr(self, name)
            if value is not None and np.shape(value) != (n,):
                raise ValueError(
                    f"context.{name} must have one entry for each of {n} rows, not "
                    f"shape {np.shape(value)}"
                )

    def counts(self, rule: "Rule") -> NDArray[np.float64]:
        """Return the examples of each row, for a rule that weights rows by them.

        Raises
        ------
        ValueError
            When they are missing, or one is not above 0 and finite.
        """
        if self.num_examples is None:
            raise ValueError(f"{rule!r} needs context.num_examples")
        counts = np.asarray(self.num_examples, np.float64)
        with np.errstate(over="ignore"):
            total = counts.sum()
        if not (np.isfinite(total) and (counts > 0).all()):
            raise ValueError(
                f"{rule!r} needs a context.num_examples above 0 and finite for each "
                f"row, not {counts.tolist()}"
            )
        return counts

    def ids(self, n: int) -> list[int]:
        """Give the client id of each of n rows: row numbers where none are known."""
        return list(range(n) if self.clients is None else self.clients)

    def only(self, rows: Rows) -> "RuleContext":
        """Give the context of some of the rows."""
        examples, losses = self.num_examples, self.losses
        return replace(
            self,
            clients=None if self.clients is None else [self.clients[i] for i in rows],
            num_examples=None if examples is None else examples[rows],
            losses=None if losses is None else losses[rows],
        )


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """What a rule decided.

    Attributes
    ----------
    vector
        (d,) float32, the aggregated update.
    weights
        (n,) relative weight of each row, for rules that weight rows; they sum to 1.
    selected
        Row numbers, for rules that average a selection of rows.
    state
        What the rule wants back in the next round.
    diagnostics
        Figures a round, such as scores; an array with n entries has one for each row.
    """

    vector: Vector
    weights: NDArray[np.float64] | None = None
    selected: NDArray[np.int64] | None = None
    state: Any = None
    diagnostics: Mapping[str, Any] = field(default_factory=dict)

    def placed(self, order: Rows) -> "Aggregate":
        """Return this aggregate in terms of the rows before they were put in order.

        Parameters
        ----------
        order
            (n,) the caller's row number of each row that the rule received.
        """
        places = np.argsort(order)

        def placed(value: Any) -> Any:
            per_row = isinstance(value, np.ndarray) and value.shape[:1] == order.shape
            return value[places] if per_row else value

        return replace(
            self,
            weights=placed(self.weights),
            selected=None if self.selected is None else np.sort(order[self.selected]),
            diagnostics={name: placed(v) for name, v in self.diagnostics.items()},
        )


# What a rule may raise when it is undefined for what it is given.
UNDEFINED = (ValueError, ArithmeticError, LookupError)


class Part(Validated):
    """A part of the pipeline: a rule or a pre-aggregator.

    A part that has one of these attributes declares it as a field.

    Attributes
    ----------
    f
        Number of Byzantine rows that the part withstands.
    rule
        The rule that aggregates what the part leaves.
    trusted
        Id of the client on whose honesty the part relies.
    """

    # No dataclass, in which these would be the first fields of every part.
    f: int | None = None
    rule: "Rule | None" = None
    trusted: int | None = None


@dataclass(frozen=True, kw_only=True)
class Rule(Part, ABC):
    """An aggregation rule with its hyper-parameters.

    ``aggregate`` receives the rows in the order of client ids, and its result is mapped
    back to the caller's rows. The order of rows therefore changes no bit, and ties go
    to the lowest client id. Without ids, rows are ordered by their values. A rule that
    sets ``keeps_order`` then receives them as they are instead: its sums do not depend
    on the order of rows, and its ties go to the lowest row.

    Rows that do not stand in their order are copied once. Without ids that is nearly
    always so: ``Mean()(updates)`` takes the memory of a second matrix.
    """

    keeps_order: ClassVar[bool] = False

    @property
    def needs(self) -> tuple[str, ...]:
        """Fields of the context without which the rule is undefined."""
        return ()

    @property
    def needs_clients(self) -> bool:
        """Whether each row must be one client's: no bucket of several."""
        return False

    @property
    @abstractmethod
    def min_clients(self) -> int:
        """The fewest updates for which the rule is defined."""

    def check(self, n: int) -> None:
        """Raise ValueError where the rule is undefined for n updates."""
        if n < self.min_clients:
            raise ValueError(
                f"{self!r} needs at least {self.min_clients} updates, not {n}"
            )

    @abstractmethod
    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Aggregate updates that have been checked already."""

    def __call__(
        self,
        updates: Matrix,
        state: Any = None,
        context: RuleContext | None = None,
    ) -> Aggregate:
        """Aggregate the updates of one round.

        Parameters
        ----------
        updates
            (n, d) finite floats, one client a row. It is not modified, and copied only
            where its rows or its layout have to be put in order.
        state
            What the rule returned as ``state`` in the round before.
        context
            What else the rule may know.

        Raises
        ------
        ValueError
            When the matrix is not (n, d), not finite, or n is below ``min_clients``; or
            when a field of the context that the rule needs is missing.
        """
        updates = checked(updates)
        context = context or RuleContext()
        self.check(len(updates))
        for name in self.needs:
            if getattr(context, name) is None:
                raise ValueError(f"{self!r} needs context.{name}")
        context.check(len(updates))
        order = self._order(updates, context)
        if order is None:
            return self.aggregate(updates, state, context)
        named = replace(context, clients=context.ids(len(updates)))
        return self.aggregate(updates[order], state, named.only(order)).placed(order)

    def _order(self, updates: Matrix, context: RuleContext) -> Rows | None:
        """Return the order to take rows in; None where that is the caller's."""
        if context.clients is not None:
            return by_ids(context.clients)
        if self.keeps_order:
            return None
        beside = [
            np.nan_to_num(np.asarray(values, np.float64), nan=np.inf)
            for values in (context.num_examples, context.losses)
            if values is not None
        ]
        return by_values(updates, beside)


@dataclass(frozen=True, kw_only=True)
class RobustRule(Rule):
    """A rule that withstands up to ``f`` Byzantine rows.

    Parameters
    ----------
    f
        Number of Byzantine clients tolerated, at least 0.
    """

    f: int = 0

    def __post_init__(self) -> None:
        require_between("f", self.f, 0)


def averaged(updates: Matrix, selected: Rows, **diagnostics: Any) -> Aggregate:
    """Make the aggregate of a rule that averages a selection of rows."""
    return Aggregate(
        vector=mean_of(updates, selected),
        selected=np.sort(selected),
        diagnostics=diagnostics,
    )


def checked(updates: Any) -> Matrix:
    """Return finite (n, d) updates as ``matrix`` does.

    Raises
    ------
    ValueError
        When they are no real numbers, not (n, d), or not finite.
    """
    rows = matrix(updates, "updates")
    parts = np.array_split(rows, num_cores() if rows.size > WIDE else 1)
    sums = np.concatenate(parallel_map(_sums, parts))
    for row in np.flatnonzero(~np.isfinite(sums)):
        # It may be the sum alone that is too large.
        if not np.isfinite(rows[row]).all():
            raise ValueError(f"update in row {row} is not finite: screen it first")
    return rows


def matrix(values: Any, name: str) -> Matrix:
    """Return (n, d) real numbers as float32 in C order, copied only where they are not.

    Rows must lie next to each other in memory: in which order floats are added depends
    on the layout, and so would the last bits.

    Raises
    ------
    ValueError
        When they are no real numbers, or not (n, d).
    """
    wide = reals(values, name)
    if wide.ndim != 2:
        raise ValueError(f"{name} must be (n, d), not of shape {wide.shape}")
    with np.errstate(over="ignore"):  # what float32 cannot hold is not finite in it
        rows: Matrix = np.ascontiguousarray(wide, np.float32)
    return rows


def reals(values: Any, name: str) -> NDArray[Any]:
    """Return an array of real numbers, which a cast to floats does not change.

    Raises
    ------
    ValueError
        When it is masked, complex, of objects, texts or dates, or no array at all.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(f"{name} is a masked array: fill it, or leave out its rows")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is no array of numbers: {error}") from error
    # Whatever else casts safely, such as bfloat16, is a float of another library.
    if array.dtype.kind not in "biuf" and not np.can_cast(array.dtype, np.float32):
        raise ValueError(
            f"{name} must be real numbers, not of dtype {array.dtype}: convert it first"
        )
    return array


def _sums(part: Matrix) -> Vector:
    with np.errstate(over="ignore", invalid="ignore"):
        sums: Vector = part.sum(axis=1)
    return sums
