"""The parameters of secure aggregation, and the parts that they make."""

import pytest

from fedrobust.assembly import Experiment
from fedrobust.privacy import GroupSecAgg, SecAgg
from strategies.preaggregators import NNM, Groups


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SecAgg(clip=0.0), r"clip=0.0: must be in \[1e-06, 1000000"),
        (lambda: SecAgg(threshold=1), "threshold=1: must be at least 2"),
        (lambda: SecAgg(neighbors=1), "neighbors=1: must be at least 2"),
        (lambda: SecAgg(protocol="half"), "protocol='half': must be full or ideal"),
        (lambda: GroupSecAgg(group_size=1), "group_size=1: must be at least 2"),
        (lambda: GroupSecAgg(group_size=0, protocol="ideal"), "must be at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_groups_of_one_hide_nothing_and_so_are_ideal_only():
    assert not GroupSecAgg(group_size=1, protocol="ideal").is_masked
    assert SecAgg().is_masked


def test_groups_come_before_the_other_preaggregators(configure):
    choice = ["strategy=median", "preaggregator=nnm", "num_clients=12"]
    grouped = Experiment(configure(*choice, "privacy=group_secagg"))
    assert [type(p) for p in grouped.preaggregators] == [Groups, NNM]
    assert grouped.preaggregators[0].size == 3
    plain = Experiment(configure(*choice))
    assert [type(p) for p in plain.preaggregators] == [NNM]
