"""What X says of accounts, asked for by id: each answer is paid for, and kept for a day."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from bot.domain.errors import Rejected, Unavailable
from bot.services import x_money
from bot.services.deps import Deps
from bot.store import people

log = structlog.get_logger(__name__)

KEPT: Final = timedelta(days=1)
"""How long an answer is good: X bills an account that is read twice in a day (UTC) once."""


def look_up(deps: Deps, x_user_ids: Sequence[str]) -> None:
    """Ask X for the names and the age of accounts, in the order of their ids, and keep the answer.

    Where X does not answer, what is known stays, and the next visit asks again.
    """
    if not x_user_ids:
        return
    at = deps.clock.now()
    try:
        found = deps.directory.by_id(x_user_ids)
    except (Unavailable, Rejected) as error:
        log.warning("accounts_not_looked_up", count=len(x_user_ids), reason=str(error))
        return
    with deps.tally.handing_over() as used, deps.store.write() as session:
        x_money.write_down(session, deps, used, at)
        for one in x_user_ids:  # in the order of their ids, as all lock them
            user = found.get(one)
            people.change_account(session, one, looked_up_at=at)
            if user is not None:
                people.see(session, one, at=at, handle=user.handle.lower(), name=user.name)
                people.change_account(session, one, x_created_at=user.created_at)
