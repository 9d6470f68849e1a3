"""Requests: they count against who asks, never against who is asked, and few go to strangers."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session

from bot.domain import sca
from bot.domain.commands import Pay, Request
from bot.domain.errors import Refusal, Unavailable
from bot.domain.limits import REQUESTS_TO_STRANGERS_A_DAY, Policy
from bot.services import ask, claim, split
from bot.services.answers import Incoming
from bot.services.asked import learn_askers
from bot.services.cancel import decline
from bot.services.drafted import SplitView
from bot.services.views import OrderView
from bot.store import orders, people
from bot.store.engine import Store
from tests.world import World, reference_in, wordings

STRANGERS = ("dave", "erin", "frank", "grace", "heidi")


def asks(world: World, asker: str, *others: str, amount: str = "10€") -> str | None:
    """Let somebody ask others for money; return the reference, None where they are refused."""
    each = " each" if len(others) > 1 else ""
    reply = world.post(asker, f"@smoney request {amount} from {names(others)}{each}")
    if reply in wordings_of_too_many(world):
        return None
    return reference_in(reply)


def names(others: tuple[str, ...]) -> str:
    """Write whom a command names."""
    return " ".join(f"@{one}" for one in others)


def wordings_of_too_many(world: World) -> set[str | None]:
    """Return what an asker reads who asks too many strangers; the newest post has the link."""
    said = wordings("refusal.too_many_strangers", public=True, most=REQUESTS_TO_STRANGERS_A_DAY)
    post = max(world.x.posts.values(), key=lambda one: int(one.id))
    bare = post.typed.partition(" https://")[0]
    return {post.typed} if bare in said else set()


# --- strangers -----------------------------------------------------------------------------------


def test_three_open_requests_a_day_may_go_to_strangers(world: World) -> None:
    """The fourth is refused with a sentence that helps; a day later, or answered, it may."""
    asked = [asks(world, "alice", one) for one in STRANGERS[:3]]
    assert None not in asked
    assert asks(world, "alice", "grace") is None
    decline(world.deps, str(asked[0]), world.x_id("dave"))
    assert asks(world, "alice", "grace")
    assert asks(world, "alice", "heidi") is None
    world.pass_time(hours=24, minutes=1)
    assert asks(world, "alice", "heidi")


def test_a_request_of_several_strangers_counts_once(world: World) -> None:
    """A bill among friends is one request; it is open as long as one of them has not answered."""
    first = asks(world, "alice", *STRANGERS[:4])
    assert asks(world, "alice", *STRANGERS[2:])
    assert asks(world, "alice", STRANGERS[4])
    decline(world.deps, str(first), world.x_id(STRANGERS[0]))
    assert asks(world, "alice", STRANGERS[0]) is None


def test_splits_count_with_the_requests(world: World) -> None:
    """When they are read and when they are tapped: a draft asks nobody, and does not count."""
    drafts = [reference_in(world.post("alice", f"@smoney split {n}€ with @dave")) for n in (8, 9)]
    for one in STRANGERS[1:3]:
        assert asks(world, "alice", one)
    tap(world, "alice", drafts[0])
    assert world.statuses(drafts[0]) == ["pending"]
    assert asks(world, "alice", STRANGERS[3]) is None
    with pytest.raises(Refusal) as refusal:
        tap(world, "alice", drafts[1])
    assert refusal.value.reply.key == "refusal.too_many_strangers"
    assert world.transfers(drafts[1]) == []


def tap(world: World, asker: str, reference: str) -> None:
    """Let somebody ask for the shares that their page shows."""
    page = world.page(asker, reference)
    assert isinstance(page, SplitView)
    split.ask_others(
        world.deps,
        reference,
        world.x_id(asker),
        with_own=page.with_own,
        terms_hash=page.terms_hash,
    )


def test_the_same_stranger_asked_again_counts_again(world: World) -> None:
    """Three times the same person is three requests."""
    for _ in range(3):
        assert asks(world, "alice", "dave")
    assert asks(world, "alice", "dave") is None


@pytest.mark.parametrize("fate", ["posted", "held"])
def test_who_paid_the_asker_once_is_no_stranger(world: World, fate: str) -> None:
    """Under any X account of either, and also where the money still waits."""
    world.join("bob", cents=5000)
    world.link("bob_pro", to="bob")
    if fate == "posted":
        world.join("alice")
    reference = world.order("bob", "alice", "1€")
    world.confirm("bob", reference)
    assert world.statuses(reference) == [fate]
    for _ in range(4):
        assert asks(world, "alice", "bob_pro")
    if fate == "posted":
        world.link("alice_pro", to="alice")
        assert asks(world, "alice_pro", "bob")


def test_who_took_their_money_back_has_not_paid(world: World) -> None:
    """What was returned is as if it had never been."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice", "1€")
    world.confirm("bob", reference)
    claim.take_back(world.deps, reference, world.x_id("bob"))
    for _ in range(3):
        assert asks(world, "alice", "bob")
    assert asks(world, "alice", "bob") is None


