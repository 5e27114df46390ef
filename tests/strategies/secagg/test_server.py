"""The protocol as a whole, without Flower: drop-outs, wrong shares, hostile answers."""

import itertools

import numpy as np
import pytest

from strategies.secagg.errors import AbortError
from strategies.secagg.graph import parts_of
from strategies.secagg.server import MASKED, Group
from tests.strategies.secagg.protocol import (
    SIZE,
    STAGES,
    assert_same,
    losing,
    outcome,
    plain_sum,
    run,
)

# Client ids in the order of the ring.
IDS = (14, 3, 8, 0, 21, 5, 9)


def group_of(ids=IDS, **settings) -> Group:
    return Group(members=ids, size=SIZE, clip=8.0, **settings)


def without(*members: int) -> list[int]:
    return [client for i, client in enumerate(IDS) if i not in members]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("lost", [[], [2], [0, 3, 6]], ids=len)
def test_the_sum_is_the_plain_one_to_the_bit_with_drop_outs_at_any_stage(stage, lost):
    group = group_of()  # a majority of 7 is 4, so that 3 may drop out
    found = outcome(group, losing({stage: lost}))
    # Who drops out at the unmasking has sent its update before.
    taking_part = IDS if stage == "unmask" else without(*lost)
    assert_same(found, plain_sum(group, taking_part))
    assert sorted(group.left) == lost


def test_drop_outs_at_all_stages_add_up():
    group = group_of()
    found = outcome(group, losing({"keys": [1], "shares": [4], "unmask": [5]}))
    assert_same(found, plain_sum(group, without(1, 4)))


@pytest.mark.parametrize("neighbors", [2, 3, 4, 5])
@pytest.mark.parametrize("stage", ["shares", "upload"])
def test_a_sparse_graph_gives_the_same_bits(neighbors, stage):
    group = group_of(neighbors=neighbors)
    assert_same(outcome(group, losing({stage: [3]})), plain_sum(group, without(3)))


@pytest.mark.parametrize(
    ("n", "neighbors", "lost"), [(6, 2, [0, 3]), (30, 4, [0, 1, 15, 16])]
)
@pytest.mark.parametrize("stage", ["shares", "upload"])
def test_drop_outs_that_cut_the_graph_reveal_no_share(n, neighbors, lost, stage):
    """Of six on a ring, 1 and 2 mask with each other alone once 0 and 3 are gone.

    Their self-masks would be removed and the pairwise ones cancel: their mean alone.
    """
    group = group_of(range(n), neighbors=neighbors)
    found = outcome(group, losing({stage: lost}))
    assert found == (
        f"the {n - len(lost)} clients left are 2 parts without a mask between them, "
        f"and the sum of each would be seen: raise neighbors={neighbors}"
    )
    assert not group._shares


def test_as_many_drop_outs_that_leave_the_graph_in_one_piece_are_survived():
    group, lost = group_of(range(30), neighbors=4), [0, 5, 15, 20]
    left = [i for i in range(30) if i not in lost]
    assert_same(outcome(group, losing({"upload": lost})), plain_sum(group, left))


def test_parts_are_those_of_a_search_by_hand():
    ring = list(range(6))
    assert parts_of([1, 2, 4, 5], ring, 2) == [{1, 2}, {4, 5}]
    assert parts_of([1, 2, 4, 5], ring, 3) == [{1, 2, 4, 5}]  # 1-4 and 2-5 are tied
    assert parts_of([0, 2, 4], ring, 2) == [{0}, {2}, {4}]
    assert parts_of([0, 2, 4], ring, None) == [{0, 2, 4}]
    assert parts_of([5, 0, 1], ring, 2) == [{0, 1, 5}]
    assert parts_of([], ring, 2) == []


@pytest.mark.parametrize("stage", STAGES)
def test_with_more_drop_outs_nothing_is_unmasked(stage):
    group = group_of()
    found = outcome(group, losing({stage: [0, 2, 3, 6]}))
    assert "left" in found if stage != "unmask" else "of the 4 shares" in found
    # The server never reconstructed a secret: too few shares of each came.
    assert all(len(shares) < 4 for shares in group._shares.values())


@pytest.mark.parametrize("stage", STAGES[:3])
def test_too_many_drop_outs_before_the_unmasking_reveal_no_share_at_all(stage):
    group = group_of()
    with pytest.raises(AbortError):
        run(group, losing({stage: [0, 2, 3, 6]}))
    assert not group._shares


def test_the_groups_smallest_and_given_thresholds():
    pair = group_of((4, 2))
    assert_same(outcome(pair), plain_sum(pair, [4, 2]))
    assert isinstance(outcome(group_of((4, 2)), losing({"unmask": [1]})), str)
    strict = group_of(threshold=7)
    assert_same(outcome(strict), plain_sum(strict, list(IDS)))
    assert isinstance(outcome(group_of(threshold=7), losing({"upload": [1]})), str)
    lax = group_of(threshold=2)
    found = outcome(lax, losing({"upload": [0, 1, 2, 3, 4]}))
    assert_same(found, plain_sum(lax, [5, 9]))


