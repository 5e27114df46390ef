"""The server's side of SecAgg+: one group, from its keys to its mean.

Bell, Bonawitz, Gascón, Lepoint, Raykova: Secure Single-Server Aggregation with
(Poly)Logarithmic Overhead, CCS 2020, Algorithm 2: the server follows the protocol. The
stages are those of Bonawitz et al., CCS 2017: keys, shares, upload, unmask. A member
drops out at the stage that it does not answer as it should.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.secagg.errors import AbortError, ProtocolError
from strategies.secagg.fixed_point import FixedPoint
from strategies.secagg.graph import require_connected
from strategies.secagg.keys import NONCE, PUBLIC, TAG, agree, public_key
from strategies.secagg.masks import Words, unmask
from strategies.secagg.members import Members
from strategies.secagg.payload import Payload, read_bytes, read_indices, read_list
from strategies.secagg.shares import (
    COMMITMENT,
    KINDS,
    SHARE,
    combine,
    commit,
    share_commitment,
)

# Bytes of a sealed pair of shares.
SEALED = NONCE + len(KINDS) * SHARE + TAG
# Name of the masked vector in the answer to the stage of the upload.
MASKED = "masked"


@dataclass(frozen=True)
class Sum:
    """The result of a group.

    Attributes
    ----------
    mean
        (d,) the mean of the survivors' updates.
    clipped
        The number of values that the survivors clipped, of d for each.
    """

    mean: NDArray[np.float64]
    clipped: int


@dataclass(kw_only=True)
class Group(Members):
    """One group in one round, taken through the stages.

    Parameters are those of :class:`Members`, and these:

    Parameters
    ----------
    size
        d, the number of values of an update.
    clip
        Largest absolute value of a coordinate.
    """

    size: int
    clip: float
    _keys: dict[int, dict[str, bytes]] = field(default_factory=dict, init=False)
    _dealt: dict[int, dict[str, Any]] = field(default_factory=dict, init=False)
    _masked: dict[int, Words] = field(default_factory=dict, init=False)
    _asked: dict[int, dict[str, Any]] = field(default_factory=dict, init=False)
    _shares: dict[tuple[str, int], dict[int, bytes]] = field(
        default_factory=dict, init=False
    )

    @property
    def fixed_point(self) -> FixedPoint:
        """The integers that stand for updates: all members' sum must not wrap."""
        return FixedPoint(clip=self.clip, clients=len(self.members))

    @property
    def summed(self) -> list[int]:
        """The members whose updates are in the sum, also if they left afterwards."""
        return list(self._masked)

    # Keys.

    def ask_keys(self) -> dict[int, dict[str, Any]]:
        """Return what each member is asked first."""
        return self.requests("keys", {index: {} for index in self.alive})

    def take_keys(self, answers: Mapping[int, Payload]) -> None:
        """Check the public keys, and drop members whose keys hide nothing."""

        def take(index: int, answer: Payload) -> None:
            keys = {k: read_bytes(answer, k, PUBLIC) for k in ("key", "sealing")}
            for public in keys.values():
                agree(self.session, public, b"check")  # refuses points of low order
            self._keys[index] = keys

        self.take(answers, take)
        found = Counter(key for keys in self._keys.values() for key in keys.values())
        for index, keys in list(self._keys.items()):
            if any(found[key] > 1 for key in keys.values()):
                self.drop(index, "sent a public key that was sent twice")
        self.ring = self.alive
        self.require(self.ring)

    # Shares.

    def ask_shares(self) -> dict[int, dict[str, Any]]:
        """Return for each member the keys of those that will hold its shares."""
        requests = {}
        for index in self.alive:
            holders = self.holders(index)
            requests[index] = {
                "index": index,
                "threshold": self.needed,
                "holders": holders,
                "keys": [self._keys[i]["key"] for i in holders],
                "sealing_keys": [self._keys[i]["sealing"] for i in holders],
            }
        return self.requests("shares", requests)

    def take_shares(self, answers: Mapping[int, Payload]) -> None:
        """Keep the sealed shares, and the commitments to them."""

        def take(index: int, answer: Payload) -> None:
            holders = self.holders(index)
            dealt: dict[str, Any] = {
                "seed_commitment": read_bytes(answer, "seed_commitment", COMMITMENT)
            }
            sealed = read_list(answer, "sealed", len(holders), SEALED, 0)
            dealt["sealed"] = dict(zip(holders, sealed, strict=True))
            for kind in KINDS:
                name = f"{kind}_commitments"
                given = read_list(answer, name, len(holders), COMMITMENT)
                dealt[kind] = dict(zip(holders, given, strict=True))
            self._dealt[index] = dealt

        self.take(answers, take)
        self.require(self._dealt)

    # The masked updates.

    def ask_uploads(self) -> dict[int, dict[str, Any]]:
        """Return for each member the shares that were dealt to it."""
        requests = {}
        for index in self.alive:
            dealers = [i for i in self._dealers(index) if i != index]
            dealt = [self._dealt[i] for i in dealers]
            requests[index] = {
                "clip": self.clip,
                "clients": len(self.members),
                "dealers": dealers,
                "sealed": [d["sealed"][index] for d in dealt],
                **{f"{k}_commitments": [d[k][index] for d in dealt] for k in KINDS},
            }
        return self.requests("upload", requests)

    def take_uploads(self, answers: Mapping[int, Payload]) -> None:
        """Keep the masked updates, and complaints about dealers."""

        def take(index: int, answer: Payload) -> None:
            masked, wrong = answer.get(MASKED), read_indices(answer, "wrong")
            if (
                not isinstance(masked, np.ndarray)
                or masked.dtype != np.uint32
                or masked.shape != (self.size + 1,)
            ):
                raise ProtocolError(f"no {self.size + 1} masked 32-bit integers")
            if not set(wrong) <= set(self._dealers(index)):
                raise ProtocolError("complains about clients that dealt it no shares")
            for dealer in wrong:
                self.complaints.add((dealer, index))
                self.accuse(dealer, f"dealt a wrong share, says {self.name(index)}")
            self._masked[index] = masked

        self.take(answers, take)
        # Nothing is unmasked unless all of it can be, and as one sum.
        self.require(self._dealt)
        require_connected(self._masked, self.ring, self.neighbors)

    # The unmasking.

    def ask_unmasking(self) -> dict[int, dict[str, Any]]:
        """Return for each survivor whose shares are needed, and of which kind."""
        requests = {}
        for index in self.alive:
            dealers = self._dealers(index)
            requests[index] = {
                "survivors": [i for i in dealers if i in self._masked],
                "dropped": [i for i in dealers if i not in self._masked],
            }
        self._asked = requests
        return self.requests("unmask", requests)

    def take_unmasking(self, answers: Mapping[int, Payload]) -> None:
        """Keep the shares that fit their commitments, and accuse who sent others."""

        def take(index: int, answer: Payload) -> None:
            asked = self._asked[index]
            kinds = zip(KINDS, (asked["survivors"], asked["dropped"]), strict=True)
            given = [
                (kind, dealer, share)
                for kind, dealers in kinds
                for dealer, share in zip(
                    dealers,
                    read_list(answer, f"{kind}_shares", len(dealers), SHARE, 0),
                    strict=True,
                )
            ]
            for kind, dealer, share in given:
                self._take_share(kind, dealer, index, share)

        self.take(answers, take)

    def finish(self) -> Sum:
        """Reconstruct what is needed to unmask the sum, and return the mean.

        Raises
        ------
        AbortError
            When shares are missing; nothing is reconstructed then.
        """
        needed = [
            (KINDS[0] if index in self._masked else KINDS[1], index)
            for index in self._dealt
        ]
        for kind, index in needed:
            found = len(self._shares.get((kind, index), {}))
            if found < self.needed:
                raise AbortError(
                    f"{found} of the {self.needed} shares that unmask "
                    f"{self.name(index)} came"
                )
        secrets = {name: self._reconstruct(*name) for name in needed}
        seeds, keys = (
            {index: s for (kind, index), s in secrets.items() if kind == name}
            for name in KINDS
        )
        publics = {
            index: {
                i: self._keys[i]["key"]
                for i in self.holders(index)
                if i in self._masked
            }
            for index in keys
        }
        total = unmask(self._masked, seeds, keys, publics, self.session)
        return Sum(*self.fixed_point.decode(total, len(self._masked)))

    def _reconstruct(self, kind: str, index: int) -> bytes:
        """Combine the shares of a secret, and hold it against what its owner sent."""
        places = {holder: i for i, holder in enumerate(self.holders(index))}
        shares = self._shares[kind, index]
        secret = combine({places[h]: s for h, s in shares.items()}, self.needed)
        if kind == KINDS[0]:
            fits = commit(secret, self.session) == self._dealt[index]["seed_commitment"]
        else:
            fits = public_key(secret) == self._keys[index]["key"]
        if not fits:
            self.accuse(index, "dealt shares that are not those of its secret")
            raise AbortError(f"{self.name(index)} dealt shares that do not fit")
        return secret

    def _take_share(self, kind: str, dealer: int, holder: int, share: bytes) -> None:
        if not share and (dealer, holder) in self.complaints:
            return  # the dealer was accused already
        about = (self.session, kind, dealer, holder)
        if share_commitment(share, *about) != self._dealt[dealer][kind][holder]:
            self.accuse(holder, f"sent a wrong share of {self.name(dealer)}")
            return
        self._shares.setdefault((kind, dealer), {})[holder] = share

    def _dealers(self, holder: int) -> list[int]:
        """Return the members that dealt shares to one; the graph is symmetric."""
        return [i for i in self.holders(holder) if i in self._dealt]
