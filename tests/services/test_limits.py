"""Every limit: checked when the command is read, and again under a lock when it is settled."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.domain import limits
from bot.domain.commands import Lang
from bot.domain.errors import Refusal
from bot.domain.limits import Policy
from bot.i18n.texts import say
from bot.services import claim, settle, topup
from bot.services.steps import Step
from bot.services.views import OrderView
from bot.services.whoami import BOT_ACCOUNT
from bot.store import inbox, people
from bot.store.engine import Store
from tests.world import ProcessDied, World, wordings

LANGS: tuple[Lang, ...] = ("fr", "en")
WIDE = Policy(low_value_cents=100_000, low_value_total_cents=1_000_000)
"""A law that asks for nothing: what is tried here are the operator's own figures."""


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("command", "key", "figures"),
    [
        ("pay @alice 20.01€", "refusal.above_limit", ("person_cents", "organisation_cents")),
        ("pay @cause 40.01€", "refusal.above_limit", ("person_cents", "organisation_cents")),
        ("donate 40.01€ to @cause", "refusal.above_limit", ("person_cents", "organisation_cents")),
        ("pay @alice @cause 16€ each", "refusal.above_30_days", ("most_cents",)),
        ("pay @alice @cause @eve 1€ each", "refusal.too_many_people", ("most",)),
    ],
)
def test_a_command_above_a_limit_is_refused_when_it_is_read(
    store: Store, command: str, key: str, figures: tuple[str, ...]
) -> None:
    """With the figure that it passes, and no order is made."""
    policy = replace(
        WIDE, to_person_cents=2000, to_organisation_cents=4000, in_30_days_cents=3100, max_people=2
    )
    policy = replace(policy, in_30_days_cents=9000) if "40" in command else policy
    world = World(store, policy)
    world.join("bob", cents=50_000)
    world.join("alice")
    world.join("cause", organisation=True)
    values = {
        "person_cents": 2000,
        "organisation_cents": 4000,
        "most_cents": policy.in_30_days_cents,
        "most": 2,
    }
    given: dict[str, Any] = {name: values[name] for name in figures}
    assert _is_refused(world, command, wordings(key, public=True, **given))


def test_the_twenty_first_order_that_waits_is_refused(store: Store) -> None:
    """Counted by person: the orders of another X account of theirs count as well."""
    world = World(store, replace(WIDE, max_pending=2))
    world.join("bob")
    world.link("bob2", to="bob")
    world.order("bob", "alice", "1€")
    world.order("bob2", "alice", "2€")
    said = wordings("refusal.too_many_pending", public=True, most=2)
    assert _is_refused(world, "pay @alice 3€", said)


def _is_refused(world: World, command: str, sentences: set[str]) -> bool:
    """Let bob post a command; whether the reply is one of these sentences, and a link for help."""
    reply = world.post("bob", f"@smoney {command}")
    assert reply is not None
    return reply.partition(f" {world.deps.public_url}/help")[0] in sentences


Change = Callable[[World], None]


def _policy(**figures: Any) -> Change:
    def change(world: World) -> None:
        world.deps = replace(world.deps, policy=replace(world.deps.policy, **figures))

    return change


def _is_the_bot(handle: str) -> Change:
    """Let somebody's X account turn out to be the bot's own."""

    def change(world: World) -> None:
        me = json.dumps({"id": world.x_id(handle), "handle": handle})
        with world.store.write() as session:
            inbox.set_cursor(session, BOT_ACCOUNT, me, at=world.clock.now())

    return change


PAYEE_CHANGES = [
    (lambda world: world.link("alice", to="bob"), "refusal.to_self"),
    (_is_the_bot("alice"), "refusal.to_bot"),
]
"""What makes of a payee somebody who cannot be paid."""


def _alice_blocks_bob(world: World) -> None:
    """Let alice want no more money of bob's, whatever he has confirmed."""
    with world.store.write() as session:
        alice, bob = world.x_id("alice"), world.x_id("bob")
        people.block(session, alice, bob, at=world.clock.now(), turns_money_away=True)


BLOCK = (_alice_blocks_bob, "refusal.cannot_pay")


