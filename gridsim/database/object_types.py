"""The object types of the simulated WAPI."""

from __future__ import annotations

from typing import Any

from gridsim.database.refusals import protocol_error, unknown_field
from gridsim.database.schema import Field, ObjectType

CLOUD_KINDS = frozenset(
    {
        "networkview",
        "networkcontainer",
        "network",
        "range",
        "fixedaddress",
        "record:host",
        "ipv4address",
        "member",
        "grid",
        "extensibleattributedef",
        "userprofile",
    }
)
CLOUD_READ_ONLY = frozenset({"member", "grid", "extensibleattributedef", "userprofile", "ipv4address"})

_CLOUD_INFO = {"authority_type": "GM", "delegated_scope": "NONE", "owned_by_adaptor": False}
_EXTATTRS = Field("extattrs", "rwu", wapi_type="extattr", default={})
_CLOUD = Field("cloud_info", "r", wapi_type="grid:cloudapi:info", default=_CLOUD_INFO)
_COMMENT = Field("comment", "rwus", ":~")
_VIEW = Field("network_view", "rws", "=", is_base=True)

_BLOCK_FIELDS = (
    Field("network", "rws", "=~", is_base=True),
    _VIEW,
    Field("network_container", "rs", "="),
    Field("comment", "rwus", ":~", is_base=True),
    _EXTATTRS,
    _CLOUD,
    Field("unmanaged", "rwus", "=", wapi_type="bool", default=False),
    Field("utilization", "r", wapi_type="uint", default=0),
)

