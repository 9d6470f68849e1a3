"""Edits against the money: what is with the card is stopped first, what has moved stays."""

import pytest

from bot.domain.errors import Unavailable
from bot.services import cancel, confirm, receive, settle
from bot.services.confirm import GoToCard
from bot.services.steps import Step
from tests.services.posts import live, posted
from tests.world import ProcessDied, World, reference_in

GOOD = "4242424242424242"


def test_an_edit_that_asks_for_the_same_changes_nothing(world: World) -> None:
    """A mended word elsewhere: the form that is open stays good."""
    world.join("bob", cents=5000)
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    shown = world.terms("bob", reference)
    world.edit(post_id, "@smoney please pay @alice 10€")
    assert world.statuses(reference) == ["pending"]
    world.confirm("bob", reference, terms_hash=shown)
    assert world.statuses(reference) == ["held"]


@pytest.mark.in_turn
@pytest.mark.parametrize("end", ["paid", "held", "cancelled", "declined", "expired"])
def test_what_is_paid_or_has_ended_is_changed_by_no_edit(world: World, end: str) -> None:
    """Only what waits for its payer follows the post."""
    world.join("bob", cents=5000)
    post_id = posted(world, "@smoney request 10€ from @bob", "alice")
    reference = reference_in(world.answer_to(post_id))
    match end:
        case "paid":
            world.join("alice")
            world.confirm("bob", reference)
        case "held":
            world.confirm("bob", reference)
        case "cancelled":
            cancel.cancel(world.deps, reference, world.x_id("alice"))
        case "declined":
            cancel.decline(world.deps, reference, world.x_id("bob"))
        case _:
            world.pass_time(hours=25)
            world.expire()
    before = world.statuses(reference)
    world.edit(post_id, "@smoney request 20€ from @bob")
    assert world.statuses(reference) == before
    assert [row.amount_cents for row in world.transfers(reference)] == [1000]


def test_one_who_has_paid_of_two_who_were_asked_keeps_an_edit_away(world: World) -> None:
    """Nothing may be confirmed yet: else some would have paid other terms than the rest."""
    for handle in ("bob", "carol"):
        world.join(handle, cents=5000)
    post_id = posted(world, "@smoney request 10€ each from @bob @carol", "alice")
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference)
    world.edit(post_id, "@smoney request 20€ each from @bob @carol")
    assert world.statuses(reference) == ["held", "pending"]


def test_what_is_with_the_card_is_stopped_first(world: World) -> None:
    """The page is closed, nothing is charged, and the new terms wait for their payer."""
    world.join("bob")
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    assert isinstance(world.confirm("bob", reference, funding="card"), GoToCard)
    world.edit(post_id, "@smoney pay @alice 12€")
    assert live(world, reference) == [(2, 1200, "pending")]
    assert world.topup(reference).status == "expired"
    assert [one.captured_cents for one in world.cards.paid.values()] == []


def test_an_edit_that_asks_for_the_same_leaves_the_card_page_open(world: World) -> None:
    """Nothing that a payer agreed to has changed."""
    world.join("bob")
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference, funding="card")
    world.edit(post_id, "@smoney please pay @alice 10€")
    assert world.statuses(reference) == ["funding"]


def test_an_authorization_that_an_edit_overtakes_is_voided(world: World) -> None:
    """The card said yes, nothing was captured yet: nobody pays the older terms."""
    world.join("bob")
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    world.edit(post_id, "@smoney pay @alice 12€")
    assert live(world, reference) == [(2, 1200, "pending")]
    assert world.topup(reference).status == "voided"
    assert [one.captured_cents for one in world.cards.paid.values()] == [0]


def test_an_edit_comes_too_late_once_the_card_was_charged(world: World) -> None:
    """What was paid stays paid, once, and the writer is told where X allows it."""
    world.join("bob")
    world.join("alice")
    world.dm("bob", "help")
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    edited = "@smoney pay @alice 12€"
    world.on_step = (Step.CAPTURED, lambda: _read_edit(world, post_id, edited))
    settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=False)
    world.react()
    assert live(world, reference) == [(1, 1000, "posted")]
    assert [one.captured_cents for one in world.cards.paid.values()] == [1000]
    assert any("too late" in one or "trop tard" in one for one in world.messages_to("bob"))


def _read_edit(world: World, post_id: str, text: str) -> None:
    """Let another worker read an edit at this very moment."""
    world.on_step = (None, lambda: None)
    world.take_edit(post_id, text)
    receive.read_inbox(world.deps)