@pytest.mark.in_turn
@pytest.mark.parametrize("organisation", [False, True], ids=["person", "organisation"])
@pytest.mark.parametrize(
    ("change", "key"),
    [
        (
            _policy(to_person_cents=900, to_organisation_cents=900),
            "refusal.above_limit",
        ),
        (_policy(in_30_days_cents=900), "refusal.above_30_days"),
        (_policy(low_value_cents=900), "refusal.needs_sca"),
        (_policy(low_value_total_cents=900), "refusal.needs_sca_total"),
        (lambda world: world.lock("bob"), "refusal.locked"),
        *PAYEE_CHANGES,
        BLOCK,
    ],
    ids=["one transfer", "30 days", "art. 16 (a)", "art. 16 (b)", "locked", "self", "bot", "block"],
)
def test_what_changed_since_it_was_confirmed_is_refused_when_it_is_settled(
    store: Store, change: Change, key: str, organisation: bool
) -> None:
    """Nothing moves, the order waits again, and the payer reads why: on the page and by DM."""
    world = World(store, WIDE)
    world.join("bob", cents=5000)
    world.dm("bob", "help")
    world.join("alice", organisation=organisation)
    reference = world.order("bob", "alice", "10€")
    world.die_at = Step.CONFIRMATION_WRITTEN
    with pytest.raises(ProcessDied):
        world.confirm("bob", reference)
    change(world)
    before = world.balance("bob"), world.balance("alice")
    settle.settle_waiting(world.deps)
    world.react()
    assert world.statuses(reference) == ["pending"]
    assert (world.balance("bob"), world.balance("alice")) == before
    page = world.page("bob", reference)
    assert isinstance(page, OrderView)
    assert page.last_refusal == key
    why = limits.explain(key, world.deps.policy)
    told = world.messages_to("bob")[-1]
    assert any(say(why, lang, public=False) in told for lang in LANGS), told


@pytest.mark.in_turn
@pytest.mark.parametrize(("change", "key"), [*PAYEE_CHANGES, BLOCK], ids=["self", "bot", "block"])
def test_a_payee_who_cannot_be_paid_any_more_leaves_a_cards_money_in_the_wallet(
    store: Store, change: Change, key: str
) -> None:
    """The card was charged meanwhile: the payer has the money, and reads why nobody else has it."""
    world = World(store, WIDE)
    world.join("bob")
    world.dm("bob", "help")
    world.join("alice")
    reference = world.order("bob", "alice", "10€")
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, "4242424242424242")
    world.die_at = Step.CAPTURED
    with pytest.raises(ProcessDied):
        settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=False)
    change(world)
    world.pass_time(minutes=10)
    world.react()
    assert world.statuses(reference) == ["cancelled"]
    assert world.balance("bob") == 1000
    why = limits.explain(key, world.deps.policy)
    told = world.messages_to("bob")[-1]
    assert any(say(why, lang, public=False) in told for lang in LANGS), told


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("change", "key"),
    [
        (_policy(to_person_cents=900), "refusal.above_limit"),
        (_policy(in_30_days_cents=900), "refusal.above_30_days"),
        *PAYEE_CHANGES,
        BLOCK,
    ],
    ids=["one transfer", "30 days", "self", "bot", "block"],
)
def test_a_card_is_not_charged_for_what_can_no_longer_be_paid(
    store: Store, change: Change, key: str
) -> None:
    """It was authorized before: that is given back, and the order waits again."""
    world = World(store, WIDE)
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice", "10€")
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, "4242424242424242")
    change(world)
    settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=False)
    topup = world.topup(reference)
    assert (topup.status, topup.refusal) == ("voided", key)
    assert world.deps.payments.read(topup.payment_id).captured_cents == 0
    assert (world.statuses(reference), world.balance("bob")) == (["pending"], 0)


def test_what_the_blocker_asked_for_is_settled(store: Store) -> None:
    """A request of theirs is paid whoever pays it, though confirmed before the block."""
    world = World(store, WIDE)
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("alice", "bob", "10€", kind="request")
    world.die_at = Step.CONFIRMATION_WRITTEN
    with pytest.raises(ProcessDied):
        world.confirm("bob", reference)
    _alice_blocks_bob(world)
    settle.settle_waiting(world.deps)
    assert world.statuses(reference) == ["posted"]


@pytest.mark.parametrize(("change", "key"), PAYEE_CHANGES, ids=["self", "bot"])
def test_a_payee_who_cannot_be_paid_any_more_claims_nothing(
    store: Store, change: Change, key: str
) -> None:
    """What is held goes back to its payer, as everything that nobody claims."""
    world = World(store, WIDE)
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice", "10€")
    world.confirm("bob", reference)
    world.join("alice")
    change(world)
    with pytest.raises(Refusal) as caught:
        claim.claim(world.deps, reference, world.x_id("alice"))
    assert caught.value.reply.key == key
    assert world.statuses(reference) == ["held"]


