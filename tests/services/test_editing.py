"""Edited posts: one order and one reply, which follow the newest version until one has paid."""

import pytest

from bot.domain.errors import Refusal, Unavailable
from bot.services import cancel, receive, settle
from bot.services.confirm import GoToCard
from bot.services.steps import Step
from bot.services.views import OrderView, SplitView
from bot.store import orders
from tests.world import World, reference_in

GOOD = "4242424242424242"


def _posted(world: World, text: str = "@smoney pay @alice 10€", author: str = "bob") -> str:
    """Let somebody post and be answered; return the post's id."""
    post_id = world.take_post(author, text)
    world.react()
    return post_id


def _live(world: World, reference: str) -> list[tuple[int, int, str]]:
    """Return number, amount and status of what an order's last version asks for."""
    rows = world.transfers(reference)
    return [(row.number, row.amount_cents, row.status) for row in rows if row.status != "cancelled"]


def test_an_edit_puts_new_transfers_under_the_same_reference(world: World) -> None:
    """The old ones are cancelled, the new are numbered on; there is no second reply."""
    world.join("bob", cents=5000)
    world.join("alice")
    post_id = _posted(world)
    reference = reference_in(world.answer_to(post_id))
    edited = world.edit(post_id, "@smoney pay @alice 12€")
    assert world.answer_to(edited) is None
    assert world.outbox() == [("reply", "sent")]
    assert _live(world, reference) == [(2, 1200, "pending")]
    assert world.reasons(reference) == ["ordered", "edited"]
    world.confirm("bob", reference)
    assert world.balance("alice") == 1200


def test_an_open_confirmation_form_is_void_once_the_post_is_edited(world: World) -> None:
    """The payer saw other terms: they are told why, and read again."""
    world.join("bob", cents=5000)
    post_id = _posted(world)
    reference = reference_in(world.answer_to(post_id))
    shown = world.terms("bob", reference)
    world.edit(post_id, "@smoney pay @alice 12€")
    with pytest.raises(Refusal) as refusal:
        world.confirm("bob", reference, terms_hash=shown, numbers=(1,))
    assert refusal.value.reply.key == "refusal.edited"
    assert _live(world, reference) == [(2, 1200, "pending")]


def test_the_page_shows_what_the_newest_version_asks_and_nothing_older(world: World) -> None:
    """What was replaced is in the history of the books, not before the payer's eyes."""
    world.join("bob", cents=5000)
    post_id = _posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.edit(post_id, "@smoney pay @alice 12€")
    page = world.page("bob", reference)
    assert isinstance(page, OrderView)
    assert [one.amount_cents for one in page.pays] == [1200]


@pytest.mark.parametrize(
    ("text", "live"),
    [
        ("@smoney pay @carol 10€", [("carol", 1000)]),
        ("@smoney pay @alice @carol 5€ each", [("alice", 500), ("carol", 500)]),
        ("@smoney pay @alice 10€ for pizza", [("alice", 1000)]),
        ("@smoney pay @alice 10", []),
        ("@smoney pay @alice 900€", []),
        ("@smoney pay @bob 10€", []),
        ("@smoney never mind", []),
        ("@smoney cancel", []),
        ("@smoney help", []),
        ("@smoney stop", []),
    ],
)
def test_whatever_an_edit_says_the_old_terms_are_gone(
    world: World, text: str, live: list[tuple[str, int]]
) -> None:
    """Also where the new version is refused, misread, or no command at all."""
    post_id = _posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.edit(post_id, text)
    rows = [row for row in world.transfers(reference) if row.status == "pending"]
    assert [(row.payee_handle, row.amount_cents) for row in rows] == live
    assert world.outbox() == [("reply", "sent")]


def test_an_edit_that_asks_for_the_same_changes_nothing(world: World) -> None:
    """A mended word elsewhere: the form that is open stays good."""
    world.join("bob", cents=5000)
    post_id = _posted(world)
    reference = reference_in(world.answer_to(post_id))
    shown = world.terms("bob", reference)
    world.edit(post_id, "@smoney please pay @alice 10€")
    assert world.statuses(reference) == ["pending"]
    world.confirm("bob", reference, terms_hash=shown)
    assert world.statuses(reference) == ["held"]


