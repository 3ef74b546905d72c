"""The passage of one WAPI call through the simulated web server: faults, login, locks, the model.

Writes are serialised: the one writer is held for the time that a write takes, and the commit comes at the end of
that time. Reads take their time beside it.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from gridsim.calls_log import CallsLog
from gridsim.database import refusals
from gridsim.database.calls import Call, Reply, is_write, operations_of, parse_query
from gridsim.database.faults import Faults
from gridsim.http.exchange import CUT, HttpReply, HttpRequest, html_reply, json_reply
from gridsim.http.sessions import COOKIE, Sessions, Verdict
from gridsim.http.writer import Writer
from gridsim.model import Grid

_PREFIX = "/wapi/v"
_FORM = "application/x-www-form-urlencoded"
_GONE_CHECK_S = 0.1


class Wapi:
    """Answers WAPI calls from a model; safe to use from several threads."""

    def __init__(self, grid: Grid, username: str, password: str) -> None:
        self.log = CallsLog()
        self._grid = grid
        self._sessions = Sessions(username, password)
        self._model_lock = threading.Lock()
        self._released = threading.Event()
        self._stopping = threading.Event()
        self._writer = Writer(time.monotonic, self._stopping.wait)

    @contextmanager
    def model(self) -> Iterator[Grid]:
        """Lend the model while no call touches it."""
        with self._model_lock:
            yield self._grid

    def change_faults(self, changes: dict[str, Any]) -> Faults:
        """Flip switches; returns them all. Raises BadFault for an unknown name or an impossible value."""
        with self._model_lock:
            faults = self._grid.faults.changed(changes)
            if faults.expire_sessions:
                self._sessions.expire_all()
                faults = faults.changed({"expire_sessions": False})
            if faults.lockout_after == 0:
                self._sessions.forgive_all()
            self._grid.faults = faults
            return faults

    def release(self) -> None:
        """End the calls that hang now."""
        self._released.set()
        self._released = threading.Event()

    def stop(self) -> None:
        """End everything that waits; late commits that are still due are lost."""
        self._stopping.set()
        self.release()

    def answer(self, request: HttpRequest) -> HttpReply:
        """Answer one call; records it."""
        self.log.note_received()
        started_s = time.monotonic()
        reply = self._answered(request)
        reply.closes = self._grid.faults.close_connections
        self.log.add(
            method=request.method,
            path=request.path,
            query=request.query,
            status=reply.status,
            user=reply.user,
            user_agent=request.user_agent,
            login=reply.login,
            operations=reply.operations,
            duration_ms=round((time.monotonic() - started_s) * 1000, 3),
        )
        return reply

    def _answered(self, request: HttpRequest) -> HttpReply:
        early = self._before_login(request)
        if early is not None:
            return early
        verdict = self._login(request)
        if verdict.refused is not None:
            return html_reply(verdict.refused)
        reply = self._after_login(request, verdict)
        reply.user, reply.login = verdict.user, verdict.is_login
        if verdict.cookie is not None and reply.status != CUT:
            reply.headers["Set-Cookie"] = f'{COOKIE}="{verdict.cookie}"; httponly; path=/'
        return reply

    def _before_login(self, request: HttpRequest) -> HttpReply | None:
        size_max = self._grid.faults.request_size_max
        if size_max and len(request.body) > size_max:
            return html_reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if self._hit("status_503", request):
            return html_reply(HTTPStatus.SERVICE_UNAVAILABLE)
        if self._hit("html_200", request):
            return html_reply(HTTPStatus.OK)
        if self._hit("html_404", request):
            return html_reply(HTTPStatus.NOT_FOUND)
        if self._hit("hang", request):
            released = self._released
            while not released.wait(_GONE_CHECK_S) and not request.client_gone():
                pass
            return HttpReply(CUT)
        return None

    def _hit(self, name: str, request: HttpRequest) -> bool:
        with self._model_lock:
            faults = self._grid.faults
            # The text is costly to make, so the count is looked at first.
            if not faults.is_set(name) or not faults.hits(name, request.text):
                return False
            self._grid.faults = faults.spent(name)
            return True

    def _login(self, request: HttpRequest) -> Verdict:
        with self._model_lock:
            faults = self._grid.faults
            return self._sessions.check(
                client=request.client,
                authorization=request.authorization,
                cookies=request.cookies,
                now_s=time.time(),
                timeout_s=faults.session_timeout_s,
                lockout_after=faults.lockout_after,
                signature=secrets.token_urlsafe(32),
            )

    def _after_login(self, request: HttpRequest, verdict: Verdict) -> HttpReply:
        try:
            call = read_call(request, self._grid.state.versions)
        except refusals.Refusal as refusal:
            return _json(Reply(refusal.status, refusal.body()))
        if call.target == "logout":
            with self._model_lock:
                self._sessions.log_out(verdict.session)
            return _json(Reply(200, {}))
        reply = self._written(request, call) if is_write(call) else self._read(call)
        reply.operations = operations_of(call)
        return reply

    def _read(self, call: Call) -> HttpReply:
        self._stopping.wait(self._grid.faults.latency_ms / 1000)
        with self._model_lock:
            return _json(self._grid.call(call))

    def _written(self, request: HttpRequest, call: Call) -> HttpReply:
        if self._hit("cut_before_commit", request):
            return HttpReply(CUT)
        is_late = self._hit("late_commit_count", request)
        if is_late and self._stopping.wait(self._grid.faults.late_commit_s):
            return HttpReply(CUT)
        reply = self._committed(request, call)
        if is_late or self._hit("cut_after_commit", request):
            return HttpReply(CUT)
        if self._hit("status_500_after_commit", request):
            return html_reply(HTTPStatus.INTERNAL_SERVER_ERROR)
        return reply

    def _committed(self, request: HttpRequest, call: Call) -> HttpReply:
        faults, operations = self._grid.faults, len(operations_of(call))
        lasts_s = (faults.latency_ms + operations * faults.op_latency_ms) / 1000
        return self._writer.write(request.received_s, lasts_s, max(1, operations), lambda: self._carried_out(call))

    def _carried_out(self, call: Call) -> HttpReply:
        with self._model_lock:
            reply = self._grid.call(call)
        return _json(reply)


def read_call(request: HttpRequest, versions: tuple[str, ...]) -> Call:
    """Return the call that an HTTP request under `/wapi/` makes.

    Raises Refusal (400) for a version that is not served, or a body that is no JSON.
    """
    version, _, target = request.path[len(_PREFIX) :].partition("/")
    if version not in versions:
        raise refusals.protocol_error(f"Version {version} not supported")
    arguments, body = parse_query(request.query), None
    if request.method == "GET" and request.content_type.startswith(_FORM):
        # Some clients send what they search for as a form.
        arguments += parse_query(request.body.decode("utf-8", "replace"))
    elif request.body.strip():
        try:
            body = json.loads(request.body)
        except ValueError as error:
            raise refusals.json_error(str(error)) from None
    return Call(request.method, unquote(target).rstrip("/"), arguments, body, version)


def _json(reply: Reply) -> HttpReply:
    if reply.body is None and reply.status == HTTPStatus.FORBIDDEN:
        return html_reply(HTTPStatus.FORBIDDEN)
    return json_reply(reply.status, reply.body)