def test_two_confirmations_of_one_wallet_leave_the_second_without(store: Store) -> None:
    """Both were good when they were written: settled in one commit, the money is spent once."""
    world = World(store, WIDE)
    world.join("bob", cents=1500)
    world.join("alice")
    references = [world.order("bob", "alice", f"10.0{number}€") for number in range(2)]
    for reference in references:
        world.die_at = Step.CONFIRMATION_WRITTEN
        with pytest.raises(ProcessDied):
            world.confirm("bob", reference)
    assert settle.settle_waiting(world.deps) == 2
    assert [world.statuses(one) for one in references] == [["posted"], ["pending"]]
    page = world.page("bob", references[1])
    assert isinstance(page, OrderView)
    assert page.last_refusal == "refusal.not_enough"


@pytest.mark.in_turn
@pytest.mark.parametrize("how", ["taken back", "refused", "unclaimed"])
def test_what_was_returned_no_longer_counts(store: Store, how: str) -> None:
    """Neither when the next command is read nor when it is settled."""
    world = World(store, replace(WIDE, in_30_days_cents=3000))
    world.join("bob", cents=10_000)
    reference = world.order("bob", "carol", "30€")
    world.confirm("bob", reference)
    full = wordings("refusal.above_30_days", public=True, most_cents=3000)
    assert _is_refused(world, "pay @alice 0.01€", full)
    match how:
        case "taken back":
            claim.take_back(world.deps, reference, world.x_id("bob"))
        case "refused":
            claim.refuse(world.deps, reference, world.x_id("carol"))
        case _:
            world.pass_time(days=29, hours=23)
            with world.store.write() as session:
                # The 30 days of the limit have not ended where those of the claim have.
                session.connection().exec_driver_sql("UPDATE transfer SET claim_by = created_at")
            claim.return_due(world.deps)
    assert world.statuses(reference) == ["returned"]
    world.confirm("bob", world.order("bob", "alice", "30€"))
    assert world.balance("bob") == 7000


def test_what_is_with_a_card_counts_already(store: Store) -> None:
    """In `funding` it counts against the 30 days, and once it came to nothing it does not."""
    world = World(store, replace(WIDE, in_30_days_cents=1500))
    world.join("bob", cents=5000)
    world.join("alice")
    by_card, other = world.order("bob", "alice", "10€"), world.order("bob", "alice", "11€")
    world.confirm("bob", by_card, funding="card")
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", other)
    assert refused.value.reply.key == "refusal.above_30_days"
    settle.came_back(world.deps, by_card, world.x_id("bob"), abandoned=True)
    world.confirm("bob", other)
    assert world.statuses(other) == ["posted"]


@pytest.mark.in_turn
@pytest.mark.parametrize("why", ["no wallet", "ceiling", "locked"])
def test_of_a_payee_who_cannot_take_it_the_payer_learns_only_that_it_waits(
    store: Store, why: str
) -> None:
    """The same words, by DM and on the page, whatever keeps the payee from it."""
    world = World(store, replace(WIDE, in_wallet_cents=5000))
    world.join("bob", cents=5000)
    world.dm("bob", "help")
    if why != "no wallet":
        world.join("carol", cents=4500 if why == "ceiling" else 0)
    if why == "locked":
        world.lock("carol")
    reference = world.order("bob", "carol", "10€")
    before = len(world.messages_to("bob"))
    world.confirm("bob", reference)
    world.react()
    (told,) = world.messages_to("bob")[before:]
    said = wordings(
        "news.payer.held",
        handle="carol",
        amount_cents=1000,
        reference=reference,
        url=f"{world.deps.public_url}/t/{reference}",
    )
    assert told in said
    page = world.page("bob", reference)
    assert isinstance(page, OrderView)
    (shown,) = page.pays
    assert [(line.status, line.reason) for line in shown.history] == [
        ("pending", "ordered"),
        ("held", "waits"),
    ]
    assert world.reasons(reference)[-1] != "waits"  # an operator sees the true one


def test_a_saved_card_fills_a_wallet_up_to_its_most(store: Store) -> None:
    """What is being charged counts as if it were there."""
    world = World(store, replace(WIDE, in_wallet_cents=5000))
    person_id = world.join("bob", cents=3000)
    card_id = world.save_card(person_id, "pm_card_fr", limit_cents=10_000)
    with pytest.raises(Refusal) as refused:
        topup.charge_saved_card(world.deps, person_id, card_id, 2001)
    assert refused.value.reply.key == "refusal.wallet_full"
    topup.charge_saved_card(world.deps, person_id, card_id, 2000)
    assert world.balance("bob") == 5000
