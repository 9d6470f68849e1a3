"""A refused order is always told to its payer with the reason, and what was allowed is kept.

Code monétaire et financier L.133-10; what was allowed and why stays as long as the books.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.domain import limits
from bot.domain.commands import Lang
from bot.domain.limits import Policy
from bot.i18n.texts import say
from bot.services import cancel, operate, prune, settle
from bot.services.steps import Step
from bot.services.views import OrderView
from bot.store.engine import Store
from tests.web.test_orders import text_of
from tests.web.visiting import Browser, site
from tests.world import World

GOOD = "4242424242424242"
BRITISH = "4000008260000000"
DECLINED = "4000000000000002"
POOR = "4000000000009995"
LANGS: tuple[Lang, ...] = ("fr", "en")


def is_told(world: World, handle: str, key: str) -> bool:
    """Whether somebody's newest message holds the sentence of a refusal."""
    why = limits.explain(key, world.deps.policy)
    return any(say(why, lang, public=False) in world.messages_to(handle)[-1] for lang in LANGS)


def at_the_card(world: World) -> str:
    """Let bob, who may be written to, be on the card's page; return the reference."""
    world.join("bob")
    world.join("alice")
    world.dm("bob", "help")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card")
    return reference


Play = Callable[[World, str], None]


def _submit(number: str, times: int = 1) -> Play:
    def play(world: World, reference: str) -> None:
        for _ in range(times):
            world.cards.submit(world.topup(reference).session_id, number)

    return play


def _lapse(world: World, reference: str) -> None:
    """Let a card be authorized, and nobody look for eight days."""
    world.cards.submit(world.topup(reference).session_id, GOOD)
    world.on_step = (Step.DECISION_RECORDED, lambda: world.pass_time(days=8))


def _lock(world: World, reference: str) -> None:
    world.cards.submit(world.topup(reference).session_id, GOOD)
    world.lock("bob")


def _abandon(world: World, reference: str) -> None:
    settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=True)


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("play", "status", "key"),
    [
        (_submit(BRITISH), "voided", "refusal.card_country"),
        (_submit(DECLINED, 3), "declined", "refusal.card_declined"),
        (_submit(POOR, 3), "declined", "refusal.card_no_funds"),
        (_lapse, "voided", "refusal.card_lapsed"),
        (_lock, "voided", "refusal.locked"),
        (_abandon, "expired", "refusal.card_abandoned"),
    ],
    ids=["foreign", "declined", "no funds", "lapsed", "locked", "abandoned"],
)
def test_a_card_payment_that_comes_to_nothing_says_why(
    world: World, play: Play, status: str, key: str
) -> None:
    """By DM and on the page; nothing was taken, and the order waits again."""
    reference = at_the_card(world)
    play(world, reference)
    world.pass_time(minutes=2)
    for _ in range(3):
        world.react()
    assert world.statuses(reference)[0] in ("pending", "expired")
    assert (world.topup(reference).status, world.topup(reference).refusal) == (status, key)
    assert is_told(world, "bob", key)
    page = world.page("bob", reference)
    assert isinstance(page, OrderView)
    assert page.last_refusal == key
    assert [one.captured_cents for one in world.cards.paid.values()] in ([], [0])


def test_a_foreign_cards_sentence_names_the_countries_that_are_accepted(store: Store) -> None:
    """Those of CARD_COUNTRIES, as a sentence does."""
    world = World(store, Policy(card_countries=frozenset({"FR", "LU"})))
    reference = at_the_card(world)
    _submit(BRITISH)(world, reference)
    world.pass_time(minutes=2)
    world.react()
    told = world.messages_to("bob")[-1]
    assert "émises en France et au Luxembourg sont" in told or "in France and Luxembourg" in told


def test_what_stays_in_the_wallet_after_the_capture_says_why(world: World) -> None:
    """The page of the cancelled transfer names the reason too."""
    reference = at_the_card(world)
    _submit(GOOD)(world, reference)
    world.on_step = (Step.DECISION_RECORDED, lambda: world.lock("bob"))
    settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=False)
    world.react()
    assert (world.statuses(reference), world.balance("bob")) == (["cancelled"], 1000)
    assert is_told(world, "bob", "refusal.locked")
    browser = Browser(world, site(world))
    shown = text_of(browser.open_order("bob", reference))
    why = say(limits.explain("refusal.locked", world.deps.policy), "fr", public=False)
    assert text_of(why) in shown


def test_a_payer_whose_asker_cancelled_meanwhile_is_told(world: World) -> None:
    """They had confirmed: who stopped it was somebody else, an operator or the asker."""
    world.join("bob")
    world.join("alice")
    world.dm("bob", "help")
    reference = world.order("alice", "bob", kind="request")
    world.confirm("bob", reference, funding="card")
    cancel.cancel(world.deps, reference, world.x_id("alice"))
    world.react()
    assert world.statuses(reference) == ["cancelled"]
    assert is_told(world, "bob", "refusal.already_cancelled")


def test_a_payer_is_told_of_what_an_operator_cancelled(world: World) -> None:
    """The door is the operator's, the money would have been the payer's."""
    reference = at_the_card(world)
    operate.cancel_order(world.deps, reference)
    world.react()
    assert world.statuses(reference) == ["cancelled"]
    assert is_told(world, "bob", "refusal.already_cancelled")


@pytest.mark.parametrize(
    ("covers", "funding", "basis"),
    [(False, "wallet", "low_value"), (True, "card", "card_3ds")],
)
def test_what_was_allowed_and_why_is_kept_as_long_as_the_books(
    store: Store, covers: bool, funding: str, basis: str
) -> None:
    """An operator sees it years later, when the texts are long gone."""
    world = World(store, replace(Policy(), card_sca_covers_transfer=covers))
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice")
    if funding == "wallet":
        world.confirm("bob", reference)
    else:
        world.confirm("bob", reference, funding="card")
        world.cards.submit(world.topup(reference).session_id, "4000002760003184")
        world.cards.secure(world.topup(reference).session_id, passed=True)
        settle.drive(world.deps, world.topup(reference).id)
    world.pass_time(days=3650)
    prune.prune(world.deps)
    (shown,) = operate.show_order(world.deps, reference)
    assert (shown["status"], shown["sca"], shown["confirmed_at"]) == (
        "posted",
        basis,
        "2026-11-23T12:00:00Z",
    )
