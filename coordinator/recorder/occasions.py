"""Which of the things that happen concern an object of Kubernetes, and in which words people read it there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from coordinator.core import errors
from coordinator.core.outbox import Note
from coordinator.core.recent import DECLINED
from protocol.errors import INVALID_NETWORK_CONFIG, TRY_AGAIN_LATER

MESSAGE_LENGTH_MAX: Final = 1_024
"""More than that the API server does not take."""

NAME_LENGTH_MAX: Final = 253
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_UID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")

_SHORTAGES: Final = frozenset(
    each.__name__ for each in (errors.NetworkExhausted, errors.NodeFull, errors.NodeObjectsFull)
)
"""What may pass by itself, and yet somebody has to know of."""

_SILENT: Final = (
    "The cni-infoblox agent of this node has not been heard for {silent_s:.0f} s. Its pods run on. New ones start "
    "as long as the node has an address ready; what its pods release is freed when it is back."
)


@dataclass(frozen=True, slots=True)
class PodRef:
    """A pod, as the runtime named it."""

    namespace: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class NodeRef:
    """A node."""

    name: str


@dataclass(frozen=True, slots=True)
class NetworkRef:
    """A network configuration by its name, as a pod of `namespace` used it: a NAD there, or the cluster's own."""

    namespace: str
    name: str


Subject = PodRef | NodeRef | NetworkRef


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is to be read at an object. `reason` is one word in CamelCase, as `kubectl get events` has it."""

    subject: Subject
    reason: str
    message: str
    is_warning: bool = True


def occasions_of(note: Note) -> tuple[Occasion, ...]:
    """Those that this note is the cause of; most are of none."""
    if note.event == DECLINED:
        return _declined(note.fields)
    if note.event == "node_silent" and _is_name(note.fields["node"]):
        return (Occasion(NodeRef(note.fields["node"]), "InfobloxAgentSilent", _SILENT.format(**note.fields)),)
    if note.event == "node_heard_again" and _is_name(note.fields["node"]):
        message = "The cni-infoblox agent of this node is heard again."
        return (Occasion(NodeRef(note.fields["node"]), "InfobloxAgentHeard", message, is_warning=False),)
    return ()


def _declined(facts: Mapping[str, Any]) -> tuple[Occasion, ...]:
    if facts["code"] == TRY_AGAIN_LATER and facts["error"] not in _SHORTAGES:
        return ()
    reason = f"Infoblox{facts['error']}"
    message = f"{facts['reason']}. {facts['remedy']}"[:MESSAGE_LENGTH_MAX]
    namespace, _, name = facts["pod"].partition("/")
    found: list[Occasion] = []
    if _is_name(namespace) and _is_name(name) and _UID.fullmatch(facts["pod_uid"]):
        found.append(Occasion(PodRef(namespace, name, facts["pod_uid"]), reason, message))
    if facts["code"] == INVALID_NETWORK_CONFIG and _is_name(facts["network_name"]) and _is_name(namespace):
        found.append(Occasion(NetworkRef(namespace, facts["network_name"]), reason, message))
    return tuple(found)


def _is_name(text: str) -> bool:
    """Whether an object of Kubernetes can be called so: nodes say what they want of their pods."""
    return len(text) <= NAME_LENGTH_MAX and bool(_NAME.fullmatch(text))
