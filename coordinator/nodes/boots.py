"""Which boots of a node were heard, and when one of them is over (rule B).

A machine runs one kernel at a time, and an id names machine and boot. So a boot is over when nobody of it was
heard for a minute, and an agent of the same node and machine, but of another boot, answered a probe that was sent
after that minute. A session that is merely still open proves nothing: it may be the dead one. A copied machine is
another one, and a machine that does not say which one it is proves nothing either: then a person decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from protocol.wire.allocation_id import UNKNOWN_MACHINE, Owner

SILENCE_S: Final = 60.0
"""So long must nobody of a boot have been heard before a probe proves that it is over."""

TWICE_APART_S: Final = 15.0
"""What a dead boot has left in a queue comes once; a boot that is heard again so much later is alive."""

NOT_OVER_S: Final = 3_600.0
"""A boot that was not heard for so long, and is not over, needs a person."""

BOOTS_OF_NODE_MAX: Final = 64
"""More boots of one node than that are forgotten, the one first that was not heard for longest."""


@dataclass(frozen=True, slots=True, order=True)
class Boot:
    """One run of one kernel, as ids name it."""

    machine: str
    boot: str

    @classmethod
    def of(cls, owner: Owner) -> Self:
        """The boot in which this journal draws its ids."""
        return cls(owner.machine, owner.boot)


@dataclass(slots=True)
class _Heard:
    last_s: float
    """When it was heard last, or first seen."""
    first_after_other_s: float | None = None
    """When it was first heard after another boot's hello."""
    is_over: bool = False
    was_heard: bool = True
    """False where only the grid has shown it."""


@dataclass(slots=True)
class _Node:
    boots: dict[Boot, _Heard] = field(default_factory=dict)
    newest: Boot | None = None
    """Which has answered the latest welcome, of number `newest_welcome`."""
    newest_welcome: int = 0
    has_two_machines: bool = False


class Boots:
    """The boots of all nodes, by the name of the node.

    Silence counts from when a boot was first seen here, be it in a hello or in the grid: a minute that began
    before that proves nothing of a boot that may have begun meanwhile.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {}

    def greeted(self, node: str, boot: Boot, welcome: int, now_s: float) -> bool:
        """A boot has answered this welcome. Returns whether this is what shows that two machines use the key.

        What answers an earlier welcome than another boot has answered was in a queue: its boot may be dead.
        """
        known = self._nodes.setdefault(node, _Node())
        is_new_alarm = self.heard(node, boot, now_s)
        if welcome < known.newest_welcome:
            return is_new_alarm
        known.newest_welcome = welcome
        if known.newest != boot:
            for other, heard in known.boots.items():
                if other != boot:
                    heard.first_after_other_s = None
        known.newest = boot
        return is_new_alarm

    def said_hello(self, node: str, boot: Boot, now_s: float) -> None:
        """A boot has said hello: it is not silent. That it has answered a welcome is told to `greeted`."""
        known = self._nodes.setdefault(node, _Node())
        heard = known.boots.setdefault(boot, _Heard(now_s))
        heard.last_s = now_s
        heard.is_over = False
        heard.was_heard = True
        if len(known.boots) > BOOTS_OF_NODE_MAX:
            del known.boots[min(known.boots, key=lambda each: known.boots[each].last_s)]

    def heard(self, node: str, boot: Boot, now_s: float) -> bool:
        """A boot has sent anything but a hello. Returns whether this shows that two machines use the key."""
        self.said_hello(node, boot, now_s)
        known = self._nodes[node]
        heard = known.boots[boot]
        if known.newest in (None, boot):
            return False
        if heard.first_after_other_s is None:
            heard.first_after_other_s = now_s
            return False
        is_new = now_s - heard.first_after_other_s >= TWICE_APART_S and not known.has_two_machines
        known.has_two_machines = known.has_two_machines or is_new
        return is_new

    def nodes(self) -> set[str]:
        """The names of all nodes of which anything is known here."""
        return set(self._nodes)

    def forget(self, node: str) -> None:
        """A node is gone, and the grid holds nothing of any boot of it."""
        self._nodes.pop(node, None)

    def has_two_machines(self, node: str) -> bool:
        """Whether that alarm is open."""
        known = self._nodes.get(node)
        return known is not None and known.has_two_machines

    def needs_a_person(self, node: str, boot: Boot, now_s: float) -> bool:
        """Whether this boot was not heard for an hour, counted from when it was first seen, and is not over."""
        known = self._nodes.get(node)
        heard = known.boots.get(boot) if known else None
        return heard is not None and not heard.is_over and now_s - heard.last_s >= NOT_OVER_S

    def is_over(self, node: str, boot: Boot) -> bool:
        """Whether this boot of the node is known to be over."""
        known = self._nodes.get(node)
        heard = known.boots.get(boot) if known else None
        return heard is not None and heard.is_over

    def probe_at_s(self, node: str, boot: Boot, by: Boot) -> float | None:
        """From when a probe of `by` can prove that `boot` is over; None where it never can."""
        known = self._nodes.get(node)
        heard = known.boots.get(boot) if known else None
        if known is None or heard is None or known.has_two_machines or by == boot:
            return None
        if by.machine == UNKNOWN_MACHINE or by.machine != boot.machine:
            return None
        return heard.last_s + SILENCE_S

    def answered(self, node: str, by: Boot, sent_s: float) -> list[Boot]:
        """`by` has answered a probe that was sent then: the boots of which nobody was heard that are over now."""
        known = self._nodes.get(node)
        if known is None:
            return []
        over = [boot for boot in known.boots if self._is_proved(node, boot, by, sent_s)]
        for boot in over:
            known.boots[boot].is_over = True
        return over

    def saw(self, node: str, boot: Boot, now_s: float) -> None:
        """The grid holds something of this boot, whether or not it was ever heard here."""
        known = self._nodes.setdefault(node, _Node())
        known.boots.setdefault(boot, _Heard(now_s, was_heard=False))

    def of(self, node: str) -> list[Boot]:
        """Every boot of the node that was heard or seen in the grid, and is not known to be over."""
        known = self._nodes.get(node)
        return [boot for boot, heard in known.boots.items() if not heard.is_over] if known else []

    def has_heard_another(self, node: str, boot: Boot) -> bool:
        """Whether another boot of the node was heard here, and is not known to be over."""
        known = self._nodes.get(node)
        others = [heard for other, heard in known.boots.items() if other != boot] if known else []
        return any(heard.was_heard and not heard.is_over for heard in others)

    def replaced(self, node: str, kept: Boot, known_then: list[Boot]) -> list[Boot]:
        """A person says that those boots but this one are over; closes the alarm. Returns those that end."""
        known = self._nodes.setdefault(node, _Node())
        known.has_two_machines = False
        over = [boot for boot in known.boots if boot in known_then and boot != kept]
        for boot in over:
            known.boots[boot].is_over = True
        return over

    def _is_proved(self, node: str, boot: Boot, by: Boot, sent_s: float) -> bool:
        at_s = self.probe_at_s(node, boot, by)
        return at_s is not None and sent_s >= at_s
