"""The wallet code: how it is kept, and how a try at it is counted (RTS 2018/389 art. 4 and 6).

Kept as scrypt, salted, over a hash that is keyed with `SECRET_KEY`: six digits alone would fall to
any slow hash in an hour, so that a stolen table is worth nothing without the key.
"""

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import sca
from bot.domain.replies import Reply
from bot.services.deps import Deps
from bot.services.tell import lang_of_person
from bot.services.texts import notify
from bot.store import cases, people

log = structlog.get_logger(__name__)

_BLOCK: Final = 8
_PARALLEL: Final = 1
_HASH_BYTES: Final = 32


def hashed(deps: Deps, code: str) -> str:
    """Return what is kept of a code: the costs, the salt and the hash."""
    salt = deps.chance.token()
    return f"scrypt${deps.code_cost}${salt}${_scrypt(deps, code, salt, deps.code_cost)}"


def matches(deps: Deps, kept: str | None, code: str) -> bool:
    """Whether a code is the one that is kept; as slow where there is none."""
    _, cost, salt, digest = (kept or f"scrypt${deps.code_cost}$none$none").split("$")
    return hmac.compare_digest(_scrypt(deps, code, salt, int(cost)), digest)


def _scrypt(deps: Deps, code: str, salt: str, cost: int) -> str:
    keyed = hmac.new(deps.secret_key.encode(), f"wallet-code|{code}".encode(), hashlib.sha256)
    raw = hashlib.scrypt(
        keyed.digest(), salt=salt.encode(), n=cost, r=_BLOCK, p=_PARALLEL, dklen=_HASH_BYTES
    )
    return base64.b64encode(raw).decode()


def refusal_of_lock(person: Row[Any], at: datetime) -> Reply | None:
    """Return why no factor of a person's is looked at now; None where they are."""
    if sca.is_shut(person.sca_locks):
        return Reply.of("refusal.sca_shut")
    if person.sca_locked_until is not None and person.sca_locked_until > at:
        return Reply.of("refusal.sca_locked", until_at=person.sca_locked_until)
    return None


def count(session: Session, person: Row[Any], at: datetime, *, is_right: bool) -> Reply | None:
    """Count a try of a locked person's; return the refusal that it comes to, if it does.

    The fifth wrong one locks for a while, the third such lock until an operator has looked: both
    are told to the phone. The sentence never says which factor was wrong.
    """
    if is_right:
        if person.sca_failures or person.sca_locks:
            people.change_person(
                session, person.id, sca_failures=0, sca_locks=0, sca_locked_until=None
            )
        return None
    tries = sca.after_failure(person.sca_failures, person.sca_locks)
    values: dict[str, object] = {"sca_failures": tries.failures, "sca_locks": tries.locks}
    if not tries.locks_now:
        people.change_person(session, person.id, **values)
        return Reply.of("refusal.sca_wrong", left=sca.FAILURES_AT_MOST - tries.failures)
    until = at + sca.LOCK_LASTS
    people.change_person(session, person.id, sca_locked_until=until, **values)
    log.warning("sca_locked", person=person.id, locks=tries.locks)
    lang = lang_of_person(session, person)
    if sca.is_shut(tries.locks):
        cases.open_case(
            session,
            kind="sca_shut",
            key=f"sca-shut:{person.id}:{at.isoformat()}",
            detail="Too many wrong codes, again and again: see that it is them, then "
            "`smoney person unlock`.",
            person_id=person.id,
            opened_at=at,
            due_at=at + sca.SHUT_LOOKED_AT_WITHIN,
        )
        notify(session, person.phone, Reply.of("sms.sca_shut"), lang, person_id=person.id, at=at)
        return Reply.of("refusal.sca_shut")
    notify(
        session,
        person.phone,
        Reply.of("sms.sca_locked", until_at=until),
        lang,
        person_id=person.id,
        at=at,
    )
    return Reply.of("refusal.sca_locked", until_at=until)
