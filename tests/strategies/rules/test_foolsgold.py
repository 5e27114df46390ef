"""FoolsGold and what it remembers of clients, by hand."""

import numpy as np

from strategies.rules import FoolsGold, RuleContext
from strategies.rules.foolsgold import dissimilarity_weights
from tests.strategies.matrices import rows


def test_foolsgold_gives_two_identical_sybils_no_weight():
    # The sybils' greatest cosine is 1, that of the honest is 0 (negatives count as 0):
    # weights 0, 0, 1, 1, so ((0, 3) + (-1, -1)) / 2.
    found = FoolsGold()(rows((1, 0), (1, 0), (0, 3), (-1, -1)))
    np.testing.assert_array_equal(found.diagnostics["weights"], [0, 0, 1, 1])
    np.testing.assert_array_equal(found.vector, [-0.5, 1])


def test_foolsgold_pardons_and_takes_the_logit_by_hand():
    # Greatest cosines v = 0.5, 0.7, 0.7. The first is pardoned: 0.5 * 0.5 / 0.7 =
    # 0.357143. One minus: 0.642857, 0.3, 0.3; over the largest: 1, 7/15, 7/15. The
    # logit of 1 is infinite, clipped to 1; ln(7/8) + 0.5 = 0.366469.
    cosine = np.array([[1, 0.5, 0], [0.5, 1, 0.7], [0, 0.7, 1]])
    expected = [1, np.log(7 / 8) + 0.5, np.log(7 / 8) + 0.5]
    np.testing.assert_allclose(dissimilarity_weights(cosine), expected)


def test_foolsgold_trusts_no_client_if_all_are_alike(rng):
    # Rounding puts some of these cosines at 1 - 2e-16, which must not decide.
    for _ in range(20):
        updates = np.outer([1, 2, 3, 0.7], rng.normal(size=30)).astype(np.float32)
        found = FoolsGold()(updates)
        np.testing.assert_array_equal(found.vector, np.zeros(30))


def test_foolsgold_remembers_clients_not_rows():
    rule = FoolsGold()
    first = rule(
        rows((1, 0), (0, 1), (-1, -1)), None, RuleContext(clients=[10, 20, 30])
    )
    # Client 20 adds (1, 0) and client 10 adds (0, 1): both have come to (1, 1), so they
    # are alike and get nothing. By rows they would be (2, 0) and (0, 2).
    updates, context = rows((1, 0), (0, 1)), RuleContext(clients=[20, 10])
    second = rule(updates, first.state, context)
    np.testing.assert_array_equal(second.vector, [0, 0])
    np.testing.assert_array_equal(rule(updates, None, context).vector, [0.5, 0.5])
    # Client 30 was not asked, and is not forgotten.
    np.testing.assert_array_equal(second.state[30], [-1, -1])
    np.testing.assert_array_equal(first.state[10], [1, 0])
