"""Many hands at once on PostgreSQL: nobody waits in a circle, and the books hold.

Every deed takes its locks in one order: X accounts, the order, top-ups, confirmations, transfers,
persons, ledger accounts. What breaks that is a deadlock here, sooner or later.
"""

import random
import threading
from collections.abc import Callable
from typing import Any, Final

import pytest
from sqlalchemy import Row, text

from bot.domain.errors import Refusal
from bot.services import (
    blocks,
    cancel,
    confirm,
    deliver,
    mend,
    pay_page,
    persons,
    receive,
    settle,
    split,
    wrong,
)
from bot.services.drafted import DraftView, SplitView
from bot.store.engine import Store
from tests.world import World

PEOPLE: Final = ("bob", "alice", "carol", "dave")
NEWCOMER: Final = "erin"
"""Has no wallet: what she is paid is held."""
HANDS: Final = 8
DEEDS: Final = 40
"""Deeds of each hand: with the locks in another order a run met several circles."""


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    """PostgreSQL alone: on SQLite a writer is alone."""
    return postgresql_url


class Hand:
    """Somebody who does at random what people and workers do, all on the newest orders."""

    def __init__(self, world: World, seed: int, lock: threading.Lock, posts: list[Any]) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.lock = lock
        self.posts = posts
        self.wrong: list[Exception] = []

    def run(self) -> None:
        """Do one thing after another; a refusal is an answer, anything else is wrong."""
        deeds: tuple[Callable[[], None], ...] = (
            *(self.post, self.post, self.edit, self.edit, self.deliver, self.settle),
            *(self.confirm, self.cancel, self.decline, self.block, self.tap, self.expire),
            *(self.order_on_a_page, self.regret, self.disown, self.turn_away),
        )
        for _ in range(DEEDS):
            try:
                self.random.choice(deeds)()
            except Refusal:
                continue
            except Exception as error:  # noqa: BLE001 (whatever it is, the test says so)
                self.wrong.append(error)

    def _text(self, me: str) -> str:
        one, two = self.random.sample([name for name in PEOPLE if name != me], 2)
        return "@smoney " + self.random.choice(
            (
                f"pay @{one} 1€",
                f"pay @{one} @{two} 1€ each",
                f"request 1€ each from @{one} @{two}",
                f"split 3€ with @{one} @{two}",
                f"pay @{one} 1",
                f"split @{one} @{two}",
                f"pay @{NEWCOMER} 1€",
                "cancel",
                "decline",
                "hm",
            )
        )

    def _read(self, make: Callable[[], str]) -> None:
        with self.lock:  # the fake X is no database
            event = self.world.x.event(make())
        receive.take_in(self.world.deps, [event])
        receive.read_inbox(self.world.deps)

    def post(self) -> None:
        """Somebody posts."""
        me = self.random.choice(PEOPLE)

        def make() -> str:
            post_id = self.world.x.post(me, self._text(me))
            self.posts.append((me, post_id))
            return post_id

        self._read(make)

    def edit(self) -> None:
        """Somebody edits one of the newest posts."""
        if self.posts:
            me, post_id = self.random.choice(self.posts[-4:])
            self._read(lambda: self.world.x.edit(post_id, self._text(me)))

    def deliver(self) -> None:
        """A worker sends what waits."""
        deliver.deliver(self.world.deps)

    def settle(self) -> None:
        """A worker settles what waits."""
        settle.settle_waiting(self.world.deps)
        settle.recover(self.world.deps)

    def expire(self) -> None:
        """A worker ends what is over."""
        self.world.expire()

    def _order(self) -> Row[Any]:
        with self.world.store.read() as session:
            rows = session.execute(
                text("SELECT reference, owner_x_user_id FROM orders ORDER BY id DESC LIMIT 4")
            ).all()
        return self.random.choice(rows)

    def confirm(self) -> None:
        """A payer confirms one of what they pay in an order."""
        reference = self._order().reference
        rows = [row for row in self.world.transfers(reference) if row.status == "pending"]
        if not rows:
            return
        payer = self.random.choice(rows).payer_x_user_id
        mine = [row for row in rows if row.payer_x_user_id == payer]
        will = confirm.Will(
            reference=reference,
            x_user_id=payer,
            terms_hash=confirm.terms_of(reference, mine),
            numbers=(self.random.choice(mine).number,),
            funding="card" if self.random.random() < 0.3 else "wallet",
            method="page",
        )
        confirm.confirm(self.world.deps, will)

    def cancel(self) -> None:
        """Whoever ordered takes it back."""
        order = self._order()
        cancel.cancel(self.world.deps, order.reference, order.owner_x_user_id)

    def decline(self) -> None:
        """Somebody says no."""
        me = self.world.x_id(self.random.choice(PEOPLE))
        cancel.decline(self.world.deps, self._order().reference, me)

    def block(self) -> None:
        """Somebody blocks who asks, and thinks better of it."""
        me, reference = self.world.x_id(self.random.choice(PEOPLE)), self._order().reference
        blocks.decline_and_block(self.world.deps, reference, me)
        blocks.unblock_asker(self.world.deps, reference, me)

    def regret(self) -> None:
        """A payer says that it went to the wrong person."""
        order = self._order()
        wrong.say_wrong(self.world.deps, order.reference, 1, order.owner_x_user_id)

    def disown(self) -> None:
        """A payer says that it was not them, and an operator opens their wallet again."""
        order = self._order()
        wrong.disown(self.world.deps, order.reference, order.owner_x_user_id)
        persons.unlock(self.world.deps, order.owner_x_user_id)

    def turn_away(self) -> None:
        """A payee wants no money of a payer's, and thinks better of it."""
        me = self.world.x_id(self.random.choice((*PEOPLE, NEWCOMER)))
        reference = self._order().reference
        blocks.refuse_and_block(self.world.deps, reference, me)
        blocks.unblock_payer(self.world.deps, reference, me)

    def tap(self) -> None:
        """An asker asks for the shares of a split, or chooses the amount of a draft."""
        order = self._order()
        owner = self.world.x.people[order.owner_x_user_id].handle
        page = self.world.page(owner, order.reference)
        if isinstance(page, SplitView) and page.over is None:
            split.ask_others(
                self.world.deps,
                order.reference,
                order.owner_x_user_id,
                with_own=True,
                terms_hash=page.terms_hash,
            )
        if isinstance(page, DraftView) and page.over is None:
            mend.choose(
                self.world.deps,
                order.reference,
                order.owner_x_user_id,
                amount_cents=100,
                note_text="",
                shown_hash=page.people_hash,
            )

    def order_on_a_page(self) -> None:
        """Somebody pays without a post."""
        me, payee = self.random.sample(PEOPLE, 2)
        pay_page.order(
            self.world.deps,
            self.world.visitor(me),
            payee_x_user_id=self.world.x_id(payee),
            handle=payee,
            amount_cents=100,
            note_text="",
            form=str(self.random.random()),
            lang="en",
        )


def test_nobody_waits_in_a_circle(store: Store) -> None:
    """Posts, edits, confirmations, taps, blocks, cancellations, deliveries, settlements at once."""
    world = World(store)
    for handle in PEOPLE:
        world.join(handle, cents=5000, by_dm=True)
    world.order("bob", "alice", "1€")
    lock, posts = threading.Lock(), list[Any]()
    hands = [Hand(world, seed, lock, posts) for seed in range(HANDS)]
    threads = [threading.Thread(target=hand.run) for hand in hands]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    met = [error for hand in hands for error in hand.wrong]
    with store.read() as session:
        deadlocks = session.execute(
            text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        ).scalar_one()
    assert (met, deadlocks) == ([], 0)
    assert sum(world.balance(handle) for handle in PEOPLE) <= 5000 * len(PEOPLE)
