"""What somebody wrote that names no writer in the inbox: it waits, died, or is from schema 0021.

Only its text says whose it is. The file of one's data and an erasure find it here.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Row

from bot.domain.errors import Rejected
from bot.domain.said import Message, Post
from bot.services.deps import Deps
from bot.store import inbox
from bot.store.former import Who

READ_AT_ONCE: Final = 500
"""Inbox rows that are in memory at a time."""


def written_by(deps: Deps, who: Who) -> Iterator[tuple[Row[Any], Post | Message]]:
    """Yield somebody's rows, oldest first, with what each says; not what cannot be read.

    What an X account wrote while it was another person's is not theirs.
    """
    after = 0
    while True:
        with deps.store.read() as session:
            rows = inbox.of_nobody_yet(session, after=after, limit=READ_AT_ONCE)
        for row in rows:
            said = _said(deps, row)
            if said is not None and who.had(writer(said), row.happened_at or row.received_at):
                yield row, said
        if len(rows) < READ_AT_ONCE:
            return
        after = rows[-1].id


def _said(deps: Deps, row: Row[Any]) -> Post | Message | None:
    try:
        return (deps.decoder.post if row.source == "post" else deps.decoder.message)(row.body)
    except Rejected:
        return None


def writer(said: Post | Message) -> str:
    """Return the X user id of who wrote a post or a message."""
    return said.author_id if isinstance(said, Post) else said.sender_id
