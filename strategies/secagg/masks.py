"""Masks: vectors of uniform 32-bit numbers that ChaCha20 expands from a key.

    masked_i = x_i + PRG(b_i) + sum_{j > i} PRG(s_ij) - sum_{j < i} PRG(s_ij)  mod 2^32

The pairwise masks s_ij cancel in the sum over all members. Those of members that drop
out, and the self-masks b_i of those that do not, are removed by the server.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from strategies.secagg.keys import agree, derive
from strategies.secagg.libraries import ChaCha20, Cipher

Words = NDArray[np.uint32]


def expand(key: bytes, length: int) -> Words:
    """Return ``length`` uniform 32-bit numbers, the ChaCha20 stream of a 32-byte key.

    A key is used for one stream only, so that the nonce may be constant (RFC 8439).
    """
    stream = Cipher(ChaCha20(key, bytes(16)), None).encryptor()
    words = np.frombuffer(stream.update(bytes(4 * length)), "<u4")
    return words.astype(np.uint32, copy=False)


def self_mask(seed: bytes, session: bytes, length: int) -> Words:
    """Return the mask of a member alone."""
    return expand(derive(seed, b"self-mask " + session), length)


def pairwise_masks(
    secret: bytes,
    index: int,
    others: Mapping[int, bytes],
    session: bytes,
    length: int,
) -> Words:
    """Return the sum of the masks that a member shares with others.

    Parameters
    ----------
    secret
        The member's mask secret.
    index
        Its number; it adds the masks it shares with higher numbers, and subtracts those
        with lower ones.
    others
        Public mask keys by number.
    session
        The session, which no other round or group has.
    length
        Number of values.
    """
    total = np.zeros(length, np.uint32)
    for other, public in others.items():
        mask = expand(agree(secret, public, b"pairwise mask " + session), length)
        if other > index:
            total += mask  # wraps modulo 2^32, as it should
        else:
            total -= mask
    return total


def unmask(
    masked: Mapping[int, Words],
    seeds: Mapping[int, bytes],
    secrets: Mapping[int, bytes],
    publics: Mapping[int, Mapping[int, bytes]],
    session: bytes,
) -> Words:
    """Return the sum of the survivors' integers, modulo 2^32.

    Parameters
    ----------
    masked
        What each survivor sent.
    seeds
        The seed of each survivor's self-mask.
    secrets
        The mask secret of each member that dropped out after it had shared it.
    publics
        For each of these, the public mask keys of the survivors that masked with it.
    session
        The session.
    """
    total = np.zeros_like(next(iter(masked.values())))
    for words in masked.values():
        total += words
    for seed in seeds.values():
        total -= self_mask(seed, session, len(total))
    for index, secret in secrets.items():
        # What the member would have added cancels what the survivors did.
        total += pairwise_masks(secret, index, publics[index], session, len(total))
    return total
