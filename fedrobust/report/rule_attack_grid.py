"""Rules against attacks: the accuracy of each pair, and the robustness tax of a rule.

The robustness tax of a rule is the accuracy that it loses to plain averaging if there
is no attacker, over the seeds that both were run with. Its worst case is the lowest
accuracy over the attacks. Both compare runs of one setting: a grid holds runs that
differ only in the defence and the attack.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from fedrobust.report.finished_run import (
    NumberOf,
    backdoor_success,
    clean_accuracy,
    worst_accuracy_at,
)
from fedrobust.report.grid_names import (
    Labels,
    is_attack,
    is_defence,
    labels_of,
    listed,
    names_of,
)
from fedrobust.report.groups import Runs, SeedGroup
from fedrobust.report.marks import alphabetical
from fedrobust.report.measures import middle, short
from fedrobust.report.order import rank
from fedrobust.report.scores import paired_differences

NOBODY = "none"
PLAIN = ("fedavg", "mean")


@dataclass(frozen=True)
class RuleAttackGrid:
    """One number for each rule under each attack.

    Attributes
    ----------
    title
        The name of the number.
    number
        Returns the number of a result.
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
    number: NumberOf
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
            alphabetical(letter for column in self.attacked for letter in row[column])
            for row in self.marks
        ]

    @property
    def without_attacker(self) -> NDArray[np.float64]:
        """(rows,) figure without an attacker."""
        if self.nobody is None:
            return np.full(len(self.strategies), np.nan)
        return self.values[:, self.nobody]

    @property
    def losses(self) -> list[list[float]]:
        """What a rule loses to plain averaging without an attacker, by row and seed.

        Of the seeds that both were run with; empty without any.
        """
        if self.plain is None:
            return [[] for _ in self.strategies]
        plain = self._free_by_seed(self.plain)
        return [
            paired_differences(plain, self._free_by_seed(row))
            for row in range(len(self.strategies))
        ]

    @property
    def tax(self) -> NDArray[np.float64]:
        """(rows,) means of the losses; nan without any."""
        return np.array([fmean(each) if each else np.nan for each in self.losses])

    @property
    def tax_errors(self) -> NDArray[np.float64]:
        """(rows,) standard deviations (n - 1) of the losses; nan for one seed."""
        return np.array([stdev(e) if len(e) > 1 else np.nan for e in self.losses])

    @property
    def worst_over_seeds(self) -> str:
        """A sentence about rules whose attacks have different seeds; empty if none."""
        mixed = [
            rule for row, rule in enumerate(self.strategies)
            if len({tuple(self._seeds(row, c)) for c in self.attacked} - {()}) > 1
        ]  # fmt: skip
        if not mixed:
            return ""
        return (
            f"The attacks on {listed(mixed)} were run with different seeds, so the "
            "worst is taken over means of different seeds."
        )

    @property
    def tax_over_seeds(self) -> str:
        """A sentence about rules with other seeds than averaging; empty if none."""
        if self.plain is None or self.nobody is None or self.attacker_gains:
            return ""
        plain = self._seeds(self.plain, self.nobody)
        others = [
            rule for row, rule in enumerate(self.strategies)
            if self._seeds(row, self.nobody) not in ([], plain)
        ]  # fmt: skip
        if not plain or not others:
            return ""
        return (
            f"The tax of {listed(others)} is over the seeds shared with "
            f"{self.strategies[self.plain]}, as their seeds differ."
        )

    def _seeds(self, row: int, column: int) -> list[int]:
        group = self.groups[row][column]
        return [] if group is None else sorted(group.by_seed(self.number))

    def _free_by_seed(self, row: int) -> Mapping[int, float]:
        """Return the number of a row without an attacker, by seed."""
        group = None if self.nobody is None else self.groups[row][self.nobody]
        return {} if group is None else group.by_seed(self.number)

    @property
    def free_marks(self) -> list[list[str]]:
        """Letters of the figure without an attacker, by row."""
        return [[] if self.nobody is None else row[self.nobody] for row in self.marks]

    @property
    def tax_marks(self) -> list[list[str]]:
        """Letters of the figures that the tax is computed from, by row."""
        plain = [] if self.plain is None else self.free_marks[self.plain]
        return [alphabetical([*letters, *plain]) for letters in self.free_marks]


