"""Confirmations and the top-ups that fund some of them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, select, update
from sqlmodel import Session

from bot.domain import sca
from bot.domain.topup import UNFINISHED, TopupStatus, may_go
from bot.domain.transfer import TransferStatus
from bot.store.orders import orders, transfers
from bot.store.sets import Change, Statement, write
from bot.store.tables import Confirmation, Topup, TopupEvent, core

confirmations = core(Confirmation)
topups = core(Topup)
topup_events = core(TopupEvent)

# What is asked for each payment is built once: that takes longer than the answer.
_INSERT: Final = confirmations.insert().returning(confirmations.c.id)
_COVER: Final = update(transfers).where(
    transfers.c.id == bindparam("transfer"),
    transfers.c.status == TransferStatus.PENDING.value,
    transfers.c.terms_hash == bindparam("shown"),
    transfers.c.confirmation_id.is_(None),
)
_GET: Final = select(confirmations).where(confirmations.c.id == bindparam("wanted"))
_EXEMPTED: Final = select(func.coalesce(func.sum(confirmations.c.total_cents), 0)).where(
    confirmations.c.person_id == bindparam("person"),
    confirmations.c.settled_at.is_(None),
    confirmations.c.sca_basis == sca.Basis.LOW_VALUE.value,
)
_COVERED_IDS: Final = select(transfers.c.id).where(
    transfers.c.confirmation_id == bindparam("confirmation")
)
_LOCK_ORDER: Final = (
    select(orders)
    .where(orders.c.id == bindparam("wanted"))
    .with_for_update(key_share=True)  # vanishes on SQLite: a writer is alone anyway
)
_UNFINISHED: Final = topups.c.status.in_([one.value for one in UNFINISHED])
_INSERT_TOPUP: Final = topups.insert()
_INSERT_EVENT: Final = topup_events.insert()
_TOPUP: Final = select(topups).where(topups.c.id == bindparam("topup"))
_LOCK_TOPUP: Final = _TOPUP.with_for_update()
_TOPUP_OF: Final = select(topups).where(topups.c.confirmation_id == bindparam("confirmation"))
_TOPUPS_OF_ORDER: Final = (
    select(topups)
    .where(topups.c.order_id == bindparam("order"), topups.c.person_id == bindparam("person"))
    .order_by(topups.c.created_at, topups.c.id)
)
_ADVANCE_TOPUP: Final = (
    update(topups)
    .where(topups.c.id == bindparam("topup"), topups.c.status == bindparam("old"))
    .values(sequence=topups.c.sequence + 1)
    .returning(topups.c.sequence)
)
_CHANGE_TOPUP: Final = update(topups).where(topups.c.id == bindparam("topup"), _UNFINISHED)
_LOCK_TOPUPS: Final = (
    select(topups.c.id)
    .where(topups.c.order_id == bindparam("order"))
    .order_by(topups.c.id)
    .with_for_update()  # vanishes on SQLite: a writer is alone anyway
)
_DECIDE: Final = _CHANGE_TOPUP.where(topups.c.decision.is_(None))
_DUE_TOPUPS: Final = (
    select(topups.c.id)
    .where(_UNFINISHED, topups.c.next_attempt_at <= bindparam("at"))
    .order_by(topups.c.next_attempt_at, topups.c.id)
    .limit(bindparam("at_most"))
)


def insert(session: Session, **values: object) -> int:
    """Write a confirmation; return its id."""
    confirmation_id: int = session.execute(_INSERT, values).scalar_one()
    return confirmation_id


def cover(
    session: Session,
    confirmation_id: int,
    rows: Iterable[Row[Any]],
    *,
    person_id: int,
    at: datetime,
) -> int:
    """Bind pending transfers to a confirmation, each guarded by the terms that were shown.

    Returns how many were bound: fewer than given means that somebody else was quicker.
    """
    values = {"confirmation_id": confirmation_id, "payer_person_id": person_id, "confirmed_at": at}
    bound = 0
    for row in rows:
        which = {"transfer": row.id, "shown": row.terms_hash}
        bound += session.connection().execute(_COVER, which | values).rowcount
    return bound


def release(session: Session, confirmation_ids: Collection[int]) -> None:
    """Unbind transfers that are pending from confirmations that came to nothing."""
    session.execute(
        update(transfers)
        .where(
            transfers.c.confirmation_id.in_(confirmation_ids),
            transfers.c.status == TransferStatus.PENDING.value,
        )
        .values(confirmation_id=None, confirmed_at=None, payer_person_id=None, funding=None)
    )


_WAITING: Final = """
    SELECT c.id, c.order_id, c.person_id, c.payer_x_user_id, c.funding, c.terms_hash,
        c.total_cents, c.sca_basis, o.reference, o.owner_x_user_id,
        (SELECT value FROM cursor WHERE name = 'bot.account') AS bot
    FROM confirmation c JOIN orders o ON o.id = c.order_id WHERE {which}
    ORDER BY c.id LIMIT :most FOR UPDATE OF c {others}
