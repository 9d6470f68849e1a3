"""Whose a side of a transfer is: the person's who had the X account then, not its holder's now.

Whoever closed their account stays in the rows. Who has their X account next, the same human or
another, acts for nobody but themselves: they lock, block, decline and report what is theirs.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.transfer import TransferStatus
from bot.store import former, people


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody with their X accounts, as a side of orders and transfers."""

    person_id: int | None
    """None for who has no wallet."""
    accounts: frozenset[str]
    since: Mapping[str, datetime]
    """Until when an account was that of a person who closed theirs."""

    def pays(self, transfer: Row[Any]) -> bool:
        """Whether a transfer is theirs to pay, or was paid from their wallet."""
        return self._has(transfer.payer_x_user_id, transfer.payer_person_id, transfer.created_at)

    def gets(self, transfer: Row[Any]) -> bool:
        """Whether a transfer is theirs as its payee.

        What is held waits for the X account that its payer named, in whose hands it may be.
        """
        if transfer.status == TransferStatus.HELD.value:
            return transfer.payee_x_user_id in self.accounts
        return self._has(transfer.payee_x_user_id, transfer.payee_person_id, transfer.created_at)

    def made(self, order: Row[Any]) -> bool:
        """Whether an order is theirs."""
        return self._has(order.owner_x_user_id, None, order.created_at)

    def _has(self, x_user_id: str, person_id: int | None, at: datetime) -> bool:
        if person_id is not None:
            return person_id == self.person_id
        ended = self.since.get(x_user_id)
        return x_user_id in self.accounts and (ended is None or at > ended)


def behind(session: Session, x_user_id: str) -> Party:
    """Return whoever has an X account now, with all theirs."""
    person = people.person_of(session, x_user_id)
    mine = people.account_ids_of(session, person.id) if person is not None else [x_user_id]
    return of(session, person.id if person is not None else None, mine)


def of(session: Session, person_id: int | None, x_user_ids: Collection[str]) -> Party:
    """Return somebody who acts as these of their accounts."""
    return Party(person_id, frozenset(x_user_ids), former.since(session, x_user_ids))
