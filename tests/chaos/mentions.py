"""What people say on X in the runs of its weather, and what the bot owes each of them.

The parent posts, many at once by test control, and remembers every post: it is the one side of the
proof. Who says what is chosen by the seed.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests import builders
from tests.chaos.far_side import Obj
from tests.chaos.house import House

PAYEE: Final = "payee"
WALLET_CENTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Sort:
    """A sort of mention: how it is put, and what is owed to it; the first of them matters most."""

    name: str
    text: str
    by_newcomer: bool = False
    is_answered: bool = True
    is_order: bool = False
    is_hint: bool = False
    """What is wrong with a command, or help: dropped where there is no room."""


LINK: Final = Sort("a payer's command", "@smoney pay @payee {amount}", is_order=True)
FIRST: Final = Sort(
    "a newcomer's command", "@smoney envoie {amount} à @payee", by_newcomer=True, is_order=True
)
HINT: Final = Sort("a command without an amount", "@smoney pay @payee", is_order=True, is_hint=True)
HELP: Final = Sort("a question", "@smoney help", is_hint=True)
TALK: Final = Sort("talk", "what a day with @smoney, {amount}", is_answered=False)
MOSTLY_ORDERS: Final = {LINK: 70, FIRST: 10, HINT: 7, HELP: 6, TALK: 7}
"""What a day brings, by weight."""
MOSTLY_HINTS: Final = {LINK: 30, FIRST: 5, HINT: 35, HELP: 30}
"""A day on which there is more to drop than to keep."""


@dataclass(frozen=True, slots=True)
class Said:
    """One post: its sort, and the amount in it (cents; 0 where the command has none)."""

    sort: Sort
    cents: int


class Crowd:
    """People who mention the bot."""

    def __init__(self, house: House, seed: int, *, payers: int, newcomers: int) -> None:
        self.said: dict[str, Said] = {}
        self._house = house
        self._random = random.Random(f"{seed} crowd")
        self._payers = payers
        self._newcomers = newcomers

    def move_in(self) -> None:
        """Let payers and the payee have wallets."""
        names = [*(f"payer{one}" for one in range(self._payers)), PAYEE]
        ids = {name: self._house.x.person(name) for name in names}
        with self._house.deps.store.write() as session:
            for name, x_user_id in ids.items():
                builders.person(session, name, cents=WALLET_CENTS, x_user_id=x_user_id)

    def post(self, count: int, weights: Mapping[Sort, int]) -> None:
        """Let so many of them say something now."""
        if count <= 0:
            return
        sorts = self._random.choices(list(weights), list(weights.values()), k=count)
        wanted = [self._word(sort) for sort in sorts]
        for made, (said, _body) in zip(
            self._house.x.post_all([body for _said, body in wanted]), wanted, strict=True
        ):
            self.said[str(made["id"])] = said

    def _word(self, sort: Sort) -> tuple[Said, Obj]:
        cents = self._random.randrange(100, 1000)
        name = f"payer{self._random.randrange(self._payers)}"
        if sort.by_newcomer:
            name = f"newcomer{self._random.randrange(self._newcomers)}"
        amount = f"{cents // 100}.{cents % 100:02}€"
        has_amount = sort.is_order and "{amount}" in sort.text
        said = Said(sort, cents if has_amount else 0)
        return said, {"as": name, "text": sort.text.format(amount=amount)}

    def sorts(self) -> Counter[str]:
        """Count what was said, by sort."""
        return Counter(one.sort.name for one in self.said.values())
