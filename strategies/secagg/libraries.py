"""The cryptography: nothing here is of our own making."""

try:
    from Crypto.Protocol.SecretSharing import Shamir
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.asymmetric.x25519 import (
        X25519PrivateKey,
        X25519PublicKey,
    )
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF
except ImportError as error:
    raise ImportError(
        "secure aggregation needs two libraries that come with Flower: pip install "
        f"cryptography pycryptodome ({error})"
    ) from error

__all__ = [
    "HKDF",
    "SHA256",
    "ChaCha20",
    "ChaCha20Poly1305",
    "Cipher",
    "InvalidTag",
    "Shamir",
    "X25519PrivateKey",
    "X25519PublicKey",
]
