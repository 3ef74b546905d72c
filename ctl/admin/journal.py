"""`cni-infoblox journal`: what this node's agent holds, as it says on the plugin's socket.

Run it on the node, or in the agent's pod. It changes nothing, and asks neither the coordinator nor the grid.
"""

from __future__ import annotations

import argparse
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from ctl.failures import NotAsked
from ctl.screen import CONTAINER_ID_SHOWN, duration
from ctl.terminal import output
from ctl.terminal.columns import columns
from ctl.terminal.output import Output
from ctl.terminal.progress import Progress
from protocol.journal_view import ASK_JOURNAL, ASK_VARIABLE, JournalRow, JournalView
from protocol.texts import parse_json

EXIT_CODES: Final = {
    0: "the journal is printed, be it empty",
    1: "it could not be printed",
    2: "the command line is wrong, or the agent could not be asked",
}
ANSWER_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 1024 * 1024
_FRAME_VERSION: Final = 1
_REQUEST: Final = struct.Struct(">BIBI")
_ANSWER: Final = struct.Struct(">BI")
_WHERE: Final = "run this on the node, or in its agent's pod: kubectl exec -n kube-system AGENT_POD -- …"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    add = parser.add_argument
    add(
        "--socket-dir",
        default=Path("/run/cni"),
        type=Path,
        metavar="DIR",
        help="of the agent's socket (%(default)s)",
    )
    add("--driver-name", default="infoblox", metavar="NAME", help="the agent's --driver-name (%(default)s)")
    output.add_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print whose journal it is, then its rows."""
    path: Path = arguments.socket_dir / f"{arguments.driver_name}.sock"
    with Progress("waiting for the agent"):
        view = _ask(path)
    Output(arguments.output).show(view.model_dump(mode="json"), lines(view))
    return 0


def lines(view: JournalView) -> Iterator[str]:
    """The journal for people."""
    cluster = view.cluster_id or "none yet"
    yield f"journal {view.journal} of node {view.node}, driver {view.driver}, boot {view.boot}, cluster {cluster}"
    yield from columns([_cells(row) for row in view.allocations]) if view.allocations else ["it holds nothing"]
    if view.more:
        yield f"and {view.more} more, for which there was no room"


def _cells(row: JournalRow) -> Mapping[str, str]:
    state = row.state.replace("_", "-")
    if row.let_go_s_ago is not None:
        state += f" {duration(row.let_go_s_ago)} ago"
    if row.lost_to:
        state += f" to {row.lost_to}"
    container = row.container_id[:CONTAINER_ID_SHOWN]
    return {
        "ADDRESS": row.address,
        "NETWORK": row.network,
        "NAMESPACE": row.namespace,
        "POD": row.pod,
        "ATTACHMENT": f"{container}/{row.ifname}" if container else "",
        "STATE": state,
        "ALLOCATION": row.allocation.rpartition("-")[2],
    }


def _ask(path: Path) -> JournalView:
    """Raises `NotAsked`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(ANSWER_S)
        try:
            sock.connect(str(path))
            sock.sendall(_request())
            code, length = _ANSWER.unpack(_exactly(sock, _ANSWER.size))
            body = _exactly(sock, min(length, ANSWER_BYTES_MAX))
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotAsked(f"--socket-dir: no agent serves {path}; {_WHERE}") from None
        except EOFError:
            raise NotAsked(f"the agent closed {path}: it has ended, or serves another user than you") from None
        except OSError as error:
            raise NotAsked(f"--socket-dir: {path}: {error.strerror or error}") from None
    return _read(code, body)


def _request() -> bytes:
    variable = f"{ASK_VARIABLE}={ASK_JOURNAL}".encode()
    body_bytes = 1 + struct.calcsize(">I") + len(variable)
    return _REQUEST.pack(_FRAME_VERSION, body_bytes, 1, len(variable)) + variable


def _read(code: int, body: bytes) -> JournalView:
    answer: object = None
    with suppress(ValueError, RecursionError):
        answer = parse_json(body)
    if code != 0:
        told = f"{answer.get('msg')}. {answer.get('details')}" if isinstance(answer, dict) else f"code {code}"
        raise NotAsked(f"the agent declines: {told}")
    try:
        return JournalView.model_validate(answer)
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"])) or "JSON"
        raise NotAsked(f"the agent's answer is no journal ({field}): is it of the same release?") from None


def _exactly(sock: socket.socket, size: int) -> bytes:
    """Raises EOFError when the other side closes before."""
    data = bytearray()
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