# Tables, figures and the summary are made of the same grids.
@lru_cache(maxsize=1)
def grids(runs: Runs) -> list[RuleAttackGrid]:
    """Return a grid for each number and setting in which defence or attack vary."""
    defence = [name for name in runs.columns if is_defence(name)]
    attack = [name for name in runs.columns if is_attack(name)]
    if not defence and not attack:
        return []
    others = [name for name in runs.columns if name not in (*defence, *attack)]
    settings: dict[Labels, list[SeedGroup]] = {}
    for group in runs.groups:
        settings.setdefault(labels_of(group, others), []).append(group)
    firsts = {labels: groups[0] for labels, groups in settings.items()}
    called = names_of(firsts, others)
    numbers: list[tuple[str, NumberOf, bool]] = [
        ("clean accuracy", clean_accuracy, False)
    ]
    epsilon = middle(runs.epsilons)
    if epsilon is not None:
        title = f"accuracy at ε = {short(epsilon)}"
        numbers.append((title, worst_accuracy_at(epsilon), False))
    numbers.append(("backdoor success", backdoor_success, True))
    found = [
        _grid(runs, groups, called[labels], (defence, attack), number)
        for number in numbers
        for labels, groups in settings.items()
    ]
    # A number that no run of the setting has would be an empty grid.
    return [
        grid
        for grid in found
        if grid.values.size > 1 and not np.isnan(grid.values).all()
    ]


def _grid(
    runs: Runs,
    groups: Sequence[SeedGroup],
    setting: str,
    columns: tuple[Sequence[str], Sequence[str]],
    shown: tuple[str, NumberOf, bool],
) -> RuleAttackGrid:
    title, number, attacker_gains = shown
    defence, attack = columns
    cells = {(labels_of(g, defence), labels_of(g, attack)): g for g in groups
             if not attacker_gains or g.mean(number) is not None}  # fmt: skip
    strategies = _ordered("strategy", defence, {r: g for (r, _), g in cells.items()})
    attacks = _ordered("byzantine", attack, {c: g for (_, c), g in cells.items()})
    rows, names = [*strategies], [*attacks]
    placed = [[cells.get((row, name)) for name in names] for row in rows]
    # numpy writes None as nan.
    values = [[g.mean(number) if g else None for g in line] for line in placed]
    errors = [[g.std(number) if g else None for g in line] for line in placed]
    nobody = [names.index(c) for (_, c), g in cells.items()
              if g.choices.get("byzantine", NOBODY) == NOBODY]  # fmt: skip
    called = [*strategies.values()]
    plain = [called.index(name) for name in PLAIN if name in called]
    return RuleAttackGrid(
        title=title,
        number=number,
        setting=setting,
        strategies=called,
        attacks=[*attacks.values()],
        groups=placed,
        values=np.array(values, float).reshape(len(rows), len(names)),
        errors=np.array(errors, float).reshape(len(rows), len(names)),
        marks=[[runs.marks.of(g.runs) if g else [] for g in line] for line in placed],
        nobody=nobody[0] if nobody else None,
        plain=plain[0] if plain else None,
        attacker_gains=attacker_gains,
    )


def _ordered(
    choice: str, columns: Sequence[str], groups: Mapping[Labels, SeedGroup]
) -> dict[Labels, str]:
    """Return the names of rows or columns, the baseline first."""
    names = names_of(groups, columns, choice)

    def place(labels: Labels) -> tuple[tuple[bool, float, str], str]:
        return rank(choice, groups[labels].choices.get(choice, "")), names[labels]

    return {labels: names[labels] for labels in sorted(names, key=place)}
