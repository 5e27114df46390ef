"""RobustStrategy over a real SyftGrid whose messages go through this process."""

import os
from uuid import uuid4
from zlib import crc32

import numpy as np
import pytest

if os.environ.get("FEDROBUST_SYFT") != "1":
    pytest.importorskip("syft_flwr", reason="run by `make syft`")

from flwr.app import Array, ArrayRecord
from syft_flwr.client.protocol import SyftFlwrClient
from syft_flwr.fl_orchestrator.syft_grid import SyftGrid
from syft_flwr.rpc.protocol import SyftFlwrRpc
from syft_flwr.serde import bytes_to_flower_message, flower_message_to_bytes

from strategies import RobustStrategy
from strategies.rules import Mean
from tests.compat.federation import train
from tests.syft.example import EXAMPLE

OWNERS = [f"owner{i}@example.org" for i in range(4)]
NODES = {crc32(owner.encode()): i for i, owner in enumerate(OWNERS)}


class Scientist(SyftFlwrClient):
    """As much of a client as SyftGrid asks of one."""

    email = "scientist@example.org"
    config_path = my_datasite = datasites = None

    def app_data(self, *args, **kwargs):
        raise NotImplementedError

    def get_client(self):
        raise NotImplementedError


class Carrier(SyftFlwrRpc):
    """Owner i steps by i; ``trouble`` is what happens to messages of an owner."""

    def __init__(self, trouble):
        self._trouble, self._replies = trouble, {}

    def send(self, to_email, app_name, endpoint, body, encrypt=False):
        trouble = self._trouble.get(to_email)
        if trouble == "cannot be sent":
            raise OSError
        reply = train(bytes_to_flower_message(body), float(OWNERS.index(to_email)))
        if trouble == "speaks for owner1":
            reply.metadata.__dict__["_src_node_id"] = crc32(OWNERS[1].encode())
        future = uuid4()
        self._replies[future] = flower_message_to_bytes(reply)
        if trouble == "sends nothing":
            self._replies[future] = b""
        return future

    def get_response(self, future_id):
        return self._replies.get(future_id)

    def delete_future(self, future_id):
        del self._replies[future_id]


def start(guard, **trouble):
    """The model and the report of the second of two rounds."""
    grid = SyftGrid("app", OWNERS, Scientist(), Carrier(trouble))
    grid.set_run(1)
    strategy = RobustStrategy(rule=Mean(), client_ids=NODES)
    zero = ArrayRecord({"w": Array(np.zeros(2, np.float32))})
    result = strategy.start(guard(grid), zero, num_rounds=2, timeout=1.0)
    return result.arrays["w"].numpy().tolist(), strategy.last_round


@pytest.fixture
def guard(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLE / "app")
    from syft_guard import SyftGuard

    return SyftGuard


def test_the_guard_carries_every_reply(guard):
    w, report = start(guard)
    assert w == [3.0, 3.0]
    assert report.accepted == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        ("cannot be sent", "SyftGrid did not take the message for it"),
        (
            "sends nothing",
            "its reply cannot be read: ConnectionError: 1 exchanges ended without a "
            "reply",
        ),
        (
            "speaks for owner1",
            f"node {crc32(b'owner3@example.org')} answered as node "
            f"{crc32(b'owner1@example.org')} to message ''",
        ),
    ],
)
def test_trouble_with_an_owner_costs_its_own_reply_alone(guard, trouble, reason):
    w, report = start(guard, **{"owner3@example.org": trouble})
    assert w == [2.0, 2.0]
    assert report.failed == {3: reason}


def test_without_the_guard_it_says_so_instead_of_training_nothing():
    found = r"SyftGrid\.pull_messages gave tuple of dict, set where"
    with pytest.raises(TypeError, match=found):
        start(lambda grid: grid)
