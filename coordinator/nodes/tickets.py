"""Tickets: what an enrolled node shows instead of a token, readable and forgeable by the coordinator alone."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Final

from coordinator.core.errors import TicketRefused

_PURPOSE: Final = b"cni-infoblox ticket 1"
"""Also the format's version: another format is signed with another key."""


@dataclass(frozen=True)
class Ticket:
    """Says that a key speaks for a node. Times are those of the coordinator's clock, in ms since 1970."""

    node: str
    key: bytes
    issued_ms: int
    expires_ms: int


class Tickets:
    """Issues and reads tickets. `secret` is the coordinator's secret key: a new one ends all tickets."""

    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, _PURPOSE, hashlib.sha256)

    def issue(self, ticket: Ticket) -> str:
        """The ticket as text."""
        fields = [ticket.node, ticket.key.decode("ascii"), ticket.issued_ms, ticket.expires_ms]
        body = json.dumps(fields, separators=(",", ":")).encode()
        return f"{_encode(body)}.{_encode(self._sign(body))}"

    def read(self, text: str, key: bytes, now_ms: int) -> Ticket:
        """The ticket that `text` is, shown by the holder of `key`. Raises `TicketRefused`."""
        body = self._authentic(text)
        node, of_key, issued_ms, expires_ms = json.loads(body)
        ticket = Ticket(node, of_key.encode("ascii"), issued_ms, expires_ms)
        if ticket.key != key:
            raise TicketRefused(reason="it was issued to another key")
        if now_ms >= ticket.expires_ms:
            raise TicketRefused(reason="it has expired")
        return ticket

    def _authentic(self, text: str) -> bytes:
        encoded, _, signature = text.partition(".")
        try:
            body, signed = _decode(encoded), _decode(signature)
        except (ValueError, binascii.Error):
            raise TicketRefused(reason="it is no ticket") from None
        if not hmac.compare_digest(signed, self._sign(body)):
            raise TicketRefused(reason="this coordinator's key did not issue it")
        return body

    def _sign(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, hashlib.sha256)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
