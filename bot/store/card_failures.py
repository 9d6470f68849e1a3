"""The failures of cards, counted by person, card and address, and soon forgotten."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, select, update
from sqlmodel import Session

from bot.domain.cards import CardFailure
from bot.store.confirmations import topups
from bot.store.engine import dialect_insert
from bot.store.tables import CardFailure as CardFailureRow
from bot.store.tables import core

failures = core(CardFailureRow)


def write(
    session: Session,
    new: Collection[CardFailure],
    *,
    topup_id: str,
    person_id: int,
    address_hash: str | None,
    at: datetime,
) -> int:
    """Write what failed, each attempt once; return how many were new."""
    rows = [
        {
            "topup_id": topup_id,
            "key": one.key,
            "person_id": person_id,
            "fingerprint": one.card_fingerprint,
            "address_hash": address_hash,
            "at": at,
        }
        for one in new
    ]
    if not rows:
        return 0
    insert = dialect_insert(session)(failures).values(rows).on_conflict_do_nothing()
    return len(session.execute(insert.returning(failures.c.id)).all())


_TIMES: Final = {
    name: select(failures.c.at).where(
        failures.c.at >= bindparam("since"), failures.c[name] == bindparam("value")
    )
    for name in ("person_id", "fingerprint", "address_hash")
}


def times_of(
    session: Session,
    *,
    since: datetime,
    person_id: int | None = None,
    fingerprint: str | None = None,
    address_hash: str | None = None,
) -> list[datetime]:
    """Return when attempts failed: of a person, or of a card, or from an address."""
    given = {"person_id": person_id, "fingerprint": fingerprint, "address_hash": address_hash}
    names = [name for name, value in given.items() if value is not None]
    assert len(names) == 1, "counted by one of the three"
    asked = {"since": since, "value": given[names[0]]}
    return list(session.execute(_TIMES[names[0]], asked).scalars())


def prune(session: Session, *, before: datetime) -> int:
    """Forget old failures, and the addresses of old top-ups; return how many failures went."""
    session.execute(
        update(topups)
        .where(topups.c.created_at < before, topups.c.address_hash.is_not(None))
        .values(address_hash=None)
    )
    return session.connection().execute(delete(failures).where(failures.c.at < before)).rowcount
