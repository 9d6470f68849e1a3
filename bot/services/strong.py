"""Strong authentication: two factors for one thing that was shown (RTS 2018/389, art. 4 to 7).

A challenge is a row bound to its terms' hash. It is met once, within minutes, by the wallet code
(knowledge) with a code by text (possession) whose text names amount and payee, or by a passkey.
Which factor was wrong is never said; wrong tries count for the person. What it was for is done
after, by whoever asked for it, with the `Authenticated` that comes out.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import declared, sca
from bot.domain.commands import Lang
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.domain.sca import Authenticated, Basis, Purpose
from bot.services import sessions, texts, wallet_code
from bot.services.deps import Deps
from bot.services.sessions import Visitor, lock_person_behind, person_behind
from bot.store import browsers, factors, people

Facts = Mapping[str, Any]
"""What is shown and then done, as JSON keeps it."""
WITHOUT_X: Final = frozenset({Purpose.PAYOUT, Purpose.CLOSE})
"""What a person who has lost X may ask for: their own money, to their own account."""
NAMED_IN_TEXT: Final = 3
"""Payees that a text names; of more it says how many, so that it stays one text."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants that takes two factors."""

    purpose: Purpose
    facts: Facts
    terms_hash: str | None = None
    """Of amount and payee; None: of the facts."""

    @property
    def hash(self) -> str:
        """SHA-256 of what is bound."""
        if self.terms_hash is not None:
            return self.terms_hash
        text = f"{self.purpose}|{json.dumps(self.facts, sort_keys=True)}"
        return sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ChallengePage:
    """A challenge as its owner sees it, before and while they meet it."""

    id: str
    purpose: Purpose
    facts: Facts
    digits: str
    """The last two of the number that the text went to."""
    is_over: bool
    is_used: bool
    by_text: bool
    """Whether a text went out; else it is for a touch alone."""
    terms_hash: str


def begin(
    deps: Deps, visitor: Visitor, asked: Asked, *, lang: Lang, address: str | None = None
) -> str:
    """Ask for two factors: write the challenge, send the text; return its id.

    Raises `Refusal` and `Unavailable`.
    """
    _check_may_ask(visitor, asked)
    at = deps.clock.now()
    challenge_id = deps.chance.uuid()
    code = deps.chance.digits(declared.CODE_DIGITS)
    with deps.store.write() as session:
        person = _person(session, visitor, at)
        text_id = texts.begin(
            session,
            deps,
            x_user_id=visitor.x_user_id,
            person_id=person.id if visitor.x_user_id is None else None,
            phone=person.phone,
            address=address,
            at=at,
        )
        factors.insert_challenge(
            session,
            id=challenge_id,
            person_id=person.id,
            x_user_id=visitor.x_user_id,
            purpose=asked.purpose.value,
            terms_hash=asked.hash,
            facts=json.dumps(asked.facts),
            code_hash=_code_hash(deps, challenge_id, asked.hash, code),
            created_at=at,
            expires_at=at + sca.CHALLENGE_LASTS,
        )
    texts.send_code(deps, text_id, person.phone, _text(asked, code), lang)
    return challenge_id


def begin_by_touch(deps: Deps, visitor: Visitor, asked: Asked) -> str:
    """Ask for a touch of a passkey: write the challenge, send no text; return its id.

    Raises `Refusal`.
    """
    _check_may_ask(visitor, asked)
    at = deps.clock.now()
    challenge_id = deps.chance.uuid()
    with deps.store.write() as session:
        person = ready_person(session, visitor)
        factors.insert_challenge(
            session,
            id=challenge_id,
            person_id=person.id,
            x_user_id=visitor.x_user_id,
            purpose=asked.purpose.value,
            terms_hash=asked.hash,
            facts=json.dumps(asked.facts),
            created_at=at,
            expires_at=at + sca.CHALLENGE_LASTS,
        )
    return challenge_id


def page(deps: Deps, visitor: Visitor, challenge_id: str) -> ChallengePage | None:
    """Return a challenge of a visitor's own; None where there is none."""
    with deps.store.read() as session:
        row = challenge_of(session, visitor, challenge_id)
        person = person_behind(session, visitor)
    if row is None or person is None or person.id != row.person_id:
        return None
    return ChallengePage(
        id=row.id,
        purpose=Purpose(row.purpose),
        facts=json.loads(row.facts),
        digits=person.phone[-2:],
        is_over=not is_open(row, deps.clock.now()),
        is_used=row.used_at is not None,
        by_text=row.code_hash is not None,
        terms_hash=row.terms_hash,
    )


