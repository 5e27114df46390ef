"""Ranges of the arguments of RobustStrategy, including those that Flower defines."""

from collections.abc import Collection, Mapping
from typing import Any

from strategies.postprocessors.base import Postprocessor
from strategies.rules.base import Rule
from strategies.rules.mean import Mean
from strategies.validation import require, require_between

# Arguments that are numbers, with the least that each may be.
LEAST = {
    "min_train_nodes": 0,
    "min_evaluate_nodes": 0,
    "min_available_nodes": 0,
    "seed": 0,
    "f": 0,
    "max_examples": 1,
}
# Arguments that are names, with the one whose name they must not have.
DIFFERENT = {"configrecord_key": "arrayrecord_key", "loss_metric": "weighted_by_key"}


def check_arguments(given: Mapping[str, Any]) -> None:
    """Refuse arguments of RobustStrategy that are out of range.

    Parameters
    ----------
    given
        All of them by name, each of the kind that its annotation says.

    Raises
    ------
    ValueError
        At the first argument that is wrong; it names the argument, the value and what
        it must be.
    """
    _check_clients(given["client_ids"], given["num_clients"])
    for name, other in DIFFERENT.items():
        value = given[name]
        require(value != given[other], name, value, f"another name than {other}")
    optional, statistics = given["optional_statistics"], given["statistics"]
    is_part = set(optional) <= set(statistics)
    require(is_part, "optional_statistics", optional, f"among statistics={statistics}")
    for name in ("fraction_train", "fraction_evaluate"):
        require_between(name, given[name], 0, 1)
    share = given["fraction_train"]
    require(share > 0, "fraction_train", share, "in (0, 1]")
    for name, least in LEAST.items():
        require_between(name, given[name], least)
    low, high = given["evaluate_range"]
    require(low < high, "evaluate_range", (low, high), "(low, high), low < high")
    rule = given["rule"]
    if "root_update" in rule.needs and given["train_on_root"] is None:
        raise ValueError(f"{rule!r} needs train_on_root, its root data set")
    for place, part in enumerate(given["postprocessors"]):
        if part.is_private:
            require(
                place == 0,
                "postprocessors",
                given["postprocessors"],
                f"in an order in which {part!r} is the first, so that it is next to "
                "the rule: it has bounded the updates, and nothing else",
            )
            _check_private(part, rule, statistics)


def _check_private(
    part: Postprocessor, rule: Rule, statistics: Collection[str]
) -> None:
    """Refuse what a private postprocessor neither bounds nor noises."""
    require(
        not statistics,
        "statistics",
        sorted(statistics),
        f"left out with {part!r}, whose noise does not cover them: use a model without "
        "batch normalisation, such as one with group normalisation",
    )
    require(
        not (isinstance(rule, Mean) and rule.weighted),
        "rule",
        rule,
        f"Mean(weighted=False) with {part!r}: the numbers of examples that clients "
        "declare would decide how much each contributes",
    )


def _check_clients(ids: Mapping[int, int] | None, num_clients: int | None) -> None:
    """Refuse client ids of which two are equal, and a federation of no clients."""
    if num_clients is not None:
        require_between("num_clients", num_clients, 1)
    if ids is not None:
        different = len(set(ids.values())) == len(ids) > 0
        bound = "a client id of its own for each node, at least 0, of one or more nodes"
        require(different and min(ids.values()) >= 0, "client_ids", ids, bound)
