"""The interface of aggregation rules: pure functions of the updates.

A rule takes the matrix of updates, one row per client, and returns one vector. State
that outlives a round is an argument and a result, so a checkpoint simply stores it.
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

# Matrices with more values than this are checked on several threads.
WIDE = 1_000_000

# Fields of the context with one entry per row.
PER_ROW = ("clients", "num_examples", "losses")


@dataclass(frozen=True, kw_only=True)
class RuleContext:
    """What a rule may know besides the updates.

    Attributes
    ----------
    clients
        Client ids, in row order.
    num_examples
        (n,) number of examples each client claims to have trained on; hostile clients
        may lie about it.
    round
        Number of the round, starting at 1.
    seed
        Seed of the run; a rule that needs random numbers makes a generator from it.
    root_update
        (d,) update on the server's own data, for rules that trust a root data set.
    parameters
        (d,) global parameters that the updates start from.
    layers
        Number of values of each array of the model, in the order of the update.
    losses
        (n,) training loss each client reports, infinite where it reports none; hostile
        clients may lie about it.
    sampled
        Ids of all clients that were sampled in the round, with or without a row.
    """

    clients: Sequence[int] | None = None
    num_examples: NDArray[np.int64 | np.float64] | None = None
    round: int = 1
    seed: int = 0
    root_update: Vector | None = None
    parameters: Vector | None = None
    layers: Sequence[int] | None = None
    losses: NDArray[np.float64] | None = None
    sampled: Sequence[int] | None = None

    def __post_init__(self) -> None:
        # Lists are accepted, but only arrays can be reordered by row numbers.
        for name in ("num_examples", "root_update", "parameters", "losses"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, reals(value, f"context.{name}"))

    def check(self, n: int) -> None:
        """Raise ValueError when a field with one entry per row does not have n."""
        for name in PER_ROW:
            value = getattr(self, name)
            if value is not None and np.shape(value) != (n,):
                raise ValueError(
                    f"context.{name} must have one entry for each of {n} rows, not "
                    f"shape {np.shape(value)}"
                )

    def counts(self, rule: "Rule") -> NDArray[np.float64]:
        """Return the (n,) numbers of examples, for a rule that weights rows by them.

        Raises
        ------
        ValueError
            When they are missing, or one is not positive and finite.
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
        """Return the client ids of n rows; row numbers if the ids are unknown."""
        return list(range(n) if self.clients is None else self.clients)

    def only(self, rows: Rows) -> "RuleContext":
        """Return the context restricted to some of the rows."""
        examples, losses = self.num_examples, self.losses
        return replace(
            self,
            clients=None if self.clients is None else [self.clients[i] for i in rows],
            num_examples=None if examples is None else examples[rows],
            losses=None if losses is None else losses[rows],
        )


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """The result of a rule.

    Attributes
    ----------
    vector
        (d,) float32, the aggregated update.
    weights
        (n,) weight of each row, for rules that weight rows; they sum to 1.
    selected
        Row numbers, ascending, for rules that average a selection of rows.
    state
        State to pass to the rule in the next round.
    diagnostics
        Figures about this round, such as scores; an array of length n has one entry
        per row.
    """

    vector: Vector
    weights: NDArray[np.float64] | None = None
    selected: NDArray[np.int64] | None = None
    state: Any = None
    diagnostics: Mapping[str, Any] = field(default_factory=dict)

    def placed(self, order: Rows) -> "Aggregate":
        """Return this aggregate with row numbers of the matrix before reordering.

        Parameters
        ----------
        order
            (n,) the original row number of each row that the rule received.
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


# Exceptions a rule may raise when it is undefined for its input.
UNDEFINED = (ValueError, ArithmeticError, LookupError)


class FaultyRuleError(TypeError):
    """A rule does not keep to its interface; the message names its class."""


class Part(Validated):
    """A part of the pipeline: a rule or a pre-aggregator.

    A part that has one of these attributes declares it as a field.

    Attributes
    ----------
    f
        Number of Byzantine rows that the part tolerates.
    rule
        The inner rule that aggregates the rows that the part keeps.
    trusted
        Id of the client whose honesty the part relies on.
    """

    # Not a dataclass, because these would then be the first fields of every part.
    f: int | None = None
    rule: "Rule | None" = None
    trusted: int | None = None


@dataclass(frozen=True, kw_only=True)
class Rule(Part, ABC):
    """An aggregation rule with its hyper-parameters.

    ``aggregate`` receives the rows in the order of client ids, and its result is mapped
    back to the caller's rows. The order of rows therefore changes no bit, and ties go
    to the lowest client id. Without ids, rows are ordered by their values, unless the
    rule sets ``keeps_order``: its sums do not depend on the order of rows, and it
    breaks ties by the lowest row.

    The matrix is copied if its rows have to be reordered. Without ids they nearly
    always have to be: ``Mean()(updates)`` takes the memory of a second matrix.
    """

    # Raise it when a default or a result changes, so that no old result is reused.
    version: ClassVar[int] = 1

    keeps_order: ClassVar[bool] = False

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the context fields that the rule requires."""
        return ()

    @property
    def needs_clients(self) -> bool:
        """True if each row must belong to one client, not to a bucket of several."""
        return False

    @property
    @abstractmethod
    def min_clients(self) -> int:
        """The smallest number of updates for which the rule is defined."""

    def check(self, n: int) -> None:
        """Raise ValueError when the rule is undefined for n updates."""
        if n < self.min_clients:
            raise ValueError(
                f"{self!r} needs at least {self.min_clients} updates, not {n}"
            )

    @abstractmethod
    def aggregate(self, updates: Matrix, state: Any, context: RuleContext) -> Aggregate:
        """Aggregate updates that ``__call__`` has checked and ordered."""

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
            (n, d) finite floats, one row per client. The matrix is never modified, and
            copied only if its rows, layout or dtype have to change.
        state
            The ``state`` that the rule returned in the previous round.
        context
            What the rule may know besides the updates.

        Raises
        ------
        ValueError
            When the matrix is not (n, d) or not finite, n is less than ``min_clients``,
            or a context field that the rule needs is missing.
        FaultyRuleError
            When the rule returns no ``Aggregate``, or raises a TypeError or an
            AttributeError.
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
            return self._aggregate(updates, state, context)
        named = replace(context, clients=context.ids(len(updates)))
        return self._aggregate(updates[order], state, named.only(order)).placed(order)

    def _aggregate(
        self, updates: Matrix, state: Any, context: RuleContext
    ) -> Aggregate:
        """Aggregate, and name the class if it does not keep to the interface."""
        name = f"{type(self).__module__}.{type(self).__qualname__}.aggregate"
        try:
            found: object = self.aggregate(updates, state, context)
        except FaultyRuleError:
            # From a rule within this one, which is named already.
            raise
        except (TypeError, AttributeError) as error:
            raise FaultyRuleError(
                f"{name} raised {type(error).__name__}: {error}"
            ) from error
        if not isinstance(found, Aggregate):
            raise FaultyRuleError(
                f"{name} returned {type(found).__name__}: must return an Aggregate, "
                "such as Aggregate(vector=...)"
            )
        return found

    def _order(self, updates: Matrix, context: RuleContext) -> Rows | None:
        """Return the order in which to take rows; None if it is the given order."""
        if context.clients is not None:
            return by_ids(context.clients)
        if self.keeps_order:
            return None
        tie_breakers = [
            np.nan_to_num(np.asarray(values, np.float64), nan=np.inf)
            for values in (context.num_examples, context.losses)
            if values is not None
        ]
        return by_values(updates, tie_breakers)


