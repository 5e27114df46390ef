"""The client's side of SecAgg+: a pure function for each stage.

A stage takes what the client keeps and what the server asks, and returns what the
client keeps next and its answer. Both are plain values that a ConfigRecord can hold.
A client refuses, by ProtocolError, whatever would let the server see through a mask.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.secagg.errors import ProtocolError
from strategies.secagg.fixed_point import FixedPoint
from strategies.secagg.keys import (
    PUBLIC,
    SESSION,
    agree,
    new_secret,
    public_key,
    seal,
    unseal,
)
from strategies.secagg.masks import Words, pairwise_masks, self_mask
from strategies.secagg.payload import (
    Payload,
    read_bytes,
    read_indices,
    read_int,
    read_list,
)
from strategies.secagg.shares import (
    COMMITMENT,
    KINDS,
    SHARE,
    between,
    commit,
    commitments,
    share_commitment,
    split,
)

State = dict[str, Any]
Answer = dict[str, Any]


def advertise(request: Payload) -> tuple[State, Answer]:
    """Draw the secrets of a session, and answer with the public keys."""
    secrets = {name: new_secret() for name in ("key", "seed", "sealing")}
    state = {"stage": "keys", "session": read_bytes(request, "session", SESSION)}
    answer = {name: public_key(secrets[name]) for name in ("key", "sealing")}
    return state | secrets, answer


def deal(state: State, request: Payload) -> tuple[State, Answer]:
    """Share both secrets among the holders, and answer with the sealed shares."""
    _require_stage(state, request, "keys")
    holders = read_indices(request, "holders")
    count = len(holders)
    threshold = read_int(request, "threshold", 2, count)
    index = read_int(request, "index", 0, max(holders))
    keys = read_list(request, "keys", count, PUBLIC)
    sealing = read_list(request, "sealing_keys", count, PUBLIC)
    pairs = zip(keys, sealing, strict=True)
    _check_keys(state, index, dict(zip(holders, pairs, strict=True)))
    shares = list(
        zip(
            split(state["seed"], threshold, count),
            split(state["key"], threshold, count),
            strict=True,
        )
    )
    session = state["session"]
    sealed, own = [], b""
    for holder, public, pair in zip(holders, sealing, shares, strict=True):
        if holder == index:
            own = b"".join(pair)
            sealed.append(b"")
            continue
        about = between(session, index, holder)
        sealed.append(seal(_sealing(state, public), b"".join(pair), about))
    answer = {
        "sealed": sealed,
        "seed_commitment": commit(state["seed"], session),
        **commitments(shares, session, index, holders),
    }
    kept = {
        **{"stage": "shares", "index": index, "threshold": threshold, "own": own},
        **{"holders": holders, "keys": keys, "sealing_keys": sealing},
    }
    return state | kept, answer


def mask(
    state: State, request: Payload, update: NDArray[np.float64]
) -> tuple[State, Words, Answer]:
    """Open the shares that others dealt, and return the masked update.

    Parameters
    ----------
    state, request
        What the client keeps, and what the server asks.
    update
        (d,) the client's update.

    Returns
    -------
    What the client keeps next, (d + 1,) masked integers, and the answer beside them:
    who dealt shares that do not fit their commitments.

    Raises
    ------
    ProtocolError
        When the request breaks the protocol, or too few members are left.
    ValueError
        When the update is not finite.
    """
    _require_stage(state, request, "shares")
    index, holders = state["index"], state["holders"]
    dealers = read_indices(request, "dealers")
    if not set(dealers) <= set(holders) - {index}:
        raise ProtocolError("asked to take shares of clients that are no neighbours")
    _require_alive(state, len(dealers) + 1)
    held, wrong = _open_shares(state, request, dealers)
    clip, clients = request.get("clip"), read_int(request, "clients", 2, 2**31 - 1)
    if type(clip) is not float:
        raise ProtocolError("'clip' is not a number")
    encoded = FixedPoint(clip=clip, clients=clients).encode(update)
    publics = dict(zip(holders, state["keys"], strict=True))
    others = {dealer: publics[dealer] for dealer in dealers}
    session, length = state["session"], len(encoded)
    masked = encoded + self_mask(state["seed"], session, length)
    masked += pairwise_masks(state["key"], index, others, session, length)
    own = {index: state["own"]}
    kept = {
        "stage": "masked",
        "session": session,
        "threshold": state["threshold"],
        "index": index,
        "dealers": [*own, *held],
        "shares": [*own.values(), *held.values()],
    }
    return kept, masked, {"wrong": wrong}


def reveal(state: State, request: Payload) -> Answer:
    """Answer with one share of each neighbour: of the seed of those that survived.

    Of those that dropped out it is a share of the key.

    The client must forget its state then, so that it never reveals the other one.
    """
    _require_stage(state, request, "masked")
    survivors = read_indices(request, "survivors")
    dropped = read_indices(request, "dropped")
    if set(survivors) & set(dropped):
        raise ProtocolError("asked for both kinds of share of one client")
    shares = dict(zip(state["dealers"], state["shares"], strict=True))
    if not set(survivors) | set(dropped) <= shares.keys():
        raise ProtocolError("asked for shares of clients that dealt none")
    if state["index"] not in survivors:
        raise ProtocolError("asked to unmask without the own update")
    _require_alive(state, len(survivors))
    return {
        "seed_shares": [shares[dealer][:SHARE] for dealer in survivors],
        "key_shares": [shares[dealer][SHARE:] for dealer in dropped],
    }


def _require_stage(state: State, request: Payload, stage: str) -> None:
    if state.get("stage") != stage or state.get("session") != request.get("session"):
        raise ProtocolError(
            f"asked for what follows the stage {stage!r} of a session, and the client "
            "is not there: each stage is answered once"
        )


def _require_alive(state: State, alive: int) -> None:
    if alive < state["threshold"]:
        raise ProtocolError(
            f"{alive} of the clients that hold shares are left, and "
            f"{state['threshold']} are needed"
        )


def _check_keys(
    state: State, index: int, keys: Mapping[int, tuple[bytes, bytes]]
) -> None:
    """Refuse keys in which a member could pose as another, or as this client."""
    own = (public_key(state["key"]), public_key(state["sealing"]))
    if keys.get(index) != own:
        raise ProtocolError("the keys that were passed on as this client's are not")
    if len({key for pair in keys.values() for key in pair}) != 2 * len(keys):
        raise ProtocolError("two clients have the same public key")


def _open_shares(
    state: State, request: Payload, dealers: list[int]
) -> tuple[dict[int, bytes], list[int]]:
    """Return the pairs of shares by dealer, and those whose pair is wrong."""
    count, index, session = len(dealers), state["index"], state["session"]
    sealed = read_list(request, "sealed", count)
    committed = [
        read_list(request, f"{kind}_commitments", count, COMMITMENT) for kind in KINDS
    ]
    publics = dict(zip(state["holders"], state["sealing_keys"], strict=True))
    held, wrong = {}, []
    for dealer, content, *expected in zip(dealers, sealed, *committed, strict=True):
        key = _sealing(state, publics[dealer])
        try:
            pair = unseal(key, content, between(session, dealer, index))
        except ProtocolError:
            pair = b""
        found = [
            share_commitment(share, session, kind, dealer, index)
            for kind, share in zip(KINDS, (pair[:SHARE], pair[SHARE:]), strict=True)
        ]
        if found == expected:
            held[dealer] = pair
        else:
            held[dealer] = b""
            wrong.append(dealer)
    return held, wrong


def _sealing(state: State, public: bytes) -> bytes:
    return agree(state["sealing"], public, b"shares " + state["session"])
