"""Sending releases until they are confirmed: literal events in, literal commands out."""

from __future__ import annotations

from agent_builders import JOURNAL, NOW_S, a_record
from request_builders import C1

from nodeagent import wire_messages
from nodeagent.commands import ConfirmRelease, Note, Transmit
from nodeagent.domain.attachment import AttachmentId
from nodeagent.events import Answered, LinkLost, LinkRaised, ReleaseDropped, ReleaseStarted, Ticked
from nodeagent.journal_records import State
from nodeagent.releases import IN_FLIGHT_MAX, Releases
from protocol import messages
from protocol.messages import Attachment as WireAttachment
from protocol.messages import Declined, Release, Released, ReleaseReason

RECORD = a_record(State.RELEASING)
STARTED = ReleaseStarted(NOW_S, RECORD)
CONFIRMED = Answered(
    NOW_S, Released(id="r-9", attachment=messages.Attachment(container_id="c1", ifname="eth0"), seq=2)
)


def a_release(attempt: int = 1, first_sent_ms_ago: int = 0) -> Transmit:
    return Transmit(
        Release(
            id="r-9",
            attachment=WireAttachment(container_id="c1", ifname="eth0"),
            seq=2,
            journal_id=JOURNAL,
            attempt=attempt,
            first_sent_ms_ago=first_sent_ms_ago,
            budget_ms=wire_messages.RELEASE_BUDGET_MS,
            reason=ReleaseReason.DEL,
            view="default",
            subnet="10.55.0.0/24",
        )
    )


def connected() -> Releases:
    releases = Releases(JOURNAL)
    releases.handle(LinkRaised(NOW_S))
    return releases


def test_a_release_is_sent_at_once_and_ends_when_it_is_confirmed() -> None:
    releases = connected()

    assert releases.handle(STARTED) == [a_release()]
    assert releases.knows("r-9")
    assert releases.handle(CONFIRMED) == [ConfirmRelease(C1, 2)]
    assert (releases.count(), releases.knows("r-9")) == (0, False)


def test_a_release_waits_for_the_connection() -> None:
    releases = Releases(JOURNAL)

    assert releases.handle(STARTED) == []
    assert releases.handle(LinkRaised(NOW_S + 1)) == [a_release(first_sent_ms_ago=1000)]


def test_an_unanswered_release_is_sent_again_after_a_minute_and_after_a_reconnection() -> None:
    releases = connected()
    releases.handle(STARTED)

    assert releases.handle(Ticked(NOW_S + 59)) == []
    assert releases.handle(Ticked(NOW_S + 60)) == [a_release(2, 60_000)]
    assert releases.handle(LinkLost(NOW_S + 61, "gone")) == []
    assert releases.handle(LinkRaised(NOW_S + 62)) == [a_release(3, 62_000)]


def test_a_dropped_release_is_not_sent_again_and_its_confirmation_is_ignored() -> None:
    releases = connected()
    releases.handle(STARTED)

    assert releases.handle(ReleaseDropped(NOW_S, C1)) == []
    assert releases.handle(CONFIRMED) == []
    assert releases.handle(Ticked(NOW_S + 60)) == []


def test_a_declined_release_stays_and_is_tried_again() -> None:
    releases = connected()
    releases.handle(STARTED)
    declined = Declined(id="r-9", kind="try_again", code=11, msg="the grid is down", details="")

    assert [type(command) for command in releases.handle(Answered(NOW_S, declined))] == [Note]
    assert releases.handle(Ticked(NOW_S + 60)) == [a_release(2, 60_000)]


def test_a_stale_release_is_over() -> None:
    releases = connected()
    releases.handle(STARTED)
    declined = Declined(id="r-9", kind="stale", code=11, msg="overtaken", details="")

    assert releases.handle(Answered(NOW_S, declined))[-1] == ConfirmRelease(C1, 2)


def test_releases_that_are_never_answered_keep_no_others_back() -> None:
    releases = connected()
    for number in range(IN_FLIGHT_MAX + 1):
        attachment = AttachmentId(f"c{number}", "eth0")
        record = a_record(State.RELEASING, attachment=attachment, request_id=f"r-{number}")
        releases.handle(ReleaseStarted(NOW_S, record))
    first = releases.handle(Ticked(NOW_S + 60))[0]
    assert isinstance(first, Transmit)
    assert isinstance(first.message, Release)
    assert first.message.attachment.container_id == f"c{IN_FLIGHT_MAX}"


def test_only_so_many_releases_are_on_the_wire_and_each_confirmation_makes_room() -> None:
    releases = connected()
    sent = 0
    for number in range(IN_FLIGHT_MAX + 10):
        attachment = AttachmentId(f"c{number}", "eth0")
        record = a_record(State.RELEASING, attachment=attachment, request_id=f"r-{number}")
        sent += len(releases.handle(ReleaseStarted(NOW_S, record)))
    assert sent == IN_FLIGHT_MAX

    first = Released(id="r-0", attachment=WireAttachment(container_id="c0", ifname="eth0"), seq=2)
    commands = releases.handle(Answered(NOW_S, first))
    assert [type(command) for command in commands] == [ConfirmRelease, Transmit]
