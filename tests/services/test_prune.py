"""Texts go after 30 days (X's rules); ids, outcomes and money stay, and so does what waits."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select

from bot.services import operate, prune, receive
from bot.services.prune import TEXTS_KEPT_DAYS
from bot.store import inbox, outbox
from bot.store.outbox import Letter
from tests.world import World


def came_in(world: World) -> Sequence[Row[Any]]:
    """Return the inbox, oldest first."""
    with world.store.read() as session:
        return session.execute(select(inbox.inbox).order_by(inbox.inbox.c.id)).all()


def went_out(world: World) -> Sequence[Row[Any]]:
    """Return the outbox, oldest first."""
    with world.store.read() as session:
        return session.execute(select(outbox.outbox).order_by(outbox.outbox.c.id)).all()


def without(rows: Sequence[Row[Any]], *names: str) -> list[dict[str, Any]]:
    """Return rows without some of their columns."""
    return [{k: v for k, v in row._mapping.items() if k not in names} for row in rows]


def test_texts_of_posts_and_messages_older_than_30_days_go(world: World) -> None:
    """What was asked, and by whom, and what was answered; every id and outcome stays."""
    world.join("bob", cents=5000, by_dm=True)
    world.join("alice")
    reference = world.order("bob", "alice", "10€ for pizza")
    assert world.dm("bob", "solde")
    assert world.dm("bob", f"oui {reference}")
    asked, answered = came_in(world), went_out(world)
    assert {row.source for row in asked} == {"post", "dm"}
    assert {row.channel for row in answered} == {"reply", "dm"}
    assert all(row.body for row in asked)
    assert all(row.text for row in answered)
    transfers = world.transfers(reference)
    world.pass_time(days=TEXTS_KEPT_DAYS, seconds=1)
    assert prune.prune(world.deps) == len(asked) + len(answered)
    assert {(row.body, row.author_x_user_id) for row in came_in(world)} == {(None, None)}
    assert {row.text for row in went_out(world)} == {""}
    gone = ("body", "author_x_user_id")
    assert without(came_in(world), *gone) == without(asked, *gone)
    assert without(went_out(world), "text") == without(answered, "text")
    assert world.transfers(reference) == transfers
    assert world.transfers(reference)[0].note == "pizza"
    assert world.balance("alice") == 1000
    assert prune.prune(world.deps) == 0


def test_what_is_younger_stays(world: World) -> None:
    """To the second."""
    world.join("bob", cents=5000)
    old = world.order("bob", "alice", "1€")
    world.pass_time(days=1)
    young = world.order("bob", "alice", "2€")
    world.pass_time(days=TEXTS_KEPT_DAYS - 1, seconds=1)
    assert prune.prune(world.deps) == 2
    first, second = came_in(world)
    assert (first.body, second.body is not None) == (None, True)
    assert [old in row.text for row in went_out(world)] == [False, False]
    assert [young in row.text for row in went_out(world)] == [False, True]
    world.pass_time(days=1)
    assert prune.prune(world.deps) == 2


def test_what_still_waits_stays_whatever_its_age(world: World) -> None:
    """A post that was not read yet and an answer that was not sent yet are still needed."""
    world.join("bob", cents=5000)
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    letter = Letter(key="dm:old", channel="dm", text="Bonjour.", to_x_user_id=world.x_id("bob"))
    with world.store.write() as session:
        outbox.put(session, [letter], at=world.clock.now())
    world.pass_time(days=10 * TEXTS_KEPT_DAYS)
    assert prune.prune(world.deps) == 0
    assert came_in(world)[0].body is not None
    assert went_out(world)[0].text == "Bonjour."
    receive.read_inbox(world.deps)
    assert prune.prune(world.deps) == 1
    assert came_in(world)[0].source_id == post_id


def test_a_post_whose_text_is_gone_is_still_read_only_once(world: World) -> None:
    """X may bring it again: its id is known, and there is no second order."""
    world.join("bob", cents=5000)
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    world.pass_time(days=TEXTS_KEPT_DAYS + 1)
    prune.prune(world.deps)
    receive.take_in(world.deps, [world.x.event(post_id)])
    world.react()
    assert len(came_in(world)) == 1
    assert world.answer_to(post_id) is not None
    assert len(operate.list_transfers(world.deps)) == 1
