"""Rules against attacks: the accuracy of each pair, and the robustness tax of a rule.

The robustness tax of a rule is the accuracy that it loses to plain averaging if there
is no attacker. Its worst case is the lowest accuracy over the attacks. Both compare
runs of one setting: a grid holds runs that differ only in the defence and the attack.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedrobust.report.finished_run import (
    NumberOf,
    backdoor_success,
    clean_accuracy,
    worst_accuracy_at,
)
from fedrobust.report.groups import Runs, SeedGroup
from fedrobust.report.order import rank

NOBODY = "none"
PLAIN = ("fedavg", "mean")
# What a row and a column of the grid consist of: keys, and groups of keys.
DEFENCE = ("strategy", "preaggregator", "strategy/server_optimizer")
ATTACK = ("byzantine", "byzantine_from_round", "byzantine_redraw", "byzantine_clients")
# Choices that change nothing, and are no part of a defence's name.
NEUTRAL = {"preaggregator": "none", "strategy/server_optimizer": "sgd"}


@dataclass(frozen=True)
class RuleAttackGrid:
    """One figure for each rule under each attack.

    Attributes
    ----------
    title
        The name of the figure.
    setting
        The other values in which the runs of this grid differ from those of the other
        grids, as text; empty if there are no others.
    strategies, attacks
        Names of the rows and columns.
    groups
        The runs behind each cell, by row and column; None without runs.
    values, errors
        (rows, columns) means, and standard deviations over seeds; nan without a run, or
        with a single seed.
    marks
        Letters of the footnotes of each cell, by row and column.
    nobody
        The column without an attacker; None if there is none.
    plain
        The row of plain averaging; None if there is none.
    attacker_gains
        Whether a larger figure is better for the attacker.
    """

    title: str
    setting: str
    strategies: list[str]
    attacks: list[str]
    groups: list[list[SeedGroup | None]]
    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    marks: list[list[list[str]]]
    nobody: int | None
    plain: int | None
    attacker_gains: bool = False

    @property
    def attacked(self) -> list[int]:
        """The columns with an attacker."""
        return [i for i in range(len(self.attacks)) if i != self.nobody]

    @property
    def worst(self) -> NDArray[np.float64]:
        """(rows,) worst figure over the attacks; nan if one is missing."""
        if not self.attacked:
            return np.full(len(self.strategies), np.nan)
        worst = np.max if self.attacker_gains else np.min
        return np.asarray(worst(self.values[:, self.attacked], axis=1))

    @property
    def worst_columns(self) -> list[int | None]:
        """The attack of each row's worst figure, as a column."""
        best = np.argmax if self.attacker_gains else np.argmin
        return [
            None if np.isnan(worst) else self.attacked[int(best(row[self.attacked]))]
            for worst, row in zip(self.worst, self.values, strict=True)
        ]

    @property
    def worst_attacks(self) -> list[str]:
        """The name of the attack of each row's worst figure."""
        return ["" if c is None else self.attacks[c] for c in self.worst_columns]

    @property
    def worst_marks(self) -> list[list[str]]:
        """Letters of any attack of each row, as each may have become its worst."""
        return [
            sorted({letter for column in self.attacked for letter in row[column]})
            for row in self.marks
        ]

    @property
    def without_attacker(self) -> NDArray[np.float64]:
        """(rows,) figure without an attacker."""
        if self.nobody is None:
            return np.full(len(self.strategies), np.nan)
        return self.values[:, self.nobody]

    @property
    def tax(self) -> NDArray[np.float64]:
        """(rows,) what a rule loses to plain averaging without an attacker."""
        free = self.without_attacker
        return (np.nan if self.plain is None else free[self.plain]) - free

    @property
    def free_marks(self) -> list[list[str]]:
        """Letters of the figure without an attacker, by row."""
        return [[] if self.nobody is None else row[self.nobody] for row in self.marks]

    @property
    def tax_marks(self) -> list[list[str]]:
        """Letters of the figures that the tax is computed from, by row."""
        plain = [] if self.plain is None else self.free_marks[self.plain]
        return [sorted({*letters, *plain}) for letters in self.free_marks]


