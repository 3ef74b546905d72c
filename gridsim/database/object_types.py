"""The object types of the simulated WAPI."""

from __future__ import annotations

from typing import Any

from gridsim.database.family import FAMILIES, FAMILY_KINDS, IPV4, IPV6, ROWS, Family
from gridsim.database.refusals import protocol_error, unknown_field, unknown_type
from gridsim.database.schema import VERSIONS, Field, ObjectType

CLOUD_READ_ONLY = frozenset({"member", "grid", "extensibleattributedef", "userprofile", *ROWS})
CLOUD_KINDS = frozenset({"networkview", "record:host", "view", "zone_auth", *FAMILY_KINDS, *CLOUD_READ_ONLY})

_CLOUD_INFO = {"authority_type": "GM", "delegated_scope": "NONE", "owned_by_adaptor": False}
_EXTATTRS = Field("extattrs", "rwu", wapi_type="extattr", default={})
_CLOUD = Field("cloud_info", "r", wapi_type="grid:cloudapi:info", default=_CLOUD_INFO)
_COMMENT = Field("comment", "rwus", "=:~")
_VIEW = Field("network_view", "rws", "=", is_base=True)
_OPTIONS = Field("options", "rwu", wapi_type="dhcpoption[]", default=[])
_DISABLE = Field("disable", "rwu", wapi_type="bool", default=False)
_NAME = Field("name", "rwu", default="")

_BLOCK_FIELDS = (
    Field("network", "rws", "=~", is_base=True),
    _VIEW,
    Field("network_container", "rs", "="),
    Field("comment", "rwus", "=:~", is_base=True),
    _EXTATTRS,
    _CLOUD,
    Field("unmanaged", "rwus", "=", wapi_type="bool", default=False),
)
_UTILIZATION = Field("utilization", "r", wapi_type="uint", default=0)
_CLIENT_FIELDS = {
    IPV4: (
        Field("mac", "rwus", "=:~"),
        Field("match_client", "rwus", "=", wapi_type="enum"),
        Field("bootfile", "rwu", default=""),
        Field("dhcp_client_identifier", "rwu", default=""),
        Field("client_identifier_prepend_zero", "rwu", wapi_type="bool", default=False),
        Field("deny_bootp", "rwu", wapi_type="bool", default=False),
        Field("is_invalid_mac", "r", wapi_type="bool", default=False),
    ),
    IPV6: (
        Field("duid", "rwus", "=:~", is_base=True),
        Field("match_client", "rwus", "=", wapi_type="enum", since="2.13.6"),
        Field("mac_address", "rwus", "=:~", since="2.13.6"),
        Field("address_type", "rwus", "=", wapi_type="enum", default="ADDRESS"),
        Field("preferred_lifetime", "rwu", wapi_type="uint", default=27000),
        Field("valid_lifetime", "rwu", wapi_type="uint", default=43200),
    ),
}
_ROW_CLIENT = {
    IPV4: (
        Field("mac_address", "rs", "=:~", is_base=True, default=""),
        Field("dhcp_client_identifier", "rs", "=:~", default=""),
    ),
    IPV6: (Field("duid", "rs", "=:~", is_base=True, default=""),),
}


def _network(family: Family, *more: Field) -> ObjectType:
    members = Field("members", "rwu", wapi_type="msdhcpserver|dhcpmember[]", default=[])
    return ObjectType(family.network, (*_BLOCK_FIELDS, *more, members, _OPTIONS, _DISABLE), "cud")


def _scope(family: Family, *more: Field) -> ObjectType:
    fields = (
        Field("start_addr", "rwus", "=~", is_base=True),
        Field("end_addr", "rwus", "=~", is_base=True),
        Field("network", "rws", "=~", is_base=True),
        _VIEW,
        _NAME,
        _COMMENT,
        Field("exclude", "rwu", wapi_type="exclusionrange[]", default=[]),
        Field("member", "r", wapi_type="dhcpmember"),
        Field("server_association_type", "rwus", "=", wapi_type="enum", default="NONE"),
        *more,
        _EXTATTRS,
        _CLOUD,
    )
    return ObjectType(family.scope, fields, "cud")


def _fixed(family: Family) -> ObjectType:
    fields = (
        Field(family.address, "rwus", "=~", is_base=True),
        Field("network_view", "rwus", "=", is_base=True),
        Field("network", "rwus", "=~"),
        *_CLIENT_FIELDS[family],
        _NAME,
        _COMMENT,
        _DISABLE,
        _OPTIONS,
        Field("use_options", "rwu", wapi_type="bool", default=False),
        _EXTATTRS,
        _CLOUD,
        Field("discovered_data", "r", wapi_type="discoverydata"),
        Field("template", "w"),
        Field("restart_if_needed", "wu", wapi_type="bool"),
    )
    return ObjectType(family.fixed, fields, "cud")


