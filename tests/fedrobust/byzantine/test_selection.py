"""Which clients are Byzantine."""

from fedrobust.byzantine import byzantine_clients


def test_byzantine_clients_are_fixed_by_the_seed():
    assert byzantine_clients(0, 20, 5) == byzantine_clients(0, 20, 5)
    assert byzantine_clients(0, 20, 5) != byzantine_clients(1, 20, 5)
    assert byzantine_clients(0, 5, 5) == [0, 1, 2, 3, 4]
    assert byzantine_clients(0, 5, 0) == []