def prove(
    deps: Deps,
    visitor: Visitor,
    challenge_id: str,
    *,
    wallet_code_text: str,
    text_code_text: str,
    opens: str | None = None,
) -> Authenticated:
    """Meet a challenge by both codes. Raises `Refusal`.

    `opens`: the token of the browser that shows the wallet from now on.
    """
    at = deps.clock.now()
    codes = declared.read_code(wallet_code_text), declared.read_code(text_code_text)
    proof: Authenticated | None = None
    with deps.store.write() as session:
        person = _person(session, visitor, at)
        row = challenge_of(session, visitor, challenge_id)
        if row is None or row.person_id != person.id or not is_open(row, at):
            raise Refusal(Reply.of("refusal.proof_over"))
        # Both are looked at, whichever is wrong: neither the sentence nor the time tells.
        knows = wallet_code.matches(deps, person.code_hash, codes[0])
        has = hmac.compare_digest(
            row.code_hash or "", _code_hash(deps, row.id, row.terms_hash, codes[1])
        )
        refusal = wallet_code.count(session, person, at, is_right=knows and has)
        if refusal is None:
            proof = met(session, visitor, row, Basis.CODE, at, opens=opens)
        else:
            factors.fail_challenge(session, row.id)
    # Raised once the failure is committed, which a rollback would forget.
    if refusal is not None:
        raise Refusal(refusal)
    assert proof is not None, "right codes meet a challenge"
    return proof


def met(
    session: Session,
    visitor: Visitor,
    row: Row[Any],
    basis: Basis,
    at: datetime,
    *,
    opens: str | None,
) -> Authenticated:
    """Take a challenge of a locked person as met, in the caller's transaction. Raises `Refusal`."""
    if not factors.use_challenge(session, row.id, basis=basis.value, at=at):
        raise Refusal(Reply.of("refusal.proof_over"))
    # Who entered without X opens nothing to whoever holds their X account, nor gives them anew
    # what art. 16 lets pay without two factors.
    for_x = {"since_sca_cents": 0} if row.x_user_id is not None else {}
    people.change_person(session, row.person_id, sca_at=at, **for_x)
    if row.x_user_id is not None:
        before = visitor.browser
        sessions.open_wallet(session, row.person_id, opens=opens, before=before, at=at)
    return Authenticated(f"challenge-{row.id}", row.terms_hash, basis)


def may_look(deps: Deps, visitor: Visitor) -> bool:
    """Whether the wallet is shown to who signed in with X: where they opened it (art. 10).

    Who entered without X has just given two factors.
    """
    if visitor.x_user_id is None:
        return True
    if visitor.person_id is None or visitor.browser is None:
        return False
    with deps.store.read() as session:
        opened_at = browsers.opened_at(session, visitor.person_id, visitor.browser)
    return sca.may_look(opened_at, deps.clock.now())


def _person(session: Session, visitor: Visitor, at: datetime) -> Row[Any]:
    """Lock the visitor's person, whose codes count now. Raises `Refusal`."""
    person = ready_person(session, visitor)
    locked = wallet_code.refusal_of_lock(person, at)
    if locked is not None:
        raise Refusal(locked)
    return person


def ready_person(session: Session, visitor: Visitor) -> Row[Any]:
    """Lock the visitor's person, for a factor that nobody guesses. Raises `Refusal`."""
    person = lock_person_behind(session, visitor)
    if person is None or not people.is_ready(person):
        raise Refusal(Reply.of("refusal.no_wallet"))
    if sca.is_shut(person.sca_locks):
        raise Refusal(Reply.of("refusal.sca_shut"))
    return person


def challenge_of(session: Session, visitor: Visitor, challenge_id: str) -> Row[Any] | None:
    """Return a challenge that a visitor began; of a session without X, one of its own kind."""
    return factors.challenge(
        session, challenge_id, x_user_id=visitor.x_user_id, person_id=visitor.person_id
    )


def _check_may_ask(visitor: Visitor, asked: Asked) -> None:
    """Refuse to who entered without X what is an account's, or changes what proves who they are."""
    if visitor.x_user_id is None and asked.purpose not in WITHOUT_X:
        raise Refusal(Reply.of("refusal.needs_x"))


def is_open(row: Row[Any], at: datetime) -> bool:
    """Whether a challenge may still be met."""
    return bool(row.used_at is None and row.expires_at > at and row.failures < sca.FAILURES_AT_MOST)


def _code_hash(deps: Deps, challenge_id: str, terms_hash: str, code: str) -> str:
    text = f"challenge|{challenge_id}|{terms_hash}|{code}"
    return hmac.new(deps.secret_key.encode(), text.encode(), sha256).hexdigest()


def _text(asked: Asked, code: str) -> Reply:
    """Return the text: it names what the code would do (art. 5 (1) (a))."""
    values = dict(asked.facts)
    named = values.get("people", [])
    key = f"sms.prove.{asked.purpose}"
    if len(named) > NAMED_IN_TEXT:
        key, values["count"] = f"{key}_many", len(named)
    return Reply(key, {**values, "code": code})
