"""The proof, kept by a journal, that a coordinator of this cluster once told it an allocation."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final

DIGITS: Final = 32
_PURPOSE: Final = b"cni-infoblox allocation seal"


class Sealer:
    """Makes and checks seals under a key derived from the coordinators' secret, which all replicas share."""

    def __init__(self, secret: bytes) -> None:
        self.rekey(secret)

    def rekey(self, secret: bytes) -> None:
        """Use another secret from now on."""
        self._key = hmac.digest(secret, _PURPOSE, sha256)

    def seal(self, allocation: str, view: str, address: str) -> str:
        """The seal of an allocation that is told: 32 hexadecimal digits."""
        text = "\0".join((allocation, view, address)).encode()
        return hmac.digest(self._key, text, sha256).hex()[:DIGITS]

    def is_right(self, seal: str, allocation: str, view: str, address: str) -> bool:
        """Whether a coordinator of this cluster told this allocation with this address."""
        return hmac.compare_digest(seal.encode(), self.seal(allocation, view, address).encode())
