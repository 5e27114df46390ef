"""Rules that drop clients and leave the rest to another rule."""

from dataclasses import replace

import numpy as np

from strategies.linalg.order import Rows
from strategies.linalg.rows import Matrix
from strategies.rules.base import Aggregate, Rule, RuleContext


def aggregate_rest(
    rule: Rule, updates: Matrix, kept: Rows, state: object, context: RuleContext
) -> Aggregate:
    """Apply a rule to some rows, and tell its choice in numbers of all the rows.

    Raises
    ------
    ValueError
        When too few rows are kept for the rule.
    """
    kept = np.sort(kept)
    found = rule(updates[kept], state, context.only(kept))
    if found.weights is not None:
        weights = np.zeros(len(updates))
        weights[kept] = found.weights
        return replace(found, weights=weights)
    selected = kept if found.selected is None else kept[found.selected]
    return replace(found, selected=selected)