_TYPES = (
    ObjectType(
        "networkview",
        (
            Field("name", "rwus", "=:~", is_base=True),
            Field("comment", "rwus", ":~", is_base=True),
            Field("is_default", "rs", "=", is_base=True, wapi_type="bool", default=False),
            _EXTATTRS,
            _CLOUD,
            Field("associated_dns_views", "r", wapi_type="string[]", default=[]),
        ),
        "cud",
    ),
    ObjectType(
        "network",
        (
            *_BLOCK_FIELDS,
            Field("members", "rwu", wapi_type="msdhcpserver|dhcpmember[]", default=[]),
            Field("total_hosts", "r", wapi_type="uint"),
            Field("options", "rwu", wapi_type="dhcpoption[]", default=[]),
            Field("disable", "rwu", wapi_type="bool", default=False),
        ),
        "cud",
    ),
    ObjectType("networkcontainer", _BLOCK_FIELDS, "cud"),
    ObjectType(
        "range",
        (
            Field("start_addr", "rwus", "=~", is_base=True),
            Field("end_addr", "rwus", "=~", is_base=True),
            Field("network", "rws", "=~", is_base=True),
            _VIEW,
            Field("name", "rwu"),
            _COMMENT,
            Field("exclude", "rwu", wapi_type="exclusionrange[]", default=[]),
            Field("server_association_type", "rwus", "=", wapi_type="enum", default="NONE"),
            _EXTATTRS,
            _CLOUD,
        ),
        "cud",
    ),
    ObjectType(
        "fixedaddress",
        (
            Field("ipv4addr", "rwus", "=~", is_base=True),
            _VIEW,
            Field("network", "rwus", "=~"),
            Field("mac", "rwus", "=:~"),
            Field("match_client", "rwus", "=", wapi_type="enum"),
            Field("name", "rwu", wapi_type="string", default=""),
            _COMMENT,
            Field("disable", "rwu", wapi_type="bool", default=False),
            Field("options", "rwu", wapi_type="dhcpoption[]", default=[]),
            Field("bootfile", "rwu", wapi_type="string", default=""),
            Field("dhcp_client_identifier", "rwu", wapi_type="string", default=""),
            _EXTATTRS,
            _CLOUD,
            Field("is_invalid_mac", "r", wapi_type="bool", default=False),
            Field("discovered_data", "r", wapi_type="discoverydata"),
            Field("template", "w"),
            Field("restart_if_needed", "wu", wapi_type="bool"),
        ),
        "cud",
    ),
    ObjectType(
        "ipv4address",
        (
            Field("ip_address", "rs", "=<>", is_base=True),
            Field("network", "rs", "=", is_base=True),
            Field("network_view", "rs", "=", is_base=True),
            Field("status", "rs", "=", is_base=True, wapi_type="enum"),
            Field("types", "rs", "=", is_base=True, wapi_type="enum[]", default=[]),
            Field("usage", "rs", "=", is_base=True, wapi_type="enum[]", default=[]),
            Field("objects", "r", is_base=True, wapi_type="string[]", default=[]),
            Field("names", "rs", "=:~", is_base=True, wapi_type="string[]", default=[]),
            Field("mac_address", "rs", "=:~", is_base=True, wapi_type="string", default=""),
            Field("is_conflict", "r", is_base=True, wapi_type="bool", default=False),
            Field("lease_state", "rs", "=", wapi_type="enum", default="FREE"),
            Field("extattrs", "r", wapi_type="extattr", default={}),
            Field("comment", "rs", ":~"),
        ),
    ),
    ObjectType(
        "record:host",
        (
            Field("name", "rwus", "=:~", is_base=True),
            Field("view", "rws", "=", is_base=True),
            Field("ipv4addrs", "rwu", is_base=True, wapi_type="record:host_ipv4addr[]", default=[]),
            Field("network_view", "rws", "="),
            Field("configure_for_dns", "rwu", wapi_type="bool", default=True),
            Field("comment", "rwus", ":~"),
            _EXTATTRS,
            _CLOUD,
        ),
        "cud",
    ),
    ObjectType(
        "extensibleattributedef",
        (
            Field("name", "rwus", "=:~", is_base=True),
            Field("type", "rws", "=", is_base=True, wapi_type="enum"),
            Field("comment", "rwus", ":~", is_base=True),
            Field("default_value", "rwu", is_base=True),
            Field("flags", "rwu"),
            Field("list_values", "rwu", wapi_type="extensibleattributedef:listvalues[]", default=[]),
            Field("allowed_object_types", "rwu", wapi_type="string[]", default=[]),
            Field("min", "rw", wapi_type="uint"),
            Field("max", "rw", wapi_type="uint"),
            Field("namespace", "rs", "=", wapi_type="string", default="default"),
        ),
        "cud",
    ),
    ObjectType("userprofile", (Field("name", "rs", "=:~", is_base=True), Field("active_dashboard_type", "r"))),
    ObjectType(
        "grid",
        (
            Field("name", "r"),
            Field("allow_recursive_deletion", "r"),
            Field("security_setting", "r", wapi_type="setting:security"),
            Field("lockout_setting", "r", wapi_type="grid:lockoutsetting"),
        ),
    ),
    ObjectType(
        "member",
        (
            Field("host_name", "rs", "=:~", is_base=True),
            Field("platform", "rs", "=", is_base=True),
            Field("master_candidate", "rs", "=", wapi_type="bool", default=False),
            Field("comment", "rs", ":~"),
            _EXTATTRS,
        ),
    ),
    ObjectType(
        "member:license",
        (
            Field("type", "rs", "=", is_base=True, wapi_type="enum"),
            Field("expiration_status", "r", wapi_type="enum"),
            Field("expiry_date", "r", wapi_type="timestamp"),
            Field("kind", "rs", "=", wapi_type="enum"),
            Field("limit", "r"),
        ),
    ),
    ObjectType("request", (), "c"),
)
TYPES = {listed.name: listed for listed in _TYPES}


def object_type(name: str) -> ObjectType:
    """Return the object type of that name.

    Raises Refusal (400) when there is none.
    """
    if name not in TYPES:
        raise protocol_error(f"Unknown object type ({name})")
    return TYPES[name]


def readable_fields(kind: ObjectType, names: tuple[str, ...]) -> tuple[str, ...]:
    """Check fields that a caller wants back; `a.b` asks for a part of `a`.

    Raises Refusal (400) for an unknown or an unreadable one.
    """
    for name in names:
        field = kind.field(name.partition(".")[0])
        if field is None:
            raise unknown_field(name)
        if "r" not in field.supports:
            raise protocol_error(f"Field is not readable: {name}")
    return names


def schema_index(requested: str, versions: tuple[str, ...]) -> dict[str, Any]:
    """Return what `?_schema` without an object type answers."""
    return {
        "requested_version": requested,
        "supported_objects": sorted(TYPES),
        "supported_versions": list(versions),
    }
