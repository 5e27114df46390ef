"""A round that tests of the record share."""

from types import SimpleNamespace

from fedrobust.record.round_row import round_row

REPORT = SimpleNamespace(
    round=1, sampled=[0, 1, 2, 3], accepted=[0, 1, 3], quarantined={2: "shape"},
    failed={}, skipped=None, train_seconds=1.5, aggregate_seconds=0.25, bytes_down=80,
    bytes_up=60, selected=None, excluded=[0, 3], metrics={"train_loss": 0.5},
    evaluation=None, client_evaluation={}, postprocessed=[{"clip": 1.5}],
)  # fmt: skip
# Of the accepted 0, 1 and 3 the rule left out 0 and 3; 2 and 3 are Byzantine.
ROW = round_row(REPORT, [2, 3], {"z": 1.5})