"""
_LOCK: Final = Statement(_WAITING.format(which="c.id = :only", others=""))
_LOCK_WAITING, _LOCK_SOME_WAITING = (
    Statement(
        _WAITING.format(
            which=f"c.settled_at IS NULL AND c.funding = 'wallet' {which}", others="SKIP LOCKED"
        )
    )
    for which in ("", "AND c.id = ANY(:only bigint)")
)


def lock_waiting(
    session: Session, *, limit: int, only: Collection[int] | None = None
) -> Sequence[Row[Any]]:
    """Lock the unsettled confirmations from wallets, oldest first, save those in other hands.

    Each with its order's reference, and who the bot is.
    """
    if only is not None:
        return _LOCK_SOME_WAITING.run(session, most=limit, only=only)
    return _LOCK_WAITING.run(session, most=limit)


def waiting_ids(session: Session, *, limit: int) -> list[int]:
    """Return the ids of the unsettled confirmations from wallets, oldest first."""
    return list(
        session.execute(
            select(confirmations.c.id)
            .where(confirmations.c.settled_at.is_(None), confirmations.c.funding == "wallet")
            .order_by(confirmations.c.id)
            .limit(limit)
        ).scalars()
    )


def lock(session: Session, confirmation_id: int) -> Row[Any]:
    """Lock one confirmation, and return it with its order's reference."""
    row: Row[Any]
    (row,) = _LOCK.run(session, most=1, only=confirmation_id)
    return row


def get(session: Session, confirmation_id: int) -> Row[Any]:
    """Return one confirmation."""
    return session.execute(_GET, {"wanted": confirmation_id}).one()


def bases(session: Session, confirmation_ids: Collection[int | None]) -> dict[int, str | None]:
    """Return on which basis of the law each confirmation was allowed."""
    rows = session.execute(
        select(confirmations.c.id, confirmations.c.sca_basis).where(
            confirmations.c.id.in_([one for one in confirmation_ids if one is not None])
        )
    )
    return {row.id: row.sca_basis for row in rows}


