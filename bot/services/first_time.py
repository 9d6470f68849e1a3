"""The first time: how somebody who signed in comes to have a wallet, step after step.

A phone number, proved by a code; a name and a date of birth; a wallet code. Each step is known from
rows, so that a reload and "back" lose nothing. One phone is one person: whoever proves a phone that
has a wallet joins it only by its wallet code, and the old channels are told. Nothing here lets a
stranger learn whether a number has a wallet.
"""

import hmac
import re
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal

import phonenumbers
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import declared
from bot.domain.commands import Lang
from bot.domain.declared import CODE_DIGITS
from bot.domain.errors import Refusal
from bot.domain.levels import Level
from bot.domain.replies import Reply
from bot.domain.sca import FAILURES_AT_MOST
from bot.i18n.texts import PARIS, say
from bot.services import changes, sessions, texts, wallet_code
from bot.services.deps import Deps
from bot.services.sessions import Visitor
from bot.store import factors, people, tokens

TERMS_VERSION: Final = "2026-11"
"""The terms that the page of the first time shows; recorded with the consent to them."""
TERMS: Final = ("wallet", "limits", "names", "kept", "leave")
"""Their sentences, `page.phone.terms.…`."""
CODE_LASTS: Final = timedelta(minutes=10)
"""How long a code may be typed."""
PROVED_FOR: Final = timedelta(minutes=30)
"""How long a phone that was just proved lets somebody choose a wallet code, or join a wallet."""
HOME_REGION: Final = "FR"
"""Where a number without a country is."""
OVERSEAS: Final = frozenset({"GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF"})
"""France beyond the sea, where phones have country codes of their own."""
_FRENCH_MOBILE: Final = re.compile(r"\+33[67][0-9]{8}")
"""By prefix, as ARCEP hands them out; dearer numbers are how text messages are abused."""

Step = Literal["phone", "code", "link", "name", "secret"]
"""What somebody is asked next; each is a page of that name."""


def next_step(deps: Deps, visitor: Visitor) -> Step | None:
    """Return what somebody is asked next; None where the first time is behind them."""
    with deps.store.read() as session:
        return _step(session, deps, visitor)


def _step(session: Session, deps: Deps, visitor: Visitor) -> Step | None:
    person = people.person_of(session, visitor.account)
    if person is not None and people.is_ready(person):
        return None
    if person is None or (person.code_hash is None and _proved(session, deps, visitor) is None):
        # A code that is open was asked for after whatever was proved: another number is meant.
        if _open_code(session, deps, visitor) is not None:
            return "code"
        return "link" if person is None and _to_join(session, deps, visitor) else "phone"
    return "name" if person.level == Level.UNVERIFIED.value else "secret"


def _proved(session: Session, deps: Deps, visitor: Visitor) -> Row[Any] | None:
    return tokens.proved_phone(session, visitor.account, since=deps.clock.now() - PROVED_FOR)


def typed(deps: Deps, visitor: Visitor) -> Row[Any] | None:
    """Return what somebody typed so far, on any of the steps."""
    with deps.store.read() as session:
        return factors.typed(session, visitor.account)


# --- the phone ---------------------------------------------------------------------------------


def send_phone_code(
    deps: Deps,
    visitor: Visitor,
    phone_text: str,
    *,
    consent: bool,
    lang: Lang,
    address: str | None = None,
) -> None:
    """Send a code to a number, by text message. Raises `Refusal` and `Unavailable`."""
    at = deps.clock.now()
    with deps.store.write() as session:
        factors.keep_typed(
            session, visitor.account, phone=phone_text[:40], has_consented=consent, at=at
        )
    if not consent:
        raise Refusal(Reply.of("refusal.consent_missing"))
    phone = read_phone(phone_text, deps.policy.sms_prefixes)
    if phone is None:
        raise Refusal(Reply.of("refusal.phone_not_read"))
    with deps.store.write() as session:
        tokens.lock_account(session, visitor.account)
        _check_may_ask(session, visitor, phone)
        text_id, code = write_code(session, deps, visitor, phone, address=address, at=at)
        factors.consent(
            session,
            x_user_id=visitor.account,
            terms_version=TERMS_VERSION,
            lang=lang,
            text=terms_text(lang),
            at=at,
        )
        has_wallet = people.person_by_phone(session, phone) is not None
    # Only the phone's owner reads which of the two it is.
    key = "sms.link_code" if has_wallet and visitor.person_id is None else "sms.phone_code"
    values = {"handle": visitor.handle} if key == "sms.link_code" else {}
    texts.send_code(deps, text_id, phone, Reply(key, {"code": code, **values}), lang)


