"""The files by which this node proves which node it is: its key pair, its ticket, its pod's token."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon import files
from protocol import keys
from protocol.keys import BadKey, KeyPair
from protocol.wire.values import TICKET_LENGTH_MAX, TOKEN_LENGTH_MAX

TICKET_FILE: Final = "ticket"
_TICKET = re.compile(rf"[A-Za-z0-9_.\-]{{1,{TICKET_LENGTH_MAX}}}")


class TokenUnreadable(Exception):
    """There is no token to enrol with; the text names the file."""


@dataclass(frozen=True)
class Keys:
    """This node's own pair with the key that the coordinator must have."""

    own: KeyPair
    coordinator: bytes


class Credentials:
    """Reads the keys, again and again, since a mounted file may be replaced by another one."""

    def __init__(self, own: Path, coordinator: Path, complain: Callable[[str], None]) -> None:
        self._own = own
        self._coordinator = coordinator
        self._complain = complain
        self._complaint = ""
        self.keys = self._read()

    def look(self) -> bool:
        """Whether `keys` are others than at the last look. Files that cannot be used are told once, and left."""
        try:
            found = self._read()
        except BadKey as bad:
            if str(bad) != self._complaint:
                self._complaint = str(bad)
                self._complain(self._complaint)
            return False
        self._complaint = ""
        has_changed = found != self.keys
        self.keys = found
        return has_changed

    def ticket(self) -> str | None:
        """The ticket of an earlier enrolment."""
        return None

    def keep(self, ticket: str) -> None:
        """Keep a ticket for later starts."""

    def token(self) -> str:
        """The token to enrol with. Raises `TokenUnreadable`."""
        raise TokenUnreadable("--enrol-token is not set")

    def _read(self) -> Keys:
        return Keys(keys.load_pair(self._own), keys.load_public(self._coordinator))


class EnrolledCredentials(Credentials):
    """Credentials of a node that enrols: a missing key pair is made, tickets are kept beside it."""

    def __init__(self, own: Path, coordinator: Path, token: Path, complain: Callable[[str], None]) -> None:
        self._token = token
        self._ticket = own.parent / TICKET_FILE
        super().__init__(own, coordinator, complain)

    def ticket(self) -> str | None:
        """The ticket of an earlier enrolment; a file that is none counts as missing."""
        try:
            text = self._ticket.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return None
        return text if _TICKET.fullmatch(text) else None

    def keep(self, ticket: str) -> None:
        """Keep a ticket durably. Without room for it, it is asked for again after a restart."""
        try:
            files.replace(self._ticket, ticket.encode("ascii"), keys.SECRET_MODE)
        except OSError as error:
            self._complain(f"{self._ticket}: {error.strerror}")

    def token(self) -> str:
        """The token as kubelet has renewed it last. Raises `TokenUnreadable`."""
        try:
            text = self._token.read_text(encoding="ascii").strip()
        except OSError as error:
            raise TokenUnreadable(f"--enrol-token: {self._token} cannot be read (errno {error.errno})") from None
        except ValueError:
            text = ""
        if not 0 < len(text) <= TOKEN_LENGTH_MAX:
            raise TokenUnreadable(f"--enrol-token: {self._token} holds no token")
        return text

    def _read(self) -> Keys:
        if not self._own.exists():
            self._make()
        return super()._read()

    def _make(self) -> None:
        try:
            self._own.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            files.replace(self._own, keys.pair_text(keys.generate()).encode("ascii"), keys.SECRET_MODE)
        except OSError as error:
            raise BadKey(f"{self._own} cannot be written: {error.strerror}") from None
