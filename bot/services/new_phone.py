"""Another phone number: after strong authentication with the old one, the new one proves itself.

Until its code is typed nothing changes. Then the old number and the X accounts are told, and
payouts wait. Whether a number is somebody's is said only to whoever has proved it.
"""

import json
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import declared
from bot.domain.commands import Lang
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.domain.sca import FAILURES_AT_MOST, Purpose
from bot.services import changes, texts
from bot.services.deps import Deps
from bot.services.first_time import CODE_LASTS, is_code, write_code
from bot.services.sessions import Visitor
from bot.store import browsers, factors, people, tokens


def send_code(deps: Deps, visitor: Visitor, phone: str, *, lang: Lang, address: str | None) -> None:
    """Send a code to the new number. Raises `Refusal` and `Unavailable`."""
    at = deps.clock.now()
    with deps.store.write() as session:
        tokens.lock_account(session, visitor.account)
        text_id, code = write_code(session, deps, visitor, phone, address=address, at=at)
    texts.send_code(deps, text_id, phone, Reply.of("sms.phone_code", code=code), lang)


def waits_for_code(deps: Deps, visitor: Visitor) -> str | None:
    """Return the last two digits of the new number that a code went to; None where none waits."""
    with deps.store.read() as session:
        row = _waiting(session, deps, visitor)
    return row.phone[-2:] if row is not None else None


def check_code(deps: Deps, visitor: Visitor, code_text: str, *, page: Lang | None = None) -> None:
    """Check the code, and take the new number. Raises `Refusal`."""
    at = deps.clock.now()
    refusal: str | None = None
    with deps.store.write() as session:
        tokens.lock_account(session, visitor.account)
        row = _waiting(session, deps, visitor)
        if row is None:
            refusal = "refusal.code_over"
        elif not is_code(deps, row, declared.read_code(code_text)):
            tokens.fail_code(session, row.id)
            refusal = "refusal.code_wrong"
        elif not tokens.use_code(session, row.id, at=at):
            refusal = "refusal.code_over"
        elif people.person_by_phone(session, row.phone) is not None:
            refusal = "refusal.phone_taken"
        else:
            person = people.lock_person_of(session, visitor.account)
            assert person is not None, "who was authenticated has a wallet"
            told = Reply.of("changed.phone", digits=row.phone[-2:])
            changes.tell(session, person, told, key="phone", at=at, page=page)
            people.change_person(session, person.id, phone=row.phone)
            browsers.shut_elsewhere(session, person.id, visitor.browser)
    if refusal is not None:
        raise Refusal(Reply.of(refusal))
    deps.bells.outbox.set()


def _waiting(session: Session, deps: Deps, visitor: Visitor) -> Row[Any] | None:
    """Return the code that waits, where its number is the one that this browser authenticated."""
    at = deps.clock.now()
    row = tokens.open_code(session, visitor.account, at=at, failures_at_most=FAILURES_AT_MOST)
    met = factors.met_since(
        session,
        visitor.account,
        browser=visitor.browser,
        purpose=Purpose.PHONE.value,
        since=at - 2 * CODE_LASTS,
    )
    authenticated = {json.loads(one.facts)["phone"] for one in met}
    return row if row is not None and row.phone in authenticated else None