def write_code(
    session: Session,
    deps: Deps,
    visitor: Visitor,
    phone: str,
    *,
    address: str | None,
    at: datetime,
) -> tuple[int, str]:
    """Write that a number is to get a code; return the text message's id, and the code."""
    code = deps.chance.digits(CODE_DIGITS)
    text_id = texts.begin(
        session, deps, x_user_id=visitor.account, phone=phone, address=address, at=at
    )
    tokens.insert_code(
        session,
        x_user_id=visitor.account,
        phone=phone,
        code_hash=code_hash(deps, visitor.account, phone, code),
        at=at,
        expires_at=at + CODE_LASTS,
    )
    return text_id, code


def _check_may_ask(session: Session, visitor: Visitor, phone: str) -> None:
    person = people.person_of(session, visitor.account)
    if person is None:
        return
    if people.is_ready(person):
        raise Refusal(Reply.of("refusal.has_wallet"))
    if person.phone != phone:
        # Theirs is another: it is not by X alone that it changes.
        raise Refusal(Reply.of("refusal.other_phone", digits=person.phone[-2:]))


def terms_text(lang: Lang) -> str:
    """Return what is agreed to, word for word."""
    keys = ["page.phone.consent", *(f"page.phone.terms.{part}" for part in TERMS)]
    return "\n".join(say(Reply.of(key), lang, public=False) for key in keys)


def read_phone(text: str, prefixes: tuple[str, ...] = ()) -> str | None:
    """Return a mobile number of France in E.164, however it was written; None for another.

    `prefixes`: beginnings of other numbers that the operator lets texts go to.
    """
    try:
        number = phonenumbers.parse(text, HOME_REGION)
    except phonenumbers.NumberParseException:
        return None
    phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if _FRENCH_MOBILE.fullmatch(phone):
        return phone
    if prefixes and phone.startswith(prefixes) and phonenumbers.is_valid_number(number):
        return phone
    is_mobile = phonenumbers.number_type(number) in (
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    )
    overseas = phonenumbers.region_code_for_number(number) in OVERSEAS
    return phone if is_mobile and overseas else None


def waits_for_code(deps: Deps, visitor: Visitor) -> str | None:
    """Return the last two digits of the number that a code was sent to; None where none waits."""
    with deps.store.read() as session:
        row = _open_code(session, deps, visitor)
    return row.phone[-2:] if row is not None else None


def _open_code(session: Session, deps: Deps, visitor: Visitor) -> Row[Any] | None:
    return tokens.open_code(
        session, visitor.account, at=deps.clock.now(), failures_at_most=FAILURES_AT_MOST
    )


def check_phone_code(deps: Deps, visitor: Visitor, code_text: str) -> None:
    """Check a code, and make the wallet where the phone has none. Raises `Refusal`.

    A form that is sent twice does nothing the second time.
    """
    code = declared.read_code(code_text)
    with deps.store.write() as session:
        refusal = _check_code(session, deps, visitor, code)
    # Raised once the failure is committed, which a rollback would forget.
    if refusal is not None:
        raise Refusal(Reply.of(refusal))


def _check_code(session: Session, deps: Deps, visitor: Visitor, code: str) -> str | None:
    at = deps.clock.now()
    tokens.lock_account(session, visitor.account)
    if _step(session, deps, visitor) not in ("phone", "code"):
        return None
    row = _open_code(session, deps, visitor)
    if row is None:
        return "refusal.code_over"
    if not is_code(deps, row, code):
        tokens.fail_code(session, row.id)
        return "refusal.code_wrong" if row.failures + 1 < FAILURES_AT_MOST else "refusal.code_over"
    if not tokens.use_code(session, row.id, at=at):
        return "refusal.code_over"
    if people.person_of(session, visitor.account) is None:
        people.make_person(
            session,
            phone=row.phone,
            x_user_id=visitor.account,
            terms_version=TERMS_VERSION,
            at=at,
        )
    return None


def is_code(deps: Deps, row: Row[Any], code: str) -> bool:
    """Whether a code is the one that went to a row's phone."""
    return hmac.compare_digest(row.code_hash, code_hash(deps, row.x_user_id, row.phone, code))


def code_hash(deps: Deps, x_user_id: str, phone: str, code: str) -> str:
    """Return what is kept of a code to a phone: a keyed hash, bound to account and number."""
    text = f"phone-code|{x_user_id}|{phone}|{code}"
    return hmac.new(deps.secret_key.encode(), text.encode(), sha256).hexdigest()


# --- a second X account ------------------------------------------------------------------------


def has_code_to_link(deps: Deps, visitor: Visitor) -> bool:
    """Whether the wallet of the phone that was just proved has a code to join it by."""
    with deps.store.read() as session:
        known = _to_join(session, deps, visitor)
    return known is not None and known.code_hash is not None


def _to_join(session: Session, deps: Deps, visitor: Visitor) -> Row[Any] | None:
    proved = _proved(session, deps, visitor)
    return people.person_by_phone(session, proved.phone) if proved is not None else None


