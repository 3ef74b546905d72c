"""What has gone wrong last, and what has happened last."""

from __future__ import annotations

from collections.abc import Sequence

from coordinator.page.markup import Html, element, table
from coordinator.page.words import moment
from protocol.wire.status import EventStatus, FailureStatus


def failures_card(failures: Sequence[FailureStatus]) -> Html:
    """The requests for addresses that were declined last."""
    head = ("Time", "Pod", "Node", "Network", "Code#", "Why", "Request")
    body = table("Declined requests, the last one first", head, map(_failure, failures))
    none = element("p", "No request was declined since this coordinator started.")
    return element("section", element("h2", "Last failures"), body if failures else none, class_="card")


def events_card(events: Sequence[EventStatus]) -> Html:
    """What has happened last, without what happens all the time."""
    body = table("Events, the last one first", ("Time", "Event", "What the log says"), map(_event, events))
    none = element("p", "Nothing has happened since this coordinator started.")
    return element("section", element("h2", "Last events"), body if events else none, class_="card")


def _failure(failure: FailureStatus) -> tuple[str, ...]:
    again = element("span", f" {failure.times:,} ×", class_="soft", title=f"first at {failure.first_at}")
    when = element("span", moment(failure.at), *([again] if failure.times > 1 else []))
    why = element("span", element("b", failure.reason), f". {failure.remedy}", class_="why")
    pod = element("b", failure.pod or "not named")
    return when, pod, failure.node, failure.network, str(failure.code), why, element("code", failure.request)


def _event(event: EventStatus) -> tuple[str, ...]:
    name = element("b", event.event, class_="bad" if event.is_alarm else "plain")
    chips = (element("span", element("i", f"{key} "), value, class_="chip") for key, value in event.fields.items())
    again = [element("span", f" {event.times:,} ×", class_="soft")] if event.times > 1 else []
    return moment(event.at), element("span", name, *again), element("div", *chips, class_="chips")
