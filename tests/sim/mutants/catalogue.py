"""Mistakes that somebody could make in the product, each as a replacement in its source.

A text that is not in its module exactly once is a mutant that has to follow a change of the product.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Invariant(StrEnum):
    """What the product promises; a mistake is listed under the promise that it breaks."""

    ONE_HOLDER = "one holder"
    SAME_ANSWER = "same answer"
    ONLY_OURS = "only ours"
    NOTHING_LEFT_BEHIND = "nothing left behind"
    AMBIGUITY_IS_RESOLVED = "ambiguity is resolved"
    FEW_CALLS = "few calls"
    DEL_NEVER_WAITS = "DEL never waits"
    CLEAR_FAILURE = "clear failure"
    BOUNDED = "bounded"


@dataclass(frozen=True)
class Mutant:
    """`old` becomes `new` in the source of `module`."""

    name: str
    invariant: Invariant
    module: str
    old: str
    new: str


MUTANTS: Final = (
    Mutant(
        "no delay before an address goes to another pod",
        Invariant.ONE_HOLDER,
        "coordinator.assignment",
        "    delay_s = max(0.0, policy.release_delay_s - message.first_sent_ms_ago / 1000)\n",
        "    delay_s = 0.0\n",
    ),
    Mutant(
        "an address that another coordinator gave is taken back",
        Invariant.ONE_HOLDER,
        "coordinator.registrar",
        "        if other and not is_untold:\n",
        "        if False:\n",
    ),
    Mutant(
        "a second release forgets that a deletion may come late",
        Invariant.ONE_HOLDER,
        "coordinator.registrar",
        "        work.endangered_until_s = max(work.endangered_until_s, record.endangered_until_s)\n",
        "",
    ),
    Mutant(
        "a lost call counts from when it was planned",
        Invariant.ONE_HOLDER,
        "coordinator.lane.lane",
        "            work.sent_at_s = event.now_s\n",
        "            pass\n",
    ),
    Mutant(
        "who was told first was told of everything",
        Invariant.ONE_HOLDER,
        "coordinator.assignment",
        "    has_stayed = record.told_first_since_s == connected_since_s and",
        "    has_stayed = record.told_first_since_s is not None and",
    ),
    Mutant(
        "an ADD joins whatever is under way",
        Invariant.ONE_HOLDER,
        "coordinator.assignment",
        "    return work.network == network and now_s >= asked.endangered_until_s\n",
        "    return work.network == network\n",
    ),
    Mutant(
        "a boot forgets what was released before it",
        Invariant.ONE_HOLDER,
        "nodeagent.deleting",
        "            self._book.persist(entry, moved)\n            return\n",
        "            self._forget(entry)\n            return\n",
    ),
    Mutant(
        "what another coordinator made is told without a mark",
        Invariant.ONE_HOLDER,
        "coordinator.attachment_work",
        "(origin.boot_id, origin.coordinator_id) == (self.label.boot_id, self.label.coordinator_id)\n",
        "origin.boot_id == self.label.boot_id\n",
    ),
    Mutant(
        "what another coordinator has marked is given away",
        Invariant.ONE_HOLDER,
        "coordinator.objects",
        "{**owner.identity_search(wrong), **place, BY_COMMENT: made.comment},\n",
        "{**owner.identity_search(wrong), **place},\n",
    ),
    Mutant(
        "GC without the namespace check",
        Invariant.ONE_HOLDER,
        "nodeagent.vanishing",
        "record.namespace == namespace and verdicts.get(namespace) is Verdict.GONE:\n",
        "record.namespace == namespace:\n",
    ),
    Mutant(
        "an empty directory of namespaces is believed",
        Invariant.ONE_HOLDER,
        "nodeagent.attachments.presence",
        "        if was_here or (sight.inode is None and sight.directory in self._believed):\n",
        "        if was_here or sight.inode is None:\n",
    ),
    Mutant(
        "an address that the grid forgot is handed out",
        Invariant.ONE_HOLDER,
        "coordinator.registrar",
        "        if restitution is not None:\n",
        "        if restitution is not None and not other:\n",
    ),
    Mutant(
        "tidying up takes the address that lives",
        Invariant.ONE_HOLDER,
        "coordinator.assignment",
        "keep=keep, ",
        "keep=None, ",
    ),
    Mutant(
        "a sweep without a second look",
        Invariant.ONE_HOLDER,
        "coordinator.sweeper",
        "        if may_release and wait_s <= 0:\n",
        "        if may_release:\n",
    ),
    Mutant(
        "a sweep without a last look at the object",
        Invariant.ONE_HOLDER,
        "coordinator.repair_work",
        "            return (objects.find_orphan(self.owner, self.identity, *self.place),)\n",
        "            return (objects.delete_address(self.owner, self.identity, *self.place),)\n",
    ),
    Mutant(
        "a node that is away is taken for gone",
        Invariant.ONE_HOLDER,
        "coordinator.comparison",
        "            return Why.NODE_GONE if self._is_node_gone(node) and not pod_lives else _Alive.UNKNOWN\n",
        "            return Why.NODE_GONE if not pod_lives else _Alive.UNKNOWN\n",
    ),
    Mutant(
        "a container that came back is marked with its earlier boot",
        Invariant.ONE_HOLDER,
        "coordinator.attachment_work",
        "(origin.boot_id, origin.coordinator_id) == (self.label.boot_id, self.label.coordinator_id)\n",
        "origin.coordinator_id == self.label.coordinator_id\n",
    ),
    Mutant(
        "a sweep releases any number",
        Invariant.ONLY_OURS,
        "coordinator.comparison",
        "    if others > MASS_ADDRESSES and others > MASS_SHARE * comparison.listed:\n",
        "    if others > 1e9:\n",
    ),
    Mutant(
        "after the loss of the journal nothing was asked before",
        Invariant.NOTHING_LEFT_BEHIND,
        "nodeagent.adding",
        "        elif (lost_ms := self._book.lost_lately_ms(now_ms)) is not None:\n",
        "        elif (lost_ms := None) is not None:\n",
    ),
    Mutant(
        "a lost journal is not missed",
        Invariant.NOTHING_LEFT_BEHIND,
        "nodeagent.attachment_machine",
        "        if event.damaged or (event.served and not event.reached):\n",
        "        if False:\n",
    ),
    Mutant(
        "nothing is swept",
        Invariant.NOTHING_LEFT_BEHIND,
        "coordinator.sweeper",
        "self._registrar.is_listed:\n            self._next_at_s = now_s + self._rules.interval_s\n",
        "self._registrar.is_listed:\n            self._next_at_s = now_s + 1e9\n",
    ),
    Mutant(
        "an ADD does not wait for a lost deletion",
        Invariant.SAME_ANSWER,
        "coordinator.assignment",
        "    work.endangered_until_s = work.ready_at_s = "
        "max(record.endangered_until_s, asked.endangered_until_s)\n"
        "    if record.is_unsure or asked.received_at_s < work.endangered_until_s:\n",
        "    if record.is_unsure:\n",
    ),
    Mutant(
        "release by delay hits a newer ADD",
        Invariant.SAME_ANSWER,
        "coordinator.registrar",
        "        if holding and assignment.is_beyond_doubt(self._policy, record, holding, asked, now_s):\n",
        "        if holding and holding.is_in(network):\n",
    ),
    Mutant(
        "a release in a call goes on though an ADD has overtaken it",
        Invariant.SAME_ANSWER,
        "coordinator.registrar",
        "            elif self.withdraw(record):\n",
        "            elif False:\n",
    ),
    Mutant(
        "a repeated ADD is answered from memory whatever was lost since",
        Invariant.SAME_ANSWER,
        "coordinator.assignment",
        "record.removal or record.is_unsure or now_s < asked.endangered_until_s:\n",
        "record.removal:\n",
    ),
    Mutant(
        "release by remembered reference",
        Invariant.ONLY_OURS,
        "coordinator.objects",
        'return DeleteFound("fixedaddress", {**owner.identity_search(identity), **known}, ADDRESS_FIELDS)',
        'return DeleteFound("fixedaddress", known or owner.identity_search(identity), ADDRESS_FIELDS)',
    ),
    Mutant(
        "search without the cluster",
        Invariant.ONLY_OURS,
        "coordinator.ownership",
        '            f"*{LOCATION}": identity.node,\n            **self.search(),\n',
        '            f"*{LOCATION}": identity.node,\n',
    ),
    Mutant(
        "search without node and interface",
        Invariant.ONLY_OURS,
        "coordinator.ownership",
        '            f"*{INTERFACE_NAME}": identity.ifname,\n            f"*{LOCATION}": identity.node,\n'
        "            **self.search(),\n",
        "            **self.search(),\n",
    ),
    Mutant(
        "a deletion by reference is repeated at once",
        Invariant.ONLY_OURS,
        "coordinator.release_work",
        "            self.not_before_s = self.endangered_until_s\n",
        "            pass\n",
    ),
    Mutant(
        "no seq",
        Invariant.NOTHING_LEFT_BEHIND,
        "nodeagent.book",
        "        self._last_seq += 1\n",
        "        self._last_seq = 1\n",
    ),
    Mutant(
        "seq restarted after a lost journal",
        Invariant.NOTHING_LEFT_BEHIND,
        "coordinator.registrar",
        "if record.journal_id == message.journal_id and message.seq < record.seq:",
        "if message.seq < record.seq:",
    ),
    Mutant(
        "answer before the journal",
        Invariant.NOTHING_LEFT_BEHIND,
        "nodeagent.adding",
        "replace(held, unclaimed_ms=None, namespace=entry.flight.request.namespace))\n",
        "replace(held, unclaimed_ms=None, namespace=entry.flight.request.namespace))\n"
        "        self._answer(entry, entry.flight)\n",
    ),
    Mutant(
        "asked before the journal",
        Invariant.NOTHING_LEFT_BEHIND,
        "nodeagent.adding",
        "        self._book.persist(entry, record)\n",
        "        self._book.persist(entry, record)\n        self._ask(entry, flight, now_s)\n",
    ),
    Mutant(
        "an answer behind a DEL counts",
        Invariant.NOTHING_LEFT_BEHIND,
        "nodeagent.adding",
        "if entry is None or record is None or record.state is not State.ASKED or record.seq != message.seq:",
        "if entry is None or record is None:",
    ),
    Mutant(
        "an earlier boot counts as this one",
        Invariant.NOTHING_LEFT_BEHIND,
        "nodeagent.deleting",
        "            if record.boot_id != self._book.boot_id:\n",
        "            if record.boot_id == '':\n",
    ),
    Mutant(
        "what nobody claims stays",
        Invariant.NOTHING_LEFT_BEHIND,
        "nodeagent.deleting",
        "UNCLAIMED_S: Final = 600.0",
        "UNCLAIMED_S: Final = 6e9",
    ),
    Mutant(
        "a namespace that is gone is not noticed",
        Invariant.NOTHING_LEFT_BEHIND,
        "nodeagent.vanishing",
        "LOOK_EVERY_S: Final = 30.0",
        "LOOK_EVERY_S: Final = 3e9",
    ),
    Mutant(
        "a plugin that hung up has its answer",
        Invariant.NOTHING_LEFT_BEHIND,
        "nodeagent.adding",
        "        if told and told not in self._told.values():\n",
        "        if told and told == ():\n",
    ),
    Mutant(
        "the listing beats the journal",
        Invariant.NOTHING_LEFT_BEHIND,
        "coordinator.learning",
        "        if hello.last:\n            _unlearn_unnamed(allocations, node, named)\n",
        "        if hello.last:\n            pass\n",
    ),
    Mutant(
        "a release forgets the ADD in another coordinator's queue",
        Invariant.NOTHING_LEFT_BEHIND,
        "coordinator.assignment",
        "ADD_LASTS_S: Final = 60.0",
        "ADD_LASTS_S: Final = 0.0",
    ),
    Mutant(
        "a release counts as done when it is sent",
        Invariant.NOTHING_LEFT_BEHIND,
        "nodeagent.releases",
        "            self._out.append(Transmit(message))\n",
        "            self._out.append(Transmit(message))\n"
        "            self._out.append(ConfirmRelease(outstanding.record.attachment, message.seq))\n",
    ),
    Mutant(
        "look-up too early after a time-out",
        Invariant.AMBIGUITY_IS_RESOLVED,
        "coordinator.attachment_work",
        "COMMIT_LATE_S: Final = 30.0",
        "COMMIT_LATE_S: Final = 0.5",
    ),
    Mutant(
        "lost writes are repeated without a look",
        Invariant.AMBIGUITY_IS_RESOLVED,
        "coordinator.attachment_work",
        "        self.is_unsure = self.is_unsure or self._step is _Step.CREATE\n"
        "        self._step = _Step.LOOK_UP\n",
        "        pass\n",
    ),
    Mutant(
        "a lost deletion counts as done",
        Invariant.AMBIGUITY_IS_RESOLVED,
        "coordinator.release_work",
        "        self.endangered_until_s = self.sent_at_s + COMMIT_LATE_S\n",
        "        return Gone()\n",
    ),
    Mutant(
        "resend creates at once",
        Invariant.AMBIGUITY_IS_RESOLVED,
        "coordinator.assignment",
        "    if message.attempt == 1 and knowledge.is_listed and since_s is None:\n",
        "    if since_s is None:\n",
    ),
    Mutant(
        "attempts are not counted",
        Invariant.AMBIGUITY_IS_RESOLVED,
        "nodeagent.adding",
        "            attempt, since_ms = old.attempt + 1, old.since_ms\n",
        "            attempt, since_ms = 1, now_ms\n",
    ),
    Mutant(
        "every ADD looks up its network",
        Invariant.FEW_CALLS,
        "coordinator.lookups",
        "        if fresh or entry.asking:\n",
        "        if entry.asking:\n",
    ),
    Mutant(
        "DEL answered before the journal",
        Invariant.DEL_NEVER_WAITS,
        "nodeagent.deleting",
        "        entry.deleters.append(event.caller)\n",
        "        self._book.do(Reply(event.caller, Done()))\n",
    ),
    Mutant(
        "a DEL waits for an agent that is down",
        Invariant.DEL_NEVER_WAITS,
        "plugin.infoblox",
        '"DEL": (2.0, 2.0)',
        '"DEL": (59.5, 59.5)',
    ),
    Mutant(
        "an ADD without a coordinator is not answered",
        Invariant.CLEAR_FAILURE,
        "nodeagent.adding",
        "        return waited_s >= ADD_ANSWER_S or (offline and waited_s >= CONNECTION_WAIT_S)\n",
        "        return waited_s >= ADD_ANSWER_S and not offline\n",
    ),
    Mutant(
        "a full network is a wrong configuration",
        Invariant.CLEAR_FAILURE,
        "coordinator.core.errors",
        "class NetworkExhausted(TryAgain):\n",
        "class NetworkExhausted(errors.Refused):\n    code = INVALID_NETWORK_CONFIG\n",
    ),
    Mutant(
        "a coordinator may be silent for ever",
        Invariant.BOUNDED,
        "nodeagent.adding",
        "ADD_ANSWER_S: Final = 56.0\n",
        "ADD_ANSWER_S: Final = 560.0\n",
    ),
    Mutant(
        "another boot's connection is taken for a second node",
        Invariant.BOUNDED,
        "coordinator.sessions",
        "        if known and is_other and known.is_alive(now_s):\n",
        "        if known and is_other:\n",
    ),
    Mutant(
        "a refused password is never tried again",
        Invariant.BOUNDED,
        "coordinator.lane.outage",
        "    pause_s = min(first_s * 2 ** min(failures - 1, 20), most_s)\n",
        "    pause_s = 1e9 if login else min(first_s * 2 ** min(failures - 1, 20), most_s)\n",
    ),
)