def test_strangers_are_counted_over_all_x_accounts_of_an_asker(world: World) -> None:
    """Another account is no way around it; who has no wallet counts by account."""
    world.join("alice")
    world.link("alice_pro", to="alice")
    assert asks(world, "alice", "dave", "erin")
    assert asks(world, "alice_pro", "frank")
    assert asks(world, "alice_pro", "erin")
    for account in ("alice", "alice_pro"):
        assert asks(world, account, "grace") is None
    assert asks(world, "mallory", "grace")


# --- nothing counts against who is asked ---------------------------------------------------------


def test_a_request_takes_nothing_from_who_is_asked(store: Store) -> None:
    """Not their orders that wait, not their 30 days, not their exemption; until they confirm."""
    world = World(store, Policy(max_pending=2, in_30_days_cents=3000))
    bob = world.join("bob", cents=10_000)
    askers = ("alice", "dave", "erin")
    for one in askers:
        world.join(one)
    asked = [asks(world, one, "bob", amount="25€") for one in askers]
    with world.store.read() as session:
        assert orders.open_orders_of(session, [world.x_id("bob")]) == 0
        assert orders.paid_since(session, [bob], since=world.clock.now().replace(year=2020)) == {}
        person = people.person_of(session, world.x_id("bob"))
    assert person is not None
    assert person.since_sca_cents == 0
    world.order("bob", "alice", "1€")
    own = world.order("bob", "alice", "2€")
    world.confirm("bob", own)
    world.confirm("bob", str(asked[0]))
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", str(asked[1]))
    assert refused.value.reply.key == "refusal.above_30_days"


def test_the_orders_that_wait_are_the_askers(store: Store) -> None:
    """MAX_PENDING counts requests where they come from."""
    world = World(store, Policy(max_pending=2))
    assert asks(world, "alice", "dave")
    assert asks(world, "alice", "erin")
    refused = world.post("alice", "@smoney pay @bob 1€")
    assert refused is not None
    assert "/t/" not in refused


def test_the_exemption_is_used_by_what_was_confirmed_alone(world: World) -> None:
    """A hundred asked for and one paid: what counts since the last authentication is that one."""
    world.join("bob", cents=10_000)
    world.join("alice")
    paid = asks(world, "alice", "bob", amount="10€")
    asks(world, "alice", "bob", amount="29€")
    world.confirm("bob", str(paid))
    with world.store.read() as session:
        person = people.person_of(session, world.x_id("bob"))
    assert person is not None
    assert person.since_sca_cents == 1000
    assert sca.is_low_value(2900, person.since_sca_cents, world.deps.policy)


# --- who asks ------------------------------------------------------------------------------------


def test_who_asks_is_looked_up_once_when_the_payer_comes_to_read_it(world: World) -> None:
    """X names no writer; no user is read on the way to the reply, and none twice."""
    before = world.roles.directory.users_read
    reference = asks(world, "alice", "bob")
    asks(world, "alice", "bob", amount="11€")
    assert world.roles.directory.users_read == before
    for _ in range(2):
        learn_askers(world.deps, world.x_id("bob"))
    assert world.roles.directory.users_read == before + 1
    view = world.page("bob", str(reference))
    assert isinstance(view, OrderView)
    assert view.owner_handle == "alice"
    assert view.pays[0].other_handle == "alice"


def test_an_asker_who_cannot_be_looked_up_now_is_the_next_time(world: World) -> None:
    """The page is shown all the same: what waits must not be hidden by X's weather."""
    reference = asks(world, "alice", "bob")
    world.roles.directory.faults.add(Unavailable("X is down"))
    learn_askers(world.deps, world.x_id("bob"))
    assert isinstance(world.page("bob", str(reference)), OrderView)
    learn_askers(world.deps, world.x_id("bob"))
    view = world.page("bob", str(reference))
    assert isinstance(view, OrderView)
    assert view.owner_handle == "alice"


def test_an_asker_whom_x_does_not_show_is_looked_up_once_a_day(world: World) -> None:
    """Suspended, say: the page is not to call X each time that it is opened."""
    asks(world, "alice", "bob")
    world.x.suspend("alice")
    faults = world.roles.directory.faults
    learn_askers(world.deps, world.x_id("bob"))
    faults.add(Unavailable("nobody is to ask"))
    learn_askers(world.deps, world.x_id("bob"))
    world.pass_time(hours=25)
    world.expire()
    assert world.roles.directory.faults.is_waiting


# --- two at once ---------------------------------------------------------------------------------