def last_outcome(session: Session, order_id: int, person_id: int) -> str | None:
    """Return what became of a payer's newest confirmation in an order; None where that is open."""
    outcome: str | None = session.execute(
        select(confirmations.c.outcome)
        .where(confirmations.c.order_id == order_id, confirmations.c.person_id == person_id)
        .order_by(confirmations.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return outcome


def exempted_cents(session: Session, person_id: int, *, before_id: int | None = None) -> int:
    """Return what unsettled confirmations of a person would pay without authentication, in cents.

    `before_id`: only those older than this one.
    """
    total = _EXEMPTED if before_id is None else _EXEMPTED.where(confirmations.c.id < before_id)
    return int(session.execute(total, {"person": person_id}).scalar_one())


def covered(session: Session, confirmation_ids: Collection[int]) -> Sequence[Row[Any]]:
    """Lock and return the transfers that confirmations cover, oldest first."""
    return session.execute(
        select(transfers)
        .where(transfers.c.confirmation_id.in_(confirmation_ids))
        .order_by(transfers.c.id)
        .with_for_update()
    ).all()


def covered_ids(session: Session, confirmation_id: int) -> list[int]:
    """Return the ids of the transfers that a confirmation covers."""
    return list(session.execute(_COVERED_IDS, {"confirmation": confirmation_id}).scalars())


def settle(
    session: Session, confirmation_ids: Collection[int], *, outcome: str, at: datetime
) -> None:
    """Record what became of confirmations; each is settled once."""
    write(session, settling(dict.fromkeys(confirmation_ids, outcome), {}, at=at))


_SETTLE: Final = Statement(
    """
    UPDATE confirmation SET settled_at = :at, outcome = ended.outcome,
        sca_basis = COALESCE(ended.basis, sca_basis)
    FROM GIVEN ended(id bigint, outcome text, basis text)
    WHERE confirmation.id = ended.id AND UNINDEXED(confirmation.settled_at) IS NULL
    """
)


def settling(
    outcomes: Mapping[int, str], bases: Mapping[int, sca.Basis], *, at: datetime
) -> list[Change]:
    """Return what records what became of confirmations; each is settled once."""
    basis = [found.value if (found := bases.get(one)) is not None else None for one in outcomes]
    ended = {"id": list(outcomes), "outcome": list(outcomes.values()), "basis": basis}
    return [Change("confirmation", _SETTLE, {"ended": ended, "at": at}, len(outcomes))]


# --- top-ups -----------------------------------------------------------------------------------


def insert_topup(session: Session, *, at: datetime, **values: object) -> None:
    """Write a top-up, created, with the first event of its history."""
    born = {"status": TopupStatus.CREATED.value, "created_at": at, "next_attempt_at": at}
    session.execute(_INSERT_TOPUP, {"sequence": 1, **born, **values})
    event = {"topup_id": values["id"], "sequence": 1, "status": "created", "at": at}
    session.execute(_INSERT_EVENT, {"reason": "confirmed", **event})


def topup(session: Session, topup_id: str, *, lock: bool = False) -> Row[Any] | None:
    """Return a top-up; `lock` for a writer."""
    statement = _LOCK_TOPUP if lock else _TOPUP
    return session.execute(statement, {"topup": topup_id}).one_or_none()


def topup_of(session: Session, confirmation_id: int) -> Row[Any] | None:
    """Return the top-up that funds a confirmation."""
    return session.execute(_TOPUP_OF, {"confirmation": confirmation_id}).one_or_none()


def find_topup(
    session: Session, *, topup_id: str | None, session_id: str | None, payment_id: str | None
) -> Row[Any] | None:
    """Return the top-up that a webhook's event points at, by whichever id it has."""
    for column, value in (
        (topups.c.id, topup_id),
        (topups.c.session_id, session_id),
        (topups.c.payment_id, payment_id),
    ):
        if value is not None:
            found = session.execute(select(topups).where(column == value)).first()
            if found is not None:
                return found
    return None


def topups_of_order(session: Session, order_id: int, person_id: int) -> Sequence[Row[Any]]:
    """Return the top-ups that one payer of an order began, oldest first."""
    which = {"order": order_id, "person": person_id}
    return session.execute(_TOPUPS_OF_ORDER, which).all()


def charging_cents(session: Session, person_id: int) -> int:
    """Return what top-ups under way will leave in a person's wallet, in cents."""
    total = select(func.coalesce(func.sum(topups.c.amount_cents), 0)).where(
        topups.c.person_id == person_id,
        topups.c.confirmation_id.is_(None),
        _UNFINISHED,
    )
    return int(session.execute(total).scalar_one())


def has_charged_card(session: Session, person_id: int) -> bool:
    """Whether a saved card of a person's was ever charged, or is to be."""
    found = session.execute(
        select(topups.c.id).where(
            topups.c.person_id == person_id, topups.c.saved_card_id.is_not(None)
        )
    ).first()
    return found is not None


def advance_topup(
    session: Session,
    topup_id: str,
    *,
    old: TopupStatus,
    new: TopupStatus,
    reason: str,
    at: datetime,
    **values: object,
) -> bool:
    """Move a top-up from one status to another; False where it is no longer in the old one."""
    assert may_go(old, new), f"no top-up goes from {old} to {new}"
    given = {"topup": topup_id, "old": old.value, "status": new.value, **values}
    moved = session.execute(_ADVANCE_TOPUP, given).scalar_one_or_none()
    if moved is None:
        return False
    event = {"topup_id": topup_id, "sequence": moved, "status": new.value, "at": at}
    session.execute(_INSERT_EVENT, {"reason": reason[:60], **event})
    return True


def change_topup(session: Session, topup_id: str, **values: object) -> bool:
    """Set columns of a top-up that is not finished, its status apart."""
    assert "status" not in values, "a status changes by advance_topup"
    done = session.connection().execute(_CHANGE_TOPUP, {"topup": topup_id, **values})
    return done.rowcount == 1


def lock_order(session: Session, order_id: int) -> Row[Any]:
    """Lock an order and return it.

    Who adds a top-up to it, or looks for all that it has, comes here first.
    `key_share` lets others go on to write rows that refer to it.
    """
    return session.execute(_LOCK_ORDER, {"wanted": order_id}).one()


def lock_topups(session: Session, order_id: int) -> None:
    """Lock the top-ups of an order: whoever goes on to its transfers has to have them first."""
    session.execute(_LOCK_TOPUPS, {"order": order_id}).all()


def hurry(session: Session, confirmation_ids: Collection[int], *, at: datetime) -> None:
    """Let the recovery job look at the top-ups of confirmations at once."""
    session.execute(
        update(topups)
        .where(topups.c.confirmation_id.in_(confirmation_ids), _UNFINISHED)
        .values(next_attempt_at=at)
    )


def decide(session: Session, topup_id: str, *, decision: str, refusal: str | None) -> bool:
    """Write what is to become of an authorization, or of a charge that is to be made, once.

    False where that is written already.
    """
    values = {"topup": topup_id, "decision": decision, "refusal": refusal}
    return session.connection().execute(_DECIDE, values).rowcount == 1


def due_topups(session: Session, *, at: datetime, limit: int) -> list[str]:
    """Return the unfinished top-ups whose next attempt is due."""
    return list(session.execute(_DUE_TOPUPS, {"at": at, "at_most": limit}).scalars())


def add_failures(session: Session, topup_id: str, count: int) -> None:
    """Count failed attempts of a top-up, whatever became of it since."""
    session.execute(
        update(topups)
        .where(topups.c.id == topup_id)
        .values(failed_attempts=topups.c.failed_attempts + count)
    )
