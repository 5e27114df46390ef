"""Keys: X25519 agreement, HKDF derivation and sealed messages.

A party's secret is 16 random bytes, from which its X25519 private key is derived, so
that one Shamir share in GF(2^128) covers a secret of either kind.
"""

import os

from strategies.secagg.errors import ProtocolError
from strategies.secagg.libraries import (
    HKDF,
    SHA256,
    ChaCha20Poly1305,
    InvalidTag,
    X25519PrivateKey,
    X25519PublicKey,
)

# Bytes of a secret and of a public key, and those around a sealed message.
SECRET, PUBLIC, NONCE, TAG = 16, 32, 12, 16
# Bytes of the number that tells one group in one round from all others.
SESSION = 16


def new_secret() -> bytes:
    """Draw a secret from the operating system."""
    return os.urandom(SECRET)


def derive(secret: bytes, purpose: bytes) -> bytes:
    """Return the 32-byte key that HKDF-SHA256 derives for a purpose (RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(secret)


def public_key(secret: bytes) -> bytes:
    """Return the X25519 public key of a secret (RFC 7748)."""
    return _private_key(secret).public_key().public_bytes_raw()


def agree(secret: bytes, public: bytes, purpose: bytes) -> bytes:
    """Return the 32-byte key that the owners of two secrets share for a purpose.

    Raises
    ------
    ProtocolError
        When the public key is a point of low order, with which everybody would know
        the result.
    """
    try:
        peer = X25519PublicKey.from_public_bytes(public)
        shared = _private_key(secret).exchange(peer)
    except ValueError as error:
        raise ProtocolError("a public key of low order hides nothing") from error
    return derive(shared, purpose)


def seal(key: bytes, content: bytes, about: bytes) -> bytes:
    """Encrypt bytes with ChaCha20-Poly1305, and bind them to what they are about."""
    nonce = os.urandom(NONCE)
    return nonce + ChaCha20Poly1305(key).encrypt(nonce, content, about)


def unseal(key: bytes, sealed: bytes, about: bytes) -> bytes:
    """Decrypt what ``seal`` returned.

    Raises
    ------
    ProtocolError
        When it was changed, or is about something else.
    """
    try:
        return ChaCha20Poly1305(key).decrypt(sealed[:NONCE], sealed[NONCE:], about)
    except (InvalidTag, ValueError) as error:
        raise ProtocolError("a sealed message cannot be opened") from error


def _private_key(secret: bytes) -> X25519PrivateKey:
    return X25519PrivateKey.from_private_bytes(derive(secret, b"X25519 private key"))