@dataclass
class AtOnce:
    """Two deeds: the first has done its work and not committed when the second begins."""

    world: World
    session: Session = field(init=False)
    """The first's transaction."""

    def run(self, first: Callable[[], None], second: Callable[[], None]) -> None:
        """Run `second` while `first` is in its transaction; it must wait for it."""
        thread = threading.Thread(target=second)
        with self.world.store.write() as session:
            self.session = session
            first()
            thread.start()
            thread.join(timeout=0.3)
            assert thread.is_alive(), "the second did not wait for the first"
        thread.join(timeout=30)
        assert not thread.is_alive()

    def order(self, heard: Incoming, command: Pay | Request) -> None:
        """Read a message in the first's transaction."""
        ask.order(self.session, self.world.deps, heard, command, self.world.clock.now())


def a_request(other: str) -> Request:
    """Return a command that asks somebody for 10 €."""
    return Request(people=(other,), amount_cents=1000, each=False, note=None, lang="en")


def message(world: World, asker: str, *others: str) -> Incoming:
    """Return a message that names others, everybody known."""
    with world.store.write() as session:
        for handle in (asker, *others):
            people.see(session, world.x_id(handle), at=world.clock.now(), handle=handle)
    return Incoming(
        source="dm",
        id=world.x.next_id(),
        author_x_user_id=world.x_id(asker),
        conversation_id=None,
        in_reply_to_post_id=None,
        bystanders=(),
        is_late=False,
        lang="en",
        people={handle: world.x_id(handle) for handle in others},
    )


@pytest.mark.parametrize("what", ["strangers", "pending"])
def test_two_messages_at_once_do_not_pass_a_limit_that_one_reaches(store: Store, what: str) -> None:
    """From two X accounts of one person: the second waits for the first, and is refused."""
    world = World(store, Policy(max_pending=3))
    assert REQUESTS_TO_STRANGERS_A_DAY == 3
    world.join("alice")
    world.link("alice_pro", to="alice")
    for one in STRANGERS[:2]:
        assert asks(world, "alice", one) if what == "strangers" else world.order("alice", one)
    refusals: list[str] = []
    commands: dict[str, Pay | Request] = {
        "alice": a_request("frank"),
        "alice_pro": a_request("eve"),
    }
    if what == "pending":
        commands = {
            account: Pay(one.people, one.amount_cents, each=False, note=None, lang="en")
            for account, one in commands.items()
        }
    heard = {account: message(world, account, *one.people) for account, one in commands.items()}

    def second() -> None:
        try:
            with world.store.write() as session:
                at = world.clock.now()
                ask.order(session, world.deps, heard["alice_pro"], commands["alice_pro"], at)
        except Refusal as refusal:
            refusals.append(refusal.reply.key)

    at_once = AtOnce(world)
    at_once.run(lambda: at_once.order(heard["alice"], commands["alice"]), second)
    assert refusals == [f"refusal.too_many_{what}"]


# --- a property ----------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "pay", "decline", "cancel", "wait"]),
        st.sampled_from(["alice", "alice_pro"]),
        st.sampled_from(STRANGERS),
    ),
    min_size=4,
    max_size=14,
)


@settings(max_examples=12)
@given(STEPS)
def test_whatever_happens_no_more_than_three_strangers_wait_and_no_cent_is_made(
    fresh_stores: Callable[[], AbstractContextManager[Store]], steps: list[tuple[str, str, str]]
) -> None:
    """Asked, paid, declined, cancelled, from two accounts, in any order."""
    with fresh_stores() as store:
        world = World(store)
        world.join("alice")
        world.link("alice_pro", to="alice")
        for one in STRANGERS:
            world.join(one, cents=10_000)
        asked: dict[str, list[str]] = {one: [] for one in STRANGERS}
        payers: set[str] = set()
        for what, account, other in steps:
            _step(world, what, account, other, asked, payers)
            waiting = [
                one
                for one, references in asked.items()
                for reference in references
                if one not in payers and world.statuses(reference) == ["pending"]
            ]
            assert len(waiting) <= REQUESTS_TO_STRANGERS_A_DAY
        everybody = ("alice", *STRANGERS)
        assert sum(world.balance(one) for one in everybody) == 10_000 * len(STRANGERS)


def _step(
    world: World,
    what: str,
    account: str,
    other: str,
    asked: dict[str, list[str]],
    payers: set[str],
) -> None:
    waiting = [one for one in asked[other] if world.statuses(one) == ["pending"]]
    match what:
        case "ask":
            reference = asks(world, account, other, amount="1€")
            asked[other] += [reference] if reference else []
        case "pay" if waiting:
            world.confirm(other, waiting[0])
            payers.add(other)
        case "decline" if waiting:
            world.dm(other, f"decline {waiting[-1]}")
        case "cancel":
            world.dm(account, "cancel")
        case _:
            world.pass_time(hours=1)
