"""The server's side: who the clients are, and how long it waits for them."""

import pytest

from fedrobust.assembly import Experiment
from fedrobust.config import Config
from fedrobust.federation.identity import identify_clients
from fedrobust.federation.server import serve
from tests.fedrobust.runs import SMALL, Configure


def test_a_client_that_lies_about_who_it_is_costs_none_but_itself():
    from flwr.app import Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp

    from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid

    said = {0: 3, 1: 1, 2: 99, 3: 3, 4: True, 5: 5}
    app = ClientApp()

    @app.query()
    def query(message, context):
        answer = said[context.node_config["partition-id"]]
        record = MetricRecord()
        if answer is not True:
            record["partition-id"] = answer
        return Message(RecordDict({"metrics": record}), reply_to=message)

    events: list[dict] = []
    with LocalGrid(app, 6, workers=1) as grid:
        found = identify_clients(grid, 6, events.append)
    # Of the two that say 3 one lies. One of them stands as 0, which nobody says.
    clients = {node - FIRST_NODE_ID: client for node, client in found.items()}
    assert clients == {0: 3, 1: 1, 3: 0, 5: 5}
    assert [event["client"] for event in events] == [*3 * [None], 2, 4]
    assert "claims partition 3, as another node does, and becomes client 0" in str(
        events
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({0: 0, 1: 2, 2: 2}, r"nodes \[\d+, \d+\] all claim to be client 2, which"),
        ({0: 0, 1: 1, 2: 1}, "no node claims to be client 2, which the rule trusts"),
    ],
)
def test_without_its_trusted_client_no_round_is_trained(configure, said, told):
    from flwr.app import Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp

    from fedrobust.errors import RunFailedError
    from fedrobust.runtime.local_grid import LocalGrid

    app = ClientApp()

    @app.query()
    def query(message, context):
        answer = said[context.node_config["partition-id"]]
        record = MetricRecord({"partition-id": answer})
        return Message(RecordDict({"metrics": record}), reply_to=message)

    config = configure(
        "num_clients=3", "num_rounds=1", "strategy=flanders",
        "strategy.rule.rule._target_=strategies.rules.MoNNA",
        "+strategy.rule.rule.trusted=2",
    )  # fmt: skip
    failed = pytest.raises(RunFailedError, match=told)
    with LocalGrid(app, 3, workers=1) as grid, failed:
        serve(
            grid,
            Experiment(config),
            lambda report, arrays, chosen: None,
            lambda event: None,
        )


def serve_with(config: Config, liars: set[int]) -> tuple[list[dict], list]:
    """Serve a federation some of whose nodes do not tell who they are."""
    from fedrobust.federation.client import client_app
    from fedrobust.runtime.local_grid import FIRST_NODE_ID, LocalGrid

    class Silent(LocalGrid):
        def send_and_receive(self, messages, *, timeout=None):
            replies = super().send_and_receive(messages, timeout=timeout)
            silent = {FIRST_NODE_ID + client for client in liars}
            return [r for r in replies if r.metadata.src_node_id not in silent]

    events: list[dict] = []
    reports: list = []
    with Silent(client_app(Experiment(config)), config.num_clients, workers=1) as grid:
        serve(
            grid,
            Experiment(config),
            lambda r, arrays, chosen: reports.append(r),
            events.append,
        )
    return events, reports


def test_too_few_clients_for_the_rule_are_told_before_round_one(configure: Configure):
    from fedrobust.errors import RunFailedError

    config = configure("num_clients=7", "num_rounds=1", "strategy=krum", "strategy.f=2")
    too_few = r"4 of 7 clients identified themselves, .* Krum\(f=2"
    with pytest.raises(RunFailedError, match=too_few):
        serve_with(config, {1, 3, 4})
    events, (report,) = serve_with(config, {3})
    told = [(e["event"], e["client"]) for e in events]
    assert told == [("unidentified", None), ("unidentified", 3), ("f lowered", None)]
    assert report.skipped is None
    assert report.accepted == [0, 1, 2, 4, 5, 6]


def test_nodes_that_never_come_are_missing(configure: Configure):
    from flwr.clientapp import ClientApp

    from fedrobust.errors import RunFailedError
    from fedrobust.federation.client import client_app
    from fedrobust.runtime.local_grid import LocalGrid

    config = configure(
        "num_clients=4", "num_rounds=1", "strategy=median", "runtime.timeout=0.1"
    )
    events: list[dict] = []
    reports: list = []
    with LocalGrid(client_app(Experiment(config)), 3, workers=1) as grid:
        serve(
            grid,
            Experiment(config),
            lambda r, arrays, chosen: reports.append(r),
            events.append,
        )
    assert "3 of 4 nodes connected within" in events[0]["reason"]
    assert [event["client"] for event in events] == [None, 3]
    assert reports[0].accepted == [0, 1, 2]
    nobody = pytest.raises(RunFailedError, match="0 of 4 nodes connected within")
    with LocalGrid(ClientApp(), 0, workers=1) as grid, nobody:
        identify_clients(grid, 4, print, timeout=0.1)


def test_replies_are_waited_for_as_long_as_the_runtime_says(
    configure: Configure,
):
    from fedrobust.federation.client import client_app
    from fedrobust.runtime.local_grid import LocalGrid

    for said, expected in (("null", [600.0, 3600.0]), ("5", [5.0]), ("700", [700.0])):
        config = configure(*SMALL, "num_rounds=1", f"runtime.timeout={said}")
        waited: list[float | None] = []

        class Watched(LocalGrid):
            def send_and_receive(self, messages, *, timeout=None, waited=waited):
                waited.append(timeout)
                return super().send_and_receive(messages, timeout=timeout)

        with Watched(client_app(Experiment(config)), 7, workers=2) as grid:
            serve(
                grid,
                Experiment(config),
                lambda report, arrays, chosen: None,
                lambda event: None,
            )
        assert list(dict.fromkeys(waited)) == expected


def test_a_budget_that_those_who_came_exceed_at_once_is_told_before_round_one(
    configure: Configure,
):
    from fedrobust.errors import RunFailedError
    from fedrobust.federation.client import client_app
    from fedrobust.runtime.local_grid import LocalGrid

    # A sample of one client of eight costs less than one of two.
    config = configure(
        *("num_clients=8", "participation=0.125", "num_rounds=2", "strategy=mean"),
        *("dataset.num_train=60", "runtime.timeout=0.1", "privacy=client_dp"),
        *("privacy.noise_multiplier=4", "privacy.max_epsilon=1.2"),
    )
    experiment, reports = Experiment(config), []
    ledger = experiment.ledger()
    assert not ledger.is_spent
    told = r"^the first round could spend 1\.\d+ with the 2 of 8 clients that came"
    with (
        LocalGrid(client_app(experiment), 2, workers=1) as grid,
        pytest.raises(RunFailedError, match=told),
    ):
        serve(grid, experiment, lambda r, *_: reports.append(r), print, ledger=ledger)
    assert reports == []
