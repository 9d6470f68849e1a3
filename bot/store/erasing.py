"""What of a closed person's goes before its time, at their wish: words, never money or identity."""

from datetime import datetime

from sqlalchemy import ColumnElement, Update, and_, case, delete, exists, or_, select, update
from sqlmodel import Session

from bot.store.cases import cases
from bot.store.confirmations import topups
from bot.store.drafts import drafts, named
from bot.store.factors import texts
from bot.store.former import Who
from bot.store.inbox import inbox
from bot.store.orders import orders, transfers
from bot.store.outbox import outbox
from bot.store.people import x_accounts
from bot.store.whose import heard_from, owned


def erase(session: Session, who: Who) -> dict[str, int]:
    """Forget what somebody ordered and was written, and what is known of their X accounts.

    Returns how many rows lost something, by what they were; twice is once. A note that was reported
    stays while its case is open: it is what the case is about.
    """
    own = select(orders.c.id).where(owned(who))
    names_people = exists().where(named.c.order_id == drafts.c.order_id)
    to_them = or_(
        who.by(outbox.c.to_x_user_id, outbox.c.created_at),
        and_(outbox.c.channel == "reply", outbox.c.order_id.in_(own)),
    )
    theirs = [one for one, span in who.accounts.items() if not span.is_anothers]
    counts = {
        "notes": _run(
            session,
            update(transfers)
            .where(transfers.c.order_id.in_(own), transfers.c.note.is_not(None), ~_is_looked_at())
            .values(note=None),
        ),
        "drafts": _run(
            session,
            update(drafts)
            .where(
                drafts.c.order_id.in_(own),
                or_(drafts.c.note.is_not(None), drafts.c.amount_text.is_not(None), names_people),
            )
            .values(note=None, amount_text=None),
        ),
        "messages_sent": _run(
            session,
            update(outbox)
            .where(to_them, outbox.c.status != "waiting", outbox.c.text != "")
            .values(text=""),
        ),
        "addresses": _run(
            session,
            update(topups)
            .where(topups.c.person_id == who.person_id, topups.c.address_hash.is_not(None))
            .values(address_hash=None),
        ),
        "x_accounts": _run(
            session,
            update(x_accounts)
            .where(
                x_accounts.c.x_user_id.in_(theirs),
                or_(x_accounts.c.name != "", x_accounts.c.lang.is_not(None)),
            )
            .values(name="", lang=None),
        ),
    }
    session.execute(delete(named).where(named.c.order_id.in_(own)))
    return counts | {"text_messages": _texts(session, who)}


def forget_messages(session: Session, who: Who, *, at: datetime, reason: str) -> int:
    """Forget what came in from somebody, as far as it was found; return how many lost their text.

    What waits is not read any more, for a `reason`.
    """
    is_waiting = inbox.c.status == "waiting"
    return _run(
        session,
        update(inbox)
        .where(heard_from(who), inbox.c.body.is_not(None))
        .values(
            body=None,
            author_x_user_id=None,
            status=case((is_waiting, "ignored"), else_=inbox.c.status),
            reason=case((is_waiting, reason), else_=inbox.c.reason),
            done_at=case((is_waiting, at), else_=inbox.c.done_at),
        ),
    )


def _is_looked_at() -> ColumnElement[bool]:
    """Whether a note of a transfer's order was reported, and the case is open."""
    return exists().where(
        cases.c.kind == "note",
        cases.c.order_id == transfers.c.order_id,
        cases.c.closed_at.is_(None),
    )


def _texts(session: Session, who: Who) -> int:
    """Forget the texts that went; one that waits, as that the account is closed, goes first."""
    mine = or_(who.by(texts.c.x_user_id, texts.c.created_at), texts.c.person_id == who.person_id)
    gone = or_(texts.c.next_attempt_at.is_(None), texts.c.sent_at.is_not(None))
    return session.connection().execute(delete(texts).where(mine, gone)).rowcount


def _run(session: Session, statement: Update) -> int:
    return session.connection().execute(statement).rowcount
