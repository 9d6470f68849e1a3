"""All that is kept about a person, as one JSON file (GDPR art. 15 and 20).

It is written piece by piece, a page of rows in each short reading transaction: whoever has ten
thousand payments costs no more memory than whoever has ten, and whoever reads slowly stops nobody.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.domain.sca import Purpose
from bot.i18n.texts import say
from bot.services import nameless, persons
from bot.services.deps import Deps
from bot.services.sessions import Visitor, person_behind
from bot.store import factors, former, own_data
from bot.store.former import Who
from bot.store.own_data import Part

ROWS: Final = 200
"""Rows that are in memory at a time."""
GIVEN_WITHIN: Final = timedelta(minutes=10)
"""How long after two factors were given the file may be fetched, again too."""


def may_have(deps: Deps, visitor: Visitor) -> bool:
    """Whether a visitor gave two factors for their file just now, in this browser."""
    if visitor.x_user_id is None:
        return False
    since = deps.clock.now() - GIVEN_WITHIN
    with deps.store.read() as session:
        met = factors.met_since(
            session,
            visitor.x_user_id,
            browser=visitor.browser,
            purpose=Purpose.DATA.value,
            since=since,
        )
    return any(row.person_id == visitor.person_id for row in met)


def written(deps: Deps, visitor: Visitor) -> Iterator[str]:
    """Return the file in pieces. Raises `Refusal` where there is no wallet."""
    with deps.store.read() as session:
        person = person_behind(session, visitor)
        if person is None:
            raise Refusal(Reply.of("refusal.no_wallet"))
        who = former.who(session, person)
    return _pieces(deps, who)


def of_anybody(deps: Deps, handle_or_id: str) -> Iterator[str]:
    """Return the file of a person, who closed their account too, for an operator who was asked.

    Raises `Refusal`.
    """
    with deps.store.read() as session:
        who = former.who(session, persons.find(session, handle_or_id, or_closed=True))
    return _pieces(deps, who)


def _pieces(deps: Deps, who: Who) -> Iterator[str]:
    # Found first: what is read meanwhile is listed all the same, and once.
    who = replace(who, unread=[row.id for row, _said in nameless.written_by(deps, who)])
    about = {lang: say(Reply.of("data.about"), lang, public=False) for lang in ("fr", "en")}
    yield f'{{\n"about": {_json(about)},\n"made_at": {_json(deps.clock.now())}'
    for part in own_data.PARTS:
        yield f",\n{_json(part.name)}: ["
        joint = "\n"
        for rows in _pages(deps, part, who):
            yield joint + ",\n".join(_json(row) for row in rows)
            joint = ",\n"
        yield "]"
    yield "\n}\n"


def _pages(deps: Deps, part: Part, who: Who) -> Iterator[list[dict[str, Any]]]:
    """Read a list, each page after the last row of the one before."""
    statement = (
        part.shown.add_columns(part.key.label("key_of_row"))
        .where(part.mine(who))
        .order_by(part.key)
        .limit(ROWS)
    )
    after = statement
    while True:
        with deps.store.read() as session:
            rows = [dict(row._mapping) for row in session.execute(after)]  # noqa: SLF001 (the public name of a row's mapping)
        keys = [row.pop("key_of_row") for row in rows]
        if rows:
            yield rows
        if len(rows) < ROWS:
            return
        after = statement.where(part.key > keys[-1])


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=_written)


def _written(value: object) -> str:
    """Write a moment in UTC and a day as ISO 8601 has them."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    assert isinstance(value, date), f"{value!r} has no way into the file"
    return value.isoformat()
