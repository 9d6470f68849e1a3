"""What X costs is counted by kind, every process together, and kept to a day's budget."""

from contextlib import suppress
from dataclasses import replace

from sqlalchemy import update

from bot.cli import doctor_x
from bot.config import Settings
from bot.domain.replies import Reply
from bot.domain.x_bill import PRICES, Bill, Phase, Spending, XUse, day_of
from bot.services import deliver, prune, receive, x_money
from bot.services.deps import Deps
from bot.services.prune import BILLS_KEPT_DAYS
from bot.services.steps import Step
from bot.services.tell import News, tell
from bot.store import budgets, outbox, x_counts
from bot.telemetry import SEEN_AT_MOST, Tally
from bot.worker.beat import Pulse
from tests.world import World

WARN = ("lost:1:2", "transfer:7:moved:9:payer", "dispute:1:2", "edit:5", "transfer:7:posted:payer")
"""Keys of messages that warn somebody, or answer them."""


def bill_of(world: World) -> Bill:
    """Return what is written down of today."""
    with world.store.read() as session:
        return x_money.today(session, world.clock.now())


def take_over(world: World) -> None:
    """Let another worker have leased whatever waits since."""
    rows = outbox.outbox
    with world.store.write() as session:
        waits = update(rows).where(rows.c.status == "waiting")
        session.execute(waits.values(attempts=rows.c.attempts + 1))


def another_process(deps: Deps, budget_mills: int | None = None) -> Deps:
    """Return what a second process on the same database has."""
    return replace(deps, tally=Tally(), x_budget_mills=budget_mills)


def test_every_process_writes_its_counts_into_the_one_bill(world: World) -> None:
    """With the heartbeat, whatever it counted; at midnight UTC a new one begins."""
    other = another_process(world.deps)
    pulses = [
        Pulse(deps, worker=name, alone=False) for name, deps in (("a", world.deps), ("b", other))
    ]
    for deps in (world.deps, other):
        deps.tally.count(XUse.POST_READ, 2)
    other.tally.read(XUse.USER_READ, ["1", "2", "1"])
    other.tally.read(XUse.USER_READ, ["2"])
    for pulse in pulses:
        pulse.beat()
        pulse.beat()
    bill = bill_of(world)
    assert bill.counts == {"post_read": 4, "user_read": 2}
    assert bill.mills == 4 * 5 + 2 * 10
    other.tally.count(XUse.SIGN_IN)
    pulses[1].end()
    assert bill_of(world).of_phase(Phase.CONFIRMATION) == 10
    world.pass_time(days=1)
    assert bill_of(world).mills == 0
    pulses[1].beat()
    other.tally.read(XUse.USER_READ, ["2"])
    x_money.note(other)
    assert bill_of(world).counts == {"user_read": 1}
    world.pass_time(days=BILLS_KEPT_DAYS)
    prune.prune(world.deps)
    assert bill_of(world).counts == {}


def test_doctor_says_what_x_costs_and_what_the_budget_stops(world: World) -> None:
    """By kind, for each order and each confirmation; it warns before anything but news stops."""
    settings = Settings(environment="sandbox", database_url=world.store.url)
    (nothing,) = doctor_x.costs(settings, world.deps)
    assert (nothing.state, nothing.said) == ("ok", "X cost $0.000 today (UTC).")
    used = {XUse.POST_READ: 3, XUse.REPLY: 2, XUse.MESSAGE_READ: 1, "orders": 2, "confirmations": 1}
    with world.store.write() as session:
        x_counts.add(session, day_of(world.clock.now()), {str(k): v for k, v in used.items()})
    (cost,) = doctor_x.costs(settings, world.deps)
    assert cost.said == (
        "X cost $0.045 today (UTC); an order, from post to reply, cost $0.0175; a confirmation "
        "cost $0.010: 3 post_read, 2 reply, 1 message_read."
    )
    for budget_mills, state, told in (
        (1000, "ok", "$0.045 of $1.000 (X_DAILY_BUDGET_USD) spent today; from 80 % on"),
        (
            50,
            "note",
            "stopped: news of transfers by direct message, answers to `help`, looking for deleted",
        ),
        (45, "mend", "replies wait for midnight UTC, or raise it; stopped: news of transfers"),
    ):
        _, found = doctor_x.costs(settings, replace(world.deps, x_budget_mills=budget_mills))
        assert (found.state, told in found.said) == (state, True), found


