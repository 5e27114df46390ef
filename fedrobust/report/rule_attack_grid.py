"""Rules against attacks: the accuracy of each pair, and the robustness tax of a rule.

The robustness tax of a rule is the accuracy that it loses to plain averaging if there
is no attacker. Its worst case is the lowest accuracy over the attacks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fedrobust.record.result import Result
from fedrobust.report.groups import (
    Figure,
    Runs,
    SeedGroup,
    clean_accuracy,
    worst_accuracy_at,
)
from fedrobust.report.labels import CHOICE, columns_of
from fedrobust.report.order import rank

# The groups of conf/ that a figure has axes for.
AXES = ("strategy", "byzantine", "training")
NOBODY = "none"
PLAIN = ("fedavg", "mean")
DOUBTFUL = "* A run behind it failed a check or skipped rounds: see its checks."


@dataclass(frozen=True)
class RuleAttackGrid:
    """One figure for each rule under each attack.

    Attributes
    ----------
    title
        The name of the figure.
    training
        The kind of training.
    strategies, attacks
        Names of the rows and columns.
    values
        (rows, columns) figures; nan without a run.
    doubtful
        (rows, columns) whether a run of the figure failed a check or skipped rounds.
    attacker_gains
        Whether a larger figure is better for the attacker.
    differ_in
        Other keys in which the runs differ; if there are any, the grid has no numbers.
    """

    title: str
    training: str
    strategies: list[str]
    attacks: list[str]
    values: NDArray[np.float64]
    doubtful: NDArray[np.bool_]
    attacker_gains: bool = False
    differ_in: Sequence[str] = ()

    @property
    def is_attacked(self) -> list[bool]:
        """Whether the column has an attacker, by column."""
        return [attack != NOBODY for attack in self.attacks]

    @property
    def attacked(self) -> NDArray[np.float64]:
        """The columns with an attacker."""
        return self.values[:, self.is_attacked]

    @property
    def worst(self) -> NDArray[np.float64]:
        """(rows,) worst figure over the attacks; nan if one is missing."""
        if not self.attacked.size:
            return np.full(len(self.strategies), np.nan)
        worst = np.max if self.attacker_gains else np.min
        return np.asarray(worst(self.attacked, axis=1))

    @property
    def worst_is_doubtful(self) -> NDArray[np.bool_]:
        """(rows,) whether the figure under some attack is doubtful."""
        return np.asarray(self.doubtful[:, self.is_attacked].any(axis=1))

    @property
    def worst_attacks(self) -> list[str]:
        """The attack of each row's worst figure."""
        names = [a for a in self.attacks if a != NOBODY]
        best = np.argmax if self.attacker_gains else np.argmin
        return [
            "" if np.isnan(worst) else names[int(best(row))]
            for worst, row in zip(self.worst, self.attacked, strict=True)
        ]

    @property
    def without_attacker(self) -> NDArray[np.float64]:
        """(rows,) figure without an attacker."""
        if NOBODY not in self.attacks:
            return np.full(len(self.strategies), np.nan)
        return self.values[:, self.attacks.index(NOBODY)]

    @property
    def tax(self) -> NDArray[np.float64]:
        """(rows,) what a rule loses to plain averaging without an attacker."""
        free = self.without_attacker
        return (np.nan if self._plain is None else free[self._plain]) - free

    @property
    def free_is_doubtful(self) -> NDArray[np.bool_]:
        """(rows,) whether the figure without an attacker is doubtful."""
        free = np.logical_not(self.is_attacked)
        return np.asarray(self.doubtful[:, free].any(axis=1))

    @property
    def tax_is_doubtful(self) -> NDArray[np.bool_]:
        """(rows,) whether a figure that the tax is computed from is doubtful."""
        free = self.free_is_doubtful
        return free if self._plain is None else free | free[self._plain]

    @property
    def _plain(self) -> int | None:
        """The index of the row of plain averaging."""
        rows = [self.strategies.index(s) for s in PLAIN if s in self.strategies]
        return rows[0] if rows else None


def grids(runs: Runs) -> list[RuleAttackGrid]:
    """Return a grid for each figure and kind of training.

    Grids are empty of numbers if the runs differ in other ways too, because averages
    and differences over such runs would not belong to any experiment.
    """
    if not {"strategy", "byzantine"} & set(runs.columns):
        return []
    metrics: list[tuple[str, Figure]] = [("clean accuracy", clean_accuracy)]
    if runs.epsilons:
        middle = runs.epsilons[len(runs.epsilons) // 2]
        metrics.append((f"accuracy at ε = {middle}", worst_accuracy_at(middle)))
    found = [
        _grid(runs, title, figure, training)
        for title, figure in metrics
        for training in choices(runs, "training")
    ]
    for training in choices(runs, "training"):
        grid = _grid(runs, "backdoor success", _backdoor_success, training, True)
        known = np.flatnonzero(~np.isnan(grid.values).all(axis=0))
        if known.size:
            attacks = [grid.attacks[column] for column in known]
            values, doubtful = grid.values[:, known], grid.doubtful[:, known]
            found.append(
                replace(grid, attacks=attacks, values=values, doubtful=doubtful)
            )
    return found


def choices(runs: Runs, group: str) -> list[str]:
    """List the choices of a group of conf/ that the runs have, the baseline first."""
    found = {each.choices.get(group, "") for each in runs.groups}
    return sorted(found, key=lambda choice: rank(group, choice))


def _backdoor_success(result: Result) -> float | None:
    return result.backdoor_success


def _grid(
    runs: Runs,
    title: str,
    figure: Figure,
    training: str,
    attacker_gains: bool = False,
) -> RuleAttackGrid:
    strategies, attacks = choices(runs, "strategy"), choices(runs, "byzantine")
    groups: dict[tuple[str, ...], list[SeedGroup]] = {}
    for group in runs.groups:
        if group.choices.get("training", "") == training:
            made = tuple(group.choices.get(g, "") for g in ("strategy", "byzantine"))
            groups.setdefault(made, []).append(group)
    alone = {made: found[0] for made, found in groups.items() if len(found) == 1}
    differ_in = [
        column.removeprefix(CHOICE)
        for column in columns_of([group.config for group in alone.values()])
        if column not in (CHOICE + "strategy", CHOICE + "byzantine")
    ]
    means = {} if differ_in else {m: group.mean(figure) for m, group in alone.items()}
    # numpy writes None as nan.
    values = np.array([[means.get((s, a)) for a in attacks] for s in strategies], float)
    unsure = {made for made, group in alone.items() if group.is_doubtful}
    doubtful = np.array([[(s, a) in unsure for a in attacks] for s in strategies])
    doubtful &= ~np.isnan(values)
    return RuleAttackGrid(
        title, training, strategies, attacks, values, doubtful, attacker_gains,
        differ_in,
    )  # fmt: skip
