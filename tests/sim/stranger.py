"""A node that has a key, and says whatever it likes: claims, floods, answers that nobody asked for."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

from protocol.wire import messages, values
from protocol.wire.allocation_id import Owner, hash_boot, hash_driver, hash_machine, hash_node
from protocol.wire.messages import ToCoordinator, to_agent
from tests.sim.connections import Connection, Lines, decode, encode
from tests.sim.ledger import Ledger
from tests.sim.lives import STRANGERS_JOURNAL
from tests.sim.story import Story
from tests.sim.swarm import Plan
from tests.sim.timeline import Process, Timeline

NODE: Final = "stranger"
PAUSE_S: Final = 2.0
ASKS_MAX: Final = 3
"""It has a key, so it may have addresses: no more than these, lest others find none."""
FLOOD: Final = 40
PAGES_MAX: Final = 999


class Stranger(Process):
    """One process that connects again and again. It knows every id, every address and every machine."""

    def __init__(
        self,
        timeline: Timeline,
        lines: Lines,
        ledger: Ledger,
        random: Random,
        story: Story,
        cluster_id: str,
        plan: Plan,
    ) -> None:
        super().__init__(timeline)
        self.node = NODE
        self.number = -1
        self._lines = lines
        self._ledger = ledger
        self._random = random
        self._story = story
        self._plan = plan
        self._cluster_id = cluster_id
        self._connection: Connection | None = None
        self._asks = 0
        self._drawn: list[str] = []
        """Ids of its own of which nobody has heard."""
        self._page, self._welcome = 0, 1
        self._deeds: dict[str, Callable[[], list[ToCoordinator]]] = {
            "hello": self._hello,
            "claims": self._claims,
            "endless_claims": self._endless_claims,
            "asks": self._asks_for_one,
            "lets_go": self._lets_go,
            "labels": self._labels,
            "answers": self._answers,
        }

    def begin(self) -> None:
        """Do something now and then."""
        self.later(0.0, self._act)

    def does(self, deed: str) -> None:
        """One deed, on the connection that it has, or on a new one."""
        if self._connection is None:
            self._connection = self._lines.connect(self)
        self._say(self._deeds[deed]())

    def receive(self, connection: object, payload: bytes) -> None:
        """It listens to nothing but the number of its welcome."""
        message = decode(payload, to_agent)
        if isinstance(message, messages.Welcome):
            self._welcome, self._page = message.number, 0

    def end(self) -> None:
        """It is gone."""
        self.is_alive = False
        if self._connection:
            self._connection.cut()

    def _act(self) -> None:
        self.later(PAUSE_S * self._random.random(), self._act)
        connection = self._connection
        if connection is None or connection.is_cut or self._random.random() < 0.05:
            if connection:
                connection.cut()
            self._connection = self._lines.connect(self)
            deeds: list[ToCoordinator] = self._hello()
        else:
            deeds = self._random.choice(list(self._deeds.values()))()
        self._say(deeds)

    def _say(self, deeds: list[ToCoordinator]) -> None:
        if self._connection:
            self._story.mark(f"stranger_{type(deeds[0]).__name__.lower()}")
            for each in deeds:
                self._connection.send_up(encode(each))

    # Its deeds

    def _hello(self) -> list[ToCoordinator]:
        owner = self._owner()
        return [
            messages.Hello(
                id="x",
                node=NODE,
                machine=owner.machine,
                boot=owner.boot,
                driver="infoblox",
                journal=owner.journal,
            )
        ]

    def _claims(self) -> list[ToCoordinator]:
        return [self._page_of_claims(self._page, last=True)]

    def _endless_claims(self) -> list[ToCoordinator]:
        first, self._page = self._page, (self._page + 3) % PAGES_MAX
        return [self._page_of_claims(number, last=False) for number in range(first, self._page)]

    def _asks_for_one(self) -> list[ToCoordinator]:
        is_own = self._asks < ASKS_MAX
        self._asks += is_own
        network = values.NetworkAsk(name=self._plan.name, subnet=self._plan.subnet, gateway=self._plan.gateway)
        allocation = self._own_id() if is_own else self._any_id()
        asked = messages.Allocate(
            id="x", wants=[values.Want(allocation=allocation, network=network)], budget_ms=1000, for_reserve=True
        )
        return [asked] * (1 if is_own else FLOOD)

    def _lets_go(self) -> list[ToCoordinator]:
        rows = [
            values.LetGoRow(allocation=self._any_id(), family=4, age_ms=10**6, was_held=False)
            for _ in range(FLOOD)
        ]
        return [messages.LetGo(id="x", allocations=rows)]

    def _labels(self) -> list[ToCoordinator]:
        label = values.Label(container_id="mine", ifname="eth0")
        rows = [values.LabelRow(allocation=self._any_id(), label=label) for _ in range(FLOOD)]
        return [messages.SetLabels(id="x", labels=rows)]

    def _answers(self) -> list[ToCoordinator]:
        disowned = [self._any_id() for _ in range(FLOOD)]
        return [messages.Answer(id="x", disowned=disowned), messages.ProbeAnswer(id="x", nonce="0")]

    def _page_of_claims(self, page: int, *, last: bool) -> messages.Claims:
        claims = [self._claim() for _ in range(FLOOD)]
        return messages.Claims(id="x", welcome=self._welcome, page=page, last=last, claims=claims)

    def _claim(self) -> values.ClaimRow:
        base = self._plan.subnet.rpartition(".")[0]
        objects = self._ledger.objects
        is_known = bool(objects) and self._random.random() < 0.5
        allocation = self._random.choice(list(objects)) if is_known else self._own_id()
        address = (
            str(objects[allocation].fields["ipv4addr"]) if is_known else f"{base}.{self._random.randrange(1, 255)}"
        )
        return values.ClaimRow(
            allocation=allocation,
            view="default",
            subnet=self._plan.subnet,
            network_name=self._plan.name,
            address=address,
            state=self._random.choice(list(values.State)),
            seal="0" * 32,
        )

    def _any_id(self) -> str:
        objects = self._ledger.objects
        if not self._drawn:
            self._drawn = [self._own_id() for _ in range(FLOOD)]
        return self._random.choice(list(objects) if objects and self._random.random() < 0.8 else self._drawn)

    def _own_id(self) -> str:
        return str(self._owner().draw(f"{self._random.getrandbits(48):012x}"))

    def _owner(self) -> Owner:
        """It has no journal; machine and boot are those of the first node, should anybody look at these alone."""
        computer = self._ledger.computers[0]
        return Owner(
            cluster=self._cluster_id,
            node=hash_node(NODE),
            machine=hash_machine(computer.serial),
            boot=hash_boot(computer.boot_id),
            driver=hash_driver("infoblox"),
            journal=STRANGERS_JOURNAL,
        )
