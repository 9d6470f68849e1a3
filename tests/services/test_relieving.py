"""A queue that is longer than X's window, or its day, is relieved of what matters least."""

from dataclasses import replace
from datetime import timedelta

from bot.cli import queue
from bot.domain.errors import OutcomeUnknown, Unavailable
from bot.domain.pace import Budget, Window
from bot.services import relieve
from bot.store import budgets, outbox
from bot.store.outbox import Letter
from tests.fakes.clock import FakeClock
from tests.world import World, reference_in


def test_a_queue_longer_than_the_window_is_relieved_of_what_matters_least(world: World) -> None:
    """With a count; of one person's errors the newest answers; a link waits for hours."""
    publisher = world.roles.publisher
    reset = world.clock.now() + timedelta(hours=1)
    publisher.budget = Budget(Window(3, 3, reset))
    world.join("bob")
    world.link("bob_pro", to="bob")
    world.post("bob", "@smoney help")
    publisher.faults.add(Unavailable("429", reset))
    for author, text in (
        ("carol", "@smoney pay @alice 1€"),
        ("carol", "@smoney help"),
        ("bob", "@smoney pay @alice"),
        ("bob_pro", "@smoney pay @alice"),
        ("dave", "@smoney pay @alice 2€"),
    ):
        world.take_post(author, text)
    world.react()
    assert relieve.relieve(world.deps) == 2, "room for three, and two errors of one person"
    assert relieve.relieve(world.deps) == 0
    statuses = [status for _channel, status in world.outbox()]
    assert statuses == ["sent", "waiting", "dropped", "dropped", "waiting", "waiting"], "the newest"
    state, said = queue.told(world.deps)
    assert state == "note"
    assert said == (
        "3 replies and 0 messages wait. Of 3 replies until 13:00 UTC X grants 2 more. "
        "Of 10000 replies until 12:00 UTC X grants 9998 more. "
        "Dropped in 24 hours: 1 reply (the queue was longer than X's window). "
        "Dropped in 24 hours: 1 reply (a newer hint to the same person answers for it)."
    )
    world.pass_time(hours=7)
    assert relieve.relieve(world.deps) == 3, "too late for anybody"
    assert [row.status for row in world.involving("dave")] == ["pending"]


def test_whose_link_comes_too_late_hears_that_their_order_waits(world: World) -> None:
    """By direct message where X allows one, once; the clock of a leader that is ahead says nothing.

    Of what was cancelled meanwhile nobody hears, be it without an amount yet; what may be out is
    looked up first.
    """
    for handle in ("bob", "carol", "erin", "gail"):
        world.dm(handle, "help")
    world.roles.publisher.faults.add(OutcomeUnknown("reply"))
    world.post("erin", "@smoney pay @alice 1€")
    closed = Unavailable("429", world.clock.now() + timedelta(hours=9))
    world.roles.publisher.faults.add(closed)
    for payer in ("bob", "carol", "dave"):
        world.take_post(payer, "@smoney pay @alice 1€")
    world.take_post("gail", "@smoney pay @alice")
    world.react()
    world.dm("carol", "annule")
    world.dm("gail", "annule")
    if not world.store.is_sqlite:
        ahead = FakeClock(world.clock.now() + timedelta(days=1))
        assert relieve.relieve(replace(world.deps, clock=ahead)) == 0
    readers = ("bob", "carol", "dave", "erin", "gail")
    heard = [len(world.messages_to(one)) for one in readers]
    world.pass_time(hours=7)
    relieve.relieve(world.deps)
    relieve.relieve(world.deps)
    world.react()
    assert [status for _channel, status in world.outbox()].count("dropped") == 4
    told = [world.messages_to(one) for one in readers]
    assert [len(one) - before for one, before in zip(told, heard, strict=True)] == [1, 0, 0, 0, 0]
    (order,) = world.involving("bob")
    assert reference_in(told[0][-1]) == order.reference
    world.pass_time(hours=3)
    world.react()
    world.react()
    assert [status for _channel, status in world.outbox()].count("dropped") == 5
    assert len(world.messages_to("erin")) == heard[3] + 1
    world.pass_time(hours=19)
    world.expire()
    assert world.statuses(order.reference) == ["pending"], "it has the whole of its time"


def test_more_messages_than_a_day_takes_are_relieved_of_how_it_went(world: World) -> None:
    """What its page says as well; a link and what warns somebody wait behind whatever number."""
    how_it_went = [f"transfer:{one}:posted:payee" for one in range(5)]
    with world.store.write() as session:
        day = {"day_most": 3, "day_left": 3, "day_resets_at": world.clock.now() + timedelta(days=1)}
        session.execute(budgets.x_budget.insert().values(channel="dm", **day))
        for key in (*how_it_went, "transfer:5:moved:1", "code:1"):
            news = Letter(key=f"dm:{key}", channel="dm", text=key, priority=4, to_x_user_id="7")
            outbox.put(session, [news], at=world.clock.now())
    assert relieve.relieve(world.deps) == 2, "of the four that stand behind three"
    assert relieve.relieve(world.deps) == 0
    statuses = [status for _channel, status in world.outbox()]
    assert statuses == [*["waiting"] * 3, *["dropped"] * 2, *["waiting"] * 2]