@pytest.mark.parametrize(
    ("ids", "settings"),
    [
        ((1,), {}),
        ((1, 2, 3), {"threshold": 4}),
        (IDS, {"neighbors": 2, "threshold": 4}),
    ],
)
def test_a_group_that_cannot_hold_enough_shares_is_refused(ids, settings):
    with pytest.raises(AbortError, match=r"hold . shares of each secret, and thresh"):
        group_of(ids, **settings)


def test_a_wrong_share_is_named_and_left_out():
    def lying(stage, member, answer):
        if stage == "unmask" and member == 2:
            shares = answer["seed_shares"]
            answer["seed_shares"] = [bytes(16), *shares[1:]]
        return answer

    group = group_of()
    assert_same(outcome(group, lying), plain_sum(group, list(IDS)))
    assert group.accused == [(2, "sent a wrong share of client 14")]


def test_wrong_shares_beyond_what_is_spare_end_the_group():
    def lying(stage, member, answer):
        if stage == "unmask" and member < 4:
            answer["seed_shares"] = [bytes(16)] * 7
        return answer

    group = group_of()
    assert outcome(group, lying) == "3 of the 4 shares that unmask client 14 came"
    assert {member for member, _ in group.accused} == {0, 1, 2, 3}


def test_a_dealer_of_a_wrong_share_is_named_and_the_others_suffice():
    def tampering(stage, member, answer):
        if stage == "shares" and member == 1:
            sealed = answer["sealed"]
            answer["sealed"] = [*sealed[:5], sealed[5][:-1] + b"?", sealed[6]]
        return answer

    group = group_of()
    assert_same(outcome(group, tampering), plain_sum(group, list(IDS)))
    assert group.accused == [(1, "dealt a wrong share, says client 5")]


def test_a_dealer_whose_shares_are_those_of_another_secret_is_named():
    def tampering(stage, member, answer):
        if stage == "shares" and member == 1:
            answer["seed_commitment"] = bytes(32)
        return answer

    group = group_of()
    assert outcome(group, tampering) == "client 3 dealt shares that do not fit"
    assert group.accused == [(1, "dealt shares that are not those of its secret")]


GARBAGE = [None, b"", b"\xff" * 31, "text", -1, 2**70, 1.5, [], [b""], [[b""]], [3, 3]]


@pytest.mark.parametrize("stage", STAGES)
def test_no_answer_of_a_client_makes_the_server_raise(stage):
    names: dict = {}

    def keep(s, member, answer):
        names.update(answer if (s, member) == (stage, 4) else {})
        return answer

    run(group_of(), keep)
    for name, value in [
        *itertools.product(names, GARBAGE),
        *(
            (name, [*names[name], names[name][0]])
            for name in names
            if _full(names[name])
        ),
    ]:

        def hostile(s, member, answer, name=name, value=value):
            return {**answer, name: value} if (s, member) == (stage, 4) else answer

        group = group_of()
        found = outcome(group, hostile)
        taking_part = IDS if stage == "unmask" else without(4)
        if 4 in group.left or stage == "unmask":
            assert_same(found, plain_sum(group, taking_part))
        if 4 in group.left:
            assert group.left[4].startswith("malformed answer: ")
        else:
            # Well formed by chance: an empty list of complaints, or of shares.
            assert value == []


def _full(value) -> bool:
    return isinstance(value, list) and len(value) > 0


@pytest.mark.parametrize("masked", [None, np.zeros(SIZE + 1), np.zeros(2, np.uint32)])
def test_a_masked_update_of_another_form_is_refused(masked):
    def hostile(stage, member, answer):
        return (
            {**answer, MASKED: masked} if (stage, member) == ("upload", 4) else answer
        )

    group = group_of()
    assert_same(outcome(group, hostile), plain_sum(group, without(4)))
    assert group.left == {4: "malformed answer: no 6 masked 32-bit integers"}


def test_keys_of_low_order_and_keys_sent_twice_are_refused():
    copied = {}

    def hostile(stage, member, answer):
        if stage == "keys" and member == 0:
            answer["key"] = bytes(32)
        if stage == "keys" and member == 1:
            copied.update(answer)
        if stage == "keys" and member == 2:
            answer["sealing"] = copied["key"]
        return answer

    group = group_of()
    assert_same(outcome(group, hostile), plain_sum(group, without(0, 1, 2)))
    assert "low order" in group.left[0]
    assert group.left[1] == group.left[2] == "sent a public key that was sent twice"
