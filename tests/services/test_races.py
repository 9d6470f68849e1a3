"""Two who come at the same instant, on PostgreSQL: one waits for the other, and nobody is lost.

Each race is brought about: one transaction is held open until the other is seen to wait for it.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Barrier, Event, Thread

import pytest
from sqlalchemy import exc, text

from bot.domain.errors import Refusal
from bot.services import cancel, claim, confirm, first_time
from bot.services.confirm import Will
from bot.store import orders, people
from bot.store.engine import Store
from tests.services.at_once import until_waiting
from tests.world import World

PHONE = "+33639980042"


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    """PostgreSQL alone: on SQLite a writer is alone anyway."""
    return postgresql_url


class Other:
    """Somebody who does something in a thread of their own."""

    def __init__(self, deed: Callable[[], object]) -> None:
        self.error: Exception | None = None
        self._deed = deed
        self._thread = Thread(target=self._do)

    def _do(self) -> None:
        try:
            self._deed()
        except Exception as error:  # noqa: BLE001 (told to the test)
            self.error = error

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Wait for the end."""
        self._thread.join(20)
        assert not self._thread.is_alive(), "it waits for ever"


@contextmanager
def meeting(store: Store, other: Other) -> Iterator[None]:
    """Do something in a transaction that `other` waits for, then let both end."""
    yield
    other.start()
    until_waiting(store)


def ask_for_code(world: World, handle: str) -> Callable[[], None]:
    """Let somebody ask for a code to the phone; return how they type it."""
    visitor = world.visitor(handle)
    first_time.send_phone_code(world.deps, visitor, PHONE, consent=True, lang="fr")
    code = re.search(r"\b[0-9]{6}\b", world.sms.texts_to(PHONE)[-1])
    assert code is not None
    return lambda: first_time.check_phone_code(world.deps, visitor, code[0])


def persons_of(world: World, *handles: str) -> set[int]:
    """Return the persons behind accounts."""
    found = {world.visitor(handle).person_id for handle in handles}
    return {one for one in found if one is not None}


def test_two_accounts_that_prove_one_new_phone_at_once_are_one_person(world: World) -> None:
    """The second waits for the first: no error, one wallet, and the way to join it."""
    other = Other(ask_for_code(world, "second"))
    world.visitor("first")
    with world.store.write() as session, meeting(world.store, other):
        at = world.clock.now()
        people.make_person(
            session, phone=PHONE, x_user_id=world.x_id("first"), terms_version="1", at=at
        )
    other.end()
    assert other.error is None
    assert len(persons_of(world, "first", "second")) == 1
    assert first_time.next_step(world.deps, world.visitor("second")) == "link"


def test_a_crowd_that_proves_one_new_phone_at_once_is_one_person(world: World) -> None:
    """Whoever comes first; the others have the phone, and need its wallet code."""
    handles = [f"account{number}" for number in range(5)]
    barrier = Barrier(len(handles))

    def at_once(type_code: Callable[[], None]) -> Callable[[], None]:
        def deed() -> None:
            barrier.wait(20)
            type_code()

        return deed

    crowd = [Other(at_once(ask_for_code(world, handle))) for handle in handles]
    for one in crowd:
        one.start()
    for one in crowd:
        one.end()
    assert [one.error for one in crowd] == [None] * len(handles)
    assert len(persons_of(world, *handles)) == 1
    with world.store.read() as session:
        wallets = text("SELECT count(*) FROM account WHERE name LIKE 'wallet:%'")
        assert session.execute(wallets).scalar_one() == 1


def test_a_cancellation_has_the_top_up_that_began_while_it_waited(world: World) -> None:
    """The driver takes a top-up before its transfers: who has these only would wait in a circle."""
    world.join("bob")
    reference = world.order("bob", "alice")
    locked, looked = Event(), Event()

    def cancelling() -> None:
        with world.store.write() as session:
            order = orders.by_reference(session, reference)
            assert order is not None
            assert [row.status for row in cancel.lock(session, order)] == ["funding"]
            locked.set()
            looked.wait(20)

    other = Other(cancelling)
    with world.store.write() as session, meeting(world.store, other):
        confirm.write(session, world.deps, by_card(world, reference), world.clock.now())
    assert locked.wait(20)
    try:
        with pytest.raises(exc.OperationalError, match="lock"), world.store.write() as session:
            session.execute(text("SELECT id FROM topup FOR UPDATE NOWAIT"))
    finally:
        looked.set()
        other.end()
    assert other.error is None


def test_a_cancellation_that_waited_for_a_card_payment_stops_it(world: World) -> None:
    """Its wish reaches the driver, which closes the page that nobody has seen."""
    world.join("bob")
    reference = world.order("bob", "alice")
    other = Other(lambda: cancel.cancel(world.deps, reference, world.x_id("bob")))
    with world.store.write() as session, meeting(world.store, other):
        confirm.write(session, world.deps, by_card(world, reference), world.clock.now())
    other.end()
    assert other.error is None
    assert world.statuses(reference) == ["cancelled"]
    assert world.topup(reference).status == "expired"


def by_card(world: World, reference: str) -> Will:
    """Bob's will to pay an order by card."""
    return Will(
        reference=reference,
        x_user_id=world.x_id("bob"),
        terms_hash=world.terms("bob", reference),
        funding="card",
        method="page",
    )


def test_a_claim_waits_for_a_lock_of_its_wallet_that_is_under_way(world: World) -> None:
    """An operator who locks a wallet is not overtaken by its owner."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "carol")
    world.confirm("bob", reference)
    carol = world.join("carol")
    other = Other(lambda: claim.claim(world.deps, reference, world.x_id("carol")))
    with world.store.write() as session, meeting(world.store, other):
        people.change_person(session, carol, locked_at=world.clock.now())
    other.end()
    assert isinstance(other.error, Refusal)
    assert "locked" in other.error.reply.key
    assert world.statuses(reference) == ["held"]
    assert world.balance("carol") == 0
