"""Who has lost X enters by phone and wallet code, then by a code to that phone.

That is knowledge and possession (RTS 2018/389, art. 4). Nothing tells a stranger whose phone has a
wallet, or whether a wallet code was right: the answer, its time and the page after it are the same,
and a text goes out, after the answer, only where both were right. Wrong tries close this door
alone: whoever knows a number could make them.

The session that follows is the person's own and acts as no X account (`sessions.Visitor`). It opens
nothing to X: whoever signs in with X is asked for two factors again.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import declared, sca
from bot.domain.commands import Lang
from bot.domain.errors import BotError, Refusal
from bot.domain.replies import Reply
from bot.services import sessions, texts, wallet_code
from bot.services.deps import Deps
from bot.services.first_time import read_phone
from bot.services.sessions import SignedIn
from bot.services.tell import News, lang_of_person, tell
from bot.store import browsers, cases, lost, people, tokens

log = structlog.get_logger(__name__)

SHUT: Final = "lost_shut"
"""The kind of a case: a door that only an operator opens."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A phone (E.164) and a wallet code as they were typed: they are what such things look like."""

    phone: str
    code: str


@dataclass(frozen=True, slots=True)
class CodeText:
    """A text that was counted and is to be sent."""

    text_id: int
    phone: str
    code: str
    lang: Lang


def read(deps: Deps, phone_text: str, code_text: str) -> Typed:
    """Read what was typed; it is refused by its look alone. Raises `Refusal`."""
    phone = read_phone(phone_text, deps.policy.sms_prefixes)
    if phone is None:
        raise Refusal(Reply.of("refusal.phone_not_read"))
    code = declared.read_code(code_text)
    if len(code) != declared.CODE_DIGITS:
        raise Refusal(Reply.of("refusal.code_not_read"))
    return Typed(phone, code)


def begin(
    deps: Deps, typed: Typed, *, browser_token: str, lang: Lang, address: str | None
) -> CodeText | None:
    """Take a phone and a wallet code, and say nothing of them: what was typed before is void.

    `send` sends the text that comes out, if any, once the answer has gone: how long that takes
    would tell. `browser_token` is the secret of the browser that alone may go on.
    """
    at = deps.clock.now()
    with deps.store.read() as session:
        known = people.person_by_phone(session, typed.phone)
    kept = known.code_hash if known is not None else None
    # As slow for a number that is nobody's; and outside of a transaction, as strangers come here.
    knows = wallet_code.matches(deps, kept, typed.code)
    code = deps.chance.digits(declared.CODE_DIGITS)
    browser_hash = sessions.hashed(browser_token)
    code_hash = _code_hash(deps, browser_hash, code)
    text_id: int | None = None
    with deps.store.write() as session:
        person = _locked(session, known.id if known is not None else None)
        if person is not None and person.code_hash == kept and not _is_closed(session, person, at):
            if knows:
                text_id = _count_text(session, deps, person, address, at)
            else:
                _count_wrong(session, person, at)
        lost.begin(
            session,
            browser_hash=browser_hash,
            person_id=person.id if person is not None and text_id is not None else None,
            code_hash=code_hash if text_id is not None else None,
            created_at=at,
            expires_at=at + sca.CHALLENGE_LASTS,
        )
    return CodeText(text_id, typed.phone, code, lang) if text_id is not None else None


def _count_text(
    session: Session, deps: Deps, person: Row[Any], address: str | None, at: datetime
) -> int | None:
    """Count the text against every limit; None where one is reached, which is not said here."""
    try:
        return texts.begin(
            session, deps, person_id=person.id, phone=person.phone, address=address, at=at
        )
    except Refusal as refusal:
        log.warning("lost_text_withheld", person=person.id, reason=refusal.reply.key)
        return None


def send(deps: Deps, text: CodeText | None) -> None:
    """Send the text; who gets none asks again."""
    if text is None:
        return
    try:
        reply = Reply.of("sms.lost_code", code=text.code)
        texts.send_code(deps, text.text_id, text.phone, reply, text.lang)
    except BotError as error:
        log.warning("lost_text_failed", text=text.text_id, reason=type(error).__name__)


