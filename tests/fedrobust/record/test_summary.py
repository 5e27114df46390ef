"""A result sums up the rounds of its run."""

from dataclasses import replace

from fedrobust.assembly import Experiment
from fedrobust.files import to_json
from fedrobust.one_run import run
from fedrobust.record.folder import RunFolder
from fedrobust.record.round_row import Detection
from fedrobust.record.summary import privacy_warnings, summed
from tests.fedrobust.record.rounds import ROW
from tests.fedrobust.runs import Configure


def test_rounds_are_summed_and_detection_is_averaged_over_those_that_have_it():
    rows = [
        ROW,
        replace(ROW, detection=None, skipped="too few", failed=3),
        replace(ROW, detection=Detection(None, 0.0), federated={"clients": 4}),
    ]
    assert summed(rows) == {
        "federated": {"clients": 4},
        "detection": Detection(precision=0.5, recall=0.5),
        "bytes_down": 240,
        "bytes_up": 180,
        "train_seconds": 4.5,
        "quarantined": 3,
        "failed": 3,
        "skipped_rounds": 1,
    }


def test_the_result_warns_of_clients_that_were_missing(configure: Configure, tmp_path):
    few = ("num_clients=5", "num_byzantine=1", "strategy=krum", "num_rounds=2")
    result = run(configure(*few, "byzantine=infinity"), tmp_path / "r")
    warning = "in 2 of 2 rounds clients were missing and f was lowered"
    assert warning in result.warnings
    assert result.skipped_rounds == 0


def test_rounds_of_an_interrupted_attempt_with_secret_noise_are_told(
    configure: Configure, tmp_path
):
    def after(attempts: list[int], *overrides: str) -> set[str]:
        config = configure("privacy=client_dp", "strategy=mean", *overrides)
        folder = RunFolder(tmp_path / str(len(overrides)), config)
        folder.open()
        for rounds in attempts:
            lines = [to_json({"round": r}) + "\n" for r in range(1, rounds + 1)]
            folder.stored.metrics_path.write_text("".join(lines))
            folder.open()
        return privacy_warnings(folder, config, None)

    (told,) = after([2, 0, 1], "privacy.secret_noise=true")
    assert told == (
        "privacy does not count what was released before this attempt: an attempt "
        "ended after round 2, and drew other noise; an attempt ended after round 1, "
        "and drew other noise"
    )
    assert after([2, 1]) == set(), "the same noise releases the same again"


def test_a_target_that_missing_clients_exceed_is_told(configure: Configure, tmp_path):
    target = ("privacy.target_epsilon=2", "num_clients=8", "participation=0.125")
    config = configure("privacy=client_dp", "strategy=mean", "num_rounds=3", *target)
    folder, experiment = RunFolder(tmp_path / "r", config), Experiment(config)
    folder.open()
    whole, few = experiment.ledger(), experiment.ledger()
    few.tariff = experiment.tariff([0, 1])
    for round in (1, 2, 3):
        whole.record(round, [0])
        few.record(round, [0])
    assert privacy_warnings(folder, config, whole) == set()
    (told,) = privacy_warnings(folder, config, few)
    assert "above privacy.target_epsilon=2, because clients were missing" in told
