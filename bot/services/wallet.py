"""The wallet: how somebody who signed in comes to have one, what it shows, and its switches.

A phone number proves itself by a code, kept as a keyed hash, void after `FAILURES_AT_MOST` wrong
tries. One phone is one person: a second X account that proves it joins that person.
"""

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal

import phonenumbers
import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books
from bot.domain.cards import is_expired
from bot.domain.commands import Lang
from bot.domain.errors import Refusal, Rejected
from bot.domain.replies import Reply
from bot.domain.sca import FAILURES_AT_MOST
from bot.domain.transfer import TransferStatus
from bot.i18n.texts import say
from bot.services import blocks, mandates
from bot.services.blocks import Blocked
from bot.services.deps import Deps
from bot.services.sessions import Visitor
from bot.services.tell import shown
from bot.store import activity, cards, drafts, ledger, people, tokens

log = structlog.get_logger(__name__)

TERMS_VERSION: Final = "2026-11"
"""The terms that the page of the first time names; recorded with the consent to them."""
CODE_DIGITS: Final = 6
"""Digits of a code: with `FAILURES_AT_MOST` tries a guess is right once in 200 000."""
CODE_LASTS: Final = timedelta(minutes=10)
"""How long a code may be typed."""
CODES_COUNTED: Final = timedelta(days=1)
"""The window of `Policy.sms_per_day`."""
CODES_KEPT: Final = timedelta(days=7)
"""How long a code's row is kept: it holds a number that may have come to nothing."""
HISTORY_LINES: Final = 20
"""Lines of history on the wallet's page."""
HOME_REGION: Final = "FR"
"""Where a number without a country is."""
OVERSEAS: Final = frozenset({"GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF"})
"""France beyond the sea, where phones have country codes of their own."""
_FRENCH_MOBILE: Final = re.compile(r"\+33[67][0-9]{8}")
"""By prefix, as ARCEP hands them out; dearer numbers are how text messages are abused."""


