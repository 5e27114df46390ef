"""A helper for rules that drop clients and pass the others to an inner rule."""

from dataclasses import replace

import numpy as np

from strategies.linalg.order import Rows
from strategies.linalg.rows import Matrix
from strategies.rules.base import Aggregate, Rule, RuleContext


def aggregate_rest(
    rule: Rule, updates: Matrix, kept: Rows, state: object, context: RuleContext
) -> Aggregate:
    """Apply a rule to the kept rows, and express its choice in the original rows.

    Parameters
    ----------
    rule
        The inner rule.
    updates
        (n, d) all updates.
    kept
        Numbers of the rows that the inner rule sees.
    state
        State of the inner rule.
    context
        Context of all n rows.

    Raises
    ------
    ValueError
        When fewer rows are kept than the rule needs.
    """
    kept = np.sort(kept)
    aggregate = rule(updates[kept], state, context.only(kept))
    if aggregate.weights is not None:
        weights = np.zeros(len(updates))
        weights[kept] = aggregate.weights
        return replace(aggregate, weights=weights)
    selected = kept if aggregate.selected is None else kept[aggregate.selected]
    return replace(aggregate, selected=selected)