def _row(family: Family) -> ObjectType:
    fields = (
        Field("ip_address", "rs", "=<>", is_base=True),
        Field("network", "rs", "=", is_base=True),
        Field("network_view", "rs", "=", is_base=True),
        Field("status", "rs", "=", is_base=True, wapi_type="enum"),
        Field("types", "rs", "=", is_base=True, wapi_type="enum[]", default=[]),
        Field("usage", "rs", "=", is_base=True, wapi_type="enum[]", default=[]),
        Field("objects", "r", is_base=True, wapi_type="string[]", default=[]),
        Field("names", "rs", "=:~", is_base=True, wapi_type="string[]", default=[]),
        *_ROW_CLIENT[family],
        Field("is_conflict", "r", is_base=True, wapi_type="bool", default=False),
        Field("lease_state", "rs", "=", wapi_type="enum", default="FREE"),
        Field("extattrs", "r", wapi_type="extattr", default={}),
        Field("comment", "rs", "=:~"),
    )
    return ObjectType(family.row, fields)


_TYPES = (
    ObjectType(
        "networkview",
        (
            Field("name", "rwus", "=:~", is_base=True),
            Field("comment", "rwus", "=:~", is_base=True),
            Field("is_default", "rs", "=", is_base=True, wapi_type="bool", default=False),
            _EXTATTRS,
            _CLOUD,
            Field("associated_dns_views", "r", wapi_type="string[]", default=[]),
        ),
        "cud",
    ),
    _network(IPV4, Field("ipv4addr", "s", "="), Field("total_hosts", "r", wapi_type="uint"), _UTILIZATION),
    _network(IPV6),
    *(ObjectType(family.container, (*_BLOCK_FIELDS, _UTILIZATION), "cud") for family in FAMILIES),
    _scope(IPV4),
    _scope(IPV6, Field("address_type", "rwus", "=", wapi_type="enum", default="ADDRESS")),
    *(_fixed(family) for family in FAMILIES),
    *(_row(family) for family in FAMILIES),
    ObjectType(
        "record:host",
        (
            Field("name", "rwus", "=:~", is_base=True),
            Field("view", "rwus", "=", is_base=True),
            Field("ipv4addrs", "rwu", is_base=True, wapi_type="record:host_ipv4addr[]", default=[]),
            Field("ipv6addrs", "rwu", wapi_type="record:host_ipv6addr[]", default=[]),
            *(Field(name, "s", "=~") for name in ("ipv4addr", "ipv6addr")),
            *(Field(name, "s", "=:~") for name in ("mac", "duid")),
            Field("network_view", "rws", "="),
            Field("configure_for_dns", "rwu", wapi_type="bool", default=True),
            Field("zone", "rs", "="),
            Field("aliases", "rwu", wapi_type="string[]", default=[]),
            _DISABLE,
            Field("ttl", "rwu", wapi_type="uint"),
            Field("use_ttl", "rwu", wapi_type="bool", default=False),
            _COMMENT,
            _EXTATTRS,
            _CLOUD,
        ),
        "cud",
    ),
    ObjectType(
        "view",
        (
            Field("name", "rs", "=:~", is_base=True),
            Field("comment", "rus", "=:~", is_base=True),
            Field("is_default", "rs", "=", is_base=True, wapi_type="bool", default=False),
            Field("network_view", "rs", "="),
            Field("extattrs", "ru", wapi_type="extattr", default={}),
        ),
        "u",
    ),
    ObjectType(
        "zone_auth",
        (
            Field("fqdn", "rws", "=:~", is_base=True),
            Field("view", "rws", "=", is_base=True),
            Field("ns_group", "rwu"),
            Field("prefix", "rwu"),
            Field("grid_primary", "rwu", wapi_type="memberserver[]", default=[]),
            Field("grid_secondaries", "rwu", wapi_type="memberserver[]", default=[]),
            Field("zone_format", "rws", "=", wapi_type="enum", default="FORWARD"),
            Field("network_view", "r"),
            _COMMENT,
            _EXTATTRS,
        ),
        "cud",
    ),
    ObjectType(
        "extensibleattributedef",
        (
            Field("name", "rwus", "=:~", is_base=True),
            Field("type", "rwus", "=", is_base=True, wapi_type="enum"),
            Field("comment", "rwus", "=:~", is_base=True),
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
            Field("comment", "rs", "=:~"),
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
_OF_VERSION = {version: {listed.name: listed.in_version(version) for listed in _TYPES} for version in VERSIONS}


def object_type(name: str, version: str = VERSIONS[-1]) -> ObjectType:
    """Return the object type of that name, as a version of the WAPI knows it.

    Raises Refusal (400) when there is none.
    """
    found = _OF_VERSION.get(version, TYPES).get(name)
    if found is None:
        raise unknown_type(name)
    return found


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
