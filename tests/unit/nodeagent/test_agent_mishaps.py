"""What is begun again after a failure, and how long machines rest that fail again and again."""

from __future__ import annotations

from typing import Any, cast

import pytest

from daemon.internal_errors import InternalErrors
from daemon.logs import make_logger
from nodeagent import events
from nodeagent.cni.request_log import RequestLog
from nodeagent.domain.attachment import AttachmentId
from nodeagent.events import Event
from nodeagent.journal_file import Reread
from nodeagent.metrics import Metrics
from nodeagent.mishaps import ANEW_PAUSE_MAX_S, LULL_S, Breakdowns, Cure, cure
from nodeagent.recovery import Recovery, RecoveryDrivers
from nodeagent.switchboard import Switchboard
from protocol.messages import Attachment, Declined, Released

GONE = Released(id="r", attachment=Attachment(container_id="c", ifname="eth0"), seq=1)
DECLINED = Declined(id="r", kind="refused", code=7, msg="no", details="no")


@pytest.mark.parametrize(
    ("event", "begun_again"),
    [
        (events.Deleted(0.0, 1, "r", AttachmentId("c", "eth0")), Cure.REQUEST),
        (events.MacRead(0.0, 1, None), Cure.REQUEST),
        (events.Received(0.0, GONE), Cure.LINK),
        (events.Answered(0.0, DECLINED), Cure.LINK),
        (events.Answered(0.0, GONE), Cure.MACHINES),
        (events.Persisted(0.0, 1), Cure.MACHINES),
        (events.LinkDistrusted(0.0, "why"), Cure.MACHINES),
        (events.Ticked(0.0), Cure.NOTHING),
    ],
)
def test_the_smallest_thing_is_begun_again_that_holds_all_that_may_be_half_done(
    event: Event, begun_again: Cure
) -> None:
    assert cure(event) is begun_again


def test_machines_that_fail_again_and_again_rest_longer_each_time() -> None:
    breakdowns = Breakdowns()
    pauses = [breakdowns.pause_s(float(second)) for second in range(8)]
    assert pauses[:4] == [0.0, 1.0, 3.0, 7.0]
    assert pauses[-1] == ANEW_PAUSE_MAX_S
    assert breakdowns.pause_s(8 + LULL_S) == 0.0


def test_a_journal_that_could_not_be_told_is_asked_again() -> None:
    now_s, asked = 0.0, list[Reread]()
    drivers = RecoveryDrivers(asked.append, lambda: True, cast(Any, None), lambda caller, outcome: None)
    log = make_logger("json", "critical")
    internal = InternalErrors(log, lambda place: None, lambda: now_s)
    switchboard = Switchboard(cast(Any, None), lambda: now_s)
    desk = RequestLog(Metrics("test", "n1"), log)
    recovery = Recovery(switchboard, cast(Any, None), desk, drivers, "boot", lambda: now_s, internal, log)
    for count in (1, 2, 3):
        recovery.journal_botched(ValueError("what no code expects"))
        now_s += ANEW_PAUSE_MAX_S
        recovery.go_on(now_s)
        recovery.go_on(now_s)
        assert len(asked) == count
    assert switchboard.is_closed