def check(deps: Deps, browser_token: str, code_text: str) -> SignedIn:
    """Check the code of the text, and open the person's session. Raises `Refusal`.

    Nobody learns whether there was a text at all.
    """
    at = deps.clock.now()
    browser_hash = sessions.hashed(browser_token)
    code_hash = _code_hash(deps, browser_hash, declared.read_code(code_text))
    token, csrf = deps.chance.token(), deps.chance.token()
    with deps.store.write() as session:
        row = lost.entry(session, browser_hash, at=at, failures_at_most=sca.FAILURES_AT_MOST)
        if row is None:
            raise Refusal(Reply.of("refusal.lost_over"))
        person = _locked(session, row.person_id)
        is_right = hmac.compare_digest(row.code_hash or "", code_hash)
        is_open = person is not None and not _is_closed(session, person, at)
        if person is not None and is_open and is_right and lost.end(session, browser_hash):
            _enter(session, person, sessions.hashed(token), csrf, at)
            refusal = None
        else:
            lost.fail(session, browser_hash)
            if person is not None and is_open and not is_right:
                _count_wrong(session, person, at)
            is_last = row.failures + 1 >= sca.FAILURES_AT_MOST
            refusal = "refusal.lost_over" if is_last else "refusal.lost_wrong"
    # Raised once the failure is committed, which a rollback would forget.
    if refusal is not None:
        raise Refusal(Reply.of(refusal))
    deps.bells.outbox.set()
    return SignedIn(token, sessions.HOME)


def _enter(session: Session, person: Row[Any], token_hash: str, csrf: str, at: datetime) -> None:
    """Open the session, close the wallet to X alone, and tell the X accounts."""
    lost.open_door(session, person.id)
    wallet_code.count(session, person, at, is_right=True)
    people.change_person(session, person.id, sca_at=at)
    browsers.shut_wallet(session, person.id)
    tokens.open_session(session, token_hash=token_hash, person_id=person.id, csrf=csrf, at=at)
    accounts = people.account_ids_of(session, person.id)
    key = f"lost:{person.id}:{at.timestamp():.0f}"
    news = [News(f"{key}:{one}", one, Reply.of("news.lost_entered"), None) for one in accounts]
    tell(session, news, at=at)
    log.info("entered_without_x", person=person.id)


def _locked(session: Session, person_id: int | None) -> Row[Any] | None:
    """Lock a person, where there is one who is through with the first time."""
    person = people.lock_persons(session, [person_id or 0]).get(person_id or 0)
    return person if person is not None and people.is_ready(person) else None


# --- wrong tries -------------------------------------------------------------------------------


def _is_closed(session: Session, person: Row[Any], at: datetime) -> bool:
    """Whether no code of a person's is looked at here now: this door is locked, or their codes."""
    door = lost.door(session, person.id)
    is_locked = door is not None and (
        sca.is_shut(door.locks) or (door.locked_until is not None and door.locked_until > at)
    )
    return is_locked or wallet_code.refusal_of_lock(person, at) is not None


def _count_wrong(session: Session, person: Row[Any], at: datetime) -> None:
    """Count a wrong try at a locked person's door: the fifth locks it, the third lock for good.

    The phone is told, and nobody else; for good means until an operator has looked.
    """
    door = lost.door(session, person.id)
    failures, locks = (door.failures, door.locks) if door is not None else (0, 0)
    tries = sca.after_failure(failures, locks)
    until = at + sca.LOCK_LASTS if tries.locks_now else None
    lost.set_door(
        session, person.id, failures=tries.failures, locks=tries.locks, locked_until=until
    )
    if until is None:
        return
    log.warning("lost_door_locked", person=person.id, locks=tries.locks)
    told = Reply.of("sms.lost_locked", until_at=until)
    if sca.is_shut(tries.locks):
        told = Reply.of("sms.lost_shut")
        cases.open_case(
            session,
            kind=SHUT,
            key=f"lost-shut:{person.id}:{at.isoformat()}",
            detail="Too many wrong codes at the page for who has lost X. The wallet works by X; if "
            "its owner has lost X, see that it is them, then `smoney person unlock`.",
            person_id=person.id,
            opened_at=at,
            due_at=at + sca.SHUT_LOOKED_AT_WITHIN,
        )
    texts.notify(
        session, person.phone, told, lang_of_person(session, person), person_id=person.id, at=at
    )


def _code_hash(deps: Deps, browser_hash: str, code: str) -> str:
    """Return what is kept of a code: a keyed hash, bound to the browser that waits for it."""
    text = f"lost|{browser_hash}|{code}"
    return hmac.new(deps.secret_key.encode(), text.encode(), sha256).hexdigest()
