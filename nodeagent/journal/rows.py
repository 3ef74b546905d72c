"""The rows of this node's journal: what is changed is a draft until the loop has committed it.

A machine changes rows and says what rests on them; the loop writes the draft in one transaction and then lets the
words go out. A draft that cannot be written is dropped, and all goes on with the rows that are in the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from nodeagent.domain.allocation import CLAIMS, Allocation, Attachment, Label, State
from nodeagent.domain.attachment import AttachmentId, Network
from nodeagent.journal.contents import Changes, Contents, Identity
from nodeagent.journal.table import Table
from protocol.wire.allocation_id import AllocationId, Owner

DELETES_REMEMBERED_MAX: Final = 1024
"""The newest DELs; what another journal has left, and is told of later, may be of one of these attachments."""


class _Index:
    """Which allocations are in a state, are ready for a network, name an attachment, claim an address."""

    def __init__(self) -> None:
        self.by_state: dict[State, dict[str, None]] = {state: {} for state in State}
        self.ready: dict[Network, dict[str, None]] = {}
        self.named: dict[AttachmentId, dict[str, None]] = {}
        self.unlabelled: dict[str, None] = {}
        self.places: dict[tuple[str, str], dict[str, None]] = {}

    def move(self, before: Allocation | None, after: Allocation | None) -> None:
        if before:
            for group in self._groups(before):
                group.pop(before.id, None)
            self._tidy(before)
        if after:
            for group in self._groups(after):
                group[after.id] = None

    def _groups(self, row: Allocation) -> list[dict[str, None]]:
        groups = [self.by_state[row.state]]
        if row.state is State.READY:
            groups.append(self.ready.setdefault(row.network, {}))
        if row.label:
            groups.append(self.named.setdefault(row.label.attachment, {}))
        if row.label and not row.is_labelled and row.state in (State.HELD, State.ADOPTED):
            groups.append(self.unlabelled)
        if row.state in CLAIMS:
            groups.append(self.places.setdefault((row.view, row.address), {}))
        return groups

    def _tidy(self, row: Allocation) -> None:
        if not self.ready.get(row.network, True):
            del self.ready[row.network]
        if row.label and not self.named.get(row.label.attachment, True):
            del self.named[row.label.attachment]
        if not self.places.get((row.view, row.address), True):
            del self.places[row.view, row.address]


class Rows:
    """All rows, and the draft of this turn over them."""

    def __init__(self, contents: Contents) -> None:
        self._index = _Index()
        self._identity = self._identity_before = contents.identity
        self.allocations: Table[str, Allocation] = Table(contents.allocations, self._index.move)
        self.attachments: Table[AttachmentId, Attachment] = Table(contents.attachments, _no_index)
        self.deletes: Table[AttachmentId, int] = Table(contents.deletes, _no_index)
        self.adopted_let_go: Table[str, str] = Table({each: each for each in contents.adopted_let_go}, _no_index)

    @property
    def identity(self) -> Identity:
        """Whose journal this is."""
        return self._identity

    @property
    def owner(self) -> Owner | None:
        """The owner of the ids that are drawn now; None before the first welcome."""
        return self._identity.owner()

    # What is known

    def in_state(self, *states: State) -> list[Allocation]:
        """All allocations in one of these states, in the order in which they came to it."""
        return [self.allocations[each] for state in states for each in self._index.by_state[state]]

    def count(self, *states: State) -> int:
        """How many allocations are in one of these states."""
        return sum(len(self._index.by_state[state]) for state in states)

    def count_claims(self) -> int:
        """How many allocations a hello would claim."""
        return self.count(*CLAIMS)

    def claims_at(self, view: str, address: str) -> list[str]:
        """Which allocations claim an address."""
        return list(self._index.places.get((view, address), ()))

    def ready(self, network: Network) -> list[Allocation]:
        """What is ready for this network, that which has waited longest first."""
        return [self.allocations[each] for each in self._index.ready.get(network, ())]

    def next_ready(self, network: Network) -> Allocation | None:
        """What has been ready for this network longest, None where nothing is."""
        first = next(iter(self._index.ready.get(network, ())), None)
        return None if first is None else self.allocations[first]

    def count_ready(self, network: Network) -> int:
        """How many allocations are ready for this network."""
        return len(self._index.ready.get(network, ()))

    def unlabelled(self) -> list[Allocation]:
        """What is held or adopted, and whose label the grid is not known to show."""
        return [self.allocations[each] for each in self._index.unlabelled]

    def of(self, attachment: AttachmentId) -> list[Allocation]:
        """The allocations of this attachment's last answer, in their order."""
        known = self.attachments.get(attachment)
        return [self.allocations[each] for each in known.allocations] if known else []

    def naming(self, attachment: AttachmentId, *states: State) -> list[Allocation]:
        """All allocations in these states whose label names this attachment, adopted ones too."""
        named = [self.allocations[each] for each in self._index.named.get(attachment, ())]
        return [row for row in named if row.state in states]

    # What is drafted

    def make_ready(self, allocation: Allocation) -> None:
        """Put a new allocation into the reserve."""
        self._put(replace(allocation, state=State.READY))

    def hold(self, allocations: Sequence[Allocation], label: Label) -> list[Allocation]:
        """Give these, new ones or from the reserve, to the attachment that `label` names."""
        held = [replace(each, state=State.HELD, label=label, was_held=True) for each in allocations]
        for each in held:
            self._put(each)
        ids = tuple(each.id for each in held)
        self.attachments.put(label.attachment, Attachment(label.attachment, ids, label.namespace))
        return held

    def adopt(self, allocation: Allocation) -> None:
        """Take over what another journal of this boot has left."""
        self._put(replace(allocation, state=State.ADOPTED, was_held=True))

    def relabel(self, allocation: str, label: Label) -> None:
        """Have the grid show another label."""
        self._put(replace(self.allocations[allocation], label=label, is_labelled=False))

    def confirm_label(self, allocation: str) -> None:
        """The grid shows the label."""
        self._put(replace(self.allocations[allocation], is_labelled=True))

    def doubt_label(self, allocation: str) -> None:
        """The grid does not show the label."""
        self._put(replace(self.allocations[allocation], is_labelled=False))

    def lose(self, allocation: str, holder: str) -> None:
        """Somebody else has the address now."""
        self._put(replace(self.allocations[allocation], state=State.LOST, lost_to=holder))

    def let_go(self, allocation: str, now_s: float, request: str = "") -> None:
        """Never use this again, and say so until the grid is known to have it no more.

        `request` is the plugin's that leads to it, where one does.
        """
        row = self.allocations[allocation]
        if row.state is State.LET_GO:
            return
        self._detach(row)
        if AllocationId.parse(allocation).owner.journal != self._identity.journal:
            self.adopted_let_go.put(allocation, allocation)
        label = replace(row.label, request=request) if row.label and request else row.label
        self._put(replace(row, state=State.LET_GO, let_go_s=now_s, label=label))

    def forget(self, allocation: str) -> None:
        """The grid has it no more."""
        self.allocations.remove(allocation)

    def remember_delete(self, attachment: AttachmentId) -> None:
        """A DEL came: an allocation of another journal that turns up later may be this attachment's, too."""
        numbers = self.deletes.rows()
        newest = max(numbers.values(), default=0)
        if numbers.get(attachment) == newest:
            return
        self.deletes.put(attachment, newest + 1)
        if len(self.deletes) > DELETES_REMEMBERED_MAX:
            self.deletes.remove(min(numbers, key=numbers.__getitem__))

    def name_cluster(self, cluster: str) -> None:
        """The coordinator has said which cluster this is."""
        self._identity = replace(self._identity, cluster=cluster)

    def begin_anew(self, journal: str, cluster: str) -> None:
        """Another journal, of another cluster, that knows nothing of this one's."""
        self._identity = replace(self._identity, journal=journal, cluster=cluster)
        for table in (self.allocations, self.attachments, self.deletes, self.adopted_let_go):
            table.clear()

    # The turn

    def changes(self) -> Changes:
        """What the draft changes."""
        return Changes(
            identity=self._identity if self._identity != self._identity_before else None,
            allocations=self.allocations.changes(),
            attachments=self.attachments.changes(),
            deletes=self.deletes.changes(),
            adopted_let_go=self.adopted_let_go.changes(),
        )

    def contents(self) -> Contents:
        """Everything, the draft included."""
        return Contents(
            identity=self._identity,
            allocations=self.allocations.rows(),
            attachments=self.attachments.rows(),
            deletes=self.deletes.rows(),
            adopted_let_go=frozenset(self.adopted_let_go),
        )

    def commit(self) -> None:
        """The draft is in the file."""
        self._identity_before = self._identity
        for table in (self.allocations, self.attachments, self.deletes, self.adopted_let_go):
            table.commit()

    def drop(self) -> None:
        """The draft is not in the file, and never will be."""
        self._identity = self._identity_before
        for table in (self.allocations, self.attachments, self.deletes, self.adopted_let_go):
            table.drop()

    def _put(self, row: Allocation) -> None:
        self.allocations.put(row.id, row)

    def _detach(self, row: Allocation) -> None:
        known = self.attachments.get(row.label.attachment) if row.label else None
        if known is None or row.id not in known.allocations:
            return
        left = tuple(each for each in known.allocations if each != row.id)
        if left:
            self.attachments.put(known.id, replace(known, allocations=left))
        else:
            self.attachments.remove(known.id)


def _no_index(before: object, after: object) -> None:
    """Nothing is looked up in this table but by its key."""
