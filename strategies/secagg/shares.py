"""Shamir's secret sharing in GF(2^128), of pycryptodome, and commitments to shares.

Shamir: How to Share a Secret, Communications of the ACM 22, 1979. The library neither
counts the shares nor notices a wrong one: with too few of them, or one changed, it
returns another secret without an error. So shares are counted here, and each is held
against the hash that its dealer published with it.
"""

import hashlib
import struct
from collections.abc import Mapping, Sequence

from strategies.secagg.errors import ProtocolError
from strategies.secagg.libraries import Shamir

# Bytes of a share, and of a commitment (SHA-256).
SHARE, COMMITMENT = 16, 32
# The two kinds of share: of the seed of a self-mask, and of the secret of a mask key.
KINDS = ("seed", "key")


def split(secret: bytes, threshold: int, count: int) -> list[bytes]:
    """Split 16 bytes into ``count`` shares, of which ``threshold`` reconstruct them.

    Share number i, from 0, is the value of the polynomial at i + 1.
    """
    return [share for _, share in Shamir.split(threshold, count, secret, False)]


def combine(shares: Mapping[int, bytes], threshold: int) -> bytes:
    """Reconstruct a secret from shares by number.

    Raises
    ------
    ProtocolError
        When there are fewer than ``threshold``.
    """
    if len(shares) < threshold:
        raise ProtocolError(f"{len(shares)} shares, and {threshold} are needed")
    # No more than these: the library interpolates through all that it is given.
    used = sorted(shares.items())[:threshold]
    return Shamir.combine([(number + 1, share) for number, share in used], False)


def commit(share: bytes, about: bytes) -> bytes:
    """Return the commitment to a share: it is 128 random bits, so its hash hides it."""
    return hashlib.sha256(about + share).digest()


def share_commitment(
    share: bytes, session: bytes, kind: str, dealer: int, holder: int
) -> bytes:
    """Return the commitment to one share of a dealer, for one holder."""
    return commit(share, between(session, dealer, holder) + kind.encode())


def commitments(
    pairs: Sequence[tuple[bytes, bytes]],
    session: bytes,
    dealer: int,
    holders: Sequence[int],
) -> dict[str, list[bytes]]:
    """Return the commitments to the pairs of shares that a dealer gives holders."""
    return {
        f"{kind}_commitments": [
            share_commitment(pair[place], session, kind, dealer, holder)
            for holder, pair in zip(holders, pairs, strict=True)
        ]
        for place, kind in enumerate(KINDS)
    }


def between(session: bytes, dealer: int, holder: int) -> bytes:
    """Return the bytes that stand for a dealer and a holder in a session."""
    return session + struct.pack("<2I", dealer, holder)
