"""Arguments of RobustStrategy that are refused when it is made."""

import pytest

from strategies import RobustStrategy
from strategies.rules import FLTrust, Mean


@pytest.mark.parametrize("kwargs", [{"fraction_train": 0}, {"fraction_evaluate": 2}])
def test_fractions_out_of_range_are_refused(kwargs):
    with pytest.raises(ValueError, match="must be in"):
        RobustStrategy(rule=Mean(), **kwargs)


def test_a_rule_that_needs_root_data_is_refused_without_it():
    with pytest.raises(ValueError, match=r"FLTrust\(\) needs train_on_root"):
        RobustStrategy(rule=FLTrust())
