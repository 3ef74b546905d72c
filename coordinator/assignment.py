"""Turns a request, with what is known of its attachment, into work for the grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coordinator.allocations import Asked, Holding, Record
from coordinator.attachment_work import COMMIT_LATE_S, AllocateWork, later
from coordinator.core.errors import HeldElsewhere
from coordinator.core.networks import Network, NetworkRules
from coordinator.network_work import NetworkWork
from coordinator.objects import FixedAddress, Label, read_origin, reassign_address
from coordinator.ownership import NETWORK_NAME, Identity, Owner
from coordinator.preparation_work import ReassignWork
from coordinator.release_work import ReleaseWork
from protocol.messages import Allocate, Release

ADD_LASTS_S: Final = 60.0
"""After this time the plugin has given up, so no coordinator makes an address for it any more."""


@dataclass(frozen=True)
class Policy:
    """How this coordinator was configured to allocate. `user` is the WAPI user, for messages to people.

    `coordinator_id` tells what this process wrote from what any other did.
    """

    coordinator_id: str
    owner: Owner
    user: str
    rules: NetworkRules
    may_create_networks: bool
    release_delay_s: float


@dataclass(frozen=True)
class Knowledge:
    """How far this coordinator can know of earlier requests: since when it runs, whether it has read the grid."""

    started_at_s: float
    is_listed: bool


def allocation(
    policy: Policy, record: Record, asked: Asked, message: Allocate, network: Network, knowledge: Knowledge
) -> AllocateWork:
    """Give the attachment an address of the network, or find the one that it has."""
    pod = message.pod
    label = Label(pod.name or "", pod.namespace or "", pod.uid or "", asked.boot_id, policy.coordinator_id)
    work = AllocateWork(policy.owner, record.identity, policy.user, network, label, message.mac)
    since_s = record.unsettled_since_s
    # A deletion that comes late would take the object from a pod that has its address already.
    work.endangered_until_s = work.ready_at_s = max(record.endangered_until_s, asked.endangered_until_s)
    if record.is_unsure or asked.received_at_s < work.endangered_until_s:
        return work.look_up_first(since_s, record.holding.address if record.holding else "")
    if record.holding:
        return work.refresh(since_s, record.holding.address)
    if message.attempt == 1 and knowledge.is_listed and since_s is None:
        return work
    if message.attempt > 1 and since_s is None:
        # Whoever coordinated before may have sent a create until the moment that it ended.
        since_s = max(asked.received_at_s - message.first_sent_ms_ago / 1000, knowledge.started_at_s)
    return work.look_up_first(since_s)


def may_join(work: AllocateWork, network: Network, asked: Asked, now_s: float) -> bool:
    """Whether the work under way is what is asked for, and no deletion can have taken what it has seen."""
    return work.network == network and now_s >= asked.endangered_until_s


def is_beyond_doubt(policy: Policy, record: Record, holding: Holding, asked: Asked, now_s: float) -> bool:
    """Whether the holding can be told from memory: nobody else may want to change or delete its object."""
    if record.removal or record.is_unsure or now_s < asked.endangered_until_s:
        return False
    return asked.is_repeated and read_origin(holding.comment).coordinator_id == policy.coordinator_id


def deletion_elsewhere_until_s(
    policy: Policy, record: Record, message: Allocate | Release, connected_since_s: float, now_s: float
) -> float:
    """Until when another coordinator's deletion may be committed, of an attachment that its node asks for again.

    None can have been told of the release where this one was the first to hear of it, and its node stayed.
    """
    has_stayed = record.told_first_since_s == connected_since_s and record.journal_id == message.journal_id
    if has_stayed or isinstance(message, Release) or message.released_ms_ago is None:
        return 0.0
    # Others can have heard of a release only before its node came here.
    released_at_s = min(connected_since_s, now_s - message.released_ms_ago / 1000)
    until_s = max(connected_since_s, released_at_s + policy.release_delay_s)
    if message.attempt > 1:
        # None has said that it is done: it may look for what an ADD of before still brings, and find this one's.
        until_s = max(until_s, connected_since_s + ADD_LASTS_S + COMMIT_LATE_S)
    return until_s + COMMIT_LATE_S


def removal(policy: Policy, record: Record, asked: Asked, message: Release, knowledge: Knowledge) -> ReleaseWork:
    """Remove what the grid holds of the attachment, after the delay."""
    now_s = asked.received_at_s
    delay_s = max(0.0, policy.release_delay_s - message.first_sent_ms_ago / 1000)
    until_s = _others_until_s(record, knowledge)
    work = ReleaseWork(policy.owner, record.identity, policy.user, now_s + delay_s, others_until_s=until_s)
    since_s = unsettled_since_s(record, asked, message)
    if record.holding and not record.is_unsure:
        return work.known(record.holding.place, since_s)
    return work.search_first(since_s)


def unsettled_since_s(record: Record, asked: Asked, message: Release) -> float | None:
    """When the last create was sent, here or elsewhere, that may still be committed for what is released."""
    now_s, since_s = asked.received_at_s, record.unsettled_since_s
    if message.unanswered_ask_ms_ago is not None:
        # It may have gone to another coordinator, in whose queue it waits for as long as an ADD lasts.
        since_s = later(since_s, now_s - message.unanswered_ask_ms_ago / 1000 + ADD_LASTS_S)
    is_new_here = now_s < asked.connected_since_s + COMMIT_LATE_S
    if message.subnet is not None and not record.is_made_here and is_new_here:
        # It had an address, for which another coordinator may have sent a second create until its node left it.
        since_s = later(since_s, asked.connected_since_s)
    return since_s


def tidying(policy: Policy, record: Record, holding: Holding, knowledge: Knowledge, now_s: float) -> ReleaseWork:
    """Remove what the attachment has beside its holding, and what may still come."""
    keep, until_s = holding.place, _others_until_s(record, knowledge)
    work = ReleaseWork(policy.owner, record.identity, policy.user, now_s, keep=keep, others_until_s=until_s)
    work.search_first(record.unsettled_since_s)
    work.ready_at_s = now_s
    return work


def _others_until_s(record: Record, knowledge: Knowledge) -> float:
    """Until when a write of the coordinator before may come, or an earlier one of this one."""
    return max(record.endangered_until_s, knowledge.started_at_s + COMMIT_LATE_S)


def preparation(policy: Policy, network: Network, node: str) -> NetworkWork:
    """Make sure that the network can give addresses; `node` is the first that wants some."""
    work = NetworkWork(policy.owner, policy.user, network, may_create=policy.may_create_networks)
    work.node = node
    return work


def restitution(
    policy: Policy, wrong: Identity, network: Network, made: FixedAddress, holder: Record | None
) -> ReassignWork | None:
    """Give the object that the grid just made for `wrong` to whom its address belongs; None where it is right."""
    owner = policy.owner
    if made.address == network.gateway:
        eas, comment = owner.network_eas(network.name), ""
    elif holder:
        eas = {**owner.identity_eas(holder.identity), NETWORK_NAME: network.name}
        comment = holder.holding.comment if holder.holding else ""
    else:
        return None
    operation = reassign_address(owner, wrong, network, made, eas, comment)
    work = ReassignWork(policy.user, made.address, operation)
    work.node = wrong.node
    return work


def held_elsewhere(identity: Identity, holding: Holding, network: Network) -> HeldElsewhere:
    """The attachment has an address, in another network than it asks for."""
    return HeldElsewhere(
        attachment=identity, address=holding.address, network=holding.subnet, subnet=network.subnet
    )
