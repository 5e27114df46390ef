"""The in-process grid keeps clients apart and turns what they raise into replies."""

import subprocess
import sys
import weakref

import numpy as np
from flwr.app import ConfigRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp

from fedrobust.assembly import Experiment
from fedrobust.federation.client import client_app
from fedrobust.federation.server import serve
from fedrobust.runtime.flower import identify_process
from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid
from tests.messages import global_arrays


def shared_messages(n: int) -> list[Message]:
    """Messages that carry one RecordDict, as Flower's strategies make them."""
    identify_process()
    content = RecordDict(
        {"arrays": global_arrays(), "config": ConfigRecord({"tags": ["a"]})}
    )
    return [Message(content, FIRST_NODE_ID + i, "train") for i in range(n)]


def test_a_client_that_changes_its_message_changes_no_other_message():
    app = ClientApp()

    @app.train()
    def train(message, context):
        seen = len(message.content.array_records["arrays"])
        message.content.array_records["arrays"].pop("bias", None)
        message.content.array_records["arrays"]["weight"].data = b""
        message.content.config_records["config"]["tags"].append("b")
        tags = len(message.content.config_records["config"]["tags"])
        metrics = MetricRecord({"seen": seen, "tags": tags})
        return Message(RecordDict({"m": metrics}), reply_to=message)

    messages = shared_messages(4)
    with LocalGrid(app, 4, workers=2) as grid:
        replies = list(grid.send_and_receive(messages))
    assert [dict(r.content.metric_records["m"]) for r in replies] == [
        {"seen": 2, "tags": 2}
    ] * 4
    np.testing.assert_array_equal(
        messages[0].content.array_records["arrays"]["weight"].numpy(), 0
    )


def test_state_stays_with_its_node_and_a_failure_leaves_it_as_it_was():
    app = ClientApp()

    @app.train()
    def train(message, context):
        count = context.state.metric_records.get("count", {"n": 0})["n"]
        context.state["count"] = MetricRecord({"n": count + 1})
        client = context.node_config["partition-id"]
        if client == 1 and count == 1:
            raise ValueError("second time")
        return Message(RecordDict({"m": MetricRecord({"n": count})}), reply_to=message)

    with LocalGrid(app, 2, workers=2) as grid:
        counts = []
        for _ in range(4):
            replies = list(grid.send_and_receive(shared_messages(2)))
            counts.append(
                [
                    None if r.has_error() else r.content.metric_records["m"]["n"]
                    for r in replies
                ]
            )
    assert counts == [[0, 0], [1, None], [2, None], [3, None]]
    assert replies[1].error.reason == "ValueError: second time"


def test_push_then_pull():
    app = ClientApp()

    @app.train()
    def train(message, context):
        return Message(RecordDict(), reply_to=message)

    with LocalGrid(app, 2, workers=1) as grid:
        ids = list(grid.push_messages(shared_messages(2)))
        assert len(set(ids)) == 2
        assert len(list(grid.pull_messages(ids[:1]))) == 1
        assert len(list(grid.pull_messages(ids))) == 1
        assert list(grid.pull_messages(ids)) == []


def test_the_local_runtime_imports_neither_ray_nor_tensorflow():
    code = (
        "import sys; import fedrobust.runtime.local_grid, strategies.robust; "
        "print([m for m in ('ray', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_server_keeps_no_reply_of_a_round_that_is_over(configure):
    config = configure("num_clients=3", "num_rounds=2", "dataset.num_train=60")
    references, alive = [], []

    class Remembering(LocalGrid):
        def send_and_receive(self, messages, *, timeout=None):
            replies = super().send_and_receive(messages, timeout=timeout)
            references.extend(map(weakref.ref, replies))
            return replies

    def after_round(report, arrays, chosen):
        alive.append(sum(reference() is not None for reference in references))

    experiment = Experiment(config)
    application = client_app(experiment)
    with Remembering(application, config.num_clients, workers=2) as grid:
        serve(grid, experiment, after_round, print)
    assert alive == [0, 0]
    assert len(references) == 3 + 2 * 3  # who they are, then two rounds
