"""The events that every campaign must reach: what never happens is not tested."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from tests.sim.swarm import PER_MINUTE

COMMON: Final = frozenset(PER_MINUTE) | {
    # calls
    "call_lost",
    "call_notsent",
    "call_refused",
    "cookie_expired",
    "late_commit",
    "partly_applied",
    "reply_lost",
    "request_not_allowed",
    "status_500",
    # the node
    "agent_killed_at_step",
    "answer_read_but_not_printed",
    "commit_failed",
    "journal_written_anew",
    "let_go_another_namespace",
    "let_go_deleted_before",
    "let_go_namespace_gone",
    "orphan_adopted",
    "pending_file",
    # the coordinator
    "claim_ignored",
    "coordinator_killed_at_step",
    "grid_forgot",
    "grid_unavailable",
    "leader_gained",
    "leader_seen",
    "network_exhausted",
    "not_yours",
    "repaired",
    "two_machines",
    # the wire
    "says_declined",
    "says_hellofirst",
    "says_notleader",
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
"""By a hundred seeds and some."""

RARE: Final = frozenset(
    {
        "address_lost",
        "admin_restored",
        "let_go_answer_unread",
        "leader_lost",
        "let_go_gc",
        "lost",
        "request_too_big",
    }
)
"""By a thousand."""

CAMPAIGN: Final = 1000


def unreached(marks: Collection[str], seeds: int) -> list[str]:
    """Which events so many seeds should have reached, and have not."""
    wanted = COMMON | RARE if seeds >= CAMPAIGN else COMMON
    return sorted(wanted - set(marks))
