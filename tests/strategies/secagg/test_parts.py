"""Keys, shares, masks and the graph, each by itself."""

import itertools

import numpy as np
import pytest

from strategies.secagg.errors import ProtocolError
from strategies.secagg.graph import holders_of, threshold_of
from strategies.secagg.keys import agree, new_secret, public_key, seal, unseal
from strategies.secagg.masks import expand, pairwise_masks
from strategies.secagg.shares import combine, commit, split


def test_any_threshold_of_the_shares_reconstruct_and_fewer_are_refused():
    secret = new_secret()
    shares = dict(enumerate(split(secret, 3, 5)))
    for chosen in itertools.combinations(shares, 3):
        assert combine({i: shares[i] for i in chosen}, 3) == secret
    assert combine(shares, 3) == secret, "more shares than are needed"
    with pytest.raises(ProtocolError, match="2 shares, and 3 are needed"):
        combine({0: shares[0], 4: shares[4]}, 3)
    # The library itself notices neither: hence the counting and the commitments.
    assert combine({**shares, 1: bytes(16)}, 3) != secret


def test_a_commitment_is_bound_to_the_share_and_to_what_it_is_about():
    found = {commit(share, about) for share in (b"a", b"b") for about in (b"x", b"y")}
    assert len(found) == 4
    assert commit(b"a", b"x") in found


def test_two_parties_agree_and_purposes_differ():
    a, b = new_secret(), new_secret()
    keys = {agree(a, public_key(b), b"one"), agree(b, public_key(a), b"one")}
    assert len(keys) == 1
    assert agree(a, public_key(b), b"two") not in keys


@pytest.mark.parametrize("public", [bytes(32), b"\x01" + bytes(31)])
def test_points_of_low_order_are_refused(public):
    with pytest.raises(ProtocolError, match="low order"):
        agree(new_secret(), public, b"")


def test_a_sealed_message_opens_only_untouched_and_about_the_same():
    key = bytes(32)
    sealed = seal(key, b"share", b"1 to 2")
    assert unseal(key, sealed, b"1 to 2") == b"share"
    assert seal(key, b"share", b"1 to 2") != sealed, "a nonce of its own"
    for changed, about in (
        (sealed[:-1] + b"?", b"1 to 2"),
        (sealed, b"2 to 1"),
        (b"", b"1 to 2"),
        (sealed[:13], b"1 to 2"),
    ):
        with pytest.raises(ProtocolError, match="cannot be opened"):
            unseal(key, changed, about)


def test_the_stream_is_chacha20():
    # RFC 8439, appendix A.1, test vector 1: key, counter and nonce are 0.
    expected = bytes.fromhex("76b8e0ada0f13d90405d6ae55386bd28")
    assert expand(bytes(32), 4).astype("<u4").tobytes() == expected


def test_pairwise_masks_cancel_in_the_sum_of_all():
    secrets = [new_secret() for _ in range(5)]
    publics = {i: public_key(secret) for i, secret in enumerate(secrets)}
    masks = [
        pairwise_masks(
            secret, i, {j: p for j, p in publics.items() if j != i}, b"s", 50
        )
        for i, secret in enumerate(secrets)
    ]
    assert not np.sum(masks, 0, dtype=np.uint32).any()
    assert np.sum(masks[:4], 0, dtype=np.uint32).any()


@pytest.mark.parametrize("n", range(1, 12))
@pytest.mark.parametrize("k", [2, 3, 4, 5, 9])
def test_the_graph_is_regular_symmetric_and_connected(n, k):
    ring = np.random.default_rng(n).permutation(n).tolist()
    holders = {i: set(holders_of(i, ring, k)) for i in ring}
    expected = min(n, k + 1 + (k % 2) * (n % 2))
    assert {len(h) for h in holders.values()} == {expected}
    assert all(i in holders[j] for i in ring for j in holders[i])
    reached = {ring[0]}
    for _ in ring:
        reached |= set().union(*(holders[i] for i in reached))
    assert reached == set(ring)


def test_all_hold_shares_without_neighbors_and_a_majority_of_holders_is_needed():
    assert holders_of(2, [2, 0, 1], None) == [0, 1, 2]
    assert [threshold_of(n, None, None) for n in (1, 2, 3, 4, 5)] == [1, 2, 2, 3, 3]
    assert threshold_of(100, 8, None) == 5
    assert threshold_of(100, 8, 7) == 7