def grids(runs: Runs) -> list[RuleAttackGrid]:
    """Return a grid for each figure and setting in which defence or attack vary."""
    defence = [name for name in runs.columns if is_defence(name)]
    attack = [name for name in runs.columns if is_attack(name)]
    if not defence and not attack:
        return []
    others = [name for name in runs.columns if name not in (*defence, *attack)]
    settings: dict[str, list[SeedGroup]] = {}
    for group in runs.groups:
        settings.setdefault(words(group, others), []).append(group)
    figures: list[tuple[str, NumberOf, bool]] = [
        ("clean accuracy", clean_accuracy, False)
    ]
    if runs.epsilons:
        middle = runs.epsilons[len(runs.epsilons) // 2]
        figures.append((f"accuracy at ε = {middle}", worst_accuracy_at(middle), False))
    figures.append(("backdoor success", backdoor_success, True))
    found = [
        _grid(runs, groups, setting, (defence, attack), figure)
        for figure in figures
        for setting, groups in settings.items()
    ]
    # A figure that no run of the setting has would be an empty grid.
    return [
        grid
        for grid in found
        if grid.values.size > 1 and not np.isnan(grid.values).all()
    ]


def is_defence(name: str) -> bool:
    """Return whether a column of labels belongs to the defence."""
    return name in DEFENCE or name.startswith(("strategy.", "preaggregator."))


def is_attack(name: str) -> bool:
    """Return whether a column of labels belongs to the Byzantine attack."""
    return name in ATTACK or name.startswith("byzantine.")


def words(group: SeedGroup, names: Sequence[str]) -> str:
    """Return the labels of a group in some columns: choices as they are, keys named."""
    return " ".join(
        value
        if name in ("strategy", "byzantine", "preaggregator")
        else _named(name, value)
        for name in names
        if (value := group.labels[name]) not in ("", "None", NEUTRAL.get(name))
    )


def _named(name: str, value: str) -> str:
    return f"{name.replace('/', '.').rpartition('.')[2]}={value}"


def _grid(
    runs: Runs,
    groups: Sequence[SeedGroup],
    setting: str,
    columns: tuple[Sequence[str], Sequence[str]],
    figure: tuple[str, NumberOf, bool],
) -> RuleAttackGrid:
    title, value_of, attacker_gains = figure
    defence, attack = columns
    cells = {(_name(g, defence, "strategy"), _name(g, attack, "byzantine")): g
             for g in groups}  # fmt: skip
    if attacker_gains:
        cells = {k: g for k, g in cells.items() if g.mean(value_of) is not None}
    rows = _ordered("strategy", {r: g for (r, _), g in cells.items()})
    names = _ordered("byzantine", {c: g for (_, c), g in cells.items()})
    placed = [[cells.get((row, name)) for name in names] for row in rows]
    # numpy writes None as nan.
    values = [[g.mean(value_of) if g else None for g in line] for line in placed]
    errors = [[g.std(value_of) if g else None for g in line] for line in placed]
    nobody = [names.index(c) for (_, c), g in cells.items()
              if g.choices.get("byzantine", NOBODY) == NOBODY]  # fmt: skip
    plain = [rows.index(name) for name in PLAIN if name in rows]
    return RuleAttackGrid(
        title=title,
        setting=setting,
        strategies=rows,
        attacks=names,
        groups=placed,
        values=np.array(values, float).reshape(len(rows), len(names)),
        errors=np.array(errors, float).reshape(len(rows), len(names)),
        marks=[[runs.marks.of(g.runs) if g else [] for g in line] for line in placed],
        nobody=nobody[0] if nobody else None,
        plain=plain[0] if plain else None,
        attacker_gains=attacker_gains,
    )


def _name(group: SeedGroup, columns: Sequence[str], choice: str) -> str:
    """Return the name of a row or column, which has the choice although all agree."""
    named = words(group, columns)
    return (
        named
        if choice in columns
        else " ".join(filter(None, [group.choices.get(choice, ""), named]))
    )


def _ordered(choice: str, named: dict[str, SeedGroup]) -> list[str]:
    """Return names with the baseline first."""
    return sorted(
        named,
        key=lambda name: (rank(choice, named[name].choices.get(choice, "")), name),
    )
