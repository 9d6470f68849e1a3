"""X's events by webhook: mentions and direct messages become inbox rows, as by any other way.

A row is known by X's own id, so that what also comes by the stream or a poll is read once.
"""

from collections.abc import Sequence
from typing import Final

import structlog

from bot.ports import RawEvent
from bot.services import poll, receive, x_money
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.store import inbox

log = structlog.get_logger(__name__)

ADDRESS: Final = "/webhooks/x"
"""Where X brings its events, after `PUBLIC_URL`."""

CATCH_UP_APART_S: Final = 60
"""How soon after a poll a start catches up again (seconds): X takes 15 polls in 15 minutes."""


def take_in(deps: Deps, events: Sequence[RawEvent]) -> int:
    """Write what an event brought, once each, and what it cost with it; return how many were new.

    A web process has no heartbeat: the bill goes along with the rows.
    """
    if not events:
        return 0
    at, use = deps.clock.now(), receive.USES[events[0].source]
    with deps.tally.handing_over() as used, deps.store.write() as session:
        new = inbox.write(session, events, at=at)
        counts = {**used, use: used.get(use, 0) + new} if new else used
        if counts:
            x_money.write_down(session, deps, counts, at)
    if new:
        deps.step(Step.INBOX_WRITTEN)
        deps.bells.inbox.set()
    return new


def keep(deps: Deps) -> int:
    """See to it that X brings us its events: it challenges our address, which must be up."""
    if deps.x_hooks is not None:
        deps.x_hooks.keep(deps.public_url + ADDRESS)
    return 0


def catch_up(deps: Deps) -> int:
    """Poll for messages that no event brought; return how many. Optional where money is short."""
    if x_money.is_saving(deps):
        return 0
    new = poll.poll_messages(deps, every_s=CATCH_UP_APART_S)
    if new:
        log.info("webhook_lost_messages", messages=new)
    return new