def test_a_request_may_become_a_payment_and_back(world: World) -> None:
    """The kind is the newest version's too."""
    world.join("bob", cents=5000)
    world.join("alice", cents=5000)
    post_id = _posted(world, "@smoney request 10€ from @alice")
    reference = reference_in(world.answer_to(post_id))
    world.edit(post_id, "@smoney pay 10€ to @alice")
    world.confirm("bob", reference)
    assert (world.balance("bob"), world.balance("alice")) == (4000, 6000)
    world.edit(post_id, "@smoney request 10€ from @alice")
    assert (world.balance("bob"), world.balance("alice")) == (4000, 6000)


@pytest.mark.parametrize("end", ["paid", "held", "cancelled", "declined", "expired"])
def test_what_is_paid_or_has_ended_is_changed_by_no_edit(world: World, end: str) -> None:
    """Only what waits for its payer follows the post."""
    world.join("bob", cents=5000)
    post_id = _posted(world, "@smoney request 10€ from @bob", "alice")
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
    post_id = _posted(world, "@smoney request 10€ each from @bob @carol", "alice")
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference)
    world.edit(post_id, "@smoney request 20€ each from @bob @carol")
    assert world.statuses(reference) == ["held", "pending"]


def test_what_is_with_the_card_is_stopped_first(world: World) -> None:
    """The page is closed, nothing is charged, and the new terms wait for their payer."""
    world.join("bob")
    post_id = _posted(world)
    reference = reference_in(world.answer_to(post_id))
    assert isinstance(world.confirm("bob", reference, funding="card"), GoToCard)
    world.edit(post_id, "@smoney pay @alice 12€")
    assert _live(world, reference) == [(2, 1200, "pending")]
    assert world.topup(reference).status == "expired"
    assert [one.captured_cents for one in world.cards.paid.values()] == []


def test_an_edit_that_asks_for_the_same_leaves_the_card_page_open(world: World) -> None:
    """Nothing that a payer agreed to has changed."""
    world.join("bob")
    post_id = _posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference, funding="card")
    world.edit(post_id, "@smoney please pay @alice 10€")
    assert world.statuses(reference) == ["funding"]


def test_an_authorization_that_an_edit_overtakes_is_voided(world: World) -> None:
    """The card said yes, nothing was captured yet: nobody pays the older terms."""
    world.join("bob")
    post_id = _posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    world.edit(post_id, "@smoney pay @alice 12€")
    assert _live(world, reference) == [(2, 1200, "pending")]
    assert world.topup(reference).status == "voided"
    assert [one.captured_cents for one in world.cards.paid.values()] == [0]


def test_an_edit_comes_too_late_once_the_card_was_charged(world: World) -> None:
    """What was paid stays paid, once, and the writer is told where X allows it."""
    world.join("bob")
    world.join("alice")
    world.dm("bob", "help")
    post_id = _posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    edited = "@smoney pay @alice 12€"
    world.on_step = (Step.CAPTURED, lambda: _read_edit(world, post_id, edited))
    settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=False)
    world.react()
    assert _live(world, reference) == [(1, 1000, "posted")]
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
    post_id = _posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference, funding="card")
    for _ in range(2):
        world.cards.fail("checkout.read", Unavailable("down"))
    world.edit(post_id, "@smoney pay @alice 12€")
    assert world.statuses(reference) == ["funding"]
    for _ in range(4):
        world.pass_time(minutes=2)
        world.react()
    assert _live(world, reference) == [(2, 1200, "pending")]


def test_versions_that_come_in_the_wrong_order_end_as_the_newest(world: World) -> None:
    """X delivers out of order: an older version that comes late is not read as a new post."""
    post_id = world.x.post("bob", "@smoney pay @alice 10€")
    first = world.x.event(post_id)
    second_id = world.x.edit(post_id, "@smoney pay @alice 11€")
    second = world.x.event(second_id)
    third_id = world.x.edit(post_id, "@smoney pay @alice 12€")
    for event in (second, world.x.event(third_id), first):
        receive.take_in(world.deps, [event])
        world.react()
    replies = [world.answer_to(one) for one in (post_id, second_id, third_id)]
    (reply,) = [one for one in replies if one is not None]
    assert _live(world, reference_in(reply)) == [(2, 1200, "pending")]
    with world.store.read() as session:
        rows = orders.involving(session, world.x_id("bob"), limit=9)
    assert {row.reference for row in rows} == {reference_in(reply)}


