"""What somebody in the run has at hand, and how they find something to do."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, text

from bot.services.deps import Deps
from tests.chaos.far_side import LocalX, Network
from tests.chaos.plan import Plan


class NothingToDo(Exception):
    """There is nothing of the kind at present."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The bot's services, the far side, and chance."""

    plan: Plan
    deps: Deps
    x: LocalX
    network: Network
    random: random.Random
    posted: Callable[[], None]
    folder: Path

    def rows(self, query: str, **values: object) -> Sequence[Row[Any]]:
        """Ask the database."""
        with self.deps.store.read() as session:
            return session.execute(text(query), values).all()

    def pick(self, query: str, **values: object) -> Row[Any]:
        """Return one of the rows at random. Raises `NothingToDo`."""
        rows = self.rows(query, **values)
        if not rows:
            raise NothingToDo
        return self.random.choice(rows)

    def chance(self, of: float) -> bool:
        """Say yes as often as that."""
        return self.random.random() < of


def handle(number: int) -> str:
    """Return the handle of a payer."""
    return f"payer{number}"


def newcomer(number: int) -> str:
    """Return the handle of somebody without a wallet."""
    return f"newcomer{number}"
