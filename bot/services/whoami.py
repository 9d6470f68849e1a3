"""Who the bot is on X: asked of X once, then kept as a row, so that the pages need no X access."""

import json
from typing import Final

from sqlmodel import Session

from bot.ports import XUser
from bot.services.deps import Deps
from bot.store import inbox, people

BOT_ACCOUNT: Final = "bot.account"


def bot_account(session: Session) -> XUser | None:
    """Return the bot's account as it was last seen; None before the worker's first start."""
    return as_kept(inbox.read_cursor(session, BOT_ACCOUNT))


def as_kept(kept: str | None) -> XUser | None:
    """Read what was kept of the bot's account."""
    if kept is None:
        return None
    fields = json.loads(kept)
    return XUser(id=fields["id"], handle=fields["handle"])


def whoami(deps: Deps) -> XUser:
    """Ask X who the bot is, and keep the answer. Raises `Unavailable` and `Rejected`."""
    me = deps.directory.me()
    at = deps.clock.now()
    with deps.store.write() as session:
        inbox.set_cursor(
            session, BOT_ACCOUNT, json.dumps({"id": me.id, "handle": me.handle}), at=at
        )
        people.see(session, me.id, at=at, handle=me.handle.lower(), name=me.name)
    return me