def link(deps: Deps, visitor: Visitor, code_text: str) -> None:
    """Let an X account join the wallet whose phone it has just proved, by its wallet code.

    The phone and the wallet code are two factors (art. 4); the text named what they are for.
    Raises `Refusal`.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        tokens.lock_account(session, visitor.account)
        refusal: Reply | None = None
        if _step(session, deps, visitor) == "link":
            known = _to_join(session, deps, visitor)
            assert known is not None, "that step has a wallet to join"
            person = people.lock_persons(session, [known.id])[known.id]
            if person.code_hash is None:
                raise Refusal(Reply.of("refusal.link_without_code"))
            if person.locked_at is not None:
                raise Refusal(Reply.of("refusal.locked"))
            code = declared.read_code(code_text)
            refusal = wallet_code.refusal_of_lock(person, at) or wallet_code.count(
                session, person, at, is_right=wallet_code.matches(deps, person.code_hash, code)
            )
            if refusal is None:
                told = Reply.of("changed.account", handle=visitor.handle)
                changes.tell(session, person, told, key=f"account:{visitor.account}", at=at)
                people.link_account(session, visitor.account, person.id, at=at)
                factors.forget_typed(session, visitor.account)
    if refusal is not None:
        raise Refusal(refusal)
    deps.bells.outbox.set()


# --- who it is, and the wallet code ------------------------------------------------------------


def declare(
    deps: Deps, visitor: Visitor, *, first_names: str, last_name: str, born_text: str
) -> None:
    """Take somebody's name and date of birth: from then on they pay and receive.

    What was typed is kept, whether it will do or not. A date of birth under age stands until an
    operator decides. Raises `Refusal`.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        factors.keep_typed(
            session,
            visitor.account,
            first_names=first_names[:140],
            last_name=last_name[:140],
            born=born_text[:40],
            at=at,
        )
    first, last = declared.read_name(first_names), declared.read_name(last_name)
    if first is None or last is None:
        raise Refusal(Reply.of("refusal.name_not_read"))
    today = at.astimezone(PARIS).date()
    born = declared.check_birth_date(born_text, today)
    with deps.store.write() as session:
        if _step(session, deps, visitor) not in ("name", "secret"):
            return
        person = _locked(session, visitor)
        is_refused = people.is_under_age(person)
        if not is_refused and not declared.is_adult(born, today):
            is_refused = True
            _record_under_age(session, person, born, at=at)
        if not is_refused:
            level = Level.DECLARED.value if person.level == Level.UNVERIFIED.value else person.level
            people.change_person(
                session, person.id, first_names=first, last_name=last, born_on=born, level=level
            )
    # Raised once it is committed, which a rollback would forget.
    if is_refused:
        raise Refusal(too_young(deps))


def _record_under_age(session: Session, person: Row[Any], born: date, *, at: datetime) -> None:
    """Write down what was declared; it takes back what was declared before, not what was seen."""
    declared_before = person.level == Level.DECLARED.value
    level = Level.UNVERIFIED.value if declared_before else person.level
    people.change_person(session, person.id, under_age_at=at, under_age_born_on=born, level=level)


def is_under_age(deps: Deps, visitor: Visitor) -> bool:
    """Whether somebody said that they are under age: nothing more is asked of them."""
    with deps.store.read() as session:
        person = people.person_of(session, visitor.account)
    return person is not None and people.is_under_age(person)


def too_young(deps: Deps) -> Reply:
    """Return why there is no wallet, and what becomes of what waits for them."""
    return Reply.of(
        "refusal.too_young", years=declared.ADULT_YEARS, days=deps.policy.claim_within_days
    )


def choose_code(
    deps: Deps, visitor: Visitor, code_text: str, again_text: str, *, opens: str | None = None
) -> bool:
    """Take the wallet code that somebody chose: the first time is behind them. Raises `Refusal`.

    With the phone that was just proved it is their first strong authentication: the browser whose
    token is `opens` from now on shows the wallet. False where that step is not theirs to take.
    """
    at = deps.clock.now()
    code = declared.read_code(code_text)
    with deps.store.write() as session:
        if _step(session, deps, visitor) != "secret":
            return False
        person = _locked(session, visitor)
        declared.check_code(code, born=person.born_on, phone=person.phone)
        if code != declared.read_code(again_text):
            raise Refusal(Reply.of("refusal.codes_differ"))
        people.change_person(session, person.id, code_hash=wallet_code.hashed(deps, code))
        sessions.open_wallet(session, person.id, opens=opens, before=visitor.browser, at=at)
        factors.forget_typed(session, visitor.account)
    return True


def _locked(session: Session, visitor: Visitor) -> Row[Any]:
    person = people.lock_person_of(session, visitor.account)
    assert person is not None, "that step has a person"
    return person


def prune(deps: Deps) -> int:
    """Forget old codes and texts, and with them the numbers that came to nothing."""
    before = deps.clock.now() - texts.KEPT
    with deps.store.write() as session:
        return (
            tokens.prune_codes(session, before=before)
            + factors.prune_challenges(session, before=before)
            + factors.prune_texts(session, before=before)
            + factors.prune_typed(session, before=before)
        )
