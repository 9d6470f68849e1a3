"""A wallet's whole history: what one looks for in it, page by page, the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row

from bot.domain.errors import Refusal
from bot.services.deps import Deps
from bot.services.sessions import Visitor
from bot.services.typed import read_amount
from bot.services.wallet import Line, line_of
from bot.store import activity, people

LINES: Final = 50
"""Lines of a page."""
VALUES_AT_MOST: Final = 10_000
"""Lines of a file: the whole life of a wallet that pays ten times a day for years."""
TEXT_AT_MOST: Final = 140
"""Characters that are looked for: the longest note."""


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

    It is looked for in the other's handle, the note and the reference, in any case; what reads as
    an amount finds that amount too. `before`: the transfers below that id.
    """
    text = text.strip()[:TEXT_AT_MOST]
    with deps.store.read() as session:
        person = people.person_of(session, visitor.x_user_id)
        mine = people.account_ids_of(session, person.id) if person is not None else []
        found = activity.ended(
            session,
            mine,
            limit=lines + 1,
            before=before,
            matching=activity.Wanted(text.removeprefix("@"), _cents(text)) if text else None,
        )
        shown = found[:lines]
        accounts = people.accounts_by_id(session, {*mine, *_parties(shown)})
    return HistoryPage(
        text=text,
        lines=tuple(line_of(row, accounts, mine) for row in shown),
        older_than=shown[-1].id if len(found) > lines else None,
    )


def _parties(rows: Sequence[Row[Any]]) -> set[str]:
    return {one for row in rows for one in (row.payer_x_user_id, row.payee_x_user_id)}


def _cents(text: str) -> int | None:
    try:
        return read_amount(text)
    except Refusal:
        return None
