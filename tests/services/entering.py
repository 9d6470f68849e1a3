"""Entering without X in verbs that read like sentences: type, read the text, be in."""

import re
from typing import Final

from sqlalchemy import Row, text

from bot.services import lost, sessions, texts
from bot.services.sessions import Visitor
from bot.store import people
from tests.builders import CODE
from tests.world import World

BROWSER: Final = "the secret of a browser"
WRONG: Final = "111111"


def type_in(
    world: World,
    phone: str,
    code: str = CODE,
    *,
    browser: str = BROWSER,
    address: str | None = None,
) -> None:
    """Type a phone and a wallet code; the text, if there is one, goes out."""
    typed = lost.read(world.deps, phone, code)
    deps = world.deps
    lost.send(deps, lost.begin(deps, typed, browser_token=browser, lang="fr", address=address))


def texts_to(world: World, phone: str) -> list[str]:
    """Return the texts that reached a phone, notices too."""
    texts.send_notices(world.deps)
    return world.sms.texts_to(phone)


def code_in(said: str) -> str:
    """Return the code in a text."""
    found = re.search(r"\b[0-9]{6}\b", said)
    assert found is not None, said
    return found[0]


def enter(world: World, handle: str, *, browser: str = BROWSER) -> Visitor:
    """Enter all the way; return who is in."""
    phone = world.phone(handle)
    type_in(world, phone, browser=browser)
    done = lost.check(world.deps, browser, code_in(world.sms.texts_to(phone)[-1]))
    found = sessions.visitor(world.deps, done.token)
    assert found is not None
    return found


def person(world: World, handle: str) -> Row[tuple[object]]:
    """Return the person behind an account."""
    with world.store.read() as session:
        found = people.person_of(session, world.x_id(handle))
    assert found is not None
    return found


def count(world: World, table: str) -> int:
    """Count a table's rows."""
    with world.store.read() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())
