"""Edited posts: one order and one reply, which follow the newest version of the post."""

import pytest

from bot.domain.errors import Refusal
from bot.services import cancel, receive, split
from bot.services.drafted import SplitView
from bot.services.views import OrderView
from tests.services.posts import live, posted
from tests.world import World, reference_in


def test_an_edit_puts_new_transfers_under_the_same_reference(world: World) -> None:
    """The old ones are cancelled, the new are numbered on; there is no second reply."""
    world.join("bob", cents=5000)
    world.join("alice")
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    edited = world.edit(post_id, "@smoney pay @alice 12€")
    assert world.answer_to(edited) is None
    assert world.outbox() == [("reply", "sent")]
    assert live(world, reference) == [(2, 1200, "pending")]
    assert world.reasons(reference) == ["ordered", "edited"]
    world.confirm("bob", reference)
    assert world.balance("alice") == 1200


def test_an_open_confirmation_form_is_void_once_the_post_is_edited(world: World) -> None:
    """The payer saw other terms: they are told why, and read again."""
    world.join("bob", cents=5000)
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    shown = world.terms("bob", reference)
    world.edit(post_id, "@smoney pay @alice 12€")
    with pytest.raises(Refusal) as refusal:
        world.confirm("bob", reference, terms_hash=shown, numbers=(1,))
    assert refusal.value.reply.key == "refusal.edited"
    assert live(world, reference) == [(2, 1200, "pending")]


def test_the_page_shows_what_the_newest_version_asks_and_nothing_older(world: World) -> None:
    """What was replaced is in the history of the books, not before the payer's eyes."""
    world.join("bob", cents=5000)
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.edit(post_id, "@smoney pay @alice 12€")
    page = world.page("bob", reference)
    assert isinstance(page, OrderView)
    assert [one.amount_cents for one in page.pays] == [1200]


@pytest.mark.in_turn
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
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.edit(post_id, text)
    rows = [row for row in world.transfers(reference) if row.status == "pending"]
    assert [(row.payee_handle, row.amount_cents) for row in rows] == live
    assert world.outbox() == [("reply", "sent")]


def test_a_request_may_become_a_payment_and_back(world: World) -> None:
    """The kind is the newest version's too."""
    world.join("bob", cents=5000)
    world.join("alice", cents=5000)
    post_id = posted(world, "@smoney request 10€ from @alice")
    reference = reference_in(world.answer_to(post_id))
    world.edit(post_id, "@smoney pay 10€ to @alice")
    world.confirm("bob", reference)
    assert (world.balance("bob"), world.balance("alice")) == (4000, 6000)
    world.edit(post_id, "@smoney request 10€ from @alice")
    assert (world.balance("bob"), world.balance("alice")) == (4000, 6000)


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
    assert live(world, reference_in(reply)) == [(2, 1200, "pending")]
    rows = world.involving("bob")
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
    assert world.involving("bob") == []


def test_a_mended_command_after_a_hint_is_an_order_without_a_second_reply(world: World) -> None:
    """It stands in the wallet, and its writer is told by direct message where X allows it."""
    world.join("bob", cents=5000)
    world.dm("bob", "help")
    post_id = posted(world, "@smoney pay @alice 10")
    edited = world.edit(post_id, "@smoney pay @alice 10€")
    assert world.answer_to(post_id) is not None
    assert world.answer_to(edited) is None
    reference = reference_in(world.messages_to("bob")[-1])
    assert live(world, reference) == [(1, 1000, "pending")]


def test_small_talk_that_becomes_a_command_gets_its_first_reply(world: World) -> None:
    """Nothing was answered before: the edit is owed the one reply."""
    post_id = posted(world, "@smoney hello there")
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
    post_id = posted(world, "@smoney cancel")
    world.edit(post_id, "@smoney cancel please")
    rows = world.involving("bob")
    assert sorted(row.status for row in rows) == ["cancelled", "pending"]


def test_an_edited_payment_becomes_a_split_and_back(world: World) -> None:
    """A draft takes the place of transfers, and transfers that of a draft."""
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.edit(post_id, "@smoney split 30€ with @alice @carol")
    assert isinstance(world.page("bob", reference), SplitView)
    world.edit(post_id, "@smoney pay @alice 12€")
    assert isinstance(world.page("bob", reference), OrderView)
    assert live(world, reference) == [(2, 1200, "pending")]


def test_an_edit_gets_no_more_time_than_the_reply_gave(world: World) -> None:
    """CONFIRM_WITHIN_H after the reply, whenever the post was edited."""
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    (old,) = world.transfers(reference)
    world.pass_time(minutes=50)
    world.edit(post_id, "@smoney pay @alice 12€")
    assert world.transfers(reference)[-1].confirm_by == old.confirm_by


