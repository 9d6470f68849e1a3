"""Cards kept at the acquirer, and the mandates to charge them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlmodel import Session

from bot.domain.topup import TopupStatus
from bot.ports import SavedCard
from bot.store.confirmations import topups
from bot.store.tables import Mandate, SavedCardRow, core

saved_cards = core(SavedCardRow)
mandates = core(Mandate)


def keep(session: Session, person_id: int, card: SavedCard, *, at: datetime) -> int:
    """Write down a card that the acquirer keeps; return its row's id."""
    statement = saved_cards.insert().values(
        person_id=person_id,
        customer_id=card.customer_id,
        payment_method_id=card.payment_method_id,
        brand=card.brand,
        last4=card.last4,
        country=card.country,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        created_at=at,
    )
    card_id: int = session.execute(statement.returning(saved_cards.c.id)).scalar_one()
    return card_id


def permit(
    session: Session, saved_card_id: int, *, limit_cents: int, ends_at: datetime, at: datetime
) -> None:
    """Write down a mandate: up to `limit_cents` a charge, until `ends_at`."""
    session.execute(
        mandates.insert().values(
            saved_card_id=saved_card_id, limit_cents=limit_cents, consented_at=at, ends_at=ends_at
        )
    )


def saved_card(session: Session, saved_card_id: int) -> SavedCard:
    """Return a card that is kept."""
    row = session.execute(select(saved_cards).where(saved_cards.c.id == saved_card_id)).one()
    return SavedCard(
        customer_id=row.customer_id,
        payment_method_id=row.payment_method_id,
        brand=row.brand,
        last4=row.last4,
        country=row.country,
        exp_month=row.exp_month,
        exp_year=row.exp_year,
    )


def owner_of(session: Session, saved_card_id: int) -> int | None:
    """Return the person whose card it is."""
    return session.execute(
        select(saved_cards.c.person_id).where(saved_cards.c.id == saved_card_id)
    ).scalar_one_or_none()


def mandate_of(session: Session, saved_card_id: int, *, at: datetime) -> Row[Any] | None:
    """Return the mandate under which a card may be charged now."""
    return session.execute(
        select(mandates)
        .join(saved_cards, saved_cards.c.id == mandates.c.saved_card_id)
        .where(
            mandates.c.saved_card_id == saved_card_id,
            saved_cards.c.removed_at.is_(None),
            mandates.c.revoked_at.is_(None),
            mandates.c.ends_at > at,
        )
        .order_by(mandates.c.id.desc())
    ).first()


def cards_of(session: Session, person_id: int) -> Sequence[Row[Any]]:
    """Return a person's cards, those taken out apart, with their mandates, the newest last."""
    return session.execute(
        select(saved_cards, mandates.c.limit_cents, mandates.c.ends_at, mandates.c.revoked_at)
        .outerjoin(mandates, mandates.c.saved_card_id == saved_cards.c.id)
        .where(saved_cards.c.person_id == person_id, saved_cards.c.removed_at.is_(None))
        .order_by(saved_cards.c.id, mandates.c.id)
    ).all()


def remove(session: Session, saved_card_id: int, *, at: datetime) -> bool:
    """Take a card out of its owner's wallet and end its mandates; False where it was out."""
    done = session.connection().execute(
        update(saved_cards)
        .where(saved_cards.c.id == saved_card_id, saved_cards.c.removed_at.is_(None))
        .values(removed_at=at)
    )
    session.execute(
        update(mandates)
        .where(mandates.c.saved_card_id == saved_card_id, mandates.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    return done.rowcount == 1


def to_forget(session: Session, *, limit: int) -> Sequence[Row[Any]]:
    """Return the cards that are out here and not yet at the acquirer, nor being charged there."""
    charging = select(topups.c.saved_card_id).where(
        topups.c.saved_card_id == saved_cards.c.id, topups.c.status == TopupStatus.CREATED.value
    )
    return session.execute(
        select(saved_cards.c.id, saved_cards.c.payment_method_id)
        .where(
            saved_cards.c.removed_at.is_not(None),
            saved_cards.c.forgotten_at.is_(None),
            ~charging.exists(),
        )
        .order_by(saved_cards.c.id)
        .limit(limit)
    ).all()


def mark_forgotten(session: Session, saved_card_id: int, *, at: datetime) -> None:
    """Write down that the acquirer has removed a card too."""
    session.execute(
        update(saved_cards).where(saved_cards.c.id == saved_card_id).values(forgotten_at=at)
    )
