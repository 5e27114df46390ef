"""Who the clients are: the partitions that nodes say they hold, or numbers."""

import pytest
from flwr.app import Message, MetricRecord, RecordDict

from fedrobust.runtime.flower import identify_process
from strategies.grids import failure
from strategies.roster import PROBES, Roster, identified


class Nodes:
    """As much of a grid as a roster needs: what each node says it is."""

    def __init__(self, partitions):
        identify_process()
        self.partitions = partitions
        self.asked = []

    def get_node_ids(self):
        return list(self.partitions)

    def send_and_receive(self, messages, *, timeout=None):
        assert timeout is not None, "a node that never answers must not stop the run"
        for message in messages:
            node = message.metadata.dst_node_id
            self.asked.append(node)
            said = self.partitions[node]
            if said is None:
                yield failure(message, "no query function registered")
            elif said != "late":
                metrics = MetricRecord({"partition-id": said})
                yield Message(RecordDict({"m": metrics}), reply_to=message)


def sampled(grid, round=1, fraction=1.0, roster=None, **kwargs):
    roster = roster or Roster(None, None, len(grid.partitions))
    return roster.sample(grid, round, fraction, 0, **kwargs)


def test_a_client_is_its_partition_whatever_its_node_is_called():
    first = Nodes({10 + 7 * i: i for i in range(20)})
    second = Nodes({900 - 13 * i: i for i in range(20)})
    assert sampled(first) == {10 + 7 * i: i for i in range(20)}
    draws = [
        [list(sampled(grid, round, 0.3).values()) for round in (1, 2, 3)]
        for grid in (first, second)
    ]
    assert draws[0] == draws[1]
    assert draws[0][0] != draws[0][1]


def test_nodes_that_say_nothing_are_numbered_and_only_a_few_are_asked():
    grid = Nodes(dict.fromkeys(range(100, 120)))
    roster = Roster(None, None, 20, trusted=0)
    found = sampled(grid, roster=roster)
    assert found == {100 + i: i for i in range(20)}
    grid.partitions[90] = None
    assert sampled(grid, 2, roster=roster) == {**found, 90: 20}
    assert len(grid.asked) == PROBES


@pytest.mark.parametrize("late", [None, "late"])
def test_all_are_asked_once_and_the_silent_get_what_nobody_claims(late):
    grid = Nodes({1: 3, 2: late, 3: 0, 4: 7, 5: late})
    roster = Roster(None, None, 5)
    assert sampled(grid, roster=roster) == {1: 3, 2: 1, 3: 0, 4: 7, 5: 2}
    grid.partitions[6] = 5
    assert sampled(grid, 2, roster=roster)[6] == 5
    assert grid.asked == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("lie", [-1, 2.0, 10**30, [1], 5])
def test_what_is_no_partition_is_no_answer(lie):
    grid = Nodes({1: 0, 2: lie, 3: 2})
    assert sampled(grid, roster=Roster(None, 5, 3)) == {1: 0, 2: 1, 3: 2}


def test_of_several_nodes_with_one_answer_the_first_keeps_it_and_it_is_told():
    told = []
    roster = Roster(None, None, 4, tell=lambda *event: told.append(event))
    found = sampled(Nodes({1: 2, 2: 2, 3: 0, 4: 1}), roster=roster)
    assert found == {1: 2, 2: 3, 3: 0, 4: 1}
    assert told == [(3, "node 2 says partition 2, as another does")]


def test_the_trusted_client_is_who_alone_says_so():
    assert identified([1, 2, 3], {1: 2, 2: 2, 3: 0}, trusted=2) == {1: 1, 2: 3, 3: 0}
    assert identified([1, 2], {1: 2}, trusted=0) == {1: 2, 2: 1}
    assert identified([1, 2], {1: 2, 2: 0}, trusted=0) == {1: 2, 2: 0}
    assert identified([3], {3: 2}, taken=[2], trusted=0) == {3: 1}


def test_a_minimum_of_clients_is_sampled_if_there_are_so_many():
    ids = {node: node for node in range(10)}
    roster = Roster(ids, 12, 2)
    assert len(roster.sample(None, 1, 0.1, 0)) == 1
    assert len(roster.sample(None, 1, 0.1, 0, minimum=4)) == 4
    assert len(roster.sample(None, 1, 0.5, 0, minimum=4)) == 5
    assert len(roster.sample(None, 1, 0.5, 0, minimum=99)) == 10
    assert roster.expected(0.1, 4, minimum=4) == 4
    assert roster.expected(0.5, 5, minimum=4) == 6
