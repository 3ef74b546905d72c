"""Asks the coordinator something through its Unix socket."""

from __future__ import annotations

import argparse
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from ctl.failures import BadArgument, NotAsked
from ctl.terminal.progress import Progress
from protocol.admin.frames import HungUp, receive_answer, send_message
from protocol.admin.messages import ADMIN_SOCKET, AdminAnswer, AdminRequest, TurnedDown
from protocol.wire.codec import Unreadable
from protocol.wire.messages import Message

ANSWER_S: Final = 180.0
"""A little longer than the coordinator lets a command wait."""

_WHERE: Final = (
    "run this where the coordinator runs: kubectl exec -n NAMESPACE deploy/cni-infoblox-coordinator -- …"
)

ARGUMENT_SHOWN_MAX: Final = 80

A = TypeVar("A", bound=Message)
R = TypeVar("R", bound=AdminRequest)


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Declare the flag that says where the socket is."""
    parser.add_argument(
        "--operator-socket",
        type=Path,
        default=ADMIN_SOCKET,
        metavar="FILE",
        help="where the coordinator answers (%(default)s)",
    )


def make(kind: type[R], **fields: Any) -> R:
    """A request with an id of its own. Raises `BadArgument` for what cannot be asked."""
    try:
        return kind(id=f"o-{secrets.token_hex(5)}", **fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        raise BadArgument(f"{field} {str(fields[field])[:ARGUMENT_SHOWN_MAX]!r}: {first['msg']}") from None


def ask_for(path: Path, request: AdminRequest, kind: type[A]) -> Iterator[A]:
    """The answers, all of this kind. Raises `NotAsked` as `ask` does, and for answers of another kind."""
    for answer in ask(path, request):
        if not isinstance(answer, kind):
            raise NotAsked(f"the coordinator answers with {answer.type}: is it of the same release?")
        yield answer


def ask(path: Path, request: AdminRequest) -> Iterator[AdminAnswer]:
    """The answers, one after the other. Raises `NotAsked`, also when the coordinator turns the request down."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(ANSWER_S)
        try:
            sock.connect(str(path))
            send_message(sock, request)
            while True:
                with Progress("waiting for the coordinator"):
                    answer = receive_answer(sock)
                if isinstance(answer, TurnedDown):
                    raise NotAsked(f"{answer.msg}. {answer.details}".strip())
                yield answer
                if answer.last:
                    return
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotAsked(f"--operator-socket: no coordinator serves {path}; {_WHERE}") from None
        except HungUp:
            raise NotAsked(
                f"the coordinator closed {path}: it has ended, or serves another user than you"
            ) from None
        except Unreadable as unreadable:
            raise NotAsked(f"the coordinator's answer cannot be read: {unreadable}") from None
        except OSError as error:
            raise NotAsked(f"--operator-socket: {path}: {error.strerror or error}") from None