@dataclass(frozen=True, kw_only=True)
class RobustRule(Rule):
    """A rule that tolerates up to ``f`` Byzantine rows.

    Parameters
    ----------
    f
        Number of Byzantine clients tolerated, at least 0.
    """

    f: int = 0

    def __post_init__(self) -> None:
        require_between("f", self.f, 0)


def averaged(updates: Matrix, selected: Rows, **diagnostics: Any) -> Aggregate:
    """Return the aggregate of a rule that averages a selection of rows."""
    return Aggregate(
        vector=mean_of(updates, selected),
        selected=np.sort(selected),
        diagnostics=diagnostics,
    )


def checked(updates: Any) -> Matrix:
    """Return updates as a finite (n, d) float32 matrix in C order.

    Raises
    ------
    ValueError
        When they are not real numbers, not (n, d), or not finite.
    """
    rows = matrix(updates, "updates")
    parts = np.array_split(rows, num_cores() if rows.size > WIDE else 1)
    sums = np.concatenate(parallel_map(_sums, parts))
    for row in np.flatnonzero(~np.isfinite(sums)):
        # Finite values may have a sum that overflows, so look at the values.
        if not np.isfinite(rows[row]).all():
            raise ValueError(f"update in row {row} is not finite: screen it first")
    return rows


def matrix(values: Any, name: str) -> Matrix:
    """Return (n, d) real numbers as float32 in C order, copied only if they differ.

    Rows must lie next to each other in memory, because NumPy adds floats in an order
    that depends on the layout, and the last bits of a sum depend on that order.

    Raises
    ------
    ValueError
        When the values are not real numbers, or not (n, d).
    """
    wide = reals(values, name)
    if wide.ndim != 2:
        raise ValueError(f"{name} must be (n, d), not of shape {wide.shape}")
    with np.errstate(over="ignore"):  # values beyond float32 become infinite
        rows: Matrix = np.ascontiguousarray(wide, np.float32)
    return rows


def reals(values: Any, name: str) -> NDArray[Any]:
    """Return values as an array of real numbers, in their own dtype.

    Raises
    ------
    ValueError
        When they are masked, complex, objects, strings or dates, or not an array.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(f"{name} is a masked array: fill it, or leave out its rows")
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{name} is not an array of numbers: {error}") from error
    # Floats of other libraries, such as bfloat16, have another kind but cast safely.
    if array.dtype.kind not in "biuf" and not np.can_cast(array.dtype, np.float32):
        raise ValueError(
            f"{name} must be real numbers, not of dtype {array.dtype}: convert it first"
        )
    return array


def _sums(part: Matrix) -> Vector:
    with np.errstate(over="ignore", invalid="ignore"):
        sums: Vector = part.sum(axis=1)
    return sums
