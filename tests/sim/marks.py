"""The rare events that every campaign must reach: what never happens is not tested."""

from __future__ import annotations

from typing import Final

from tests.sim.swarm import PER_MINUTE

RARE: Final = frozenset(PER_MINUTE) | {
    # calls
    "call_lost",
    "call_notsent",
    "call_refused",
    "cookie_expired",
    "late_commit",
    "partly_applied",
    "reply_lost",
    "request_not_allowed",
    "request_too_big",
    "status_500",
    # the node
    "agent_killed_at_step",
    "answer_read_but_not_printed",
    "commit_failed",
    "journal_written_anew",
    "let_go_answer_unread",
    "let_go_another_namespace",
    "let_go_deleted_before",
    "let_go_gc",
    "let_go_lost",
    "let_go_namespace_gone",
    "let_go_surplus",
    "orphan_adopted",
    "pending_file",
    # the coordinator
    "address_lost",
    "admin_restored",
    "claim_ignored",
    "coordinator_killed_at_step",
    "grid_forgot",
    "grid_unavailable",
    "lost",
    "network_exhausted",
    "not_yours",
    "repaired",
    "two_machines",
    # the wire
    "says_declined",
    "says_hellofirst",
    "says_notice",
    "says_pleaselabel",
    "says_pleaseletgo",
    "says_probe",
    "says_unknown",
    "says_whose",
    "stranger_allocate",
    "stranger_answer",
    "stranger_claims",
    "stranger_letgo",
    "stranger_setlabels",
}
