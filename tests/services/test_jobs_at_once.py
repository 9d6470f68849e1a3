"""Each job of the table beside itself: two workers at the same moment, and everything is done once.

For each job there is a story: it leaves something that is due, lets the job run twice at once, and
then looks at what came of it. The store's teardown proves the books.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import pytest
from sqlalchemy import text

from bot import jobs
from bot.config import Needs, load
from bot.domain import books
from bot.domain.replies import Reply
from bot.services import cases, check, deliver, poll, receive, sessions, settle, texts
from bot.services.prune import TEXTS_KEPT_DAYS
from bot.store import ledger, outbox, reconcile
from bot.store.outbox import Letter
from tests.services.at_once import all_at_once
from tests.services.proving import send
from tests.world import World, reference_in

ROUNDS = 2
SEVERAL = 3
PHONE = "+33639980042"
GOOD = "4242424242424242"
JOBS = {
    job.name: job.run
    for job in jobs.table(load(Needs.DATABASE, {"ENVIRONMENT": "sandbox", "X_DM_POLL_S": "2"}))
}

Story = Callable[[World, int], AbstractContextManager[int | None]]
"""With the round's number; it yields how much both say that they did, None where that is open."""


def count(world: World, table: str, where: str = "TRUE") -> int:
    """Count rows of a table."""
    with world.store.read() as session:
        query = text(f"SELECT count(*) FROM {table} WHERE {where}")
        return int(session.execute(query).scalar_one())


def ordered(world: World, payer: str, payee: str) -> list[str]:
    """Let somebody who may be written to order several times; return the references."""
    world.join(payer, cents=5000)
    world.dm(payer, "aide")
    return [world.order(payer, payee, f"10.0{one}€") for one in range(SEVERAL)]


@contextmanager
def posts_to_read(world: World, number: int) -> Iterator[int]:
    """Each post is one order, and has one answer."""
    bob = f"bob{number}"
    post_ids = [world.take_post(bob, f"@smoney pay @alice 10.0{one}€") for one in range(SEVERAL)]
    yield SEVERAL
    world.react()
    assert len({reference_in(world.answer_to(post_id)) for post_id in post_ids}) == SEVERAL
    assert len(world.involving(bob)) == SEVERAL


@contextmanager
def card_events_to_read(world: World, number: int) -> Iterator[int]:
    """The acquirer tells of a payment: it is captured once, and posted once."""
    bob, alice = f"bob{number}", f"alice{number}"
    world.join(bob)
    world.join(alice)
    reference = world.order(bob, alice)
    world.confirm(bob, reference, funding="card")
    heard = len(world.cards.events)
    world.cards.submit(world.topup(reference).session_id, GOOD)
    told = [world.deps.webhooks.verify(*one) for one in world.cards.events[heard:]]
    yield receive.take_in(world.deps, told)
    assert told
    is_settled(world, reference, alice)


@contextmanager
def messages_to_send(world: World, number: int) -> Iterator[int]:
    """A public answer and a direct message: each goes out once."""
    assert world.dm("dave", "aide"), "who wrote may be written to"
    dave = world.x_id("dave")
    said = f"Hello, for the time number {number}."
    post_id = world.x.post("bob", "@smoney help")
    letters = [
        Letter(key=f"reply:{post_id}", channel="reply", text=said, to_post_id=post_id),
        Letter(key=f"dm:{number}", channel="dm", text=said, to_x_user_id=dave),
    ]
    with world.store.write() as session:
        outbox.put(session, letters, at=world.clock.now())
    yield len(letters)
    assert [one.text for one in world.x.answers(post_id)] == [said]
    assert world.messages_to("dave").count(said) == 1
    assert count(world, "outbox", "status <> 'sent'") == 0


