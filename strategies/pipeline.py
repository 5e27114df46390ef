"""The aggregation pipeline, and the arrays that follow its selection of clients.

    (n, d) updates -> pre-aggregators -> rule -> (d,) vector

A Byzantine client may send nothing, or a reply that is quarantined: it then counts
towards f, although it has no row. If the remaining rows are too few for the rule, f is
lowered by as little as possible; otherwise f clients could stop every round. If more
than f clients are missing, more are faulty than the rule was built for, and the round
is undefined.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from strategies.linalg.averages import median, weighted_mean
from strategies.linalg.rows import Matrix
from strategies.preaggregators.base import Preaggregator
from strategies.rules.base import Aggregate, Part, Rule, RuleContext
from strategies.rules.mean import Mean

AnyPart = TypeVar("AnyPart", Rule, Preaggregator)
# Called with the reason when f is lowered.
OnLowered = Callable[[str], None]


def _ignore(reason: str) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Pipeline:
    """Pre-aggregators in their order, then a rule.

    Parameters
    ----------
    rule
        The aggregation rule.
    preaggregators
        Applied to the updates before it.
    """

    rule: Rule
    preaggregators: tuple[Preaggregator, ...] = ()

    def __call__(
        self,
        updates: Matrix,
        state: Any,
        context: RuleContext,
        missing: int = 0,
        on_lowered: OnLowered = _ignore,
    ) -> Aggregate:
        """Aggregate the updates of one round.

        Parameters
        ----------
        updates
            (n, d), one client a row.
        state
            What the rule returned in the round before.
        context
            What else pre-aggregators and rule may know.
        missing
            Number of clients that should have sent a row and did not.
        on_lowered
            Called with the reason when f is lowered.

        Raises
        ------
        ValueError
            When a part is undefined for its input.
        """
        for part in self.preaggregators:
            n = len(updates)
            updates = with_lower_f(part, n, missing, on_lowered)(updates, context)
            if len(updates) == n and part.keeps_places:
                continue
            if self.rule.needs_clients:
                raise ValueError(
                    f"{self.rule!r} needs rows that are clients, not buckets"
                )
            # The buckets have an order of their own, and what follows takes it.
            numbered = tuple(range(len(updates)))
            context = replace(
                context,
                clients=numbered,
                num_examples=None,
                losses=None,
                sampled=None,
            )
        rule = with_lower_f(self.rule, len(updates), missing, on_lowered)
        return rule(updates, state, context)

    def check(self, n: int, missing: int = 0) -> None:
        """Raise ValueError if a round of n rows would be undefined."""
        for part in self.preaggregators:
            with_lower_f(part, n, missing).check(n)
            n = part.num_rows(n)
        with_lower_f(self.rule, n, missing).check(n)

    @property
    def keeps_rows(self) -> bool:
        """Whether each row that the rule receives is still the update of one client."""
        return all(part.keeps_rows for part in self.preaggregators)

    def choice(
        self, aggregate: Aggregate, clients: Sequence[int]
    ) -> tuple[list[int] | None, list[int] | None]:
        """Return the clients that the rule selected, and those that it excluded.

        Each is None for a rule that does not choose. The mean does not choose either:
        its weights are the examples that clients declare.
        """
        if not self.keeps_rows:
            return None, None
        if aggregate.selected is not None:
            rows = set(aggregate.selected.tolist())
            selected = [client for row, client in enumerate(clients) if row in rows]
            return selected, [c for row, c in enumerate(clients) if row not in rows]
        if aggregate.weights is None or isinstance(self.rule, Mean):
            return None, None
        low = aggregate.weights < 0.5 / len(clients)
        return None, [client for row, client in enumerate(clients) if low[row]]

    def follow(
        self, rows: NDArray[Any], aggregate: Aggregate, votes: NDArray[np.bool_]
    ) -> NDArray[Any]:
        """Combine statistics of the clients that the rule kept and that have a vote.

        Under the mean this is their mean. Under any other rule it is their median,
        because the rule did not look at the statistics: a client with a fair update may
        send any statistic. If such clients could be half of those kept, as under Krum,
        or if the rule states no f, it is the median over all clients.

        Parameters
        ----------
        rows
            (n, ...) one array for each client.
        aggregate
            What the rule returned for their updates.
        votes
            (n,) which clients have a vote; at least one must.

        Returns
        -------
        An array of the same dtype as the rows.
        """
        if self.keeps_rows and isinstance(self.rule, Mean):
            assert aggregate.weights is not None
            weights = aggregate.weights * votes
            if not weights.any():
                # The weights of all voters are so small that they were rounded to 0.
                weights = votes.astype(np.float64)
            return weighted_mean(rows, weights / weights.sum())
        _, excluded = self.choice(aggregate, range(len(rows)))
        f = self.rule.f
        if f is not None and self.keeps_rows:
            kept = votes.copy()
            kept[excluded or []] = False
            if kept.sum() > 2 * f:
                votes = kept
        return median(rows[votes])


def with_lower_f(
    part: AnyPart, n: int, missing: int, on_lowered: OnLowered = _ignore
) -> AnyPart:
    """Return the part with the largest f for which n rows are enough.

    That is the part itself if it is defined for n rows, if more rows are missing than
    it withstands, or if no lower f helps.
    """
    if not _is_defined(part, n) and missing <= most_faulty(part):
        for fewer in range(1, missing + 1):
            changed = _with_fewer(part, fewer)
            if _is_defined(changed, n):
                on_lowered(
                    f"{n} rows are too few for {part!r}: {changed!r} takes its place"
                )
                return changed
    return part


def most_faulty(part: Part) -> int:
    """Return f of a part, or of the rule within it where it has none; 0 if neither."""
    if part.f is not None:
        return part.f
    return most_faulty(part.rule) if isinstance(part.rule, Part) else 0


def trusted_client(rule: Rule) -> int | None:
    """Return the client that a rule trusts, or the rule within it; None if neither."""
    if rule.trusted is None and isinstance(rule.rule, Rule):
        return trusted_client(rule.rule)
    return rule.trusted


def _with_fewer(part: AnyPart, fewer: int) -> AnyPart:
    """Return the part with f lowered, and that of the rule within it likewise."""
    changes: dict[str, Any] = {}
    for field in fields(part):
        value = getattr(part, field.name)
        if field.name == "f":
            changes["f"] = max(value - fewer, 0)
        elif isinstance(value, Rule):
            changes[field.name] = _with_fewer(value, fewer)
    return replace(part, **changes)


def _is_defined(part: Rule | Preaggregator, n: int) -> bool:
    try:
        part.check(n)
    except ValueError:
        return False
    return True
