"""A wallet's whole history: what one looks for in it, page by page, the newest first."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.errors import Refusal
from bot.services.deps import Deps
from bot.services.sessions import Visitor, person_behind
from bot.services.typed import read_amount
from bot.services.wallet import Line, lines_of
from bot.store import activity, people

LINES: Final = 50
"""Lines of a page."""
VALUES_AT_MOST: Final = 10_000
"""Lines of a file; where there are more, it says so."""
TEXT_AT_MOST: Final = 140
"""Characters that are looked for: the longest note."""
READ: Final = 500
"""Transfers that are read at once."""


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Some lines, and from where the older ones go on; None at the end."""

    text: str
    lines: tuple[Line, ...]
    older_than: int | None


def history(
    deps: Deps, visitor: Visitor, *, text: str = "", before: int | None = None, lines: int = LINES
) -> HistoryPage:
    """Return what came to an end of somebody's transfers, where `text` stands in it.

    It is looked for in the other's handle, the note and the reference, in any case and without
    accents; what reads as an amount finds that amount too. `before`: the transfers below that id.
    """
    text = text.strip()[:TEXT_AT_MOST]
    with deps.store.read() as session:
        person = person_behind(session, visitor)
        if person is None:
            return HistoryPage(text, (), None)
        wanted = _plain(text.removeprefix("@")), _cents(text) if text else None
        every = (one for one in _lines(session, person.id, before) if _matches(one[1], *wanted))
        found = list(islice(every, lines + 1))
    return HistoryPage(
        text=text,
        lines=tuple(line for _id, line in found[:lines]),
        older_than=found[lines - 1][0] if len(found) > lines else None,
    )


def _lines(session: Session, person_id: int, before: int | None) -> Iterator[tuple[int, Line]]:
    """Read somebody's transfers, as many as are asked for: each one's id and line.

    They are looked through here: the databases know small letters of ASCII alone, or by a locale.
    """
    mine = people.account_ids_of(session, person_id)
    while rows := activity.ended(session, mine, person_id=person_id, limit=READ, before=before):
        accounts = people.accounts_by_id(session, {*mine, *_parties(rows)})
        lines = lines_of(session, rows, accounts, person_id, mine)
        yield from zip([row.id for row in rows], lines, strict=True)
        before = rows[-1].id


def _parties(rows: Sequence[Row[Any]]) -> set[str]:
    return {one for row in rows for one in (row.payer_x_user_id, row.payee_x_user_id)}


def _matches(line: Line, text: str, cents: int | None) -> bool:
    texts = (line.other_handle, line.note or "", line.reference)
    return abs(line.amount_cents) == cents or any(text in _plain(one) for one in texts)


def _plain(text: str) -> str:
    """Return a text without case and accents.

    >>> _plain("Été à ÉVIAN")
    'ete a evian'
    """
    parts = unicodedata.normalize("NFKD", text)
    return "".join(one for one in parts if not unicodedata.combining(one)).casefold()


def _cents(text: str) -> int | None:
    try:
        return read_amount(text)
    except Refusal:
        return None
