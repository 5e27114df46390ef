"""The figures of a sweep that nobody asked for: what varies is drawn.

A number is an axis with lines, a choice has bars, rules and attacks have heat maps, and
rounds are learning curves.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace

from fedrobust.report.drawing import Drawing, file_name, unique_names
from fedrobust.report.figures.axes import CLEAN, ROBUST, Axes, as_numbers
from fedrobust.report.figures.dots import draw_dots
from fedrobust.report.figures.draw import OnePlaceError, drawing_for, missing
from fedrobust.report.figures.heat_map import SPREAD, draw_grids
from fedrobust.report.figures.matrix import MOST_NUMBERS
from fedrobust.report.frame import EPSILON, ROUND, runs_frame
from fedrobust.report.grid_names import is_attack, is_defence
from fedrobust.report.groups import Runs
from fedrobust.report.notes import REPEATS, everywhere
from fedrobust.report.rule_attack_grid import RuleAttackGrid, grids

BACKDOOR = "backdoor_success"
# From so many rules on, a line for each rule shows more than a heat map.
MANY = 3
NOT_ATTACKED = (
    "No run was attacked by adversarial inputs: repeat the command of the sweep with "
    "attack=pgd, and the trained models are evaluated."
)
ONE_ROUND = (
    "No run was evaluated in more than one round: evaluation.every=1 evaluates each."
)


def default_drawings(runs: Runs, command: str) -> list[Drawing]:
    """Return the figures of runs, and the reasons for those without numbers.

    No two have the same name.
    """
    found = [
        *_robustness(runs, command),
        *_comparisons(runs, command),
        *_learning(runs, command),
    ]
    names = unique_names([drawing.name for drawing in found])
    return [
        drawing if drawing.name == name else replace(drawing, name=name)
        for drawing, name in zip(found, names, strict=True)
    ]


def _drawn(
    runs: Runs, wanted: Sequence[Axes], command: str, section: str
) -> Iterator[Drawing]:
    """Draw axes with more than one value across, or give the reason if none has.

    Where keys had to be fixed, the runs that are left may have a single value.
    """
    left_out, number = [], 0
    for axes in wanted:
        try:
            yield drawing_for(runs, axes, command, section, fix=True)
            number += 1
        except OnePlaceError as error:
            left_out.append(missing(axes, command, section, str(error)))
    if not number:
        yield from left_out[:1]


def _robustness(runs: Runs, command: str) -> Iterator[Drawing]:
    by_title: dict[str, list[RuleAttackGrid]] = {}
    for grid in grids(runs):
        # One row or one column is drawn as bars.
        if min(grid.values.shape) < 2:
            continue
        by_title.setdefault(grid.title, []).append(grid)
    for title, found in by_title.items():
        wide = [g for g in found if len(g.strategies) >= MANY <= len(g.attacked)]
        for number, grid in enumerate(wide[:4]):
            yield _grid_drawing(
                runs, [grid], command, f"{title} under the worst attack",
                draw_dots(grid), number, "Means over seeds.",
            )  # fmt: skip
        for number, figure in enumerate(draw_grids(found)):
            yield _grid_drawing(
                runs, found, command, f"{title}: defences against attacks", figure,
                number, SPREAD,
            )  # fmt: skip
    if runs.epsilons:
        yield from _drawn(runs, [Axes(x=EPSILON, y=ROBUST)], command, "robustness")
    else:
        yield Drawing("accuracy-against-epsilon", "Accuracy against ε", "robustness",
                      reason=NOT_ATTACKED)  # fmt: skip


def _grid_drawing(
    runs: Runs,
    found: list[RuleAttackGrid],
    command: str,
    title: str,
    figure: object,
    number: int,
    caption: str,
) -> Drawing:
    groups = [g for grid in found for line in grid.groups for g in line if g]
    counts = [len(group.seeds) for group in groups]
    letters = runs.marks.of(run for group in groups for run in group.runs)
    captions = [caption] if max(counts) > 1 else []
    if any(g.values.size > MOST_NUMBERS for g in found):
        captions.append("The numbers of the cells are in the tables.")
    captions += dict.fromkeys(g.worst_over_seeds for g in found if g.worst_over_seeds)
    if any(group.has_repeats for group in groups):
        captions.append(REPEATS)
    name = file_name(title) + (f"-{number + 1}" if number else "")
    return Drawing(
        name=name,
        title=f"{title[:1].upper()}{title[1:]}"
        + (f" ({number + 1})" if number else ""),
        section="robustness",
        figure=figure,  # type: ignore[arg-type]
        caption=" ".join([*captions, *everywhere(runs)]),
        command=f"{command} {shlex.join(['--figure', name])}",
        digests=sorted({r.config_digest for g in groups for r in g.results}),
        seeds=(min(counts), max(counts)),
        footnotes=letters,
    )


def _comparisons(runs: Runs, command: str) -> Iterator[Drawing]:
    if not runs.columns:
        return
    frame = runs_frame(runs)
    measures = [name for name in (CLEAN, ROBUST, BACKDOOR) if name in frame]
    numeric = [c for c in runs.columns if as_numbers(frame[c]) is not None]
    # Lines over a number show choices by colour, and heat maps rules and attacks.
    has_matrix = any(min(grid.values.shape) > 1 for grid in grids(runs))
    named = [
        c for c in runs.columns
        if not numeric and not (has_matrix and (is_defence(c) or is_attack(c)))
    ]  # fmt: skip
    wanted = [Axes(x=key, y=name) for key in [*numeric, *named] for name in measures]
    yield from _drawn(runs, wanted, command, "comparison")
    if ROBUST in frame and len(runs.groups) > 1:
        yield drawing_for(
            runs, Axes(x=CLEAN, y=ROBUST), command, "comparison", fix=True
        )


def _learning(runs: Runs, command: str) -> Iterator[Drawing]:
    every = [run for group in runs.groups for run in group.runs]
    rounds = [run.rounds for run in every if run.evaluated_often]
    evaluated = [[row for row in each if row.clean_accuracy is not None]
                 for each in rounds]  # fmt: skip
    if max(map(len, evaluated), default=0) < 2:
        yield Drawing("learning-curves", "Learning curves", "learning",
                      reason=ONE_ROUND)  # fmt: skip
        return
    wanted = [Axes(x=ROUND, y=CLEAN)]
    if runs.epsilons and any(row.robust_accuracy for each in rounds for row in each):
        wanted.append(Axes(x=ROUND, y=ROBUST))
    yield from _drawn(runs, wanted, command, "learning")
