"""Who the clients are: the partitions that nodes say they hold, or numbers."""

import pytest
from flwr.app import Message, MetricRecord, RecordDict
from flwr.common.constant import ErrorCode
from hypothesis import given
from hypothesis import strategies as st

from fedrobust.runtime.flower import identify_process
from strategies.transport.grids import failure
from strategies.transport.identity import UNHEARD, Identities, identified
from strategies.transport.roster import FIRST_TIMEOUT, LATER_TIMEOUT, PROBES, Roster
from tests.states import bits, stored


class Nodes:
    """As much of a grid as a roster needs: what each node says it is.

    None is a ClientApp without a query function, "late" a node that does not reply, and
    "gone" one for which Flower itself replies.
    """

    def __init__(self, partitions):
        identify_process()
        self.partitions = partitions
        self.asked = []
        self.timeouts = []

    def get_node_ids(self):
        return list(self.partitions)

    def send_and_receive(self, messages, *, timeout=None):
        assert timeout is not None, "a node that never answers must not stop the run"
        self.timeouts.append(timeout)
        for message in messages:
            node = message.metadata.dst_node_id
            self.asked.append(node)
            said = self.partitions[node]
            if said is None:
                code = ErrorCode.CLIENT_APP_RAISED_EXCEPTION
                yield failure(message, "no query function registered", code)
            elif said == "gone":
                yield failure(message, "no such node", UNHEARD[-1])
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


def eventful(*args, **kwargs):
    """A roster, and the list of what it tells."""
    told = []
    tell = lambda *event: told.append(event)  # noqa: E731
    return Roster(*args, **kwargs, tell=tell), told


def test_nodes_that_say_nothing_are_numbered_and_only_a_few_are_asked():
    grid = Nodes(dict.fromkeys(range(100, 120)))
    roster, told = eventful(None, None, 20)
    found = sampled(grid, roster=roster)
    assert found == {100 + i: i for i in range(20)}
    grid.partitions[90] = None
    assert sampled(grid, 2, roster=roster) == {**found, 90: 20}
    assert len(grid.asked) == PROBES
    assert [(round, client) for round, client, _ in told] == [(1, None), (2, None)]
    assert "20 of 20 nodes gave no partition id and are numbered by no" in told[0][2]
    assert told[1][2].endswith("nodes [90]")
    sampled(grid, 3, roster=roster)
    assert len(told) == 2


@pytest.mark.parametrize("silent", ["late", "gone"])
def test_probes_that_do_not_reply_keep_nobody_else_from_being_asked(silent):
    grid = Nodes(dict.fromkeys(range(PROBES), silent) | {9: 4, 8: 0, 7: 3})
    found = sampled(grid, roster=Roster(None, None, 6))
    assert found == {9: 4, 8: 0, 7: 3, 0: 1, 1: 2, 2: 5}
    assert sorted(grid.asked) == sorted(grid.partitions)


def test_as_many_liars_as_there_may_be_keep_nobody_else_from_being_asked():
    grid = Nodes({**dict.fromkeys(range(4)), 9: 4, 8: 0, 7: 3})
    roster = Roster(None, None, 7, f=4)
    assert sampled(grid, roster=roster).items() >= {9: 4, 8: 0, 7: 3}.items()
    # Nor where they are all that there is at first.
    grid, roster = Nodes(dict.fromkeys(range(4))), Roster(None, None, 4, f=4)
    sampled(grid, roster=roster)
    grid.partitions |= {9: 4, 8: 0}
    assert sampled(grid, 2, roster=roster).items() >= {9: 4, 8: 0}.items()


@pytest.mark.parametrize("silent", [None, "late", "gone"])
def test_no_silent_node_becomes_the_trusted_client(silent):
    says = dict.fromkeys(range(PROBES), silent)
    grid = Nodes({**says, 7: 0, 8: 1})
    roster, told = eventful(None, 5, 5, trusted=0)
    assert sampled(grid, roster=roster) == {7: 0, 8: 1, 0: 2, 1: 3, 2: 4}
    # Not even where nobody says anything, as long as one might.
    grid = Nodes({**says, 7: "late", 8: "late"})
    roster, told = eventful(None, 5, 5, trusted=0)
    assert sampled(grid, roster=roster) == {0: 1, 1: 2, 2: 3, 7: 4}
    assert told[-1][2].startswith("nodes [8] take no part: no client id below 5 is")
    # It still becomes who it is once it says so.
    grid.partitions[8] = 0
    assert sampled(grid, 2, roster=roster)[8] == 0


