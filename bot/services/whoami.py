"""Who the bot is on X: asked of X at a start, and kept as a row.

So the pages need no X access, and a worker that starts while X is away hears and answers. The row
names the keys that the account belongs to: with others nothing is known yet.
"""

import json
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlmodel import Session

from bot.domain.errors import OutcomeUnknown, Unavailable
from bot.ports import XUser
from bot.services.deps import Deps
from bot.store import inbox, people

log = structlog.get_logger(__name__)

BOT_ACCOUNT: Final = "bot.account"
ASKED_WITHIN: Final = timedelta(minutes=1)
"""How long X's word is as good as new: workers that die and start all the time would spend its 75
calls in 15 minutes; a bot that was renamed is known by its new handle at a start after that."""


def bot_account(session: Session) -> XUser | None:
    """Return the bot's account as it was last seen; None before the worker's first start."""
    return as_kept(inbox.read_cursor(session, BOT_ACCOUNT))


def as_kept(kept: str | None) -> XUser | None:
    """Read what was kept of the bot's account."""
    if kept is None:
        return None
    fields = json.loads(kept)
    return XUser(id=fields["id"], handle=fields["handle"])


def recall(deps: Deps) -> datetime | None:
    """Know the bot as it was kept for the keys of today, and return when X said so.

    None where X never did.
    """
    with deps.store.read() as session:
        kept = inbox.read_cursor(session, BOT_ACCOUNT)
    bot = as_kept(kept)
    if kept is None or bot is None:
        return None
    fields = json.loads(kept)
    if fields.get("keys") != deps.directory.keys():
        return None
    deps.directory.know(bot)
    return datetime.fromisoformat(fields["at"])


def learn(deps: Deps) -> None:
    """Know who the bot is as a worker starts: from X, or as it was kept where X does not say.

    Raises what X answers where nothing was kept for these keys, and `Rejected` always.
    """
    said_at = recall(deps)
    if said_at is not None and timedelta(0) <= deps.clock.now() - said_at < ASKED_WITHIN:
        return
    try:
        whoami(deps)
    except (Unavailable, OutcomeUnknown) as error:
        if said_at is None:
            raise
        log.warning("bot_as_kept", reason=error.reason, since=said_at.isoformat())


def whoami(deps: Deps) -> XUser:
    """Ask X who the bot is, and keep the answer. Raises `Unavailable` and `Rejected`."""
    me = deps.directory.me()
    at = deps.clock.now()
    kept = {
        "id": me.id,
        "handle": me.handle,
        "keys": deps.directory.keys(),
        "at": at.isoformat(),
    }
    with deps.store.write() as session:
        inbox.set_cursor(session, BOT_ACCOUNT, json.dumps(kept), at=at)
        people.see(session, me.id, at=at, handle=me.handle.lower(), name=me.name)
    return me
