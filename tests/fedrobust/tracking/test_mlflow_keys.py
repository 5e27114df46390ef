"""Every key becomes one that MLflow accepts, and different keys stay different."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedrobust.tracking.mlflow_keys import (
    LONGEST_KEY,
    LONGEST_VALUE,
    legal_key,
    legal_value,
)


@pytest.mark.parametrize(
    ("key", "legal"),
    [
        ("robust_accuracy/pgd/1e-05", "robust_accuracy/pgd/1e-05"),
        ("attack.methods.pgd._target_", "attack.methods.pgd._target_"),
        ("a|b", "a-7c-b"),
        ("<script>", "-3c-script-3e-"),
        ("a\nb", "a-a-b"),
        ("a/../b", "a/-2e--2e-/b"),
        ("a//b", "a/-/b"),
        ("", "-"),
    ],
)
def test_a_key_is_changed_only_where_mlflow_refuses_it(key, legal):
    assert legal_key(key) == legal


def test_long_keys_that_differ_at_their_end_stay_different():
    first, second = legal_key("k" * 300 + "a"), legal_key("k" * 300 + "b")
    assert first != second
    assert len(first) == len(second) == LONGEST_KEY


def test_a_long_value_is_cut():
    assert legal_value("x" * LONGEST_VALUE) == "x" * LONGEST_VALUE
    assert legal_value([1, 2]) == "[1, 2]"
    assert legal_value("x" * 7000) == "x" * (LONGEST_VALUE - 3) + "..."


@given(st.text(alphabet=st.characters() | st.sampled_from("/. |<"), max_size=300))
def test_mlflow_accepts_every_key(key):
    validation = pytest.importorskip("mlflow.utils.validation")
    validation._validate_metric_name(legal_key(key))
    validation._validate_param(legal_key(key), legal_value(key))
