"""Who is charged for which releases, and when a limit allows no further round."""

import pytest

from fedrobust.privacy import epsilon_of
from fedrobust.privacy.ledger import Ledger, Tariff
from fedrobust.privacy.release import Release

DELTA = 1e-5


def hidden(max_epsilon=None, noise=1.0) -> Ledger:
    """Three clients, of which nobody knows who is sampled."""
    releases = dict.fromkeys(range(3), Release(noise, 0.1))
    tariff = Tariff(releases=releases, count=lambda client, round: 1, is_hidden=True)
    return Ledger(tariff, DELTA, max_epsilon=max_epsilon)


def known(max_epsilon=None) -> Ledger:
    """Two clients, whose steps grow with the round; client 1 has fewer examples."""
    tariff = Tariff(
        releases={0: Release(1.0, 0.01), 1: Release(1.0, 0.05)},
        count=lambda client, round: 10 * round,
    )
    return Ledger(tariff, DELTA, max_epsilon=max_epsilon)


def spent(steps, rate, noise=1.0):
    return epsilon_of(
        noise_multiplier=noise, sampling_rate=rate, steps=steps, delta=DELTA
    )


def test_a_hidden_sample_costs_everybody_the_same():
    ledger = hidden()
    assert ledger.epsilon() == 0
    ledger.record(1, [2])
    ledger.record(2, [])
    assert ledger.counts == {0: 2, 1: 2, 2: 2}
    assert ledger.epsilon() == spent(2, 0.1)
    assert set(ledger.epsilon_by_client().values()) == {spent(2, 0.1)}


def test_known_clients_pay_for_the_rounds_that_sample_them():
    ledger = known()
    ledger.record(1, [0, 1])
    ledger.record(2, [0])
    ledger.record(3, [0, 9])  # nobody's client costs nobody anything
    assert ledger.counts == {0: 60, 1: 10}
    by_client = {0: spent(60, 0.01), 1: spent(10, 0.05)}
    assert ledger.epsilon_by_client() == by_client
    assert ledger.epsilon() == max(by_client.values())
    assert by_client[1] > by_client[0], "rather the rate counts than the steps"


def test_a_client_that_never_took_part_has_spent_nothing():
    ledger = known()
    ledger.record(1, [0])
    assert ledger.epsilon_by_client()[1] == 0


def test_a_round_is_charged_once():
    ledger = known()
    ledger.record(1, [0])
    ledger.record(1, [0, 1])
    assert (ledger.round, ledger.counts) == (1, {0: 10})


def test_the_limit_allows_the_rounds_that_stay_within_it():
    limit = spent(3, 0.1)
    ledger = hidden(limit)
    for round in (1, 2):
        ledger.record(round, [0])
        assert not ledger.is_spent
    ledger.record(3, [0])
    assert ledger.is_spent
    assert ledger.epsilon() == limit
    assert ledger.epsilon_after_next() == spent(4, 0.1) > limit


def test_the_next_round_could_sample_whoever_has_spent_most():
    ledger = known(spent(40, 0.05))
    ledger.record(1, [1])
    assert not ledger.is_spent, "30 of 40 steps would be used"
    ledger.record(2, [0])
    assert not ledger.is_spent, "40 of 40"
    ledger.record(3, [1])
    assert ledger.is_spent


def test_without_a_limit_nothing_is_ever_spent():
    ledger = hidden(noise=0.01)
    ledger.record(1, [0])
    assert not ledger.is_spent


def test_a_ledger_goes_on_where_another_was():
    whole, second = known(), known()
    whole.record(1, [0, 1])
    second.restore(whole.round, whole.counts)
    for ledger in (whole, second):
        ledger.record(1, [0, 1])
        ledger.record(2, [1])
    assert second.counts == whole.counts == {0: 10, 1: 30}


def test_ten_thousand_clients_are_accounted_by_their_counts(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "fedrobust.privacy.accounting.library_epsilon",
        lambda release, count, *rest: asked.append(count) or float(count),
    )
    clients = range(10_000)
    tariff = Tariff(
        releases=dict.fromkeys(clients, Release(1.0, 1.0, "none")),
        count=lambda client, round: 1,
    )
    ledger = Ledger(tariff, DELTA)
    ledger.record(1, clients)
    ledger.record(2, clients[::2])
    assert ledger.epsilon() == 2
    assert sorted(asked) == [1, 2]


@pytest.mark.parametrize("accountant", ["rdp", "pld"])
def test_each_accountant_may_count(accountant):
    tariff = Tariff(releases={0: Release(2.0)}, count=lambda client, round: 1)
    ledger = Ledger(tariff, DELTA, accountant)
    ledger.record(1, [0])
    assert ledger.epsilon() == epsilon_of(
        noise_multiplier=2, steps=1, delta=DELTA, accountant=accountant
    )
