"""Who writes to the bot by direct message in the runs of X's weather, and what each is owed.

Each orders once; some ask for their balance first, and some confirm what they ordered with a word,
once they were told of it. So the proof knows how many messages each has to have, and about what.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from tests import builders
from tests.chaos.house import House
from tests.chaos.mentions import PAYEE, WALLET_CENTS

ASK_FIRST: Final = 0.3
"""The share of those who ask for their balance first."""
CONFIRM: Final = 0.7
"""The share of those who confirm; the others leave it."""
TOLD: Final = """
SELECT o.source_id, o.reference FROM orders o JOIN outbox m ON m.order_id = o.id
WHERE o.source = 'dm' AND m.channel = 'dm' AND m.status = 'sent'
    AND NOT EXISTS (SELECT 1 FROM confirmation c WHERE c.order_id = o.id)
"""
"""What people may have read and not confirmed. X's own list of messages is long: the proof reads
that one, once."""


@dataclass(slots=True)
class Writer:
    """Somebody who writes: what they said, and what of it is owed an answer."""

    name: str
    x_user_id: str
    cents: int
    asks_first: bool
    confirms: bool
    order_id: str = ""
    """X's id of the message that orders; empty before it is sent."""
    reference: str = ""
    """Of their order, once they were told and have confirmed."""


@dataclass
class Writers:
    """People who order and confirm by direct message."""

    house: House
    seed: int
    count: int
    everybody: list[Writer] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)
    """How often what was said."""
    _ids: set[str] = field(default_factory=set)

    def move_in(self) -> None:
        """Let them have wallets, and confirm by direct message."""
        chance = random.Random(f"{self.seed} writers")
        for number in range(self.count):
            name = f"writer{number}"
            self.everybody.append(
                Writer(
                    name,
                    self.house.x.person(name),
                    chance.randrange(100, 1000),
                    asks_first=chance.random() < ASK_FIRST,
                    confirms=chance.random() < CONFIRM,
                )
            )
        with self.house.deps.store.write() as session:
            for one in self.everybody:
                builders.person(
                    session,
                    one.name,
                    cents=WALLET_CENTS,
                    x_user_id=one.x_user_id,
                    confirms_by_dm=True,
                )

    def order(self, up_to: int) -> None:
        """Let the next of them order, up to so many in all."""
        for one in self.everybody[self.said["an order"] : up_to]:
            if one.asks_first:
                self._say(one, "a question", "solde")
            amount = f"{one.cents // 100},{one.cents % 100:02}"
            one.order_id = self._say(one, "an order", f"envoie {amount}€ à @{PAYEE}")

    def confirm(self) -> None:
        """Let those confirm who were told how."""
        told = {row.source_id: row.reference for row in self.house.figures(TOLD)}
        for one in self.everybody:
            if one.confirms and not one.reference and one.order_id in told:
                one.reference = told[one.order_id]
                self._say(one, "a confirmation", f"oui {one.reference}")

    def _say(self, one: Writer, what: str, text: str) -> str:
        self.said[what] += 1
        message_id = self.house.x.write(one.name, text)
        self._ids.add(message_id)
        return message_id

    def unheard(self) -> int:
        """Return how many messages are not in the inbox."""
        rows = self.house.figures("SELECT source_id FROM inbox WHERE source = 'dm'")
        return len(self._ids - {row.source_id for row in rows})

    def unsaid(self) -> int:
        """Return how many orders and confirmations they have still to write."""
        confirming = sum(one.confirms for one in self.everybody)
        return self.count - self.said["an order"] + confirming - self.said["a confirmation"]
