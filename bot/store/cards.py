"""Cards kept at the acquirer, for whom, and the mandates to charge them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, and_, bindparam, case, func, or_, select, update
from sqlmodel import Session

from bot.domain.cards import Permission, SavedCard
from bot.domain.sca import Basis
from bot.domain.topup import TopupStatus
from bot.store.confirmations import topups
from bot.store.tables import CardCustomer, Mandate, SavedCardRow, core

saved_cards = core(SavedCardRow)
mandates = core(Mandate)
customers = core(CardCustomer)


# --- the acquirer's customer ---------------------------------------------------------------------


def want_customer(session: Session, person_id: int, *, key: str, at: datetime) -> None:
    """Write down that the acquirer is to know a person, under this key where it does not yet."""
    done = session.connection().execute(
        update(customers)
        .where(customers.c.person_id == person_id)
        .values(key=case((customers.c.customer_id.is_(None), key), else_=customers.c.key))
    )
    if not done.rowcount:
        row = customers.insert().values(person_id=person_id, key=key, created_at=at)
        session.execute(row)


def customer(session: Session, person_id: int) -> Row[Any]:
    """Return a person's row: the key, and the acquirer's customer once there is one."""
    return session.execute(select(customers).where(customers.c.person_id == person_id)).one()


def name_customer(session: Session, person_id: int, customer_id: str) -> str:
    """Write down which customer the acquirer made; return the one that counts, the first."""
    statement = (
        update(customers)
        .where(customers.c.person_id == person_id)
        .values(customer_id=func.coalesce(customers.c.customer_id, customer_id))
        .returning(customers.c.customer_id)
    )
    named: str = session.execute(statement).scalar_one()
    return named


def lose_customer(session: Session, person_id: int, customer_id: str) -> None:
    """Write down that the acquirer no longer knows a customer: the next attempt makes another."""
    session.execute(
        update(customers)
        .where(customers.c.person_id == person_id, customers.c.customer_id == customer_id)
        .values(customer_id=None)
    )


# --- cards ---------------------------------------------------------------------------------------


def keep(
    session: Session,
    person_id: int,
    card: SavedCard,
    *,
    at: datetime,
    removed_at: datetime | None = None,
) -> int:
    """Write down a card that the acquirer keeps; return its row's id.

    `removed_at`: where it is in no wallet, and the acquirer is only to remove it.
    """
    statement = saved_cards.insert().values(
        person_id=person_id,
        customer_id=card.customer_id,
        payment_method_id=card.payment_method_id,
        brand=card.brand,
        last4=card.last4,
        country=card.country,
        fingerprint=card.fingerprint,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        created_at=at,
        removed_at=removed_at,
    )
    card_id: int = session.execute(statement.returning(saved_cards.c.id)).scalar_one()
    return card_id


def same_card(session: Session, person_id: int, card: SavedCard) -> Sequence[Row[Any]]:
    """Return the rows of this card: those in a person's wallet, and any of its payment method."""
    in_wallet = and_(saved_cards.c.person_id == person_id, saved_cards.c.removed_at.is_(None))
    by_number = and_(in_wallet, saved_cards.c.fingerprint == card.fingerprint)
    by_id = saved_cards.c.payment_method_id == card.payment_method_id
    return session.execute(select(saved_cards).where(or_(by_id, by_number))).all()


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
        fingerprint=row.fingerprint,
    )


def owner_of(session: Session, saved_card_id: int) -> int | None:
    """Return the person whose card it is."""
    return session.execute(
        select(saved_cards.c.person_id).where(saved_cards.c.id == saved_card_id)
    ).scalar_one_or_none()


# --- mandates ------------------------------------------------------------------------------------


def permit(
    session: Session,
    permission: Permission,
    *,
    saved_card_id: int | None = None,
    topup_id: str | None = None,
    sca_basis: Basis | None = None,
    at: datetime,
) -> None:
    """Write a mandate down: for a card, or with the payment that is to bring one.

    That one is by two factors, whose basis stands with it.
    """
    session.execute(
        mandates.insert().values(
            saved_card_id=saved_card_id,
            topup_id=topup_id,
            version=permission.version,
            limit_cents=permission.limit_cents,
            sca_basis=sca_basis.value if sca_basis is not None else None,
            consented_at=at,
            ends_at=permission.ends_at,
        )
    )


def mandate_given_with(session: Session, topup_id: str) -> Row[Any] | None:
    """Return the mandate that was given with a payment, while it has no card and is not void."""
    return session.execute(_GIVEN_WITH, {"topup": topup_id}).one_or_none()


_GIVEN_WITH: Final = select(mandates).where(
    mandates.c.topup_id == bindparam("topup"),
    mandates.c.saved_card_id.is_(None),
    mandates.c.revoked_at.is_(None),
)


def bind(session: Session, mandate_id: int, saved_card_id: int) -> None:
    """Let a mandate permit charges of the card that came with its payment."""
    session.execute(
        update(mandates).where(mandates.c.id == mandate_id).values(saved_card_id=saved_card_id)
    )


def withdraw(session: Session, mandate_id: int, *, at: datetime) -> None:
    """End a mandate whose payment brought no card."""
    session.execute(update(mandates).where(mandates.c.id == mandate_id).values(revoked_at=at))


def mandate_of(session: Session, saved_card_id: int, *, at: datetime) -> Row[Any] | None:
    """Return the mandate under which a card may be charged now; None also where it is expired."""
    return session.execute(
        select(mandates)
        .join(saved_cards, saved_cards.c.id == mandates.c.saved_card_id)
        .where(
            mandates.c.saved_card_id == saved_card_id,
            saved_cards.c.removed_at.is_(None),
            mandates.c.revoked_at.is_(None),
            mandates.c.ends_at > at,
            saved_cards.c.exp_year * 12 + saved_cards.c.exp_month >= at.year * 12 + at.month,
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
    revoke(session, saved_card_id, at=at)
    return done.rowcount == 1


def revoke(session: Session, saved_card_id: int, *, at: datetime) -> None:
    """End the mandates of a card."""
    session.execute(
        update(mandates)
        .where(mandates.c.saved_card_id == saved_card_id, mandates.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )


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
