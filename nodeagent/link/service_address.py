"""Endpoints of the coordinator that Kubernetes wrote into this container's environment.

It does so when a container starts, and never again: a Service that is made later, or made anew with another
address, is seen by the next container alone. A reference to a variable that is missing stays as it is, `$(NAME)`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from protocol.host_port import HostPort

_REFERENCE: Final = re.compile(r"\$\((\w+)\)")
_WITH_REFERENCE: Final = re.compile(r"tcp://(?:\$\(\w+\)|\[[0-9A-Fa-f:.]+\]|[^\s:/$\[\]]+):(?:\$\(\w+\)|\d{1,5})")
_HOST: Final = "_SERVICE_HOST"
_PORT: Final = "_SERVICE_PORT"


def missing_variable(endpoint: str) -> str | None:
    """The variable that an endpoint refers to, None where it is whole."""
    match = _REFERENCE.search(endpoint) if _WITH_REFERENCE.fullmatch(endpoint) else None
    return match[1] if match else None


def why_missing(variable: str) -> str:
    """What a missing variable means."""
    for ending in (_HOST, _PORT):
        if variable.endswith(ending):
            name = variable.removesuffix(ending).lower().replace("_", "-")
            return f"the Service {name} did not exist when this container started ({variable} is not set)"
    return f"the variable {variable} was not set when this process started"


def why_unchanging(endpoints: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """Why no other address can be learnt before the next start; None where one of them is no Service's."""
    hosts = [name for name in environment if name.endswith(_HOST)]
    known = {_place(environment[name], environment.get(_port_of(name), "")) for name in hosts}
    for endpoint in endpoints:
        if not missing_variable(endpoint) and HostPort.of_endpoint(endpoint) not in known:
            return None
    if variable := missing_variable(endpoints[0]):
        return f"{why_missing(variable)}; the next container sees whether it is there"
    return (
        f"{endpoints[0]} is what Kubernetes wrote into the environment when this container started; a Service "
        "that was made since then has another address, which the next container sees"
    )


def _port_of(name: str) -> str:
    return name.removesuffix(_HOST) + _PORT


def _place(host: str, port: str) -> HostPort | None:
    """None where the variables of a Service are none that an endpoint can be made of."""
    try:
        return HostPort.parse(f"{host}:{port}")
    except ValueError:
        return None
