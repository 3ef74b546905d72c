"""Whatever a client sends, the model answers with a reply."""

from typing import Any

from gridsim_builders import NETWORK, a_grid, ea, fixed
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsim.database.calls import Call, is_write, operations_of
from gridsim.database.object_types import TYPES

texts = st.one_of(
    st.text(max_size=6),
    st.sampled_from(
        [
            *("default", NETWORK, "10.55.0.9", "func:nextavailableip:", f"func:nextavailableip:{NETWORK}", "1"),
            *("##STATE:r:##", "network/", "func:nextavailablenetwork:10.55.0.0/24,default,x", "-1", "_ref"),
        ]
    ),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
FIELDS = sorted({field.name for kind in TYPES.values() for field in kind.fields})
ARGUMENTS = ["_max_results", "_return_fields", "_paging", "_return_as_object", "_page_id", "_function", "_schema"]
names = st.sampled_from([*FIELDS, *ARGUMENTS, "extattrs+", "extattrs-", "*VM ID", "*", "mac~", "_ref", "x"])
targets = st.one_of(st.sampled_from([*TYPES, "", "nothing", "fixedaddress/x", "##STATE:r:##"]), texts)
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE"])
data = st.dictionaries(names, values, max_size=4)
operations = st.fixed_dictionaries(
    {"method": st.one_of(methods, st.sampled_from(["STATE:ASSIGN", "STATE:DISPLAY"])), "object": targets},
    optional={
        "data": st.one_of(data, values),
        "args": st.one_of(st.dictionaries(names, texts, max_size=2), values),
        "assign_state": st.one_of(st.dictionaries(texts, texts, max_size=2), values),
        "enable_substitution": st.booleans(),
        "discard": st.booleans(),
    },
)


def answered(call: Call) -> None:
    grid = a_grid()
    assert fixed(grid, "10.55.0.2", extattrs=ea(VM_ID="a")).status == 201
    before = grid.store.snapshot()
    reply = grid.call(call)
    is_write(call)
    operations_of(call)
    assert reply.status in (200, 201, 400, 403, 404)
    if reply.status >= 400:
        assert grid.store.snapshot() == before


@settings(max_examples=150, deadline=None)
@given(method=methods, target=targets, arguments=st.dictionaries(names, texts, max_size=2), body=data)
def test_any_call_has_a_reply(method: str, target: str, arguments: dict[str, str], body: Any) -> None:
    answered(Call(method, target, tuple(arguments.items()), body))


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(sorted(TYPES)), body=data, more=values)
def test_any_data_in_a_create_has_a_reply(kind: str, body: dict[str, Any], more: Any) -> None:
    usual = {
        "fixedaddress": {"ipv4addr": more, "match_client": "RESERVED"},
        "network": {"network": more},
        "range": {"start_addr": "10.55.0.9", "end_addr": more},
        "ipv6fixedaddress": {"ipv6addr": more, "duid": "00:01"},
        "ipv6network": {"network": more},
        "ipv6range": {"start_addr": "2001:db8::1", "end_addr": more, "network": "2001:db8::/64"},
        "zone_auth": {"fqdn": more, "zone_format": "IPV6"},
        "record:host": {"name": "h", "ipv4addrs": more, "ipv6addrs": more, "configure_for_dns": False},
        "extensibleattributedef": {"name": "S", "type": "ENUM", "list_values": more},
    }
    answered(Call("POST", kind, (), {**usual.get(kind, {}), **body}))


@settings(max_examples=150, deadline=None)
@given(body=st.one_of(st.lists(operations, max_size=3), operations, values))
def test_any_request_has_a_reply(body: Any) -> None:
    answered(Call("POST", "request", (), body))