def test_the_trusted_client_is_one_by_number_where_no_client_app_has_an_answer():
    grid = Nodes(dict.fromkeys(range(100, 105)))
    roster, told = eventful(None, None, 5, trusted=0)
    assert sampled(grid, roster=roster)[100] == 0
    assert grid.asked == list(range(100, 105))
    assert told[-1] == (1, 0, "node 100 is the trusted client by its node id alone")
    # Whoever comes when it is gone has not said so.
    del grid.partitions[100]
    grid.partitions[90] = None
    assert sampled(grid, 2, roster=roster)[90] == 5
    del grid.partitions[90]
    grid.partitions[100] = None
    assert sampled(grid, 3, roster=roster)[100] == 0


@pytest.mark.parametrize("silent", [None, "late"])
def test_the_silent_get_what_nobody_claims_and_are_asked_again(silent):
    grid = Nodes({1: 3, 2: silent, 3: 0, 4: 7, 5: silent})
    roster, told = eventful(None, None, 5)
    first = {1: 3, 2: 1, 3: 0, 4: 7, 5: 2}
    assert sampled(grid, roster=roster) == first
    grid.partitions[6] = 5
    assert sampled(grid, 2, roster=roster) == {**first, 6: 5}
    assert sorted(grid.asked) == [1, 2, 2, 3, 4, 5, 5, 6]
    assert [event[:2] for event in told] == [(1, None)]
    # What a node says counts for more than a number.
    grid.partitions[5] = 1
    assert sampled(grid, 3, roster=roster) == {**first, 6: 5, 5: 1, 2: 2}


def test_a_node_that_had_no_answer_is_asked_again_only_if_others_have_one():
    grid = Nodes({1: None, 2: None, 3: "late"})
    roster = Roster(None, None, 3)
    assert sampled(grid, roster=roster) == {1: 0, 2: 1, 3: 2}
    sampled(grid, 2, roster=roster)
    assert sorted(grid.asked) == [1, 2, 3, 3]
    grid.partitions[3] = 0
    assert sampled(grid, 3, roster=roster) == {3: 0, 2: 1, 1: 2}


def test_new_nodes_are_asked_before_training_alone_and_not_for_long():
    grid = Nodes({1: 0, 2: 1})
    roster = Roster(None, None, 2)
    sampled(grid, roster=roster)
    assert set(grid.timeouts) == {FIRST_TIMEOUT}
    grid.partitions[3] = 2
    grid.timeouts.clear()
    assert sampled(grid, 1, roster=roster, may_ask=False) == {1: 0, 2: 1}
    assert grid.timeouts == []
    assert sampled(grid, 2, roster=roster) == {1: 0, 2: 1, 3: 2}
    assert grid.timeouts == [LATER_TIMEOUT]
    # Whoever evaluates without having trained has to ask.
    assert sampled(Nodes({1: 4}), may_ask=False) == {1: 4}


@pytest.mark.parametrize("lie", [-1, 2.0, 10**30, [1], 5])
def test_what_is_no_partition_is_no_answer(lie):
    grid = Nodes({1: 0, 2: lie, 3: 2})
    assert sampled(grid, roster=Roster(None, 5, 3)) == {1: 0, 2: 1, 3: 2}


def test_of_several_nodes_with_one_answer_the_first_keeps_it_and_it_is_told():
    roster, told = eventful(None, None, 4)
    found = sampled(Nodes({1: 2, 2: 2, 3: 0, 4: 1}), 6, roster=roster)
    assert found == {1: 2, 2: 3, 3: 0, 4: 1}
    assert told == [(6, 3, "node 2 claims partition 2, as another does")]


def test_a_node_that_comes_back_under_a_new_id_is_the_same_client():
    grid = Nodes({1: 0, 2: 1, 3: 2})
    roster = Roster(None, 3, 3, trusted=0)
    sampled(grid, roster=roster)
    del grid.partitions[1]
    assert sampled(grid, 2, roster=roster) == {2: 1, 3: 2}
    assert roster.known == {1: 0, 2: 1, 3: 2}
    # Only by saying so does another node become the trusted client.
    grid.partitions[8] = "late"
    assert sampled(grid, 3, roster=roster) == {2: 1, 3: 2}
    grid.partitions[9] = 0
    assert sampled(grid, 4, roster=roster) == {2: 1, 3: 2, 9: 0}
    assert roster.known == {9: 0, 2: 1, 3: 2}
    # Of two at once nobody knows which; while one is there, nobody else is it.
    for new in ({5: 0, 6: 0}, {9: 0, 5: 0}):
        grid = Nodes({1: 0, 2: 1, 3: 2})
        roster = Roster(None, 3, 3, trusted=0)
        sampled(grid, roster=roster)
        del grid.partitions[1]
        grid.partitions |= {node: said for node, said in new.items() if node == 9}
        sampled(grid, 2, roster=roster)
        grid.partitions |= new
        trusted = {9} & new.keys()
        now = sampled(grid, 3, roster=roster)
        assert {node for node, client in now.items() if client == 0} == trusted


