"""Accounts that their owners close: what stands in the way, what goes at once, what goes later."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, exists, func, literal, or_, select, union, update
from sqlmodel import Session

from bot.domain.payout import PayoutStatus
from bot.domain.topup import UNFINISHED, DisputeStatus, RefundStatus
from bot.domain.transfer import TransferStatus
from bot.store import browsers, lost
from bot.store.cases import cases
from bot.store.confirmations import confirmations, topups
from bot.store.disputes import disputes
from bot.store.drafts import drafts
from bot.store.factors import consents, first_times
from bot.store.former import former_accounts
from bot.store.orders import orders, transfers
from bot.store.passkeys import passkeys
from bot.store.payouts import payouts
from bot.store.people import blocks, persons, x_accounts
from bot.store.refunds import refunds
from bot.store.tokens import phone_codes, web_sessions

LOCKED_REASON: Final = "closed by its owner"
_OF_OTHERS: Final = ("note", "lost_shut")
"""Kinds of cases about what others wrote or typed: nobody is kept by them."""
_OPEN: Final = (TransferStatus.PENDING.value, TransferStatus.FUNDING.value)


# --- what waits --------------------------------------------------------------------------------


def order_ids(session: Session, x_user_ids: Collection[str], person_id: int) -> list[int]:
    """Return the orders in which something of a person's accounts is open, or theirs is held.

    What others only ordered for them is not theirs.
    """
    own = orders.c.owner_x_user_id.in_(x_user_ids)
    pays = transfers.c.payer_x_user_id.in_(x_user_ids)
    moving = (
        select(orders.c.id)
        .join(transfers, transfers.c.order_id == orders.c.id)
        .where(
            or_(
                (own | pays) & transfers.c.status.in_(_OPEN),
                (transfers.c.payer_person_id == person_id)
                & (transfers.c.status == TransferStatus.HELD.value),
            )
        )
    )
    drafted = (
        select(orders.c.id)
        .join(drafts, drafts.c.order_id == orders.c.id)
        .where(own, drafts.c.ended_at.is_(None))
    )
    return sorted(session.execute(union(moving, drafted)).scalars())


def held_for_cents(session: Session, x_user_ids: Collection[str]) -> int:
    """Return what is held for these accounts as payees, in cents."""
    held = select(func.coalesce(func.sum(transfers.c.amount_cents), 0)).where(
        transfers.c.payee_x_user_id.in_(x_user_ids),
        transfers.c.status == TransferStatus.HELD.value,
    )
    return int(session.execute(held).scalar_one())


def held_by_cents(session: Session, person_id: int) -> int:
    """Return what left a person's wallet and waits for its payees, in cents."""
    held = select(func.coalesce(func.sum(transfers.c.amount_cents), 0)).where(
        transfers.c.payer_person_id == person_id, transfers.c.status == TransferStatus.HELD.value
    )
    return int(session.execute(held).scalar_one())


def in_the_way(session: Session, person_id: int) -> set[str]:
    """Return what of a person's is on its way or undecided: one word for each kind.

    `payment`, `card`, `refund`, `payout`, `dispute`, `case`.
    """
    found: dict[str, ColumnElement[bool]] = {
        "payment": exists().where(
            confirmations.c.person_id == person_id,
            confirmations.c.settled_at.is_(None),
            confirmations.c.funding == "wallet",
        ),
        "card": or_(
            exists().where(
                topups.c.person_id == person_id,
                topups.c.status.in_([one.value for one in UNFINISHED]),
            ),
            exists().where(
                confirmations.c.person_id == person_id,
                confirmations.c.settled_at.is_(None),
                confirmations.c.funding == "card",
            ),
        ),
        "refund": exists().where(
            refunds.c.person_id == person_id, refunds.c.status == RefundStatus.CREATED.value
        ),
        "payout": exists().where(
            payouts.c.person_id == person_id,
            payouts.c.status.in_([PayoutStatus.REQUESTED.value, PayoutStatus.EXPORTED.value]),
        ),
        "dispute": exists().where(
            disputes.c.person_id == person_id, disputes.c.status == DisputeStatus.OPEN.value
        ),
        "case": exists().where(
            cases.c.person_id == person_id,
            cases.c.closed_at.is_(None),
            cases.c.kind.not_in(_OF_OTHERS),
        ),
    }
    kinds = [select(literal(name)).where(there) for name, there in found.items()]
    return set(session.execute(union(*kinds)).scalars())


# --- the end -----------------------------------------------------------------------------------


def close(session: Session, person_id: int, x_user_ids: Sequence[str], *, at: datetime) -> None:
    """Write that a locked person closed their account, and forget what nobody needs any more.

    Their X accounts are nobody's from now on; passkeys, wallet code, browsers, blocks and what was
    typed are gone. What the books and the law want stays.
    """
    session.execute(
        former_accounts.insert().from_select(
            ["person_id", "x_user_id", "joined_at", "left_at"],
            select(
                x_accounts.c.person_id,
                x_accounts.c.x_user_id,
                x_accounts.c.joined_at,
                literal(at, former_accounts.c.left_at.type),
            ).where(x_accounts.c.person_id == person_id),
        )
    )
    session.execute(
        update(x_accounts)
        .where(x_accounts.c.person_id == person_id)
        .values(person_id=None, joined_at=None)
    )
    session.execute(delete(passkeys).where(passkeys.c.person_id == person_id))
    for table in (blocks, web_sessions, phone_codes, first_times):
        session.execute(delete(table).where(table.c.x_user_id.in_(x_user_ids)))
    lost.shut_out(session, person_id)
    lost.open_door(session, person_id)
    browsers.shut_wallet(session, person_id)
    session.execute(
        update(persons)
        .where(persons.c.id == person_id)
        .values(
            closed_at=at,
            locked_at=at,
            locked_reason=LOCKED_REASON,
            code_hash=None,
            lang=None,
            confirms_by_dm=False,
        )
    )


def closed_among(session: Session, person_ids: Collection[int]) -> set[int]:
    """Return which of some persons have closed their account."""
    return set(
        session.execute(
            select(persons.c.id).where(
                persons.c.id.in_(person_ids), persons.c.closed_at.is_not(None)
            )
        ).scalars()
    )


def prune(session: Session, *, before: datetime) -> int:
    """Forget who the persons were that closed their account before; return how many.

    Their row stays for the books, with its id and nothing that names anybody.
    """
    ids = list(
        session.execute(
            select(persons.c.id).where(persons.c.closed_at < before, persons.c.phone != "")
        ).scalars()
    )
    theirs = exists().where(
        former_accounts.c.person_id.in_(ids),
        former_accounts.c.x_user_id == consents.c.x_user_id,
        consents.c.at <= former_accounts.c.left_at,
    )
    session.execute(delete(consents).where(theirs))
    session.execute(delete(former_accounts).where(former_accounts.c.person_id.in_(ids)))
    session.execute(
        update(persons)
        .where(persons.c.id.in_(ids))
        .values(
            phone="",
            first_names=None,
            last_name=None,
            born_on=None,
            under_age_at=None,
            under_age_born_on=None,
        )
    )
    return len(ids)
