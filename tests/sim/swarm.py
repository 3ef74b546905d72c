"""What a seed draws: the size of its world, how the grid reads its manual, how often each thing goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from gridsim.database.faults import Faults

PER_MINUTE: Final = {
    "agent_killed": 3.0,
    "agent_stalled": 3.0,
    "power_cut": 1.5,
    "disk_fails": 1.5,
    "coordinator_killed": 4.0,
    "coordinator_stalled": 2.0,
    "coordinators_overlap": 2.0,
    "api_server_away": 1.5,
    "lease_deleted": 0.5,
    "connection_cut": 8.0,
    "partition": 1.5,
    "grid_outage": 2.0,
    "login_refused": 1.0,
    "gc": 8.0,
    "admin_deletes": 2.0,
    "admin_takes": 1.0,
    "admin_edits_id": 1.0,
    "admin_edits_label": 1.0,
    "admin_restores": 2.0,
    "journal_lost": 1.0,
    "node_played_again": 0.7,
    "run_directory_wiped": 1.0,
    "cluster_renamed": 0.5,
    "node_gone": 0.6,
    "node_unlisted": 0.7,
    "node_list_away": 1.0,
}
"""The most of what strikes from outside, for each target."""

CHANCE: Final = {
    "call_not_sent": 0.15,
    "request_lost": 0.15,
    "reply_lost": 0.2,
    "late_commit": 0.2,
    "status_503": 0.15,
    "status_500": 0.15,
    "html": 0.08,
    "too_many": 0.08,
    "partly_applied": 0.2,
    "func_conflict": 0.15,
    "cookie_expired": 0.1,
    "call_hangs": 0.6,
    "add_killed": 0.3,
    "add_repeated": 0.3,
    "add_doubled": 0.3,
    "check": 0.5,
    "add_overlapped_by_del": 0.2,
    "del_after_failure_lost": 0.5,
    "del_lost": 0.15,
    "id_reused": 0.4,
    "restarted_in_place": 0.15,
    "gc_list_short": 0.8,
    "gc_list_absent": 0.3,
    "mac_unread": 0.05,
    "mac_shared": 0.2,
    "mac_absent": 1.0,
    "answer_unread": 0.2,
    "agent_killed_at_step": 0.04,
    "commit_fails": 0.05,
    "coordinator_killed_at_step": 0.02,
}
"""The most of what happens to one call, verb or container."""

READINGS: Final = {
    "request_atomicity": ("all", "stop", "continue"),
    "request_sees_earlier": (True, False),
    "request_status": (200, 201),
    "request_reply": ("list", "object"),
    "get_element": ("list", "object", "flattened"),
    "no_hit": ("400", "404", "literal", "previous"),
    "negative_max_results_in_request": (True, False),
    "unknown_view_search": ("empty", "error"),
    "reservation_mac": ("zeros", "absent"),
    "user_kind": ("superuser", "superuser", "superuser", "ordinary", "no-request", "cloud"),
}
"""Both readings, or all, of what nobody has documented."""

NODE_GONE_AFTER_S: Final = 120.0
SILENCING: Final = (
    "agent_killed",
    "agent_killed_at_step",
    "agent_stalled",
    "coordinator_killed",
    "coordinator_killed_at_step",
    "coordinator_stalled",
    "coordinators_overlap",
    "partition",
)
"""What keeps an agent from being heard for long."""

WITHOUT_REQUEST: Final = ("no-request", "cloud")
ZERO_SHARE: Final = 0.5
CALM_SHARE: Final = 0.35
CALM_KINDS: Final = 4
ALLIED_SHARE: Final = 0.3
ALLIES: Final = (
    ("id_reused", "add_overlapped_by_del", "add_killed", "add_doubled"),
    ("agent_killed_at_step", "add_killed", "answer_unread", "del_after_failure_lost"),
    ("late_commit", "reply_lost", "mac_absent", "coordinator_killed"),
    ("power_cut", "late_commit", "connection_cut"),
    ("coordinators_overlap", "connection_cut", "late_commit", "partition"),
    ("journal_lost", "late_commit", "del_lost", "connection_cut"),
    ("admin_deletes", "admin_takes", "partition", "coordinator_killed"),
    ("admin_deletes", "admin_edits_id", "admin_restores", "connection_cut"),
    ("admin_restores", "admin_edits_label", "journal_lost", "del_lost"),
    ("run_directory_wiped", "agent_killed", "commit_fails", "disk_fails"),
)
"""What is worst together: in some worlds all of a group strike often."""


@dataclass(frozen=True)
class Plan:
    """A network as the netconf asks for it; `is_made` where the grid has it before anybody asks."""

    name: str
    subnet: str
    gateway: str | None
    is_made: bool


@dataclass(frozen=True)
class Swarm:
    """One seed's world.

    `replicas`: so many coordinators there are, and a node reaches any of them. They serve at once, or, where the
    cluster `elects`, a Lease lets one lead. `clusters`: all of one name on
    one grid, with equal names of nodes. `has_clone`: another machine uses the key of the first node.
    """

    nodes: int
    pods_per_node: int
    phase_s: float
    life_s: float
    plans: tuple[Plan, ...]
    replicas: int
    elects: bool
    clusters: int
    has_clone: bool
    has_second_driver: bool
    has_twin: bool
    has_stranger: bool
    tells_machine: bool
    sight: str
    reserve: int
    release_delay_s: float
    operations_max: int
    lookup_ttl_s: float
    wire_s: float
    pipe_s: float
    restart_s: float
    boot_s: float
    grid_s: float
    operation_s: float
    request_operations_max: int
    sweep_s: float
    faults: Faults
    rates: dict[str, float]

    @property
    def are_several(self) -> bool:
        """Whether several serve at once, and none of them hears of all nodes."""
        return self.replicas > 1 and not self.elects

    def described(self) -> str:
        """What a person wants to know of it at a glance."""
        rates = ", ".join(f"{name} {rate:.2g}" for name, rate in sorted(self.rates.items()) if rate)
        plans = ", ".join(f"{plan.subnet}{'' if plan.gateway is None else ' with gateway'}" for plan in self.plans)
        odd = {name: getattr(self.faults, name) for name in READINGS}
        return (
            f"{self.nodes} nodes with {self.pods_per_node} pods each in {plans}; {self.replicas} coordinators "
            f"{'that elect one ' if self.elects else ''}of {self.clusters} clusters"
            f"{', a clone' if self.has_clone else ''}"
            f"{', a second driver' if self.has_second_driver else ''}"
            f"{', a twin' if self.has_twin else ''}{', a stranger' if self.has_stranger else ''}"
            f"{'' if self.tells_machine else ', machines unknown'}; sight {self.sight}; "
            f"reserve {self.reserve}; release delay {self.release_delay_s:g} s; "
            f"calls take {self.grid_s * 1000:.0f} ms; a sweep every {self.sweep_s:g} s\n"
            f"  rates: {rates or 'none'}\n  grid: {odd}"
        )


def draw(random: Random) -> Swarm:
    """The world of a seed."""
    most = {**PER_MINUTE, **CHANCE}
    rates = {name: _rate(random, each) for name, each in most.items()}
    if random.random() < CALM_SHARE:
        kept = set(random.sample(sorted(rates), CALM_KINDS))
        rates = {name: rate if name in kept else 0.0 for name, rate in rates.items()}
    if random.random() < ALLIED_SHARE:
        rates |= {name: most[name] * random.uniform(0.5, 1.0) for name in random.choice(ALLIES)}
    readings = {name: random.choice(values) for name, values in READINGS.items()}
    replicas, has_twin = random.choice((1, 1, 2, 2)), random.random() < 0.07
    elects = replicas > 1 and random.random() < 0.6
    if has_twin:
        # Of two agents of one driver each has to be heard every minute, or the other may free what it has. Neither
        # runtime lists the pods of both: by its list an agent frees what it has adopted of the other's.
        replicas, elects, rates = 1, False, rates | dict.fromkeys((*SILENCING, "gc"), 0.0)
    if readings["user_kind"] in WITHOUT_REQUEST:
        # Where calls name references, only one coordinator may write: the only one, or the one that has the Lease.
        replicas, rates["coordinators_overlap"] = (replicas, rates["coordinators_overlap"]) if elects else (1, 0.0)
    return Swarm(
        nodes=random.choice((1, 2, 2, 3)),
        pods_per_node=random.choice((1, 2, 2, 3, 5)),
        phase_s=random.choice((30.0, 60.0, 60.0, 120.0)),
        life_s=random.choice((8.0, 20.0, 60.0)),
        plans=tuple(_plan(random, number) for number in range(random.choice((1, 1, 2)))),
        replicas=replicas,
        elects=elects,
        clusters=random.choice((1, 1, 1, 1, 2)),
        has_clone=random.random() < 0.12,
        has_second_driver=random.random() < 0.15,
        has_twin=has_twin,
        has_stranger=random.random() < 0.15,
        tells_machine=random.random() < 0.85,
        sight=random.choice(("clear", "clear", "clear", "clear", "closed", "empty", "covered")),
        reserve=random.choice((0, 0, 1, 2, 3, 4)),
        release_delay_s=random.choice((0.0, 5.0, 30.0)),
        operations_max=random.choice((2, 8, 256)),
        lookup_ttl_s=random.choice((0.0, 20.0, 300.0)),
        wire_s=random.choice((0.001, 0.05, 1.0)),
        pipe_s=random.choice((0.001, 0.02, 0.5)),
        restart_s=random.choice((1.0, 5.0, 40.0)),
        boot_s=random.choice((3.0, 20.0, 90.0)),
        grid_s=random.choice((0.005, 0.05, 0.5, 2.0)),
        operation_s=random.choice((0.0, 0.01, 0.2)),
        request_operations_max=random.choice((1000, 1000, 12)),
        sweep_s=random.choice((40.0, 120.0)),
        faults=Faults().changed(readings),
        rates=rates,
    )


def _rate(random: Random, most: float) -> float:
    return 0.0 if random.random() < ZERO_SHARE else most * random.random() ** 2


def _plan(random: Random, number: int) -> Plan:
    prefix = random.choice((29, 28, 27, 24))
    gateway = random.choice((None, "0.0.0.1"))
    return Plan(f"pods{number}", f"10.{55 + number}.0.0/{prefix}", gateway, random.random() < 0.7)
