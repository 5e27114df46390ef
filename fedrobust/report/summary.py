"""Sentences that answer what a sweep was run for, from the numbers of its tables.

They name the highest and the lowest mean, and claim no difference: whether chance
explains one is what intervals show. A sweep of training epsilons has the sentences of
``fedrobust epsilon``, which judge their differences themselves.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from fedrobust.epsilon import fraction
from fedrobust.report.columns import number
from fedrobust.report.epsilon.arrange import NoChoiceError, epsilon_matrices
from fedrobust.report.epsilon.choice import recommend
from fedrobust.report.finished_run import NumberOf, clean_accuracy, worst_accuracy_at
from fedrobust.report.grid_names import Labels, labels_of, names_of
from fedrobust.report.groups import Runs, SeedGroup
from fedrobust.report.labels import NO_VALUE
from fedrobust.report.marks import raised
from fedrobust.report.measures import middle, short
from fedrobust.report.rule_attack_grid import RuleAttackGrid

# More sentences of one kind are no summary.
MOST = 3


def summary(runs: Runs, grids: Sequence[RuleAttackGrid]) -> list[str]:
    """Return what holds for every run, and what the sweep shows, by its kind.

    Rules under attacks, then training epsilons, then keys that are numbers; otherwise
    the ends of all experiments.
    """
    lines = [f"All runs: {sentence}." for sentence in runs.marks.common]
    found = [*filter(None, map(_ends, grids)), *_advice(runs)]
    found = found or [*_over_numbers(runs)][: 2 * MOST] or [*_ends_of_all(runs)]
    return [*lines, *found]


def _ends(grid: RuleAttackGrid) -> str:
    """Return the rules with the best and the worst worst case of a grid."""
    known = np.flatnonzero(~np.isnan(grid.worst))
    if len(known) < 2 or len(grid.attacked) < 2:
        return ""
    sign = -1 if grid.attacker_gains else 1
    order = known[np.argsort(-sign * grid.worst[known], kind="stable")]
    best, last = (_worst(grid, int(row)) for row in order[[0, -1]])
    where = f" ({grid.setting})" if grid.setting else ""
    high, low = ("lowest", "highest") if grid.attacker_gains else ("highest", "lowest")
    return (
        f"{_capital(grid.title)} under the worst attack{where}: "
        f"{high} with {best}, {low} with {last}."
        + (f" {grid.worst_over_seeds}" if grid.worst_over_seeds else "")
    )


def _worst(grid: RuleAttackGrid, row: int) -> str:
    value = f"{number(float(grid.worst[row]))} %{raised(grid.worst_marks[row])}"
    return f"{grid.strategies[row]}, {value} ({grid.worst_attacks[row]})"


def _advice(runs: Runs) -> Iterator[str]:
    """Yield the advice on the training epsilon at the epsilon of the report."""
    try:
        matrices = epsilon_matrices(runs)
    except NoChoiceError:
        return
    for matrix in matrices[:MOST]:
        usual = middle(runs.epsilons)
        at = usual if usual in matrix.epsilons else middle(matrix.epsilons)
        where = f"Training ε ({matrix.title})" if matrix.title else "Training ε"
        yield f"{where}. {recommend(matrix, at).text}"


def _measures(runs: Runs) -> list[tuple[str, NumberOf]]:
    """Return the accuracies that sentences are about."""
    epsilon = middle(runs.epsilons)
    clean: list[tuple[str, NumberOf]] = [("clean accuracy", clean_accuracy)]
    if epsilon is None:
        return clean
    return [*clean, (f"accuracy at ε = {short(epsilon)}", worst_accuracy_at(epsilon))]


def _over_numbers(runs: Runs) -> Iterator[str]:
    """Yield the ends over each key that is a number, for a few other values."""
    for key in runs.columns:
        if _numbers(runs.groups, key) is None:
            continue
        others = [name for name in runs.columns if name != key]
        settings: dict[Labels, list[SeedGroup]] = {}
        for group in runs.groups:
            if group.labels[key] not in NO_VALUE:
                settings.setdefault(labels_of(group, others), []).append(group)
        names = names_of({k: groups[0] for k, groups in settings.items()}, others)
        for title, value_of in _measures(runs):
            lines = [
                _highest_and_lowest(
                    runs, groups, [f"{key}={group.labels[key]}" for group in groups],
                    value_of, f"{title} over {key}", names[labels],
                )
                for labels, groups in settings.items()
            ]  # fmt: skip
            told = [*filter(None, lines)]
            yield from told[:MOST]
            if len(told) > MOST:
                yield f"{_capital(title)} over {key}: {len(told) - MOST} more lines."


def _ends_of_all(runs: Runs) -> Iterator[str]:
    """Yield the ends of all experiments."""
    firsts = {labels_of(group, runs.columns): group for group in runs.groups}
    names = [*names_of(firsts, runs.columns).values()]
    for title, value_of in _measures(runs):
        told = _highest_and_lowest(runs, runs.groups, names, value_of, title, "")
        if told:
            yield told


def _numbers(groups: Sequence[SeedGroup], key: str) -> list[float] | None:
    """Return the different values of a key; None if one is a name, or all agree."""
    try:
        found = {
            fraction(group.labels[key])
            for group in groups
            if group.labels[key] not in NO_VALUE
        }
    except (ValueError, ZeroDivisionError):
        return None
    return sorted(found) if len(found) > 1 else None


def _highest_and_lowest(
    runs: Runs,
    groups: Sequence[SeedGroup],
    names: Sequence[str],
    value_of: NumberOf,
    title: str,
    setting: str,
) -> str:
    """Return the groups with the highest and the lowest mean; empty for fewer."""
    known = [
        (mean, f"{number(mean)} %{raised(runs.marks.of(group.runs))} with {name}")
        for group, name in zip(groups, names, strict=True)
        if (mean := group.mean(value_of)) is not None
    ]
    if len(known) < 2:
        return ""
    (high, best), (low, last) = max(known, key=_first), min(known, key=_first)
    where = f"{_capital(title)}{f' ({setting})' if setting else ''}"
    if number(high) == number(low):
        return f"{where}: {number(high)} % for all {len(known)}."
    return f"{where}: highest {best}, lowest {last}."


def _first(pair: tuple[float, str]) -> float:
    return pair[0]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
