"""Money that comes back to somebody who closed their account: an operator looks for its owner.

It is in their wallet, where nothing opens any more and nothing is lost: a payout that a bank sends
back weeks later, a refund that a card does not take, a dispute that is won.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlmodel import Session

from bot.store import cases, closing

log = structlog.get_logger(__name__)

KIND: Final = "late_money"
"""The kind of its case."""
LOOKED_AT_WITHIN: Final = timedelta(days=7)
"""A case's clock: somebody's money lies where they cannot reach it."""


def came(session: Session, back: Iterable[tuple[str, int, int]], *, at: datetime) -> None:
    """Open a case for each that came to a closed account: what it is, whose, and cents of it.

    In the commit that brings the money, whose wallet is locked by then.
    """
    given = list(back)
    if not given:
        return
    closed = closing.closed_among(session, {person_id for _what, person_id, _cents in given})
    for what, person_id, cents in given:
        if person_id in closed:
            cases.open_case(
                session,
                kind=KIND,
                key=f"late:{what}",
                person_id=person_id,
                detail=f"{cents} cents of {what} came back to person {person_id}, who has closed "
                "their account. They are in that wallet. `smoney person show "
                f"person:{person_id} --json` has the X accounts and the name: ask there for "
                "another bank account, and see that it is theirs. `smoney payout request "
                f"person:{person_id} --iban … --holder …` pays it out.",
                opened_at=at,
                due_at=at + LOOKED_AT_WITHIN,
            )
            log.warning("late_money", what=what, person=person_id)
