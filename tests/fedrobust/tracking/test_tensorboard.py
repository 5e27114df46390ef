"""Event files, read back by TensorBoard's own reader."""

from pathlib import Path

import pytest

from fedrobust.backend import tf
from fedrobust.tracking import TensorBoard
from tests.fedrobust.tracking.runs import CONFIG, tracked

accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator"
)


def read(folder: Path):
    (events,) = (folder / "tensorboard" / "fedcba9876543210").iterdir()
    return accumulator.EventAccumulator(str(events)).Reload()


def scalars(events, tag: str) -> list[tuple[int, float]]:
    assert events.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"
    return [
        (event.step, float(tf.make_ndarray(event.tensor_proto)))
        for event in events.Tensors(tag)
    ]


def hparams(events):
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    return {
        tag: HParamsPluginData.FromString(content)
        for tag, content in events.PluginTagToContent("hparams").items()
    }


def test_tensorboard_reads_what_was_logged(tmp_path):
    tracker = TensorBoard().start(tracked(tmp_path / "r"))
    tracker.log_round(1, {"clean_accuracy": 0.25, "robust_accuracy/a|b/0.1": 0.5})
    tracker.log_round(2, {"clean_accuracy": 0.75})
    tracker.finish({"final/clean_accuracy": 0.75})
    events = read(tmp_path / "r")
    assert scalars(events, "clean_accuracy") == [(1, 0.25), (2, 0.75)]
    assert scalars(events, "robust_accuracy/a|b/0.1") == [(1, 0.5)]
    assert scalars(events, "final/clean_accuracy") == [(2, 0.75)]


def test_tensorboard_has_the_configuration_and_the_state_of_the_run(tmp_path):
    from tensorboard.plugins.hparams import api_pb2

    tracker = TensorBoard().start(tracked(tmp_path / "r"))
    tracker.finish({})
    events = read(tmp_path / "r")
    (text,) = events.Tensors("config")
    shown = text.tensor_proto.string_val[0].decode()
    # Indented, which Markdown shows literally.
    assert shown.splitlines() == [
        "    seed: 3",
        "    name: <script>alert(1)</script>",
    ]
    found = hparams(events)
    start, end = (
        found["_hparams_/session_start_info"].session_start_info,
        found["_hparams_/session_end_info"].session_end_info,
    )
    values = {
        name: value.string_value or value.number_value or value.bool_value
        for name, value in start.hparams.items()
    }
    assert values == CONFIG
    assert end.status == api_pb2.STATUS_SUCCESS


def test_a_run_that_failed_is_marked_and_its_files_are_replaced(tmp_path):
    from tensorboard.plugins.hparams import api_pb2

    first = TensorBoard().start(tracked(tmp_path / "r"))
    first.log_round(1, {"clean_accuracy": 0.25})
    first.fail(is_interrupted=True)
    end = hparams(read(tmp_path / "r"))["_hparams_/session_end_info"]
    assert end.session_end_info.status == api_pb2.STATUS_FAILURE
    again = TensorBoard().start(tracked(tmp_path / "r"))
    again.log_round(1, {"clean_accuracy": 0.5})
    again.finish({})
    assert scalars(read(tmp_path / "r"), "clean_accuracy") == [(1, 0.5)]