def test_an_edit_waits_while_the_card_network_does_not_answer(world: World) -> None:
    """The wish is written, the message is read again: nothing is lost and nothing is doubled."""
    world.join("bob")
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference, funding="card")
    for _ in range(2):
        world.cards.fail("checkout.read", Unavailable("down"))
    world.edit(post_id, "@smoney pay @alice 12€")
    assert world.statuses(reference) == ["funding"]
    for _ in range(4):
        world.pass_time(minutes=2)
        world.react()
    assert live(world, reference) == [(2, 1200, "pending")]


def test_stop_by_an_edit_waits_for_no_card_network(world: World) -> None:
    """An opt-out is never argued with; the driver closes the card page when it can."""
    world.join("bob")
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference, funding="card")
    for _ in range(4):
        world.cards.fail("checkout.read", Unavailable("down"))
    world.edit(post_id, "@smoney stop")
    assert world.post("bob", "@smoney help") is None
    for _ in range(8):
        world.pass_time(minutes=2)
        world.react()
    assert world.statuses(reference) == ["cancelled"]


@pytest.mark.in_turn
@pytest.mark.parametrize("funding", ["nothing yet", "card"])
@pytest.mark.parametrize("text", ["@smoney pay @alice 12€", "@smoney paid in cash, thanks"])
def test_an_edit_by_who_opted_out_takes_the_old_terms_away(
    world: World, text: str, funding: str
) -> None:
    """What their post no longer says is not paid; nothing new is read of them."""
    world.join("bob")
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    if funding == "card":
        world.confirm("bob", reference, funding="card")
    world.dm("bob", "stop")
    world.edit(post_id, text)
    assert world.statuses(reference) == ["cancelled"]


@pytest.mark.parametrize("text", ["@smoney cancel", "@smoney cancel #{reference}"])
def test_a_post_edited_to_cancel_takes_back_what_is_held(world: World, text: str) -> None:
    """As a reply in its thread would."""
    world.join("bob", cents=5000)
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference)
    assert world.statuses(reference) == ["held"]
    world.edit(post_id, text.format(reference=reference))
    assert world.statuses(reference) == ["returned"]
    assert world.balance("bob") == 5000


def test_an_edit_waits_for_a_confirmation_that_may_come_to_nothing(world: World) -> None:
    """Written and not settled: where it fails, the old terms are not to be paid again."""
    world.join("bob", cents=1000)
    post_id = posted(world)
    references = [
        reference_in(world.post("bob", "@smoney pay @dave 10€")),
        reference_in(world.answer_to(post_id)),
    ]
    for reference in references:
        will = confirm.Will(
            reference=reference,
            x_user_id=world.x_id("bob"),
            terms_hash=world.terms("bob", reference),
            funding="wallet",
            method="page",
        )
        with world.store.write() as session:
            confirm.write(session, world.deps, will, world.clock.now())
    world.take_edit(post_id, "@smoney pay @alice 12€")
    receive.read_inbox(world.deps)
    settle.settle_waiting(world.deps)
    world.pass_time(minutes=1)
    world.react()
    assert world.statuses(references[0]) == ["held"]
    assert live(world, references[1]) == [(2, 1200, "pending")]


def test_a_no_to_what_is_with_the_card_is_told_to_who_asked(world: World) -> None:
    """Once the driver has closed the page."""
    world.join("bob")
    world.dm("alice", "help")
    reference = world.order("alice", "bob", kind="request")
    world.confirm("bob", reference, funding="card")
    cancel.decline(world.deps, reference, world.x_id("bob"))
    world.react()
    assert world.statuses(reference) == ["declined"]
    assert "declined" in world.messages_to("alice")[-1]


@pytest.mark.parametrize("trouble", ["the acquirer is down", "the process dies"])
def test_an_edit_back_to_the_first_text_is_not_lost(world: World, trouble: str) -> None:
    """What the second version wished away goes, and the third is added anew."""
    world.join("bob", cents=5000)
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference, funding="card")
    if trouble == "the process dies":
        world.die_at = Step.EDIT_WISHED
        with pytest.raises(ProcessDied):
            world.edit(post_id, "@smoney pay @alice 12€")
    else:
        for _ in range(2):
            world.cards.fail("checkout.read", Unavailable("down"))
        world.edit(post_id, "@smoney pay @alice 12€")
    world.take_edit(post_id, "@smoney pay @alice 10€")
    for _ in range(6):
        world.pass_time(minutes=2)
        world.react()
    assert [one[1:] for one in live(world, reference)] == [(1000, "pending")]
