"""Builders for requests of the plugin."""

from __future__ import annotations

import json
from typing import Any

from nodeagent.cni.frame import Frame
from nodeagent.cni.request import AddRequest
from nodeagent.domain.attachment import AttachmentId, Namespace, Network, Pod, Want
from nodeagent.domain.outcomes import Address

C1 = AttachmentId("c1", "eth0")
PODS = Network("pods")
NETNS = 4026532001
NAMESPACE = Namespace("/run/netns/t", NETNS)
ADDRESS = Address("10.55.0.2/24", "10.55.0.1")


def a_config(**changes: Any) -> dict[str, Any]:
    """A network configuration; a value of None removes its key."""
    config = {"cniVersion": "1.0.0", "name": "pods", "type": "bridge", "ipam": {"type": "infoblox"}, **changes}
    return {key: value for key, value in config.items() if value is not None}


def a_frame(
    verb: str | None = "ADD", config: Any = None, stdin: bytes | None = None, **changes: str | None
) -> Frame:
    """A request as the plugin passes it; a value of None removes its variable."""
    variables = {
        "CNI_COMMAND": verb,
        "CNI_CONTAINERID": "c1",
        "CNI_IFNAME": "eth0",
        "CNI_NETNS": "/run/netns/t",
        **changes,
    }
    present = {name: value for name, value in variables.items() if value is not None}
    body = stdin if stdin is not None else json.dumps(a_config() if config is None else config).encode()
    return Frame(present, body)


def an_add_request(attachment: AttachmentId = C1, network: Network = PODS, **changes: Any) -> AddRequest:
    """A request for any address of `network`, where `wants` does not say otherwise."""
    wants = changes.pop("wants", (Want(network),))
    return AddRequest("1.0.0", attachment, wants, **{"namespace": NAMESPACE, "pod": Pod(), **changes})
