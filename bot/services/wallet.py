"""The wallet: what it shows to its owner, and its switches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books
from bot.domain.cards import is_expired
from bot.domain.commands import Lang
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.domain.transfer import TransferStatus
from bot.services import blocks, locks, mandates, notes
from bot.services.blocks import Blocked
from bot.services.deps import Deps
from bot.services.notes import Manner, Reader
from bot.services.sessions import Visitor, person_behind
from bot.services.tell import shown
from bot.store import activity, cards, drafts, ledger, people

HISTORY_LINES: Final = 20
"""Lines of history on the wallet's page."""

What = Literal[
    "to_confirm", "to_ask", "to_choose", "to_pay", "to_claim", "held", "asked", "under_way"
]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order in which something waits, as its link shows it.

    `to_confirm`, `to_ask`, `to_choose`, `to_pay` and `to_claim` wait for the visitor; `held` and
    `asked` for the others; `under_way` for the card.
    """

    what: What
    reference: str
    amount_cents: int | None
    """None where the amount is still to be chosen."""
    people: tuple[str, ...]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of history: `amount_cents` is below zero for what was paid."""

    reference: str
    status: str
    amount_cents: int
    other_handle: str
    note: str | None
    """None also where its reader reported it."""
    note_is: Manner
    number: int
    at: datetime
    is_refund: bool = False
    """Whether an operator gave back what the other had received, or what was received."""

    @property
    def said(self) -> str:
        """Return the key of the words for what it is."""
        side = "paid" if self.amount_cents < 0 else "got"
        return f"page.wallet.line.{side}.{'refunded' if self.is_refund else self.status}"


@dataclass(frozen=True, slots=True)
class Card:
    """A card that is kept, and until when it may be charged."""

    id: int
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    is_expired: bool
    limit_cents: int | None
    mandate_ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class WalletPage:
    """A wallet as its owner sees it."""

    balance_cents: int
    confirms_by_dm: bool
    locked: Reply | None
    """That the wallet is locked, as its owner reads it; None where it is not."""
    waits: tuple[Waiting, ...]
    history: tuple[Line, ...]
    cards: tuple[Card, ...]
    phone_digits: str
    """The last two of its number."""
    handles: tuple[str, ...]
    """The X accounts that name this wallet."""
    blocked: tuple[Blocked, ...]
    """Whose requests its owner does not want."""
    lang: Lang | None
    """What its owner chose; None: pages speak the browser's language, replies the post's."""


# --- switches ----------------------------------------------------------------------------------


def switch_dm(deps: Deps, visitor: Visitor, *, on: bool) -> None:
    """Let a person's own direct messages confirm small payments from the wallet, or no longer."""
    _change(deps, visitor, confirms_by_dm=on)


def choose_lang(deps: Deps, visitor: Visitor, lang: Lang | None) -> None:
    """Speak to a person in this language from now on, on pages, in replies, messages and texts.

    None: as before any choice, in the browser's language, that of their posts, or French.
    """
    _change(deps, visitor, lang=lang)


def _change(deps: Deps, visitor: Visitor, **values: object) -> None:
    with deps.store.write() as session:
        person = person_behind(session, visitor)
        if person is None:
            raise Refusal(Reply.of("refusal.no_wallet"))
        people.change_person(session, person.id, **values)


# --- the page ----------------------------------------------------------------------------------


def wallet_page(deps: Deps, visitor: Visitor) -> WalletPage:
    """Return what a wallet shows to its owner. Raises `Refusal` where there is none."""
    with deps.store.read() as session:
        person = person_behind(session, visitor)
        if person is None:
            raise Refusal(Reply.of("refusal.no_wallet"))
        mine = people.account_ids_of(session, person.id)
        ended = activity.ended(session, mine, person_id=person.id, limit=HISTORY_LINES)
        accounts = people.accounts_by_id(
            session,
            {row.payer_x_user_id for row in ended}
            | {row.payee_x_user_id for row in ended}
            | set(mine),
        )
        # Who signed in with X sees what waits for that account; who entered without, for them all.
        acting = mine if visitor.x_user_id is None else [visitor.x_user_id]
        return WalletPage(
            balance_cents=ledger.balance(session, books.wallet(person.id)),
            confirms_by_dm=person.confirms_by_dm,
            locked=locks.said(person),
            lang=person.lang,
            waits=tuple(line for one in acting for line in _waiting_for(session, one, person.id)),
            history=lines_of(session, ended, accounts, person.id, mine),
            cards=_cards(session, person.id, deps.clock.now()),
            phone_digits=person.phone[-2:],
            handles=tuple(shown(accounts[one]) for one in mine),
            blocked=blocks.blocked_by(session, mine),
        )


