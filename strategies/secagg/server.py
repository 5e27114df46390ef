"""The server's side of SecAgg+: one group, from its keys to its mean.

Bell, Bonawitz, Gascón, Lepoint, Raykova: Secure Single-Server Aggregation with
(Poly)Logarithmic Overhead, CCS 2020, Algorithm 2: the server follows the protocol. The
stages are those of Bonawitz et al., CCS 2017: keys, shares, upload, unmask. A member
drops out at the stage that it does not answer as it should.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strategies.secagg.client import KINDS, SESSION, share_commitment
from strategies.secagg.errors import AbortError, ProtocolError
from strategies.secagg.fixed_point import FixedPoint
from strategies.secagg.graph import holders_of, threshold_of
from strategies.secagg.keys import PUBLIC, agree, new_secret, public_key
from strategies.secagg.masks import Words, pairwise_masks, self_mask
from strategies.secagg.payload import Payload, read_bytes, read_indices, read_list
from strategies.secagg.shares import COMMITMENT, SHARE, combine, commit

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


@dataclass
class Group:
    """One group in one round; a member is known by its place in ``members``.

    Parameters
    ----------
    members
        Client ids, in the random order of the ring.
    size
        d, the number of values of an update.
    clip
        Largest absolute value of a coordinate.
    threshold, neighbors
        As in :class:`strategies.secagg.SecAggGrid`.

    Attributes
    ----------
    left
        Why members dropped out, by number.
    accused
        The members that sent or dealt a wrong share, and what is wrong.
    alive
        The members that have not dropped out, ascending.
    """

    members: Sequence[int]
    size: int
    clip: float
    threshold: int | None = None
    neighbors: int | None = None
    session: bytes = field(default_factory=new_secret)
    left: dict[int, str] = field(default_factory=dict)
    accused: list[tuple[int, str]] = field(default_factory=list)
    _keys: dict[int, dict[str, bytes]] = field(default_factory=dict)
    _dealt: dict[int, dict[str, Any]] = field(default_factory=dict)
    _masked: dict[int, Words] = field(default_factory=dict)
    _complaints: set[tuple[int, int]] = field(default_factory=set)
    _shares: dict[tuple[str, int], dict[int, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert len(self.session) == SESSION
        n = len(self.members)
        self._threshold = threshold_of(n, self.neighbors, self.threshold)
        most = len(holders_of(0, range(n), self.neighbors))
        if not 2 <= self._threshold <= most:
            raise AbortError(
                f"{n} clients hold {most} shares of each secret, and threshold="
                f"{self._threshold} of them, at least 2, are needed"
            )

    @property
    def fixed_point(self) -> FixedPoint:
        """The integers that stand for updates: all members' sum must not wrap."""
        return FixedPoint(clip=self.clip, clients=len(self.members))

    @property
    def alive(self) -> list[int]:
        """The members that have not dropped out, ascending."""
        return [i for i in range(len(self.members)) if i not in self.left]

    def drop(self, index: int, reason: str) -> None:
        """Go on without a member."""
        self.left[index] = reason

    # Keys.

    def ask_keys(self) -> dict[int, dict[str, Any]]:
        """Return what each member is asked first."""
        return self._requests("keys", {index: {} for index in self.alive})

    def take_keys(self, answers: Mapping[int, Payload]) -> None:
        """Check the public keys, and drop members whose keys hide nothing."""

        def take(index: int, answer: Payload) -> None:
            keys = {k: read_bytes(answer, k, PUBLIC) for k in ("key", "sealing")}
            for public in keys.values():
                agree(self.session, public, b"check")  # refuses points of low order
            self._keys[index] = keys

        self._take(answers, take)
        found = [key for keys in self._keys.values() for key in keys.values()]
        for index, keys in list(self._keys.items()):
            if any(found.count(key) > 1 for key in keys.values()):
                self.drop(index, "sent a public key that was sent twice")
        self._ring = [i for i in range(len(self.members)) if i not in self.left]
        self._require(self._ring)

    # Shares.

    def ask_shares(self) -> dict[int, dict[str, Any]]:
        """Return for each member the keys of those that will hold its shares."""
        requests = {}
        for index in self.alive:
            holders = self._holders(index)
            requests[index] = {
                "index": index,
                "threshold": self._threshold,
                "holders": holders,
                "keys": [self._keys[i]["key"] for i in holders],
                "sealing_keys": [self._keys[i]["sealing"] for i in holders],
            }
        return self._requests("shares", requests)

    def take_shares(self, answers: Mapping[int, Payload]) -> None:
        """Keep the sealed shares, and the commitments to them."""

        def take(index: int, answer: Payload) -> None:
            holders = self._holders(index)
            dealt: dict[str, Any] = {
                "seed_commitment": read_bytes(answer, "seed_commitment", COMMITMENT)
            }
            sealed = read_list(answer, "sealed", len(holders))
            dealt["sealed"] = dict(zip(holders, sealed, strict=True))
            for kind in KINDS:
                name = f"{kind}_commitments"
                given = read_list(answer, name, len(holders), COMMITMENT)
                dealt[kind] = dict(zip(holders, given, strict=True))
            self._dealt[index] = dealt

        self._take(answers, take)
        self._require(self._dealt)

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
        return self._requests("upload", requests)

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
                self._complaints.add((dealer, index))
                self._accuse(dealer, f"dealt a wrong share, says {self._name(index)}")
            self._masked[index] = masked

        self._take(answers, take)
        # Nothing is unmasked unless all of it can be.
        self._require(self._masked)

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
        return self._requests("unmask", requests)

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

        self._take(answers, take)

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
            if found < self._threshold:
                raise AbortError(
                    f"{found} of the {self._threshold} shares that unmask "
                    f"{self._name(index)} came"
                )
        total = np.zeros_like(next(iter(self._masked.values())))
        for masked in self._masked.values():
            total += masked
        for kind, index in needed:
            secret = self._reconstruct(kind, index)
            if kind == KINDS[0]:
                total -= self_mask(secret, self.session, len(total))
            else:
                others = {
                    i: self._keys[i]["key"]
                    for i in self._holders(index)
                    if i in self._masked
                }
                # Their masks with the dropped member, with the sign that it would add.
                masks = pairwise_masks(secret, index, others, self.session, len(total))
                total += masks
        return Sum(*self.fixed_point.decode(total, len(self._masked)))

    def _reconstruct(self, kind: str, index: int) -> bytes:
        """Combine the shares of a secret, and hold it against what its owner sent."""
        places = {holder: i for i, holder in enumerate(self._holders(index))}
        shares = self._shares[kind, index]
        secret = combine({places[h]: s for h, s in shares.items()}, self._threshold)
        if kind == KINDS[0]:
            fits = commit(secret, self.session) == self._dealt[index]["seed_commitment"]
        else:
            fits = public_key(secret) == self._keys[index]["key"]
        if not fits:
            self._accuse(index, "dealt shares that are not those of its secret")
            raise AbortError(f"{self._name(index)} dealt shares that do not fit")
        return secret

    def _take_share(self, kind: str, dealer: int, holder: int, share: bytes) -> None:
        if not share and (dealer, holder) in self._complaints:
            return  # the dealer was accused already
        about = (self.session, kind, dealer, holder)
        if share_commitment(share, *about) != self._dealt[dealer][kind][holder]:
            self._accuse(holder, f"sent a wrong share of {self._name(dealer)}")
            return
        self._shares.setdefault((kind, dealer), {})[holder] = share

    def _take(
        self, answers: Mapping[int, Payload], take: Callable[[int, Payload], None]
    ) -> None:
        """Take the answer of each member; drop those whose answer is malformed."""
        for index in self.alive:
            if index not in answers:
                self.drop(index, "no reply in time")
                continue
            try:
                take(index, answers[index])
            except ProtocolError as error:
                self.drop(index, f"malformed answer: {error}")

    def _require(self, present: Sequence[int] | Mapping[int, Any]) -> None:
        """Raise AbortError unless all secrets can be reconstructed by those present."""
        left = {index for index in present if index not in self.left}
        dealers = self._dealt or left
        for index in dealers:
            held = sum(
                holder in left and (index, holder) not in self._complaints
                for holder in self._holders(index)
            )
            if held < self._threshold:
                raise AbortError(
                    f"{len(left)} of {len(self.members)} clients are left, and "
                    f"{held} of the {self._threshold} that must hold shares of "
                    f"{self._name(index)}"
                )
        if not left:
            raise AbortError(f"none of {len(self.members)} clients is left")

    def _holders(self, index: int) -> list[int]:
        return holders_of(index, self._ring, self.neighbors)

    def _dealers(self, holder: int) -> list[int]:
        """Return the members that dealt shares to one; the graph is symmetric."""
        return [i for i in self._holders(holder) if i in self._dealt]

    def _requests(
        self, stage: str, requests: Mapping[int, Mapping[str, Any]]
    ) -> dict[int, dict[str, Any]]:
        shared = {"stage": stage, "session": self.session}
        return {index: {**shared, **request} for index, request in requests.items()}

    def _accuse(self, index: int, reason: str) -> None:
        self.accused.append((index, reason))

    def _name(self, index: int) -> str:
        return f"client {self.members[index]}"
