"""Epsilons against published numbers, and what may be claimed of which sampling."""

import logging
import math
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fedrobust.errors import ConfigError
from fedrobust.privacy import accountants, epsilon_of, noise_multiplier_for
from fedrobust.privacy.accounting import largest_epsilon
from fedrobust.privacy.release import Release

MNIST = 60000
# Rows of the MNIST tables in the README of TensorFlow Privacy's tutorials and of
# Opacus's example: batch, noise, steps; their printed epsilon, which the classic
# conversion gives; and what dp-accounting 0.6 says by RDP and by PLD.
TABLES = {
    "TensorFlow Privacy 1": (256, 1.3, 15 * MNIST // 256, 1.19, 0.9546, 0.8646),
    "TensorFlow Privacy 2": (256, 1.1, 60 * MNIST // 256, 3.01, 2.5967, 2.3818),
    "TensorFlow Privacy 3": (256, 0.7, 45 * MNIST // 256, 7.10, 6.3197, 5.6397),
    "Opacus 1": (240, 1.3, 15 * 250, 1.16, 0.922, 0.834),
    "Opacus 3": (240, 0.7, 45 * 250, 6.86, 6.094, 5.431),
}


def spent(delta=1e-5, **keywords):
    return epsilon_of(delta=delta, **keywords)


@pytest.mark.parametrize("row", TABLES)
def test_the_published_tables(row):
    batch, noise, steps, printed, rdp, pld = TABLES[row]
    run = {
        "noise_multiplier": noise,
        "sampling_rate": batch / MNIST,
        "steps": steps,
    }
    assert round(spent(**run, conversion="classic"), 2) == printed
    assert spent(**run) == pytest.approx(rdp, abs=6e-4)
    assert spent(**run, accountant="pld") == pytest.approx(pld, abs=6e-4)


def test_the_moments_accountant_of_abadi_et_al():
    """Their section 5.1 has 1.26 for this run."""
    run = {"noise_multiplier": 4, "sampling_rate": 0.01, "steps": 10_000}
    assert spent(**run, conversion="classic") == pytest.approx(1.2586, abs=1e-4)
    assert spent(**run) == pytest.approx(1.0355, abs=1e-4)
    assert spent(**run, accountant="pld") == pytest.approx(0.9470, abs=1e-4)


@pytest.mark.parametrize(
    ("batch", "size", "noise", "epochs", "delta", "expected"),
    [
        (150, 60_000, 1.3, 15, 1e-5, 0.7242234026),
        (100, 100_000, 1.0, 30, 1e-7, 1.4154988495),
    ],
)
def test_the_values_of_tensorflow_privacys_tests(
    batch, size, noise, epochs, delta, expected
):
    found = epsilon_of(
        noise_multiplier=noise,
        sampling_rate=batch / size,
        steps=epochs * size // batch,
        delta=delta,
    )
    assert found == pytest.approx(expected, rel=1e-9)


def test_the_bound_of_bu_et_al():
    """Deep Learning with Gaussian Differential Privacy, 2020, figure 4."""
    rate, epoch = 256 / MNIST, MNIST / 256
    classic = {"sampling_rate": rate, "conversion": "classic"}
    first = spent(noise_multiplier=1.3, steps=round(20 * epoch), **classic)
    second = spent(noise_multiplier=0.7, steps=round(70 * epoch), **classic)
    assert first == pytest.approx(1.34, abs=0.011)
    assert second == pytest.approx(8.68, abs=0.011)


@pytest.mark.parametrize(
    ("noise", "rdp", "pld"),
    [(1, 4.7285, 4.3772), (2, 2.1657, 1.9931), (5, 0.7945, 0.7255)],
)
def test_one_gaussian_release(noise, rdp, pld):
    assert spent(noise_multiplier=noise, steps=1) == pytest.approx(rdp, abs=1e-4)
    found = spent(noise_multiplier=noise, steps=1, accountant="pld")
    assert found == pytest.approx(pld, abs=1e-4)
    if found <= 1:
        # The bound of Dwork and Roth, appendix A, which holds up to an epsilon of 1.
        assert found < math.sqrt(2 * math.log(1.25e5)) / noise


def test_a_gaussian_release_at_the_exact_delta():
    """The privacy profile of Balle and Wang, 2018, theorem 8, is exact."""
    noise, delta = 1.7, 1e-4

    def phi(t):
        return math.erfc(-t / math.sqrt(2)) / 2

    epsilon = epsilon_of(noise_multiplier=noise, steps=1, delta=delta, accountant="pld")
    a, b = 1 / (2 * noise), epsilon * noise
    assert phi(a - b) - math.exp(epsilon) * phi(-a - b) == pytest.approx(
        delta, rel=0.01
    )


@pytest.mark.parametrize(
    ("rate", "steps", "delta", "expected"),
    [
        (0.01, 1, 1e-5, 0.67379294682),
        pytest.param(1, 1, 0.78760074, 1 / 3, marks=pytest.mark.slow),
        pytest.param(1, 25, 0.78760074, 5 / 3, marks=pytest.mark.slow),
        pytest.param(0.001, 25, 1e-5, 3.20956502598 / 6, marks=pytest.mark.slow),
    ],
)
def test_noise_multipliers_of_dp_accountings_tests(rate, steps, delta, expected):
    """Its tests have 25 releases at sensitivity 6, so the noise there is 6 times."""
    run = {"sampling_rate": rate, "steps": steps, "delta": delta}
    found = noise_multiplier_for(1, **run, accountant="pld")
    assert found == pytest.approx(expected, abs=2e-5)


def test_the_noise_multiplier_of_opacus():
    """opacus 1.6 finds .7739 by RDP for 15 epochs at epsilon 3."""
    run = {"sampling_rate": 256 / MNIST, "steps": 15 * MNIST // 256, "delta": 1e-5}
    noise = noise_multiplier_for(3, **run)
    assert noise == pytest.approx(0.7739, abs=2e-4)
    assert 3 - 1e-4 < epsilon_of(noise_multiplier=noise, **run) <= 3


@given(
    st.floats(0.05, 50),
    st.floats(0.01, 1),
    st.integers(1, 1000),
    st.sampled_from(["poisson", "none"]),
)
@example(target=2.0, rate=0.1, steps=20, sampling="fixed")
@settings(max_examples=4, deadline=None)
def test_the_noise_that_is_found_spends_the_target_and_no_more(
    target, rate, steps, sampling
):
    rate = 1.0 if sampling == "none" else round(rate, 2)
    run = {"sampling_rate": rate, "steps": steps, "delta": 1e-5, "sampling": sampling}
    noise = noise_multiplier_for(target, **run)
    assert epsilon_of(noise_multiplier=noise, **run) <= target
    assert epsilon_of(noise_multiplier=noise - 3e-6, **run) > target


def test_the_limits():
    assert spent(noise_multiplier=0, steps=1) == math.inf
    assert spent(noise_multiplier=0, steps=0) == 0
    assert spent(noise_multiplier=1, steps=0) == 0
    assert spent(noise_multiplier=1e6, steps=1) == 0
    assert noise_multiplier_for(math.inf, steps=3, delta=1e-5) == 0


def test_a_replaced_contribution_moves_the_sum_by_twice_the_norm():
    """So the noise counts half, whatever the accountant makes of the relation."""
    half = {"noise_multiplier": 0.5, "steps": 5}
    for accountant in ("rdp", "pld"):
        known = spent(
            noise_multiplier=1, steps=5, sampling="none", accountant=accountant
        )
        assert known == spent(**half, accountant=accountant)
    five = {"steps": 5, "sampling": "none", "accountant": "pld"}
    found = epsilon_of(noise_multiplier=1, delta=1e-3, **five)
    assert found == pytest.approx(23.0635, abs=1e-4)


def test_all_of_a_fixed_size_is_all():
    fixed = spent(noise_multiplier=1, steps=3, sampling="fixed")
    assert fixed == spent(noise_multiplier=1, steps=3, sampling="none")


def test_a_sample_of_fixed_size_amplifies_less_than_a_poisson_sample():
    run = {"noise_multiplier": 2, "sampling_rate": 0.01, "steps": 100}
    poisson, fixed = spent(**run), spent(**run, sampling="fixed")
    known = spent(noise_multiplier=2, steps=100, sampling="none")
    # With half the noise, as one is replaced.
    doubled = spent(**{**run, "noise_multiplier": 1})
    assert poisson < doubled < fixed < known


def test_pld_is_below_rdp_and_rdp_below_the_classic_conversion():
    run = {"noise_multiplier": 1.1, "sampling_rate": 0.05, "steps": 200}
    pld, rdp = spent(**run, accountant="pld"), spent(**run)
    assert pld < rdp < spent(**run, conversion="classic")


def test_a_large_epsilon_by_pld_takes_a_coarser_grid(monkeypatch):
    run = {"noise_multiplier": 1, "steps": 5, "accountant": "pld"}
    fine = spent(**run)
    accountants.library_epsilon.cache_clear()
    monkeypatch.setattr(accountants, "LARGE_LOSS", 1)
    assert fine < spent(**run) == pytest.approx(fine, rel=1e-4)
    accountants.library_epsilon.cache_clear()


@pytest.mark.parametrize("accountant", ["rdp", "pld"])
def test_the_largest_of_several_is_that_of_one_of_them(accountant):
    pairs = {(Release(1.0, rate), count) for rate in (0.01, 0.1) for count in (3, 30)}
    pairs |= {(Release(1.0, 0.05), 50), (Release(3.0), 1)}
    each = [
        epsilon_of(
            noise_multiplier=release.noise_multiplier,
            sampling_rate=release.sampling_rate,
            steps=count,
            delta=1e-5,
            accountant=accountant,
        )
        for release, count in pairs
    ]
    assert largest_epsilon(pairs, 1e-5, accountant) == max(each)
    assert largest_epsilon([], 1e-5, accountant) == 0


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        (
            {"noise_multiplier": -1},
            r"noise_multiplier=-1: must be 0 or in \[0\.01, 1e\+06\]",
        ),
        ({"sampling_rate": 0}, "sampling_rate=0: must be above 0 and at most 1"),
        ({"sampling_rate": 1.1}, "sampling_rate=1.1: must be above 0 and at most 1"),
        ({"steps": -1}, r"steps=-1: must be an integer in \[0, 1e\+09\]"),
        ({"delta": 0}, "delta=0: must be above 0 and below 1"),
        ({"delta": 1}, "delta=1: must be above 0 and below 1"),
        ({"accountant": "prv"}, "accountant='prv': must be rdp or pld"),
        ({"conversion": "old"}, "conversion='old': must be improved or classic"),
        ({"sampling": "all"}, "sampling='all': must be poisson, fixed or none"),
        ({"sampling": "none", "sampling_rate": 0.1}, "sampling_rate=0.1: must be 1"),
        ({"accountant": "pld", "conversion": "classic"}, "conversion='classic': must"),
        ({"accountant": "pld", "sampling": "fixed"}, "sampling='fixed': must be pois"),
    ],
)
def test_what_is_refused(keywords, message):
    with pytest.raises(ValueError, match="^" + message):
        epsilon_of(**{"noise_multiplier": 1, "steps": 1, "delta": 1e-5, **keywords})


def test_a_target_of_nothing_is_refused():
    with pytest.raises(
        ValueError, match=r"^epsilon=0: must be in \[0\.001, 100000\], or inf"
    ):
        noise_multiplier_for(0, steps=1, delta=1e-5)
    with pytest.raises(
        ValueError, match=r"^steps=0: must be an integer in \[1, 1e\+09\]"
    ):
        noise_multiplier_for(1, steps=0, delta=1e-5)


def test_without_dp_accounting_one_sentence_says_how_to_get_it(monkeypatch):
    accountants._dp_accounting.cache_clear()
    accountants.library_epsilon.cache_clear()
    accountants._rdp_of_one.cache_clear()
    monkeypatch.setitem(sys.modules, "dp_accounting", None)
    with pytest.raises(ConfigError, match=r"pip install 'fedrobust\[dp\]'$"):
        spent(noise_multiplier=1, steps=1)
    accountants._dp_accounting.cache_clear()


def test_orders_that_the_library_leaves_out_are_no_warning(caplog):
    with caplog.at_level(logging.WARNING):
        spent(noise_multiplier=0.97, sampling_rate=0.1, steps=1)
    assert not caplog.records


@pytest.mark.parametrize("rate", [0.05, 0.9])
def test_a_fixed_sample_costs_no_more_than_to_be_in_every_release(rate):
    same = {"noise_multiplier": 1.0, "steps": 10, "delta": 1e-5}
    certain = epsilon_of(**same, sampling="none")
    found = epsilon_of(**same, sampling="fixed", sampling_rate=rate)
    assert (found < certain) == (rate < 0.1)
    assert found <= certain
