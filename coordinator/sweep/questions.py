"""Asks the owners: whose is this, here is an orphan of your boot, are you alive, please label this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from coordinator.allocation.deletions import Deletions
from coordinator.allocation.finds import Finds, find
from coordinator.allocation.parts import Parts
from coordinator.grid.allocation_object import AllocationObject
from coordinator.nodes.boots import Boot, Boots
from coordinator.nodes.sessions import Claim, Session
from protocol.family import Family
from protocol.wire import messages
from protocol.wire.messages import Answer, ProbeAnswer
from protocol.wire.pages import pages_of
from protocol.wire.values import PAGE_ROWS_MAX, OrphanRow

ORPHANS_READ_AT_ONCE_MAX: Final = 50
PROBES_OPEN_MAX: Final = 4_096


@dataclass(frozen=True, slots=True)
class _Probe:
    session: Session
    sent_s: float


class Questions:
    """What was asked of whom. `kept` is told an id that its journal calls its own."""

    def __init__(
        self, parts: Parts, boots: Boots, deletions: Deletions, kept: Callable[[str, float], None]
    ) -> None:
        self._parts = parts
        self._boots = boots
        self._deletions = deletions
        self._kept = kept
        self._probes: dict[str, _Probe] = {}

    def whose(self, session: Session, allocations: Mapping[str, Family]) -> None:
        """Ask the journal about ids of its own that it has not named, each with the family of its address."""
        outbox = self._parts.outbox
        asked = [each for each in allocations if each not in session.questioned]
        session.questioned.update(allocations)
        for at in range(0, len(asked), PAGE_ROWS_MAX):
            page = asked[at : at + PAGE_ROWS_MAX]
            outbox.send(session.connection, messages.Whose(id=outbox.draw(), allocations=page))

    def answered(self, session: Session, answer: Answer, now_s: float) -> None:
        """The journal has said which are its own. It is believed of nothing but what it was asked about."""
        for allocation in self._asked_about(session, answer.mine):
            self._kept(allocation, now_s)
        for allocation, family in self._asked_about(session, answer.disowned).items():
            self._deletions.disowned(allocation, family, now_s)

    def please_label(self, session: Session, allocations: list[str]) -> None:
        """Ask for the labels of objects that bear none."""
        outbox = self._parts.outbox
        for at in range(0, len(allocations), PAGE_ROWS_MAX):
            page = allocations[at : at + PAGE_ROWS_MAX]
            outbox.send(session.connection, messages.PleaseLabel(id=outbox.draw(), allocations=page))

    def offer(self, session: Session, allocations: list[str], now_s: float) -> None:
        """Tell a journal what others of its boot have left: only what is read from the grid after its hello."""
        page, rest = allocations[:ORPHANS_READ_AT_ONCE_MAX], allocations[ORPHANS_READ_AT_ONCE_MAX:]
        known = filter(None, map(self._parts.index.get, page))
        find(
            self._parts,
            {each.allocation: each.family for each in known},
            lambda finds, at_s: self._orphans_read(session, page, rest, finds, at_s),
            now_s,
        )

    def probe(self, session: Session, now_s: float) -> None:
        """Ask for a sign of life."""
        outbox = self._parts.outbox
        nonce = outbox.draw()
        self._probes[nonce] = _Probe(session, now_s)
        while len(self._probes) > PROBES_OPEN_MAX:
            del self._probes[next(iter(self._probes))]
        outbox.send(session.connection, messages.Probe(id=outbox.draw(), nonce=nonce))

    def probe_answered(self, session: Session, answer: ProbeAnswer) -> list[Boot]:
        """A session is alive: the boots that are over by that."""
        probe = self._probes.pop(answer.nonce, None)
        if probe is None or probe.session is not session:
            return []
        by = Boot.of(session.owner)
        return self._boots.answered(session.node, by, probe.sent_s)

    def ended(self, session: Session) -> None:
        """The session has ended: what it was asked is asked of the next."""
        self._probes = {nonce: probe for nonce, probe in self._probes.items() if probe.session is not session}

    def _asked_about(self, session: Session, allocations: list[str]) -> dict[str, Family]:
        """Those of which this journal was asked whose they are; its answer is awaited no more."""
        return {each: session.questioned.pop(each) for each in allocations if each in session.questioned}

    def _orphans_read(
        self, session: Session, page: list[str], rest: list[str], finds: Finds, now_s: float
    ) -> None:
        if self._parts.sessions.of_owner(session.owner) is not session:
            return
        # A later comparison offers again what was searched in vain, and what the grid lacks, should it be back.
        session.offered.difference_update(each for each in page if not finds.objects.get(each))
        for allocation, found in finds.objects.items():
            if found is None:
                self._parts.index.drop(allocation)
        rows = [self._offer_one(session, found) for found in finds.objects.values() if found]
        self._send_orphans(session, [row for row in rows if row], rest)
        if rest:
            self.offer(session, rest, now_s)

    def _offer_one(self, session: Session, found: AllocationObject) -> OrphanRow | None:
        if self._is_given_again(found):
            session.offered.discard(found.allocation)
            return None
        self._parts.index.saw(found)
        if found.allocation in self._deletions or session.names(found.allocation):
            return None
        claim = Claim(
            found.allocation, found.view, found.subnet, found.address, found.network_name, is_ready=False
        )
        self._parts.sessions.claim(session, claim)
        return self._row(found)

    def _is_given_again(self, found: AllocationObject) -> bool:
        """Whether the grid was seen with what claims this address since this was read, which is gone by now.

        Another coordinator may have deleted it between two calls of one task.
        """
        known, claims = self._parts.index.at(*found.place), self._parts.sessions.claims_at(*found.place)
        return known is not None and known.allocation != found.allocation and known.allocation in claims

    def _row(self, found: AllocationObject) -> OrphanRow:
        return OrphanRow(
            allocation=found.allocation,
            view=found.view,
            subnet=found.subnet,
            network_name=found.network_name,
            address=found.address,
            seal=self._parts.sealer.seal(found.allocation, found.view, found.address),
            label=found.label,
        )

    def _send_orphans(self, session: Session, rows: list[OrphanRow], rest: list[str]) -> None:
        outbox, pages = self._parts.outbox, pages_of(rows)
        for number, page in enumerate(pages, start=1):
            is_last = not rest and number == len(pages)
            outbox.send(session.connection, messages.Orphans(id=outbox.draw(), rows=page, last=is_last))
