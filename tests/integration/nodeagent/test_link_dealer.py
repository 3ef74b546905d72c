"""The CURVE socket to the coordinator, with a real one at its other end."""

from __future__ import annotations

import structlog
import zmq
from agent_world import PATIENCE_S, FakeCoordinator

from nodeagent.crash_points import no_crash
from nodeagent.domain.events import Connected, Event, Received
from nodeagent.link.credentials import Keys
from nodeagent.link.dealer import MESSAGES_PER_TURN, Dealer
from protocol import keys
from protocol.wire.messages import Ping, Pong

MANY = 3 * MESSAGES_PER_TURN


def test_a_flood_of_messages_leaves_the_loop_its_turns_and_nothing_is_lost() -> None:
    own, others = keys.generate(), keys.generate()
    coordinator = FakeCoordinator(others, {own.public})
    coordinator.policy = lambda _: [Pong(id="pong")] * MANY
    poller = zmq.Poller()
    pair = Keys(own, others.public)
    dealer = Dealer(poller, [coordinator.endpoint], lambda: pair, no_crash, structlog.get_logger())
    try:
        dealer.renew(0, coordinator.endpoint)
        turns: list[list[Event]] = []
        while sum(map(len, turns)) <= MANY:  # one more: that it is connected
            ready = dict(poller.poll(PATIENCE_S * 1000))
            assert ready
            turns.append(dealer.collect(ready))
            if any(isinstance(event, Connected) for event in turns[-1]):
                dealer.send(Ping(id="ping"))
    finally:
        dealer.close()
        coordinator.stop()

    messages = [sum(isinstance(event, Received) for event in turn) for turn in turns]
    assert sum(messages) == MANY
    assert max(messages) <= MESSAGES_PER_TURN
