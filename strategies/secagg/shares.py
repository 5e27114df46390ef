"""Shamir's secret sharing in GF(2^128), of pycryptodome, and commitments to shares.

Shamir: How to Share a Secret, Communications of the ACM 22, 1979. The library neither
counts the shares nor notices a wrong one: with too few of them, or one changed, it
returns another secret without an error. So shares are counted here, and each is held
against the hash that its dealer published with it.
"""

import hashlib
from collections.abc import Mapping

from strategies.secagg.errors import ProtocolError
from strategies.secagg.libraries import Shamir

# Bytes of a share, and of a commitment (SHA-256).
SHARE, COMMITMENT = 16, 32


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
