"""What was heard of one kind of objects, nodes or pods, as the sweep is told it: events in, pictures out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from coordinator.cluster.liveness import LiveNodes, LivePods
from coordinator.cluster.metadata import Seen

REMEMBER_GONE_S: Final = 3600.0
"""A node that is gone for longer may be forgotten: it then counts as gone even longer, which changes nothing."""

Uids = str | tuple[str, str]
"""Of a pod; a tuple costs memory, and only static pods need it."""


class SeenNodes:
    """The nodes. All times are of the coordinator's monotonic clock."""

    def __init__(self) -> None:
        self._present: set[str] = set()
        self._gone_since_s: dict[str, float] = {}
        self._complete_since_s: float | None = None
        self._picture: LiveNodes | None = None

    def __len__(self) -> int:
        return len(self._present)

    def listed(self, objects: Iterable[Seen], now_s: float) -> None:
        """The complete list of this moment."""
        present = {node.name for node in objects}
        for name in self._present - present:
            self._gone_since_s[name] = now_s
        for name in present:
            self._gone_since_s.pop(name, None)
        self._present = present
        if self._complete_since_s is None:
            self._complete_since_s = now_s
        self._picture = None

    def there(self, node: Seen) -> None:
        """A node exists."""
        if node.name in self._present:
            return
        self._present.add(node.name)
        self._gone_since_s.pop(node.name, None)
        self._picture = None

    def gone(self, node: Seen, now_s: float) -> None:
        """A node was deleted."""
        self._present.discard(node.name)
        self._gone_since_s.setdefault(node.name, now_s)
        self._picture = None

    def picture(self, now_s: float) -> LiveNodes | None:
        """None before there was a complete list. A cluster without nodes is not believed."""
        if self._complete_since_s is None or not self._present:
            return None
        if self._picture is None:
            kept = {name: at_s for name, at_s in self._gone_since_s.items() if now_s - at_s < REMEMBER_GONE_S}
            self._gone_since_s = kept
            self._picture = LiveNodes(frozenset(self._present), self._complete_since_s, dict(kept))
        return self._picture


class SeenPods:
    """The pods, by namespace and name: a pod that comes again under its name takes the place of the former."""

    def __init__(self) -> None:
        self._uids: dict[str, Uids] = {}
        self._is_complete = False
        self._picture: LivePods | None = None

    def __len__(self) -> int:
        return len(self._uids)

    def listed(self, objects: Iterable[Seen], now_s: float) -> None:
        """The complete list of this moment."""
        self._uids = {_full_name(pod): _uids(pod) for pod in objects}
        self._is_complete = True
        self._picture = None

    def there(self, pod: Seen) -> None:
        """A pod exists."""
        name, uids = _full_name(pod), _uids(pod)
        if self._uids.get(name) != uids:
            self._uids[name] = uids
            self._picture = None

    def gone(self, pod: Seen, now_s: float) -> None:
        """A pod was deleted."""
        known = self._uids.get(_full_name(pod))
        if known is not None and _both(known)[0] == pod.uid:
            del self._uids[_full_name(pod)]
            self._picture = None

    def picture(self, now_s: float) -> LivePods | None:
        """None before there was a complete list. A cluster without pods is not believed."""
        if not self._is_complete or not self._uids:
            return None
        if self._picture is None:
            uids = frozenset(uid for known in self._uids.values() for uid in _both(known))
            self._picture = LivePods(uids, frozenset(self._uids))
        return self._picture


def _full_name(pod: Seen) -> str:
    return f"{pod.namespace}/{pod.name}"


def _uids(pod: Seen) -> Uids:
    return (pod.uid, pod.other_uid) if pod.other_uid else pod.uid


def _both(uids: Uids) -> tuple[str, ...]:
    return (uids,) if isinstance(uids, str) else uids