def waits(deps: Deps, visitor: Visitor) -> tuple[Waiting, ...]:
    """Return what waits for, or because of, an X account: all that signing in with X shows."""
    with deps.store.read() as session:
        return _waiting_for(session, visitor.account, visitor.person_id)


def _waiting_for(session: Session, x_user_id: str, person_id: int | None) -> tuple[Waiting, ...]:
    waiting = activity.waiting(session, x_user_id, person_id)
    ids = {row.payer_x_user_id for row in waiting} | {row.payee_x_user_id for row in waiting}
    accounts = people.accounts_by_id(session, ids)
    return (*_drafts(session, x_user_id), *_waits(waiting, accounts, x_user_id))


def _drafts(session: Session, x_user_id: str) -> tuple[Waiting, ...]:
    """Return the splits, and the commands whose amount was misread, that wait for a tap."""
    rows = drafts.open_of(session, [x_user_id])
    named = drafts.people_of(session, [row.order_id for row in rows])
    return tuple(
        Waiting(
            what="to_ask" if row.misread is None else "to_choose",
            reference=row.reference,
            amount_cents=row.amount_cents if row.misread is None else None,
            people=tuple(one.handle for one in named if one.order_id == row.order_id),
            until=row.confirm_by,
        )
        for row in rows
    )


def _waits(
    rows: Sequence[Row[Any]], accounts: dict[str, Row[Any]], x_user_id: str
) -> tuple[Waiting, ...]:
    """Put the transfers that wait together by order and by what they wait for."""
    groups: dict[tuple[str, What], list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault((row.reference, _what(row, x_user_id)), []).append(row)
    return tuple(
        Waiting(
            what=what,
            reference=reference,
            amount_cents=sum(row.amount_cents for row in some),
            people=tuple(dict.fromkeys(_other(row, accounts, [x_user_id]) for row in some)),
            until=min((until for row in some if (until := _until(row)) is not None), default=None),
        )
        for (reference, what), some in groups.items()
    )


def _what(row: Row[Any], x_user_id: str) -> What:
    pays = row.payer_x_user_id == x_user_id
    if row.status == TransferStatus.HELD.value:
        return "held" if pays else "to_claim"
    if not pays:
        return "asked"
    if row.status == TransferStatus.FUNDING.value or row.confirmation_id is not None:
        return "under_way"
    return "to_confirm" if row.owner_x_user_id == x_user_id else "to_pay"


def _until(row: Row[Any]) -> datetime | None:
    held = row.status == TransferStatus.HELD.value
    until: datetime | None = row.claim_by if held else row.confirm_by
    return until


def _other(row: Row[Any], accounts: dict[str, Row[Any]], mine: Sequence[str]) -> str:
    if row.payer_x_user_id in mine:
        return shown(accounts.get(row.payee_x_user_id), row.payee_handle)
    return shown(accounts.get(row.payer_x_user_id))


def lines_of(
    session: Session,
    rows: Sequence[Row[Any]],
    accounts: dict[str, Row[Any]],
    person_id: int,
    mine: list[str],
) -> tuple[Line, ...]:
    """Return transfers, each with its order's owner, as the lines of their party's history."""
    noted = [(row, row.owner_x_user_id) for row in rows]
    reader = notes.reader(session, person_id, mine, noted)
    return tuple(_line(row, accounts, mine, reader) for row in rows)


def _line(
    row: Row[Any], accounts: dict[str, Row[Any]], mine: Sequence[str], reader: Reader
) -> Line:
    sign = -1 if row.payer_x_user_id in mine else 1
    return Line(
        reference=row.reference,
        status=row.status,
        amount_cents=sign * row.amount_cents,
        other_handle=_other(row, accounts, mine),
        note=reader.note(row, row.owner_x_user_id),
        note_is=reader.manner(row, row.owner_x_user_id),
        number=row.number,
        at=row.posted_at or row.confirmed_at or row.created_at,
        is_refund=row.refund_of_id is not None,
    )


def _cards(session: Session, person_id: int, at: datetime) -> tuple[Card, ...]:
    newest = {row.id: row for row in cards.cards_of(session, person_id)}
    return tuple(
        Card(
            id=row.id,
            brand=row.brand,
            last4=row.last4,
            exp_month=row.exp_month,
            exp_year=row.exp_year,
            is_expired=is_expired(row.exp_month, row.exp_year, at),
            limit_cents=row.limit_cents if mandates.permits(row, at) else None,
            mandate_ends_at=row.ends_at if mandates.permits(row, at) else None,
        )
        for row in newest.values()
    )
