"""Both daemons whole, from the plugin's bytes to the grid's and back; only what would wait is replaced.

The real loops take turns: what an agent sends is encoded, then decoded by the coordinator, and so back;
the journal's rows and the grid's JSON are written and read as in production. Whatever a border in there holds back
is raised, and no text that is logged, sent or answered may be unfit for a terminal or an encoding.
"""

from __future__ import annotations

import json
import tempfile
from collections import deque
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from coordinator.cluster.token_reviewer import Review, Reviewed
from coordinator.core.crash_points import no_crash
from coordinator.core.errors import EnrolmentUnavailable
from coordinator.core.networks import NetworkRules
from coordinator.core.policy import Policy
from coordinator.grid.caller import Caller
from coordinator.grid.operations import HttpCall
from coordinator.grid.wapi_reply import read_body
from coordinator.loop import Item, Loop
from coordinator.machine import Machine
from coordinator.metrics import Metrics
from coordinator.nodes.admission import Admission
from coordinator.nodes.agents_port import AgentsPort, Sockets
from coordinator.nodes.authorized import Authorized
from coordinator.nodes.enrolment import Enrolment
from coordinator.nodes.rate_limit import RateLimit
from coordinator.nodes.router import Incoming
from coordinator.nodes.tickets import Tickets
from coordinator.notes import Notes
from daemon.inbox import Inbox
from gridsim.database import calls as gridsim_calls
from gridsim.model import Grid
from protocol import keys
from protocol.keys import KeyPair
from tests.fuzz.whole_log import FitLog
from tests.unexpected import NothingUnexpected

SUBNET = "10.55.0.0/24"
PROOF_SUBNET = "10.56.0.0/24"
STRANGER = b"s" * 40
CLUSTER_ID = "c0c0c0c0c0c0"
SWEEP_INTERVAL_S = 30.0

Lie = Callable[[int, Any], Any]
"""Gets the number of an HTTP call with its true reply."""


class Timer:
    """The time of all."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@cache
def _authorized() -> tuple[KeyPair, Path]:
    """A node's key, with the directory that authorizes it."""
    directory = Path(tempfile.mkdtemp(prefix="fuzz-keys-"))
    pair = keys.generate()
    keys.write_public(directory, "n1", pair.public)
    return pair, directory


class CoordinatorWorld:
    """A coordinator before a grid. `deliver` gets what it sends: the connection and the bytes."""

    def __init__(self, timer: Timer, lie: Lie, deliver: Callable[[bytes, bytes], None]) -> None:
        self.grid = Grid()
        self.grid.create("network", {"network": SUBNET, "extattrs": {"Network Name": {"value": "pods"}}})
        self.grid.create("network", {"network": PROOF_SUBNET, "extattrs": {"Network Name": {"value": "proof"}}})
        self.key = _authorized()[0].public
        self.http_calls = 0
        self.lie = lie
        self._timer = timer
        self._incoming: deque[Incoming] = deque()
        self._deliver = deliver
        self._inbox: Inbox[Item] = Inbox()
        internal, log = NothingUnexpected(), FitLog()
        rules = NetworkRules("default", SUBNET)
        policy = Policy(CLUSTER_ID, "blue", "admin", rules, release_delay_s=0.0, release="test")
        numbers = (f"{number:012x}" for number in range(1, 10**6))
        machine = Machine(
            policy, b"s" * 40, lambda: next(numbers), operations_max=256, sweep_interval_s=SWEEP_INTERVAL_S
        )
        authorized = Authorized(_authorized()[1], lambda text: None)
        authorized.reread()
        enrolment = Enrolment(Tickets(b"s" * 40), 3_600_000, authorized)
        admission = Admission(authorized, enrolment, RateLimit(), timer, lambda: 1_800_000_000_000)
        notes = Notes([Metrics("test", "blue").count], machine.recent, log.logger, timer, timer)
        sockets = Sockets(cast(Any, self), cast(Any, _NoGuard()), cast(Any, _NoZap()))
        port = AgentsPort(sockets, admission, self._review, notes.tell, timer, no_crash, internal)
        forgetful = cast(Any, SimpleNamespace(record=lambda change: None, recall=lambda asked: None))
        self._loop = Loop(machine, port, self._inbox, notes, timer, internal, lambda answer: None, forgetful)
        # Its thread does not run: each call is made at once, by the same code.
        wapi = cast(Any, SimpleNamespace(send=self._call_grid))
        self._caller = Caller(wapi, self._inbox.put, timer, no_crash, internal)
        self._loop.start(cast(Caller, self))

    def hear(self, key: bytes, payload: bytes, connection: bytes = b"n1-1") -> None:
        """Bytes arrive on a connection of this key."""
        self._incoming.append(Incoming(connection, key, payload, 0, "192.0.2.1"))

    def close(self) -> None:
        """Let go of its descriptor."""
        self._inbox.close()

    def turn(self) -> None:
        """One turn of the loop."""
        self._loop.turn(cast(Caller, self))

    # What the loop acts through

    def call(self, call: Any) -> None:
        self._timer.now_s += 0.01
        self._inbox.put(self._caller.landing(call))

    def receive(self) -> list[Incoming]:
        waiting, self._incoming = list(self._incoming), deque()
        return waiting

    def send(self, connection: bytes, payload: bytes) -> bool:
        self._deliver(connection, payload)
        return True

    def _review(self, review: Review) -> None:
        self._inbox.put(Reviewed(review.key, EnrolmentUnavailable(cause="nobody is asked")))

    def _call_grid(self, http: HttpCall, read_timeout_s: float) -> Any:
        reply = self.grid.call(
            gridsim_calls.Call(http.method, http.path, gridsim_calls.parse_query(http.query), http.body)
        )
        self.http_calls += 1
        body = self.lie(self.http_calls, reply.body)
        status = 400 if isinstance(body, dict) and "Error" in body else reply.status
        return read_body(status, json.dumps(body).encode(), "admin", "grid.example:443")


class _NoGuard:
    """Closes no connection: what one has said does no harm to what it says next."""

    def is_condemned(self, connection: bytes) -> bool:
        return False

    def heard(self, *_: object) -> None:
        """It stays."""

    misread = condemn = heard


class _NoZap:
    def answer_all(self, *_: object) -> None:
        """Nobody knocks."""
