"""Secure aggregation of an experiment: the same bits as the ideal sums."""

import pytest

from fedrobust.assembly import Experiment
from fedrobust.federation.federate import federate
from fedrobust.one_run import run
from tests.fedrobust.runs import TINY, Configure

FEW = ["num_clients=7", "num_rounds=2", "dataset.num_train=140", "participation=0.8"]
MEAN = ["strategy=mean", "privacy=secagg"]
GROUPS = ["strategy=median", "privacy=group_secagg", "privacy.group_size=2"]


def last(config) -> bytes:
    """Return the final arrays of a federation."""
    seen = {}
    federate(Experiment(config), lambda report, arrays, _: seen.update(arrays), print)
    return b"".join(value.tobytes() for value in seen.values())


@pytest.mark.parametrize(
    "overrides",
    [
        MEAN,
        [*GROUPS, "num_byzantine=1", "byzantine=sign_flip", "training.momentum=0.5"],
        [*GROUPS, "runtime.cohort=3", "runtime.workers=1"],
        [*GROUPS, "preaggregator=nnm"],
    ],
    ids=["mean", "tampering", "cohort", "preaggregator"],
)
def test_the_protocol_and_the_ideal_sums_give_the_same_bits(configure, overrides):
    full = configure(*FEW, *overrides)
    ideal = configure(*FEW, *overrides, "privacy.protocol=ideal")
    assert last(full) == last(ideal)


def test_colluding_clients_see_plain_updates_below_the_ideal_sums(configure):
    config = configure(
        *FEW, *GROUPS, "privacy.protocol=ideal", "num_byzantine=2", "byzantine=ipm",
        "byzantine.epsilon=20",
    )  # fmt: skip
    honest = configure(*FEW, *GROUPS, "privacy.protocol=ideal", "num_byzantine=2")
    assert last(config) != last(honest)


def test_a_run_records_the_traffic_of_the_protocol(configure: Configure, tmp_path):
    found = {
        protocol: run(
            configure(*TINY, *MEAN, f"privacy.protocol={protocol}"),
            tmp_path / protocol,
        )
        for protocol in ("full", "ideal")
    }
    assert found["full"].clean_accuracy == found["ideal"].clean_accuracy
    # One masked vector has fewer headers than the arrays of a model.
    assert found["full"].bytes_up != found["ideal"].bytes_up
    assert found["full"].bytes_down > found["ideal"].bytes_down
    assert not (tmp_path / "full" / "events.jsonl").read_text()


def test_updates_beyond_the_range_are_counted_in_an_event(configure, tmp_path):
    found = run(configure(*TINY, *MEAN, "privacy.clip=1e-4"), tmp_path / "run")
    events = (tmp_path / "run" / "events.jsonl").read_text()
    assert '"values clipped"' in events
    assert events.count("\n") == events.count('"values clipped"')
    assert any("beyond privacy.clip" in warning for warning in found.warnings)
