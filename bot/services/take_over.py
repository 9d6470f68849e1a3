"""What a worker that is known to be dead had in its hands is free again.

Elsewhere its leases have to end first: whoever is only slow may yet send.
"""

from datetime import timedelta

import structlog

from bot.services.deliver import LOOK_UP_AFTER_S
from bot.services.deps import Deps
from bot.store import inbox, outbox

log = structlog.get_logger(__name__)


def take_over(deps: Deps) -> int:
    """Free all that is leased, for the only worker that there can be; return how many rows.

    A message that may have gone out is left until X shows whether it did.
    """
    shown_at = deps.clock.now() + timedelta(seconds=LOOK_UP_AFTER_S)
    with deps.store.write() as session:
        rows = inbox.free_leases(session) + outbox.free_leases(session, until=shown_at)
    if rows:
        log.warning("taken_over", rows=rows)
    return rows
