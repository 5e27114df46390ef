"""What a client refuses, so that no server can see through its mask."""

import copy

import numpy as np
import pytest
from scipy.stats import chisquare

from strategies.secagg import client as stages
from strategies.secagg.errors import ProtocolError
from strategies.secagg.server import Group
from tests.strategies.secagg.protocol import SIZE, losing, run


def members_until(stage, lost=None, ids=(0, 1, 2, 3)):
    """The members after a stage, and what the first of them is asked next."""
    group = Group(members=ids, size=SIZE, clip=8.0)
    members = run(group, losing(lost or {}), until=stage)
    ask = {
        "keys": group.ask_shares,
        "shares": group.ask_uploads,
        "upload": group.ask_unmasking,
    }
    return members.states[0], ask[stage]()[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"survivors": [0, 1, 2], "dropped": [2, 3]}, "both kinds of share"),
        ({"survivors": [0, 1], "dropped": [2, 3]}, "2 of the clients .* 3 are needed"),
        ({"survivors": [1, 2, 3], "dropped": []}, "without the own update"),
        ({"survivors": [0, 1, 2, 9], "dropped": []}, "clients that dealt none"),
        ({"survivors": [0, 1, 2, 2], "dropped": []}, "lists a member twice"),
        ({"session": bytes(16)}, "each stage is answered once"),
    ],
)
def test_a_client_refuses_to_unmask(change, message):
    state, request = members_until("upload")
    with pytest.raises(ProtocolError, match=message):
        stages.reveal(state, {**request, **change})
    stages.reveal(state, request)  # what it was asked first is fine


def test_a_client_without_a_state_answers_nothing_but_the_first_stage():
    for stage in (stages.deal, stages.reveal):
        with pytest.raises(ProtocolError, match="answered once"):
            stage({}, {})
    with pytest.raises(ProtocolError, match="answered once"):
        stages.mask({}, {}, np.zeros(SIZE))


def test_a_client_masks_its_update_once_in_a_session():
    state, request = members_until("shares")
    after, _, _ = stages.mask(state, request, np.zeros(SIZE))
    with pytest.raises(ProtocolError, match="answered once"):
        stages.mask(after, request, np.zeros(SIZE))
    # It keeps no secret of its own that it has no more need of.
    assert not {"seed", "key", "sealing"} & after.keys()


def test_a_client_refuses_to_mask_among_too_few_or_with_strangers():
    state, request = members_until("shares", ids=tuple(range(6)))
    few = {name: entry[:2] for name, entry in request.items() if type(entry) is list}
    with pytest.raises(ProtocolError, match=r"3 of the clients .* 4 are needed"):
        stages.mask(state, {**request, **few}, np.zeros(SIZE))
    strange = {"dealers": [1, 2, 3, 4, 77]}
    with pytest.raises(ProtocolError, match="no neighbours"):
        stages.mask(state, {**request, **strange}, np.zeros(SIZE))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_update_that_is_not_finite_is_not_sent(value):
    state, request = members_until("shares")
    with pytest.raises(ValueError, match="is not finite"):
        stages.mask(state, request, np.full(SIZE, value))


def test_a_client_refuses_keys_that_hide_nothing():
    state, request = members_until("keys")

    def refuses(message, name, place, value):
        changed = copy.deepcopy(request)
        changed[name][place] = value
        with pytest.raises(ProtocolError, match=message):
            stages.deal(state, changed)

    refuses("passed on as this client's", "keys", 0, request["keys"][1])
    refuses("same public key", "keys", 1, request["keys"][2])
    refuses("same public key", "keys", 1, request["sealing_keys"][3])
    refuses("low order", "sealing_keys", 2, bytes(32))
    refuses("not 32 bytes", "keys", 2, b"short")
    with pytest.raises(ProtocolError, match="threshold"):
        stages.deal(state, {**request, "threshold": 1})


def test_a_masked_update_is_uniform():
    """Over sessions, each byte of the masked zero update takes all values alike."""
    masked = [
        stages.mask(*members_until("shares", ids=(0, 1)), np.zeros(2000))[1]
        for _ in range(20)
    ]
    for number in range(4):
        found = np.array(masked).view(np.uint8)[:, number::4]
        # Below 1 in 10^9 by chance; a mask on some words only is far below.
        assert chisquare(np.bincount(found.ravel(), minlength=256)).pvalue > 1e-9
    half = np.array(masked)
    half[::2] = 0
    found = half.view(np.uint8).ravel()
    assert chisquare(np.bincount(found, minlength=256)).pvalue < 1e-9


def test_two_members_cancel_only_together():
    """The masked updates of two sum to theirs and the self-masks, which are random."""
    group = Group(members=(0, 1), size=SIZE, clip=8.0)
    run(group, until="upload")
    plain = sum(group._masked.values())
    assert len(set(plain.tolist())) == SIZE + 1