What = Literal["to_confirm", "to_ask", "to_pay", "to_claim", "held", "asked", "under_way"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order in which something waits, as its link shows it.

    `to_confirm`, `to_ask`, `to_pay` and `to_claim` wait for the visitor; `held` and `asked` for the
    others; `under_way` for the card.
    """

    what: What
    reference: str
    amount_cents: int
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
    at: datetime


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
    is_locked: bool
    waits: tuple[Waiting, ...]
    history: tuple[Line, ...]
    cards: tuple[Card, ...]
    handles: tuple[str, ...]
    """The X accounts that name this wallet."""
    blocked: tuple[Blocked, ...]
    """Whose requests its owner does not want."""


# --- the first time ----------------------------------------------------------------------------


def send_phone_code(
    deps: Deps, visitor: Visitor, phone_text: str, *, consent: bool, lang: Lang
) -> None:
    """Send a code to a number, by text message. Raises `Refusal` and `Unavailable`."""
    if not consent:
        raise Refusal(Reply.of("refusal.consent_missing"))
    phone = read_phone(phone_text)
    if phone is None:
        raise Refusal(Reply.of("refusal.phone_not_read"))
    at = deps.clock.now()
    code = deps.chance.digits(CODE_DIGITS)
    with deps.store.write() as session:
        tokens.lock_account(session, visitor.x_user_id)
        if people.person_of(session, visitor.x_user_id) is not None:
            raise Refusal(Reply.of("refusal.has_wallet"))
        _check_codes(session, deps, visitor, phone, at)
        tokens.prune_codes(session, before=at - CODES_KEPT)
        row_id = tokens.insert_code(
            session,
            x_user_id=visitor.x_user_id,
            phone=phone,
            code_hash=_code_hash(deps, visitor.x_user_id, phone, code),
            at=at,
            expires_at=at + CODE_LASTS,
        )
    try:
        deps.sms.send(
            to_phone=phone,
            text=say(Reply.of("sms.phone_code", code=code), lang, public=False),
            key=f"phone-code-{row_id}",
        )
    except Rejected as error:
        log.warning("phone_code_rejected", row=row_id, reason=error.code)
        raise Refusal(Reply.of("refusal.phone_not_reached")) from None


def read_phone(text: str) -> str | None:
    """Return a mobile number of France in E.164, however it was written; None for another."""
    try:
        number = phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException:
        return None
    phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if _FRENCH_MOBILE.fullmatch(phone):
        return phone
    is_mobile = phonenumbers.number_type(number) in (
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    )
    overseas = phonenumbers.region_code_for_number(number) in OVERSEAS
    return phone if is_mobile and overseas else None


def _check_codes(session: Session, deps: Deps, visitor: Visitor, phone: str, at: datetime) -> None:
    sent = tokens.codes_since(
        session, x_user_id=visitor.x_user_id, phone=phone, since=at - CODES_COUNTED
    )
    if sent >= deps.policy.sms_per_day:
        raise Refusal(Reply.of("refusal.too_many_codes"))


def waits_for_code(deps: Deps, visitor: Visitor) -> str | None:
    """Return the last two digits of the number that a code was sent to; None where none waits."""
    with deps.store.read() as session:
        row = tokens.open_code(
            session,
            visitor.x_user_id,
            at=deps.clock.now(),
            failures_at_most=FAILURES_AT_MOST,
        )
    return row.phone[-2:] if row is not None else None


def check_phone_code(deps: Deps, visitor: Visitor, code_text: str) -> None:
    """Check a code and make the wallet, or join the person whose phone it is. Raises `Refusal`.

    Who has a wallet already keeps it: a form that is sent twice does nothing the second time.
    """
    typed = "".join(re.findall("[0-9]", code_text))
    at = deps.clock.now()
    with deps.store.write() as session:
        refusal = _check_code(session, deps, visitor, typed, at)
    # Raised once the failure is committed, which a rollback would forget.
    if refusal is not None:
        raise Refusal(Reply.of(refusal))


def _check_code(
    session: Session, deps: Deps, visitor: Visitor, typed: str, at: datetime
) -> str | None:
    tokens.lock_account(session, visitor.x_user_id)
    if people.person_of(session, visitor.x_user_id) is not None:
        return None
    row = tokens.open_code(session, visitor.x_user_id, at=at, failures_at_most=FAILURES_AT_MOST)
    if row is None:
        return "refusal.code_over"
    if not hmac.compare_digest(
        row.code_hash, _code_hash(deps, visitor.x_user_id, row.phone, typed)
    ):
        tokens.fail_code(session, row.id)
        return "refusal.code_wrong" if row.failures + 1 < FAILURES_AT_MOST else "refusal.code_over"
    if not tokens.use_code(session, row.id, at=at):
        return "refusal.code_over"
    people.make_person(
        session,
        phone=row.phone,
        x_user_id=visitor.x_user_id,
        terms_version=TERMS_VERSION,
        at=at,
    )
    return None


def _code_hash(deps: Deps, x_user_id: str, phone: str, code: str) -> str:
    text = f"phone-code|{x_user_id}|{phone}|{code}"
    return hmac.new(deps.secret_key.encode(), text.encode(), sha256).hexdigest()


def prune(deps: Deps) -> int:
    """Forget old codes, and with them the numbers that came to nothing; return how many."""
    with deps.store.write() as session:
        return tokens.prune_codes(session, before=deps.clock.now() - CODES_KEPT)


# --- switches ----------------------------------------------------------------------------------


def switch_dm(deps: Deps, visitor: Visitor, *, on: bool) -> None:
    """Let a person's own direct messages confirm small payments from the wallet, or no longer."""
    _change(deps, visitor, confirms_by_dm=on)


def choose_lang(deps: Deps, visitor: Visitor, lang: Lang) -> None:
    """Speak to a person in this language from now on."""
    _change(deps, visitor, lang=lang)


def _change(deps: Deps, visitor: Visitor, **values: object) -> None:
    with deps.store.write() as session:
        person = people.person_of(session, visitor.x_user_id)
        if person is None:
            raise Refusal(Reply.of("refusal.no_wallet"))
        people.change_person(session, person.id, **values)


# --- the page ----------------------------------------------------------------------------------


def wallet_page(deps: Deps, visitor: Visitor) -> WalletPage:
    """Return what a wallet shows to its owner. Raises `Refusal` where there is none."""
    with deps.store.read() as session:
        person = people.person_of(session, visitor.x_user_id)
        if person is None:
            raise Refusal(Reply.of("refusal.no_wallet"))
        mine = people.account_ids_of(session, person.id)
        waiting = activity.waiting(session, visitor.x_user_id)
        ended = activity.ended(session, mine, limit=HISTORY_LINES)
        accounts = people.accounts_by_id(
            session,
            {row.payer_x_user_id for row in (*waiting, *ended)}
            | {row.payee_x_user_id for row in (*waiting, *ended)}
            | set(mine),
        )
        return WalletPage(
            balance_cents=ledger.balance(session, books.wallet(person.id)),
            confirms_by_dm=person.confirms_by_dm,
            is_locked=person.locked_at is not None,
            waits=(
                *_drafts(session, visitor.x_user_id),
                *_waits(waiting, accounts, visitor.x_user_id),
            ),
            history=tuple(line_of(row, accounts, mine) for row in ended),
            cards=_cards(session, person.id, deps.clock.now()),
            handles=tuple(shown(accounts[one]) for one in mine),
            blocked=blocks.blocked_by(session, mine),
        )


def _drafts(session: Session, x_user_id: str) -> tuple[Waiting, ...]:
    """Return the splits that wait for their asker's tap."""
    rows = drafts.open_of(session, [x_user_id])
    named = drafts.people_of(session, [row.order_id for row in rows])
    return tuple(
        Waiting(
            what="to_ask",
            reference=row.reference,
            amount_cents=row.amount_cents,
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


def line_of(row: Row[Any], accounts: dict[str, Row[Any]], mine: Sequence[str]) -> Line:
    """Return a transfer as one line of its party's history."""
    sign = -1 if row.payer_x_user_id in mine else 1
    return Line(
        reference=row.reference,
        status=row.status,
        amount_cents=sign * row.amount_cents,
        other_handle=_other(row, accounts, mine),
        note=row.note,
        at=row.posted_at or row.confirmed_at or row.created_at,
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