@contextmanager
def messages_too_late(world: World, number: int) -> Iterator[int]:
    """Each is dropped once; its order stays."""
    for _ in range(SEVERAL):
        world.take_post(f"bob{number}", "@smoney pay @alice 1€")
    receive.read_said(world.deps)
    world.pass_time(hours=world.deps.policy.answer_within_h, seconds=1)
    yield SEVERAL
    assert count(world, "outbox", "reason = 'late'") == SEVERAL * (number + 1)
    assert {row.status for row in world.involving(f"bob{number}")} == {"pending"}


@contextmanager
def notices_to_send(world: World, number: int) -> Iterator[int]:
    """Each phone is told once of each change."""
    phones = [f"+336399801{number}{one}" for one in range(SEVERAL)]
    with world.store.write() as session:
        for phone in phones:
            texts.notify(
                session, phone, Reply.of("sms.sca_shut"), "en", person_id=1, at=world.clock.now()
            )
    yield SEVERAL
    assert [len(world.sms.texts_to(phone)) for phone in phones] == [1] * SEVERAL
    assert count(world, "text_message", "sent_at IS NULL OR text IS NOT NULL") == 0


@contextmanager
def money_to_recover(world: World, number: int) -> Iterator[None]:
    """A card payment that nobody looked at since: captured once, posted once."""
    bob, alice = f"bob{number}", f"alice{number}"
    world.join(bob)
    world.join(alice)
    reference = world.order(bob, alice)
    world.confirm(bob, reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    world.pass_time(minutes=2)
    yield None  # it counts what it looked at, which both may do
    settle.recover(world.deps)
    is_settled(world, reference, alice)


def is_settled(world: World, reference: str, payee: str) -> None:
    """Prove that a card was charged once for an order, and its payee got the money once."""
    assert (world.topup(reference).status, world.statuses(reference)) == ("captured", ["posted"])
    assert world.cards.payments.read(world.topup(reference).payment_id).captured_cents == 1000
    assert world.balance(payee) == 1000


@contextmanager
def orders_to_expire(world: World, number: int) -> Iterator[int]:
    """Each transfer ends once, the drafts with them; nothing moves."""
    bob = f"bob{number}"
    references = ordered(world, bob, "alice")
    assert "/t/" in str(world.post(bob, "@smoney pay @alice 10"))
    world.pass_time(hours=30)
    yield SEVERAL + 1
    for reference in references:
        assert world.reasons(reference)[1:] == ["not_confirmed_in_time"]
    assert count(world, "draft", "outcome <> 'expired' OR ended_at IS NULL") == 0
    assert world.balance(bob) == 5000


@contextmanager
def posts_to_miss(world: World, number: int) -> Iterator[None]:
    """What a deleted post asked for ends once, and the reply to it is gone; both may delete it."""
    bob = f"bob{number}"
    world.join(bob, cents=5000)
    post_id = world.take_post(bob, "@smoney pay @alice 10€")
    world.react()
    reference = reference_in(world.answer_to(post_id))
    world.x.delete(post_id)
    world.pass_time(hours=23)
    yield None
    assert world.reasons(reference)[1:] == ["post_gone"]
    assert world.answer_to(post_id) is None
    assert count(world, "orders", "post_gone_at IS NOT NULL AND reply_gone_at IS NULL") == 0


@contextmanager
def money_to_return(world: World, number: int) -> Iterator[int]:
    """Each held transfer goes back once, and its payer is told of each once."""
    bob = f"bob{number}"
    references = ordered(world, bob, "nobody")
    for reference in references:
        world.confirm(bob, reference)
    world.pass_time(days=world.deps.policy.claim_within_days)
    deliver.deliver(world.deps)
    before = len(world.messages_to(bob))
    yield SEVERAL
    assert world.balance(bob) == 5000
    for reference in references:
        assert world.statuses(reference) == ["returned"]
        assert world.reasons(reference).count("not_claimed_in_time") == 1
    deliver.deliver(world.deps)
    news = world.messages_to(bob)[before:]
    assert [sum(reference in one for one in news) for reference in references] == [1] * SEVERAL
    assert len(news) == SEVERAL


@contextmanager
def books_to_prove(world: World, number: int) -> Iterator[int]:
    """Each looks at all of it; what is kept is that they balance."""
    world.join(f"bob{number}", cents=5000)
    yield 2
    assert check.check_books(world.deps).balanced


@contextmanager
def payouts_to_reconcile(world: World, number: int) -> Iterator[None]:
    """What the acquirer paid out is booked once, and what differs is one difference and one case.

    Both may find that the day was not done.
    """
    with money_to_recover(world, number):
        settle.recover(world.deps)
    world.pass_time(days=1)
    world.cards.pay_out(strange_cents=-50)
    yield None
    assert count(world, "acquirer_payout") == number + 1
    with world.store.read() as session:
        differences = [one.amount_cents for one in reconcile.open_differences(session)]
        assert differences == [-50] * (number + 1)
        assert ledger.balance(session, books.CARDS) == sum(differences)
    kinds = [one["kind"] for one in cases.list_cases(world.deps)]
    assert kinds.count("safeguarding") == number + 1, "one a day"


@contextmanager
def texts_to_prune(world: World, number: int) -> Iterator[int]:
    """Each old text goes once, and no order with it."""
    references = ordered(world, f"bob{number}", "alice")
    world.pass_time(days=TEXTS_KEPT_DAYS, seconds=1)
    yield count(world, "inbox", "body IS NOT NULL") + count(world, "outbox", "text <> ''")
    assert count(world, "inbox", "body IS NOT NULL") + count(world, "outbox", "text <> ''") == 0
    assert [world.statuses(reference) for reference in references] == [["pending"]] * SEVERAL


@contextmanager
def sign_ins_to_prune(world: World, number: int) -> Iterator[int]:
    """Each that nobody finished goes once."""
    for _ in range(SEVERAL):
        sessions.begin_sign_in(world.deps, f"/t/{number}")
    world.pass_time(seconds=sessions.ATTEMPT.total_seconds())
    yield SEVERAL
    assert count(world, "sign_in_attempt") == 0


@contextmanager
def codes_to_prune(world: World, number: int) -> Iterator[int]:
    """A code, its text and what was typed go once."""
    send(world, f"carol{number}", PHONE)
    world.pass_time(seconds=texts.KEPT.total_seconds())
    yield 3
    assert count(world, "phone_code") + count(world, "text_message") == 0


@contextmanager
def direct_messages_to_read(world: World, number: int) -> Iterator[int]:
    """Each comes in once, and has one answer."""
    poll.poll_messages(world.deps)  # what the bot said before comes in as well
    world.clock.advance(minutes=1)
    before = len(world.messages_to("dave"))
    for _ in range(SEVERAL):
        world.x.write("dave", "aide")
    yield SEVERAL
    world.react()
    assert len(world.messages_to("dave")) - before == SEVERAL


STORIES: dict[str, Story] = {
    "read_inbox": posts_to_read,
    "read_card_events": card_events_to_read,
    "deliver": messages_to_send,
    "relieve": messages_too_late,
    "notices": notices_to_send,
    "recover": money_to_recover,
    "expire": orders_to_expire,
    "deleted_posts": posts_to_miss,
    "return": money_to_return,
    "prove_books": books_to_prove,
    "reconcile": payouts_to_reconcile,
    "prune_texts": texts_to_prune,
    "prune_sessions": sign_ins_to_prune,
    "prune_codes": codes_to_prune,
    "poll_messages": direct_messages_to_read,
}


@pytest.mark.parametrize("name", STORIES)
def test_a_job_that_runs_beside_itself_does_everything_once(world: World, name: str) -> None:
    """Two workers at once: one effect, one message, the books balance."""
    for number in range(ROUNDS):
        with STORIES[name](world, number) as done:
            answers = all_at_once([partial(JOBS[name], world.deps)] * 2)
            assert done in (None, sum(answers))
        assert check.prove(world.store).problems == []


def test_every_job_of_the_table_is_tried_beside_itself() -> None:
    """A job that is added brings its story."""
    assert set(JOBS) == set(STORIES)
