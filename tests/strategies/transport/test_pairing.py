"""Replies of foreign grids are paired with the messages that they answer."""

from uuid import UUID

import pytest

from tests.strategies.transport.foreign import Foreign, train_over


@pytest.mark.parametrize(
    "grid",
    [
        {},
        {"push": lambda ids: (i for i in ids)},
        {"push": lambda ids: dict.fromkeys(ids)},
        {"id_of": lambda n: UUID(int=n)},
        {"pull": lambda replies: (reply for reply in replies)},
    ],
    ids=[
        "ids of its own",
        "a generator",
        "a mapping of ids",
        "UUIDs",
        "replies one by one",
    ],
)
def test_a_grid_that_writes_no_ids_into_messages_trains(grid):
    strategy, w = train_over(Foreign(**grid))
    assert strategy.last_round.accepted == [0, 1, 2, 3, 4, 5]
    assert w == pytest.approx(1.035)


def test_who_speaks_for_another_is_named_though_messages_bear_no_ids():
    strategy, w = train_over(Foreign(names={4: 2}))
    assert strategy.last_round.accepted == [0, 1, 2, 4, 5]
    assert strategy.last_round.failed == {3: "node 4 answered as node 2 to message ''"}
    assert w == pytest.approx((1.01 + 1.02 + 1.03 + 1.05 + 1.06) / 5)


def test_a_reply_may_name_the_id_that_the_grid_gave():
    class Renaming(Foreign):
        def pull_messages(self, message_ids):
            for i in message_ids:
                reply = self._replies[i]
                reply.metadata.__dict__["_reply_to_message_id"] = i
                yield reply

    strategy, _ = train_over(Renaming())
    assert strategy.last_round.accepted == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("ids", "error", "found"),
    [
        ([], ValueError, "gave a list of 0 ids, 0 of them distinct, for 6 messages"),
        (
            list("abcde"),
            ValueError,
            "gave a list of 5 ids, 5 of them distinct, for 6 messages",
        ),
        (
            list("abcdefg"),
            ValueError,
            "gave a list of 7 ids, 7 of them distinct, for 6",
        ),
        (list("abcdee"), ValueError, "gave a list of 6 ids, 5 of them distinct, for 6"),
        ([""] * 6, ValueError, "gave a list of 6 ids, 1 of them distinct, for 6"),
        (set("abcdef"), ValueError, "gave a set of 6 ids, 6 of them distinct, for 6"),
        ([["a"]] * 6, TypeError, "gave list of list where"),
        (7, TypeError, "gave int where"),
        ("abcdef", TypeError, "gave str where"),
        (None, TypeError, "gave NoneType where"),
    ],
)
def test_ids_that_cannot_be_paired_with_messages_raise(ids, error, found):
    with pytest.raises(error, match=rf"^Foreign\.push_messages {found}"):
        train_over(Foreign(push=lambda _: ids))


@pytest.mark.parametrize(
    ("pull", "found"),
    [
        (lambda replies: (dict(enumerate(replies)), {0}), "tuple of dict, set"),
        (lambda replies: ({}, set()), "tuple of dict, set"),
        (lambda replies: {"future-0": replies[0]}, "dict of str"),
        (lambda replies: replies[0], r"\w*Message"),
        (lambda replies: [reply.content for reply in replies], "list of RecordDict"),
        (lambda replies: None, "NoneType"),
        (lambda replies: [None], "list of NoneType"),
        (lambda replies: [*replies, "x"], r"list of \w*Message, str"),
    ],
)
def test_what_is_pulled_and_is_no_message_raises(pull, found):
    with pytest.raises(TypeError, match=rf"^Foreign\.pull_messages gave {found} where"):
        train_over(Foreign(pull=pull))
