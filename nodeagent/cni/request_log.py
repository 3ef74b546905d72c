"""Opens and closes the file on each request: what was asked, when, under which id, how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_interface
from typing import Final

from daemon.logs import Logger
from nodeagent.cni import journal_page, result
from nodeagent.cni.frame import EXIT_NOT_DURABLE, encode_answer
from nodeagent.cni.pending import PendingDelete
from nodeagent.cni.request import LATEST_VERSION, AddRequest, CheckRequest, DelRequest, Request
from nodeagent.domain.attachment import AttachmentId
from nodeagent.domain.outcomes import Address, Done, Failure, Granted, Journal, NotDurable, Outcome
from nodeagent.errors import AgentFailed
from nodeagent.metrics import Metrics

VERBS: Final = ("ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION")
JOURNAL: Final = "JOURNAL"
"""Stands for a verb where a person asks what the journal holds."""
_QUIET_VERBS: Final = ("CHECK", "GC", "STATUS", "VERSION", JOURNAL)
"""Asked every few seconds by some runtimes, so not worth a line each while they succeed."""


FAILED_ANSWER: Final = encode_answer(
    1, result.failed(LATEST_VERSION, Failure.of(AgentFailed()), "unknown: its answer could not be written")
)
"""For a request whose answer cannot be made."""


@dataclass
class Case:
    """One request under way.

    `verb`: one of `VERBS`, `JOURNAL`, empty for anything else; `request` once that is read.
    """

    caller: int
    verb: str
    request_id: str
    arrived_s: float
    cni_version: str = LATEST_VERSION
    request: Request | None = None
    pending: PendingDelete | None = None

    def attachment(self) -> AttachmentId | None:
        """What the request is about, where it could be read."""
        if isinstance(self.request, AddRequest | DelRequest | CheckRequest):
            return self.request.attachment
        return self.pending.attachment if self.pending else None


class RequestLog:
    """All requests under way, by caller."""

    def __init__(self, metrics: Metrics, log: Logger) -> None:
        self._metrics = metrics
        self._log = log
        self._cases: dict[int, Case] = {}

    def count(self) -> int:
        """How many requests are under way."""
        return len(self._cases)

    def callers(self) -> list[int]:
        """Who waits for an answer."""
        return list(self._cases)

    def find(self, caller: int) -> Case | None:
        """The request of this caller, while it is under way."""
        return self._cases.get(caller)

    def open(self, case: Case) -> None:
        """A request arrived."""
        self._cases[case.caller] = case

    def drop(self, caller: int, now_s: float) -> None:
        """The plugin went away without an answer."""
        case = self._cases.pop(caller, None)
        if case:
            self._log.warning("plugin_hung_up", verb=case.verb, **_whom(case), took_ms=_took_ms(case, now_s))

    def close(self, caller: int) -> Case | None:
        """A request is decided; None where nobody asks any more."""
        return self._cases.pop(caller, None)

    def tell_end(self, case: Case, outcome: Outcome, now_s: float) -> None:
        """Count how a request ended, and log it. After its answer: the plugin need not wait for that."""
        code = outcome.code if isinstance(outcome, Failure) else 0
        verb = case.verb or "unknown"
        self._metrics.requests.labels(verb, EXIT_NOT_DURABLE if isinstance(outcome, NotDurable) else code).inc()
        self._metrics.request_seconds.labels(verb).observe(now_s - case.arrived_s)
        self._log_end(case, outcome, now_s)

    def _log_end(self, case: Case, outcome: Outcome, now_s: float) -> None:
        fields = {**_whom(case), "request": case.request_id, "took_ms": _took_ms(case, now_s)}
        if isinstance(outcome, Granted):
            for allocation, address in zip(outcome.allocations, outcome.addresses, strict=True):
                names = {"allocation": allocation, **_place(address)}
                self._log.info("allocated", **fields, **names, wapi_calls=outcome.wapi_calls)
        elif isinstance(outcome, Failure):
            self._log.warning(
                f"{case.verb.lower() or 'request'}_failed",
                **fields,
                code=outcome.code,
                msg=outcome.msg,
                details=outcome.details,
            )
        elif isinstance(outcome, NotDurable):
            self._log.error("del_not_durable", **fields)
        elif case.verb not in _QUIET_VERBS:
            source = "pending" if case.pending else "plugin"
            for row in (isinstance(outcome, Done) and outcome.let_go) or ({},):
                self._log.info("deleted", **{**row, **fields}, source=source)


def answer_to(case: Case, outcome: Outcome) -> bytes:
    """The bytes for the plugin."""
    if isinstance(outcome, NotDurable):
        return encode_answer(EXIT_NOT_DURABLE, b"")
    if isinstance(outcome, Failure):
        return encode_answer(1, result.failed(case.cni_version, outcome, case.request_id))
    if isinstance(outcome, Granted) and isinstance(case.request, AddRequest):
        return encode_answer(0, result.added(case.request, outcome.addresses))
    if isinstance(outcome, Journal):
        return encode_answer(0, journal_page.page(outcome))
    if isinstance(outcome, Done) and case.verb == "VERSION":
        return encode_answer(0, result.versions(case.cni_version))
    return encode_answer(0, b"")


def _whom(case: Case) -> dict[str, str]:
    attachment = case.attachment()
    if attachment is None:
        return {}
    whom = {"container": attachment.container_id, "ifname": attachment.ifname}
    return whom | ({"pod": str(case.request.pod)} if isinstance(case.request, AddRequest) else {})


def _place(address: Address) -> dict[str, str]:
    interface = ip_interface(address.address)
    return {"address": str(interface.ip), "network": str(interface.network)}


def _took_ms(case: Case, now_s: float) -> float:
    return round((now_s - case.arrived_s) * 1000, 1)
