"""The stack of grids between the strategy and the clients."""

from types import SimpleNamespace

import pytest

from fedrobust.byzantine import IPM
from fedrobust.federation.adversary import Adversary
from fedrobust.federation.cohort import CohortGrid
from fedrobust.federation.grids import grid_for
from strategies.transport.grids import Guard, HandOver, WrappedGrid
from tests.compat.federation import InProcess

IDS = {1: 0, 2: 1}


def collude(grid):
    return Adversary(grid, IPM(), lambda round: [0], IDS, ["w"])


@pytest.mark.parametrize(
    ("cohort", "adversary", "expected"),
    [
        (None, None, [HandOver, Guard]),
        (None, collude, [HandOver, Adversary, Guard]),
        (SimpleNamespace(), None, [HandOver, CohortGrid, Guard]),
        (SimpleNamespace(), collude, [HandOver, Adversary, CohortGrid, Guard]),
    ],
)
def test_the_grids_stand_in_one_order(cohort, adversary, expected):
    carrier = InProcess(lambda message, node: message, IDS)
    grid, found, _ = grid_for(carrier, IDS, cohort, adversary)
    kinds, members = [], []
    while isinstance(grid, WrappedGrid):
        kinds.append(type(grid))
        members.append(grid)
        grid = grid._grid
    assert kinds == expected
    assert grid is carrier
    assert found is next((m for m in members if isinstance(m, Adversary)), None)


def test_a_grid_that_is_guarded_gets_no_second_guard():
    guard = Guard(InProcess(lambda message, node: message, IDS))
    grid, _, _ = grid_for(guard, IDS)
    assert grid._grid is guard