def test_cancel_under_a_later_version_means_its_order(world: World) -> None:
    """Whoever answers the edited post stands in the same thread."""
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    edited = world.edit(post_id, "@smoney pay @alice 12€")
    world.order("bob", "alice", "13€")
    world.post("bob", "@smoney cancel", in_reply_to=edited)
    assert live(world, reference) == []


def test_an_older_start_or_stop_that_comes_late_is_passed_over(world: World) -> None:
    """The newest version counts, whatever the older one was."""
    for older in ("@smoney start", "@smoney stop"):
        post_id = posted(world)
        reference = reference_in(world.answer_to(post_id))
        second = world.x.edit(post_id, older)
        third = world.x.edit(post_id, "@smoney pay @alice 12€")
        for one in (third, second):
            receive.take_in(world.deps, [world.x.event(one)])
            world.react()
        assert live(world, reference) == [(2, 1200, "pending")]


def test_a_reply_that_small_talk_dropped_is_owed_again(world: World) -> None:
    """None went out, and the newest version asks for something."""
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    receive.read_inbox(world.deps)
    world.take_edit(post_id, "@smoney never mind")
    receive.read_inbox(world.deps)
    third = world.take_edit(post_id, "@smoney pay @alice 12€")
    world.react()
    assert live(world, reference_in(world.answer_to(third))) == [(2, 1200, "pending")]
    assert world.outbox() == [("reply", "sent")]


def test_a_cancel_whose_reference_was_mended_cancels(world: World) -> None:
    """The first version named nothing that is."""
    reference = world.order("bob", "alice")
    post_id = posted(world, "@smoney cancel #ZZZZZ9")
    world.edit(post_id, f"@smoney cancel #{reference}")
    assert world.statuses(reference) == ["cancelled"]


def test_an_edit_after_the_money_moved_is_told_to_its_writer(world: World) -> None:
    """From the wallet as by card: it comes too late."""
    world.join("bob", cents=5000)
    world.dm("bob", "help")
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.confirm("bob", reference)
    world.react()
    world.edit(post_id, "@smoney pay @alice 12€")
    assert "too late" in world.messages_to("bob")[-1]


def test_a_second_no_after_an_edit_is_told_too(world: World) -> None:
    """Each is about terms of its own."""
    world.dm("alice", "help")
    post_id = posted(world, "@smoney request 10€ from @bob", "alice")
    reference = reference_in(world.answer_to(post_id))
    world.edit(post_id, "@smoney request 11€ from @bob")
    cancel.decline(world.deps, reference, world.x_id("bob"))
    world.react()
    assert "declined" in world.messages_to("alice")[-1]


def test_a_direct_yes_that_is_older_than_an_edit_pays_nothing(world: World) -> None:
    """X brought the edit first: what it orders is told before a message can confirm it."""
    world.join("bob", cents=5000, by_dm=True)
    world.join("alice")
    world.join("mallory")
    post_id = posted(world)
    reference = reference_in(world.answer_to(post_id))
    world.edit(post_id, "@smoney pay @mallory 29€")
    (told,) = world.dm("bob", f"oui {reference}")
    assert world.balance("bob") == 5000
    assert "@mallory" in told
    assert "29" in told
    world.dm("bob", f"oui {reference}")
    assert (world.balance("alice"), world.balance("mallory")) == (0, 2900)


def test_who_declined_is_not_asked_again_and_the_others_see_the_new_terms(world: World) -> None:
    """One no keeps an edit from nobody else."""
    post_id = posted(world, "@smoney request 10€ each from @bob @carol", "alice")
    reference = reference_in(world.answer_to(post_id))
    cancel.decline(world.deps, reference, world.x_id("bob"))
    world.edit(post_id, "@smoney request 8€ each from @bob @carol")
    rows = [
        (row.payer_x_user_id, row.amount_cents, row.status) for row in world.transfers(reference)
    ]
    assert rows == [
        (world.x_id("bob"), 1000, "declined"),
        (world.x_id("carol"), 1000, "cancelled"),
        (world.x_id("carol"), 800, "pending"),
    ]


def test_a_word_mended_in_a_split_that_was_asked_for_asks_nobody_anew(world: World) -> None:
    """The same total, note and people: whoever is at the card stays there."""
    post_id = posted(world, "@smoney split 10€ with @alice @carol")
    reference = reference_in(world.answer_to(post_id))
    page = world.page("bob", reference)
    assert isinstance(page, SplitView)
    split.ask_others(
        world.deps, reference, world.x_id("bob"), with_own=True, terms_hash=page.terms_hash
    )
    world.edit(post_id, "@smoney please split 10€ with @alice @carol")
    assert world.statuses(reference) == ["pending", "pending"]