def test_a_silent_node_that_comes_back_gets_a_number_that_is_free():
    grid = Nodes({1: None, 2: None, 3: None})
    roster = Roster(None, 3, 3)
    assert sampled(grid, roster=roster) == {1: 0, 2: 1, 3: 2}
    del grid.partitions[2]
    sampled(grid, 2, roster=roster)
    grid.partitions[2] = None
    assert sampled(grid, 3, roster=roster)[2] == 1
    del grid.partitions[2]
    grid.partitions[9] = None
    assert sampled(grid, 4, roster=roster) == {1: 0, 3: 2, 9: 1}


def test_where_no_node_has_a_client_id_nobody_is_sampled():
    roster, told = eventful(None, 1, 1, trusted=0)
    assert sampled(Nodes({1: "late"}), roster=roster) == {}
    assert len(told) == 1


def test_of_several_that_say_they_are_trusted_none_is():
    """Client 2 is trusted: 20 lies, or 10 does; 40 is what nobody else says to be."""
    said = {10: 2, 20: 2, 30: 0, 40: 1}

    def clients(answers, trusted=None):
        return identified(answers, answers, None, trusted, 4).clients

    assert clients(said, trusted=2) == {30: 0, 40: 1, 10: 3}
    assert clients(said) == {10: 2, 20: 3, 30: 0, 40: 1}
    assert clients({10: 2, 30: 0}, trusted=2) == {10: 2, 30: 0}
    found = identified([1, 2, 3], {1: 2, 2: 2, 3: 0}, trusted=2)
    assert found == Identities({3: 0}, {1: 1, 2: 3})


ANSWERS = st.dictionaries(st.integers(1, 99), st.integers(0, 5), max_size=9)


@given(ANSWERS)
def test_every_node_that_answers_has_a_client_of_its_own(answers):
    found = identified(answers, answers, num_clients=6).clients
    assert len(found) == min(len(answers), 6)
    assert len(set(found.values())) == len(found)
    assert set(answers.values()) <= set(found.values()) <= set(range(6))
    for node, answer in answers.items():
        if list(answers.values()).count(answer) == 1:
            assert found[node] == answer


@given(st.lists(ANSWERS, max_size=5), st.sampled_from([None, 0]))
def test_no_two_nodes_are_one_client_whoever_comes_and_goes(rounds, trusted):
    roster = Roster(None, 6, 0, trusted=trusted)
    before = {}
    for round, answers in enumerate(rounds, 1):
        grid = Nodes({**answers, 100: "late"})
        now = sampled(grid, round, roster=roster)
        assert len(set(now.values())) == len(now)
        assert set(now.values()) <= set(range(6))
        for node in now.keys() & before.keys():
            if before[node] == roster._identities.said.get(node):
                assert now[node] == before[node]
        said = roster._identities.said
        if trusted is not None:
            assert all(said.get(n) == 0 for n, client in now.items() if client == 0)
        before = now


def test_a_minimum_of_clients_is_sampled_if_there_are_so_many():
    ids = {node: node for node in range(10)}
    roster = Roster(ids, 12, 2)
    assert len(roster.sample(None, 1, 0.1, 0)) == 1
    assert len(roster.sample(None, 1, 0.1, 0, minimum=4)) == 4
    assert len(roster.sample(None, 1, 0.5, 0, minimum=4)) == 5
    assert len(roster.sample(None, 1, 0.5, 0, minimum=99)) == 10
    assert roster.expected(0.1, 4, minimum=4) == 4
    assert roster.expected(0.5, 5, minimum=4) == 6


def test_a_new_roster_goes_on_from_a_stored_state_and_renumbers_nobody():
    everyone = {**dict.fromkeys([5, 6, 7]), 8: 3, 9: 3}
    whole, _ = eventful(None, 8, 5)
    grid = Nodes(dict(everyone))
    first = sampled(grid, roster=whole)
    assert sorted(first.values()) == [0, 1, 2, 3, 4]
    state = stored(whole.state())
    assert bits(state) == bits(whole.state())
    # Nodes 5 and 8 are gone: by their order alone 6 and 7 would be clients 0 and 1.
    later, told = eventful(None, 8, 5)
    later.restore(state)
    grid = Nodes({node: everyone[node] for node in (6, 7, 9)})
    found = sampled(grid, 2, roster=later)
    assert found == {node: first[node] for node in (6, 7, 9)}
    assert found == sampled(grid, 2, roster=whole)
    assert later.known == whole.known == first
    assert bits(later.state()) == bits(whole.state())
    assert told == []
