"""The way to a wallet in verbs that read like sentences."""

import re
from typing import Any

import pytest
from sqlalchemy import Row

from bot.domain.errors import Refusal
from bot.services import first_time
from bot.store import people
from tests.builders import CODE
from tests.world import World

PHONE = "+33612345678"


def send(world: World, handle: str, phone: str = PHONE, *, consent: bool = True) -> None:
    """Ask for a code."""
    first_time.send_phone_code(world.deps, world.visitor(handle), phone, consent=consent, lang="fr")


def check(world: World, handle: str, code: str) -> None:
    """Type a code."""
    first_time.check_phone_code(world.deps, world.visitor(handle), code)


def newest_code(world: World, phone: str = PHONE) -> str:
    """Read the newest text message."""
    found = re.search(r"\b[0-9]{6}\b", world.sms.texts_to(phone)[-1])
    assert found is not None
    return found[0]


def refused(world: World, handle: str, code: str) -> str:
    """Type a code that is refused; return why."""
    with pytest.raises(Refusal) as caught:
        check(world, handle, code)
    return caught.value.reply.key


def test_a_code_makes_a_wallet(world: World) -> None:
    """With consent, its time and the version of the terms."""
    send(world, "carol")
    check(world, "carol", newest_code(world))
    with world.store.read() as session:
        person = people.person_of(session, world.x_id("carol"))
    assert person is not None
    assert person.phone == PHONE
    assert person.consented_at == world.clock.now()
    assert person.terms_version == first_time.TERMS_VERSION
    assert person.lang is None  # only a choice in the wallet is one
    assert world.balance("carol") == 0


def open_wallet(world: World, handle: str, phone: str = PHONE) -> None:
    """Go all the way."""
    send(world, handle, phone)
    check(world, handle, newest_code(world, phone))
    name(world, handle)
    first_time.choose_code(world.deps, world.visitor(handle), CODE, CODE)


def name(world: World, handle: str, born: str = "03/02/1990") -> None:
    """Say who one is."""
    first_time.declare(
        world.deps, world.visitor(handle), first_names="Carol", last_name="Petit", born_text=born
    )


def person(world: World, handle: str) -> Row[Any]:
    """Return the person behind an account."""
    with world.store.read() as session:
        found = people.person_of(session, world.x_id(handle))
    assert found is not None
    return found