def test_doctor_warns_where_no_message_came_for_days(world: World) -> None:
    """X's encrypted ones never come this way: an operator has to know."""
    settings = Settings(environment="sandbox", database_url=world.store.url)

    def says() -> tuple[str, str]:
        (found,) = doctor_x.messages(settings, world.deps)
        return found.state, found.said

    assert says() == ("ok", "No direct message came yet.")
    world.pass_time(days=4)
    assert says()[0] == "note"
    world.dm("bob", "solde")
    assert says() == (
        "ok",
        f"The last direct message came at {world.clock.now():%Y-%m-%d %H:%M} UTC.",
    )
    world.pass_time(days=3)
    state, said = says()
    assert (state, "No direct message came for 3 days (X_DM_SOURCE=poll)" in said) == ("note", True)


def test_counts_that_could_not_be_written_down_are_kept() -> None:
    """Nothing is lost with a transaction, and a process's memory of ids has an end."""
    tally = Tally()
    tally.count(XUse.REPLY)
    with suppress(ZeroDivisionError), tally.handing_over():
        tally.count(XUse.REPLY)
        raise ZeroDivisionError
    with tally.handing_over() as used:
        assert used == {"reply": 2}
    tally.read(XUse.USER_READ, map(str, range(3 * SEEN_AT_MOST)))
    tally.read(XUse.USER_READ, ["0", str(3 * SEEN_AT_MOST - 1)])
    with tally.handing_over() as used:
        assert used == {"user_read": 3 * SEEN_AT_MOST + 1}


def test_an_order_costs_its_post_and_its_reply_and_a_confirmation_is_told_apart(
    world: World,
) -> None:
    """Read twice, by the stream and the timeline, it is paid once; what a DM costs is apart."""
    world.join("bob", cents=5000, by_dm=True)
    world.join("alice")
    reference = world.order("bob", "alice")
    receive.backfill(world.deps)
    world.deps.tally.count(XUse.REPLY)  # the fakes stand where the adapters count
    assert world.dm("bob", f"oui {reference}")
    x_money.note(world.deps)
    bill = bill_of(world)
    assert (bill.each(Phase.ORDER), bill.each(Phase.CONFIRMATION)) == (15, 10), "16 at most"
    assert set(PRICES) == set(XUse), "each kind has its price"
    assert Bill({}).each(Phase.ORDER) is None


def test_a_budget_that_runs_short_stops_news_and_help_before_any_link(world: World) -> None:
    """At 80 percent what nobody's order waits for; what another process spent counts."""
    world.join("bob", cents=5000)
    world.join("alice")
    world.dm("alice", "aide")
    deps = another_process(world.deps, budget_mills=1000)
    with world.store.write() as session:
        x_counts.add(session, day_of(world.clock.now()), {XUse.MESSAGE_SENT: 53})
    world.deps = deps
    assert x_money.spending(deps) is Spending.FREE, "this process has not heard of it yet"
    Pulse(deps, worker="b", alone=False).beat()
    assert x_money.spending(deps) is Spending.FREE
    deps.tally.count(XUse.POST_READ)
    assert x_money.spending(deps) is Spending.SAVING
    world.on_step = (Step.OUTBOX_LEASED, lambda: take_over(world))
    assert world.post("carol", "@smoney help") is None
    assert world.outbox()[-1] == ("reply", "waiting"), "it is another's, to drop or to send"
    world.on_step = (None, lambda: None)
    before = len(world.messages_to("alice"))
    reference = world.order("bob", "alice")
    world.confirm("bob", reference)
    world.react()
    assert world.post("carol", "@smoney help") is None
    assert len(world.messages_to("alice")) == before, "she reads it in her wallet"
    assert world.outbox()[-2:] == [("dm", "dropped"), ("reply", "dropped")]
    warned = [News(key, world.x_id("alice"), Reply.of("news.lost_entered"), None) for key in WARN]
    with world.store.write() as session:
        assert tell(session, warned, at=world.clock.now()) == len(WARN)
    deliver.deliver(deps)
    assert len(world.messages_to("alice")) == before + len(WARN), "a warning is never optional"


def test_a_budget_that_is_spent_lets_replies_wait_for_the_next_day(world: World) -> None:
    """Nothing is lost: the order stands, and its reply goes out once X begins to count anew."""
    world.join("bob", cents=5000)
    deps = world.deps = another_process(world.deps, budget_mills=100)
    deps.tally.count(XUse.REPLY, 10)
    x_money.note(deps)
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    world.pass_time(hours=1)
    world.react()
    assert world.answer_to(post_id) is None
    with world.store.read() as session:
        (row,) = outbox.listing(session)
        assert (row.status, row.attempts, row.reason) == ("waiting", 0, None), "it was not taken"
        assert budgets.every(session) == []
    world.pass_time(hours=12)
    Pulse(deps, worker="b", alone=False).beat()
    deliver.deliver(deps)
    assert world.answer_to(post_id) is not None
