"""All borders."""

from __future__ import annotations

from tests.fuzz import (
    admin_borders,
    file_borders,
    grid_borders,
    kubernetes_borders,
    plugin_borders,
    whole_borders,
    wire_borders,
)
from tests.fuzz.border import Border, Shape

BORDERS = (
    Border("frame", Shape.BYTES, plugin_borders.read_frame),
    Border("netconf", Shape.JSON, plugin_borders.read_netconf),
    Border("cni_args", Shape.BYTES, plugin_borders.read_cni_args),
    Border("to_coordinator", Shape.MSGPACK_JSON, wire_borders.read_to_coordinator),
    Border("to_agent", Shape.MSGPACK_JSON, wire_borders.read_to_agent),
    Border("admin_request", Shape.MSGPACK_JSON, admin_borders.read_request),
    Border("admin_answer", Shape.MSGPACK_JSON, admin_borders.read_answer),
    Border("admin_frame", Shape.BYTES, admin_borders.read_frame),
    Border("wapi_reply", Shape.STATUS_JSON, grid_borders.read_reply),
    Border("wapi_lies", Shape.JSON, grid_borders.read_lies),
    Border("journal", Shape.BYTES, file_borders.read_journal),
    Border("journal_row", Shape.JSON, file_borders.read_row),
    Border("ticket", Shape.BYTES, file_borders.read_ticket),
    Border("key", Shape.BYTES, file_borders.read_key),
    Border("credentials", Shape.BYTES, file_borders.read_credentials),
    Border("whole_frame", Shape.BYTES, whole_borders.through_frame),
    Border("whole_config", Shape.JSON, whole_borders.through_config),
    Border("whole_cni_args", Shape.BYTES, whole_borders.through_cni_args),
    Border("whole_message", Shape.MSGPACK_JSON, whole_borders.through_message),
    Border("whole_answer", Shape.MSGPACK_JSON, whole_borders.through_answer),
    Border("whole_reply", Shape.JSON, whole_borders.through_reply),
    Border("api_reply", Shape.STATUS_JSON, kubernetes_borders.read_api_reply),
)
