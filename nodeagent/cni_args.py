"""The runtime's CNI_ARGS, of which nothing is required."""

from __future__ import annotations

from typing import Final

from nodeagent.attachment import Pod
from protocol.texts import scrub

VALUE_LENGTH_MAX: Final = 253


def pod_of(cni_args: str) -> Pod:
    """The pod that `cni_args` names. Unknown, repeated or malformed pairs are ignored: runtimes differ."""
    values: dict[str, str] = {}
    for pair in scrub(cni_args).split(";"):
        name, separator, value = pair.partition("=")
        if separator and value:
            values.setdefault(name, value[:VALUE_LENGTH_MAX])
    return Pod(
        name=values.get("K8S_POD_NAME"),
        namespace=values.get("K8S_POD_NAMESPACE"),
        uid=values.get("K8S_POD_UID"),
    )
