"""Mistakes in the agent and in the plugin."""

from __future__ import annotations

from typing import Final

from tests.sim.mutants.mutant import Mutant, Promise

IN_AGENT: Final = (
    Mutant(
        "an ask outlives its session",
        Promise.ONE_OBJECT,
        "nodeagent.attachments.asks",
        "        self._asks.clear()\n",
        "        pass\n",
    ),
    Mutant(
        "an id that was let go is kept ready when it is allocated late",
        Promise.JOURNAL,
        "nodeagent.attachments.asks",
        "            ask = self._asks.pop(each, None)\n",
        "            if ask := self._asks.get(each):\n"
        "                self._asks[each] = Ask(each, ask.request_id, ask.want)\n",
    ),
    Mutant(
        "what is lost is disowned",
        Promise.JOURNAL,
        "nodeagent.attachments.ownership",
        "if each in self._node.rows.allocations or each in self._asks]",
        "if (row := self._node.rows.allocations.get(each)) and row.state is not State.LOST]",
    ),
    Mutant(
        "what another journal has drawn counts as drawn here",
        Promise.JOURNAL,
        "nodeagent.attachments.node",
        "        return self.is_neighbour(allocation) and owner.journal == self.rows.identity.journal\n",
        "        return self.is_neighbour(allocation)\n",
    ),
    Mutant(
        "an allocation serves an attachment in its next namespace",
        Promise.JOURNAL,
        "nodeagent.attachments.add",
        "        if attachment and attachment.namespace == event.namespace and not is_lost:\n",
        "        if attachment and not is_lost:\n",
    ),
    Mutant(
        "an ADD takes what is ready for another network",
        Promise.JOURNAL,
        "nodeagent.attachments.add",
        "        return None if want.address else self._node.rows.next_ready(want.network)\n",
        "        return next(iter(self._node.rows.in_state(State.READY)), None)\n",
    ),
    Mutant(
        "an answer does not wait for its rows",
        Promise.TOLD,
        "nodeagent.machine",
        "            Reply(each.caller, each.otherwise or failure) if isinstance(each, OnceCommitted) else each\n",
        "            Reply(each.caller, each.outcome) if isinstance(each, OnceCommitted) else each\n",
    ),
    Mutant(
        "what was let go in the same turn is told",
        Promise.TOLD,
        "nodeagent.machine",
        "        return row is not None and row.state is State.HELD\n",
        "        return True\n",
    ),
    Mutant(
        "orphans are not adopted",
        Promise.NOTHING_BEHIND,
        "nodeagent.attachments.ownership",
        '            self._node.note("orphan_adopted", orphan.log_fields())\n            rows.adopt(orphan)\n',
        '            self._node.note("orphan_adopted", orphan.log_fields())\n',
    ),
    Mutant(
        "orphans that could not be written are forgotten",
        Promise.NOTHING_BEHIND,
        "nodeagent.attachments.ownership",
        "        self._unwritten += self._told\n",
        "",
    ),
    Mutant(
        "DELs are not remembered",
        Promise.NOTHING_BEHIND,
        "nodeagent.attachments.delete",
        "        self._node.rows.remember_delete(attachment)\n",
        "",
    ),
    Mutant(
        "a namespace that is gone is not noticed",
        Promise.NOTHING_BEHIND,
        "nodeagent.attachments.vanished",
        "LOOK_EVERY_S: Final = 30.0",
        "LOOK_EVERY_S: Final = 3e9",
    ),
    Mutant(
        "an answer that nobody has read stays",
        Promise.NOTHING_BEHIND,
        "nodeagent.attachments.add",
        "        self._abandoned.update(dict.fromkeys(self._unread.hung_up(caller)))\n"
        "        self._let_abandoned_go(now_s)\n",
        "        self._unread.hung_up(caller)\n",
    ),
    Mutant(
        "an ask that no ADD waits for is not let go",
        Promise.NOTHING_BEHIND,
        "nodeagent.attachments.add",
        "            self._asks.withdraw(*flight.ids())\n",
        "            pass\n",
    ),
    Mutant(
        "a let_go without an answer is not said again",
        Promise.NOTHING_BEHIND,
        "nodeagent.link.confirmations",
        "RESEND_S: Final = 60.0",
        "RESEND_S: Final = 6e9",
    ),
    Mutant(
        "a repeated ADD of what is lost is answered again",
        Promise.SAME_ANSWER,
        "nodeagent.attachments.add",
        "        if attachment and attachment.namespace == event.namespace and not is_lost:\n",
        "        if attachment and attachment.namespace == event.namespace:\n",
    ),
    Mutant(
        "an ADD that holds an address asks for another",
        Promise.SAME_ANSWER,
        "nodeagent.attachments.add",
        "        if attachment and attachment.namespace == event.namespace and not is_lost:\n",
        "        if False:\n",
    ),
    Mutant(
        "refills are not counted",
        Promise.FEW_CALLS,
        "nodeagent.attachments.reserve",
        "self._node.rows.count_ready(network) - under_way\n",
        "self._node.rows.count_ready(network)\n",
    ),
    Mutant(
        "a delete is confirmed that is not in the journal",
        Promise.DEL_NEVER_WAITS,
        "nodeagent.machine",
        "            Reply(each.caller, each.otherwise or failure) if isinstance(each, OnceCommitted) else each\n",
        "            Reply(each.caller, each.outcome if each.otherwise else failure)\n"
        "            if isinstance(each, OnceCommitted)\n"
        "            else each\n",
    ),
    Mutant(
        "a DEL waits for the ADD before it",
        Promise.DEL_NEVER_WAITS,
        "nodeagent.attachments.machine",
        "        self._deletes.asked(event, now_s)\n",
        "        if not self._adds.is_busy(event.attachment):\n            self._deletes.asked(event, now_s)\n",
    ),
    Mutant(
        "a DEL waits for an agent that is down",
        Promise.DEL_NEVER_WAITS,
        "plugin.infoblox",
        '"DEL": (2.0, 2.0)',
        '"DEL": (59.5, 59.5)',
    ),
    Mutant(
        "GC is not followed by anything",
        Promise.NOTHING_BEHIND,
        "nodeagent.attachments.gc",
        '            self._vanished.let_go_gone(unlisted, verdicts, "gc", now_s)\n',
        "",
    ),
)
