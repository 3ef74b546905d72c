"""The rare events that the seeds of CI must reach: what never happens is not tested."""

from __future__ import annotations

from typing import Final

RARE: Final = frozenset(
    {
        # from outside
        "admin_deletes",
        "agent_killed",
        "agent_stalled",
        "agent_stopped",
        "api_server_away",
        "connection_cut",
        "coordinator_killed",
        "coordinator_stalled",
        "coordinators_overlap",
        "disk_fails",
        "gc",
        "grid_outage",
        "journal_lost",
        "journal_lost_in_power_cut",
        "login_refused",
        "node_lost",
        "node_renamed",
        "partition",
        "power_cut",
        # calls
        "call_lost",
        "call_notsent",
        "call_refused",
        "cookie_expired",
        "late_commit",
        "partly_applied",
        "reply_lost",
        "request_too_big",
        "status_500",
        # the node
        "answer_read_but_not_printed",
        "answer_came_too_late",
        "journal_failed",
        "journal_torn",
        "pending_before_add",
        "pending_file",
        "releasing_without_del_boot",
        "releasing_without_del_gc",
        "releasing_without_del_namespace_gone",
        "releasing_without_del_unclaimed",
        # the coordinator
        "address_twice",
        "declined_refused",
        "declined_stale",
        "declined_try_again",
        "grid_forgot_address",
        "network_exhausted",
        "network_refused",
        "not_yours",
        "request_not_allowed",
        # the sweep
        "grid_lacks_addresses",
        "sweep_released",
        "sweep_stopped",
    }
)
