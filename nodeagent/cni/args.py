"""The runtime's CNI_ARGS, of which nothing is required."""

from __future__ import annotations

from typing import Final

from nodeagent.domain.attachment import Pod
from protocol.texts import scrub

VALUE_LENGTH_MAX: Final = 253


def pod_of(cni_args: str) -> Pod:
    """The pod that `cni_args` names."""
    values = _values(cni_args)
    return Pod(
        name=values.get("K8S_POD_NAME"),
        namespace=values.get("K8S_POD_NAMESPACE"),
        uid=values.get("K8S_POD_UID"),
    )


def requested_address(cni_args: str) -> str | None:
    """The address that `cni_args` asks for, as host-local and static take it."""
    return _values(cni_args).get("IP")


def _values(cni_args: str) -> dict[str, str]:
    """What the pairs say. Unknown, repeated or malformed ones are ignored: runtimes differ."""
    values: dict[str, str] = {}
    for pair in scrub(cni_args).split(";"):
        name, separator, value = pair.partition("=")
        if separator and value:
            values.setdefault(name, value[:VALUE_LENGTH_MAX])
    return values
