"""What is believed of a reply, whatever its shape."""

from __future__ import annotations

import contextlib
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from coordinator.core.networks import Network, NetworkRules, resolve
from coordinator.grid.operations import (
    Create,
    Deleted,
    DeleteFound,
    Found,
    Operation,
    Search,
    Unreadable,
    UpdateFound,
    Written,
    as_request,
    read_request_reply,
)
from coordinator.grid.refusals import classify
from coordinator.grid.writer import Writer
from protocol.errors import Refused
from protocol.wire.values import Label, NetworkAsk

WRITER = Writer("c0ffee000000", "blue")
LABEL = Label(container_id="c1", ifname="eth0")
NETWORK = Network("default", "10.55.0.0/24", None, "pods")


def an_id(name: str) -> str:
    """An id of its own for each name of at most twelve letters."""
    return f"c0ffee000000-{'1' * 16}-{'2' * 8}-{'3' * 8}-{'4' * 4}-{'5' * 8}-{name.encode().hex():0>12}"


def an_object(name: str) -> dict[str, Any]:
    """The object of an id, as the grid shows it."""
    about = {"_ref": f"fixedaddress/{name}", "ipv4addr": "10.55.0.2", "network_view": "default"}
    return {**about, "extattrs": {"Allocation ID": {"value": an_id(name)}}}


def an_operation(kind: type, name: str) -> Operation:
    """An operation of that kind for an id."""
    if kind is Create:
        return WRITER.create(an_id(name), "n1", NETWORK, LABEL, None)
    if kind is UpdateFound:
        return WRITER.label(an_id(name), "n1", LABEL, None)
    return WRITER.delete(an_id(name)) if kind is DeleteFound else WRITER.find(an_id(name))


def answer(operation: Operation, name: str, shape: str, hits: int) -> list[Any]:
    """What a grid of that reading answers to one operation."""
    if isinstance(operation, Create):
        return [an_object(name)]
    found = [an_object(name)] * (hits if isinstance(operation, Search) else 1)
    shown = {"list": [found], "object": found if len(found) == 1 else [found], "flattened": found}[shape]
    if isinstance(operation, Search):
        return shown
    return [
        *shown,
        f"fixedaddress/{name}:10.55.0.2/default" if isinstance(operation, DeleteFound) else an_object(name),
    ]


@given(
    kinds=st.lists(
        st.tuples(st.sampled_from([Create, Search, DeleteFound, UpdateFound]), st.integers(0, 2)), max_size=6
    ),
    shape=st.sampled_from(["list", "object", "flattened"]),
)
def test_each_reply_is_attributed_to_its_operation_in_every_shape(
    kinds: list[tuple[type, int]], shape: str
) -> None:
    names = [f"c{number}" for number in range(len(kinds))]
    operations = [an_operation(kind, name) for (kind, _), name in zip(kinds, names, strict=True)]
    body = [
        element
        for operation, (_, hits), name in zip(operations, kinds, names, strict=True)
        for element in answer(operation, name, shape, hits)
    ]
    for (kind, hits), name, reply in zip(kinds, names, read_request_reply(operations, body), strict=True):
        if isinstance(reply, Found):
            assert (kind, [hit["_ref"] for hit in reply.hits]) == (Search, [f"fixedaddress/{name}"] * hits)
        else:
            assert isinstance(reply, Deleted if kind is DeleteFound else Written)
            assert reply.object["_ref"] == f"fixedaddress/{name}"


FIELDS = ["_ref", "extattrs", "ipv4addr", "value", "Allocation ID"]
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["fixedaddress/c0", "scheduledtask/x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["_ref", "extattrs", "ipv4addr", "value", "Allocation ID"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(body=junk)
def test_junk_is_unreadable_at_worst(body: Any) -> None:
    operations = [an_operation(kind, "c0") for kind in (DeleteFound, UpdateFound, Search)]
    with contextlib.suppress(Unreadable):
        read_request_reply(operations, body)


def test_a_deletion_that_was_only_scheduled_is_not_believed() -> None:
    with pytest.raises(Unreadable):
        read_request_reply([an_operation(DeleteFound, "c0")], [[an_object("c0")], "scheduledtask/x:1/PENDING"])


def test_each_conditional_write_has_a_variable_of_its_own() -> None:
    body = as_request([an_operation(DeleteFound, "a"), an_operation(UpdateFound, "b")]).body
    variables = [next(iter(each["assign_state"])) for each in body if "assign_state" in each]
    assert len(set(variables)) == len(variables) == 2


@given(status=st.integers(400, 499), body=junk | st.fixed_dictionaries({"text": st.text()}))
def test_no_refusal_is_too_strange_to_be_classified(status: int, body: Any) -> None:
    assert classify(status, body).text


@given(
    subnet=st.none() | st.from_regex(r"\A\d{1,3}(\.\d{1,3}){3}/\d{1,2}\Z"),
    gateway=st.none() | st.from_regex(r"\A\d{1,3}(\.\d{1,3}){3}\Z"),
    is_gateway=st.booleans(),
)
@example(subnet="255.255.255.255/32", gateway=None, is_gateway=True)
@example(subnet="10.0.0.0/32", gateway=None, is_gateway=True)
@example(subnet="0.0.0.0/0", gateway="0.0.0.1", is_gateway=False)
def test_a_network_is_resolved_with_its_gateway_inside_or_refused(
    subnet: str | None, gateway: str | None, is_gateway: bool
) -> None:
    ask = NetworkAsk.model_construct(name="pods", view=None, subnet=subnet, gateway=gateway, is_gateway=is_gateway)
    with contextlib.suppress(Refused):
        (network,) = resolve(ask, NetworkRules("default", "10.55.0.0/24"))
        assert network.gateway is None or network.contains(network.gateway)


@pytest.mark.parametrize("subnet", ["10.55.0.0/24", "10.55.1.0/24"])
def test_only_allowed_subnets_are_resolved(subnet: str) -> None:
    rules = NetworkRules("default", "10.55.0.0/24", allowed_subnets=("10.55.0.0/24",))
    if subnet in rules.allowed_subnets:
        (network,) = resolve(NetworkAsk(name="pods", subnet=subnet), rules)
        assert network.subnet == subnet
        return
    with pytest.raises(Refused):
        resolve(NetworkAsk(name="pods", subnet=subnet), rules)


def test_networks_of_a_family_that_no_sweep_sees_are_refused() -> None:
    with pytest.raises(Refused, match="is IPv6,"):
        resolve(NetworkAsk(name="pods", subnet="2001:db8:0:7::/64"), NetworkRules("default", "10.55.0.0/24"))