def test_a_version_that_took_everything_back_is_not_undone_by_an_older_one(world: World) -> None:
    """Small talk that is newer than an order wins over it."""
    post_id = world.x.post("bob", "@smoney pay @alice 10€")
    first = world.x.event(post_id)
    edited = world.x.edit(post_id, "@smoney never mind")
    for event in (world.x.event(edited), first):
        receive.take_in(world.deps, [event])
        world.react()
    assert world.answer_to(post_id) is None
    with world.store.read() as session:
        assert orders.involving(session, world.x_id("bob"), limit=9) == []


def test_a_mended_command_after_a_hint_is_an_order_without_a_second_reply(world: World) -> None:
    """It stands in the wallet, and its writer is told by direct message where X allows it."""
    world.join("bob", cents=5000)
    world.dm("bob", "help")
    post_id = _posted(world, "@smoney pay @alice 10")
    edited = world.edit(post_id, "@smoney pay @alice 10€")
    assert world.answer_to(post_id) is not None
    assert world.answer_to(edited) is None
    reference = reference_in(world.messages_to("bob")[-1])
    assert _live(world, reference) == [(1, 1000, "pending")]


def test_small_talk_that_becomes_a_command_gets_its_first_reply(world: World) -> None:
    """Nothing was answered before: the edit is owed the one reply."""
    post_id = _posted(world, "@smoney hello there")
    edited = world.edit(post_id, "@smoney pay @alice 10€")
    assert world.answer_to(edited) is not None


def test_a_reply_that_is_not_out_yet_says_what_the_newest_version_asks(world: World) -> None:
    """A hint that no longer fits is never sent."""
    post_id = world.take_post("bob", "@smoney pay @alice 10")
    receive.read_inbox(world.deps)
    edited = world.take_edit(post_id, "@smoney pay @alice 10€")
    world.react()
    assert world.answer_to(post_id) is None
    assert "/t/" in (world.answer_to(edited) or "")
    assert world.outbox() == [("reply", "sent")]


def test_a_reply_that_is_not_out_yet_is_dropped_where_nothing_is_asked_any_more(
    world: World,
) -> None:
    """A link to nothing helps nobody."""
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    receive.read_inbox(world.deps)
    edited = world.take_edit(post_id, "@smoney never mind")
    world.react()
    assert (world.answer_to(post_id), world.answer_to(edited)) == (None, None)
    assert world.outbox() == [("reply", "dropped")]


def test_a_cancel_whose_word_was_mended_cancels_once(world: World) -> None:
    """Without a reference it means the newest: an edit must not reach for the next."""
    for amount in ("10€", "11€"):
        world.order("bob", "alice", amount)
    post_id = _posted(world, "@smoney cancel")
    world.edit(post_id, "@smoney cancel please")
    with world.store.read() as session:
        rows = orders.involving(session, world.x_id("bob"), limit=9)
    assert sorted(row.status for row in rows) == ["cancelled", "pending"]


def test_an_edited_payment_becomes_a_split_and_back(world: World) -> None:
    """A draft takes the place of transfers, and transfers that of a draft."""
    post_id = _posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.edit(post_id, "@smoney split 30€ with @alice @carol")
    assert isinstance(world.page("bob", reference), SplitView)
    world.edit(post_id, "@smoney pay @alice 12€")
    assert isinstance(world.page("bob", reference), OrderView)
    assert _live(world, reference) == [(2, 1200, "pending")]


def test_an_edit_gets_no_more_time_than_the_reply_gave(world: World) -> None:
    """CONFIRM_WITHIN_H after the reply, whenever the post was edited."""
    post_id = _posted(world)
    reference = reference_in(world.answer_to(post_id))
    (old,) = world.transfers(reference)
    world.pass_time(minutes=50)
    world.edit(post_id, "@smoney pay @alice 12€")
    assert world.transfers(reference)[-1].confirm_by == old.confirm_by


def test_cancel_under_a_later_version_means_its_order(world: World) -> None:
    """Whoever answers the edited post stands in the same thread."""
    post_id = _posted(world)
    reference = reference_in(world.answer_to(post_id))
    edited = world.edit(post_id, "@smoney pay @alice 12€")
    world.order("bob", "alice", "13€")
    world.post("bob", "@smoney cancel", in_reply_to=edited)
    assert _live(world, reference) == []
