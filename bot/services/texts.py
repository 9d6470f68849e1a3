"""Text messages: each is a row before it is sent, counted by person, number, address and in all.

A code is sent at once and stands in no row. A notice, which tells a phone of a change, is put in
the change's own commit and sent by a job until it went. Nobody's limit stops a notice.
"""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.commands import Lang
from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.domain.replies import Reply
from bot.i18n.texts import say
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.store import factors, people

log = structlog.get_logger(__name__)

COUNTED: Final = timedelta(days=1)
"""The window of `SMS_PER_DAY` and `SMS_DAILY_CEILING`."""
KEPT: Final = timedelta(days=7)
"""How long a row is kept: it holds a number that may have come to nothing."""
SHARED_BY: Final = 20
"""How many times `SMS_PER_DAY` an IPv4 address has: mobile operators put many behind each."""
HOUSE: Final = 64
"""Bits of an IPv6 address that are one house's."""
NOTICES: Final = 50
"""Notices sent in one go."""
TRIES: Final = 8
"""Attempts at a notice, the last some two hours after the first."""
FIRST_WAIT: Final = timedelta(minutes=1)
"""Between the first two attempts; doubled from then on."""


def begin(
    session: Session,
    deps: Deps,
    *,
    phone: str,
    address: str | None,
    at: datetime,
    x_user_id: str | None = None,
    person_id: int | None = None,
) -> int:
    """Count a code that is about to be sent, in the caller's transaction. Raises `Refusal`.

    Who asked is an X account, or a person who has none.
    """
    assert (x_user_id is None) != (person_id is None), "somebody asks for a code"
    since = at - COUNTED
    policy = deps.policy
    if factors.count_texts(session, since=since) >= policy.sms_daily_ceiling:
        log.error("sms_ceiling_reached", ceiling=policy.sms_daily_ceiling)
        raise Refusal(Reply.of("refusal.texts_closed"))
    address_hash, share = _address(deps, address)
    of_asker = factors.count_texts(session, since=since, x_user_id=x_user_id, person_id=person_id)
    to_number = _to_number(session, phone, since, x_user_id, person_id)
    if max(of_asker, to_number) >= policy.sms_per_day or (
        address_hash is not None
        and factors.count_texts(session, since=since, address_hash=address_hash)
        >= policy.sms_per_day * share
    ):
        raise Refusal(Reply.of("refusal.too_many_codes"))
    return factors.insert_text(
        session,
        x_user_id=x_user_id,
        person_id=person_id,
        phone=phone,
        address_hash=address_hash,
        at=at,
    )


def _to_number(
    session: Session, phone: str, since: datetime, x_user_id: str | None, person_id: int | None
) -> int:
    """Count the codes to a number: those of its person, or those of everybody else.

    So no stranger takes its person's codes away, nor learns by counting that it has one.
    """
    owner = people.person_by_phone(session, phone)
    accounts = people.account_ids_of(session, owner.id) if owner is not None else []
    is_theirs = owner is not None and (person_id == owner.id or x_user_id in accounts)
    return factors.count_to_number(
        session,
        phone,
        since=since,
        accounts=accounts,
        person_id=owner.id if owner is not None else None,
        of_these=is_theirs,
    )


def send_code(deps: Deps, text_id: int, phone: str, reply: Reply, lang: Lang) -> None:
    """Send a code that was counted, once: who gets none asks for another, and that counts too.

    Raises `Refusal` and `Unavailable`.
    """
    deps.step(Step.CODE_COUNTED)
    try:
        deps.sms.send(to_phone=phone, text=say(reply, lang, public=False), key=f"text-{text_id}")
    except Rejected as error:
        log.warning("text_rejected", text=text_id, reason=error.code)
        raise Refusal(Reply.of("refusal.phone_not_reached")) from None
    deps.step(Step.CODE_SENT)
    with deps.store.write() as session:
        factors.end_text(session, text_id, sent_at=deps.clock.now())
    deps.step(Step.CODE_RECORDED)


def notify(
    session: Session, phone: str, reply: Reply, lang: Lang, *, person_id: int, at: datetime
) -> None:
    """Put a notice to a person's phone, in the commit of the change that it tells of.

    It stays theirs though the number becomes another's.
    """
    text = say(reply, lang, public=False)
    factors.insert_text(
        session, person_id=person_id, phone=phone, text=text, next_attempt_at=at, at=at
    )


def send_notices(deps: Deps) -> int:
    """Send the notices whose time has come; return how many were tried here."""
    at = deps.clock.now()
    with deps.store.read() as session:
        due = factors.notices_due(session, at=at, limit=NOTICES)
    return sum(_take(deps, row) and _send(deps, row) for row in due)


def _take(deps: Deps, row: Row[Any]) -> bool:
    """Take a notice for one attempt; False where another worker was quicker.

    The next one is due whatever becomes of this: who took it may die.
    """
    again = deps.clock.now() + FIRST_WAIT * 2**row.attempts
    with deps.store.write() as session:
        taken = factors.take_notice(session, row, next_attempt_at=again)
    if taken:
        deps.step(Step.NOTICE_TAKEN)
    return taken


def _send(deps: Deps, row: Row[Any]) -> bool:
    """Make one attempt at a notice; the last one ends it, whatever came of it. Return True."""
    is_last = row.attempts + 1 >= TRIES
    sent_at: datetime | None = None
    try:
        deps.sms.send(to_phone=row.phone, text=row.text, key=f"text-{row.id}")
        sent_at = deps.clock.now()
    except Unavailable as error:
        log.warning("notice_delayed", text=row.id, reason=error.reason, last=is_last)
        if not is_last:
            return True
    except Rejected as error:
        log.warning("text_rejected", text=row.id, reason=error.code)
    deps.step(Step.NOTICE_SENT)
    with deps.store.write() as session:
        factors.end_text(session, row.id, sent_at=sent_at)
    deps.step(Step.NOTICE_RECORDED)
    return True


def sent_today(deps: Deps) -> int:
    """Return how many texts count against the ceiling now."""
    with deps.store.read() as session:
        return factors.count_texts(session, since=deps.clock.now() - COUNTED)


def _address(deps: Deps, address: str | None) -> tuple[str | None, int]:
    """Return the keyed hash of an address, and how many people may be behind it."""
    try:
        known = ip_address(address or "")
    except ValueError:
        return None, 1
    if known.is_loopback:
        return None, 1  # a proxy that nobody named, or the sandbox: it says nothing
    house = str(ip_network((known, HOUSE), strict=False)) if known.version == 6 else str(known)
    text = f"text-address|{house}"
    hashed = hmac.new(deps.secret_key.encode(), text.encode(), sha256).hexdigest()
    return hashed, SHARED_BY if known.version == 4 else 1
