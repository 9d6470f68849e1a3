"""Splits: the asker sees the shares first, their tap asks the others, each pays their own."""

import threading

import pytest

from bot.domain.errors import Refusal
from bot.domain.limits import Policy
from bot.services import cancel, operate, split
from bot.services.drafted import SplitView
from bot.services.views import NotYours, OrderView
from bot.services.wallet import wallet_page
from bot.store.engine import Store
from tests.world import World, reference_in

THREE = "@smoney split 10€ with @alice @carol for pizza"


def _split(world: World, text: str = THREE, author: str = "bob") -> str:
    """Let somebody post a split; return its reference."""
    return reference_in(world.post(author, text))


def _shown(world: World, reference: str, *, with_own: bool = True) -> SplitView:
    page = world.page("bob", reference, with_own=with_own)
    assert isinstance(page, SplitView)
    return page


def _tap(world: World, reference: str, *, with_own: bool = True, terms: str | None = None) -> None:
    """Let bob ask for the shares that his page shows."""
    terms = terms or _shown(world, reference, with_own=with_own).terms_hash
    split.ask_others(world.deps, reference, world.x_id("bob"), with_own=with_own, terms_hash=terms)


def _refusal(world: World, reference: str, **how: bool) -> str:
    with pytest.raises(Refusal) as refusal:
        _tap(world, reference, terms=_shown(world, reference).terms_hash, **how)
    return refusal.value.reply.key


def test_a_split_asks_nobody_before_its_asker_has_seen_the_shares(world: World) -> None:
    """One reply that names no amount and nobody, and a draft: no transfer is there."""
    reply = world.post("bob", THREE)
    assert reply is not None
    assert not any(word in reply for word in ("alice", "carol", "10", "pizza", "@"))
    reference = reference_in(reply)
    assert world.transfers(reference) == []
    assert isinstance(world.page("alice", reference), NotYours)
    assert world.outbox() == [("reply", "sent")]


def test_the_shares_are_equal_and_the_odd_cents_are_the_askers(world: World) -> None:
    """10 € among three: 3.33 € each, and 3.34 € for who asked."""
    page = _shown(world, _split(world))
    assert (page.each_cents, page.own_cents, page.total_cents) == (333, 334, 1000)
    assert [handle for handle, _name in page.others] == ["alice", "carol"]
    assert page.note == "pizza"


def test_the_asker_may_have_no_share(world: World) -> None:
    """Then the others share it all, and only the cents that do not divide are left."""
    page = _shown(world, _split(world), with_own=False)
    assert (page.each_cents, page.own_cents) == (500, 0)


def test_the_tap_asks_everybody_and_each_pays_their_share(world: World) -> None:
    """As with a request: the money arrives with the asker, in parts."""
    for handle in ("alice", "bob", "carol"):
        world.join(handle, cents=5000)
    reference = _split(world)
    _tap(world, reference)
    assert world.statuses(reference) == ["pending", "pending"]
    world.confirm("alice", reference)
    assert (world.balance("bob"), world.balance("alice")) == (5333, 4667)
    page = world.page("bob", reference)
    assert isinstance(page, OrderView)
    assert [one.status for one in page.asked] == ["posted", "pending"]
    assert page.own_cents == 334
    cancel.decline(world.deps, reference, world.x_id("carol"))
    assert world.statuses(reference) == ["posted", "declined"]


def test_a_second_tap_asks_for_nothing_more(world: World) -> None:
    """Two browsers, or one that is impatient."""
    reference = _split(world)
    terms = _shown(world, reference).terms_hash
    _tap(world, reference, terms=terms)
    _tap(world, reference, terms=terms)
    assert len(world.transfers(reference)) == 2


def test_two_taps_at_the_same_moment_ask_once(world: World) -> None:
    """Really at once, on both databases."""
    reference = _split(world)
    terms = _shown(world, reference).terms_hash
    threads = [
        threading.Thread(target=_tap, args=(world, reference), kwargs={"terms": terms})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.transfers(reference)) == 2


def test_a_tap_on_shares_that_were_not_shown_asks_nobody(world: World) -> None:
    """What is asked for is bound to what was seen."""
    reference = _split(world)
    assert _refusal(world, reference, with_own=False) == "refusal.changed"
    assert world.transfers(reference) == []


def test_a_tap_after_an_edit_asks_nobody(world: World) -> None:
    """The form that is open shows older shares."""
    post_id = world.take_post("bob", THREE)
    world.react()
    reference = reference_in(world.answer_to(post_id))
    terms = _shown(world, reference).terms_hash
    world.edit(post_id, "@smoney split 20€ with @alice @carol for pizza")
    with pytest.raises(Refusal) as refusal:
        _tap(world, reference, terms=terms)
    assert refusal.value.reply.key == "refusal.edited"
    assert world.transfers(reference) == []
    _tap(world, reference)
    assert [row.amount_cents for row in world.transfers(reference)] == [666, 666]


def test_somebody_else_can_ask_for_nothing(world: World) -> None:
    """The shares are the asker's to ask for."""
    reference = _split(world)
    terms = _shown(world, reference).terms_hash
    with pytest.raises(Refusal) as refusal:
        split.ask_others(
            world.deps, reference, world.x_id("alice"), with_own=True, terms_hash=terms
        )
    assert refusal.value.reply.key == "refusal.unknown_reference"
    assert world.transfers(reference) == []


def test_the_writer_is_left_out_of_their_own_split(world: World) -> None:
    """Under any of their X accounts: who names themselves has their own share anyway."""
    world.join("bob")
    world.link("bobs_other", to="bob")
    page = _shown(world, _split(world, "@smoney split 30€ with @bob @alice @bobs_other"))
    assert [handle for handle, _name in page.others] == ["alice"]
    assert (page.each_cents, page.own_cents) == (1500, 1500)


def test_a_split_with_nobody_else_is_refused(world: World) -> None:
    """With a sentence that says whom to name."""
    reply = world.post("bob", "@smoney split 30€ with @bob")
    assert reply is not None
    assert "/t/" not in reply


def test_a_split_that_waits_is_cancelled_in_its_thread_or_on_its_page(world: World) -> None:
    """Before the tap there is nothing to take back but the draft."""
    post_id = world.take_post("bob", THREE)
    world.react()
    reference = reference_in(world.answer_to(post_id))
    assert reference in (world.post("bob", "@smoney cancel", in_reply_to=post_id) or "")
    assert _shown(world, reference).over == "cancelled"
    assert _refusal(world, reference) == "refusal.already_cancelled"
    other = _split(world, "@smoney split 20€ with @alice")
    cancel.cancel(world.deps, other, world.x_id("bob"))
    assert _shown(world, other).over == "cancelled"


def test_cancel_means_the_newest_also_where_that_is_a_split(world: World) -> None:
    """Which waits for its tap as others wait for their confirmation."""
    older = world.order("bob", "alice")
    reference = _split(world)
    world.post("bob", "@smoney cancel")
    assert _shown(world, reference).over == "cancelled"
    assert world.statuses(older) == ["pending"]
    world.post("bob", "@smoney cancel")
    assert world.statuses(older) == ["cancelled"]


def test_a_split_can_be_asked_for_as_long_as_a_payment_can_be_confirmed(world: World) -> None:
    """CONFIRM_WITHIN_H from the reply; who is asked has as long from the tap."""
    reference = _split(world)
    world.pass_time(hours=23)
    _tap(world, reference)
    (first, _) = world.transfers(reference)
    assert (first.confirm_by - world.clock.now()).total_seconds() == 24 * 3600
    late = _split(world, "@smoney split 20€ with @alice @carol")
    world.pass_time(hours=25)
    assert _shown(world, late).over == "expired"
    assert _refusal(world, late) == "refusal.too_late"


def test_a_split_stands_in_its_askers_wallet_until_the_tap(world: World) -> None:
    """Also where its reply could not be posted."""
    world.join("bob")
    reference = _split(world)
    (one,) = wallet_page(world.deps, world.visitor("bob")).waits
    assert (one.what, one.reference, one.amount_cents) == ("to_ask", reference, 1000)
    _tap(world, reference)
    (one,) = wallet_page(world.deps, world.visitor("bob")).waits
    assert (one.what, one.amount_cents) == ("asked", 666)


def test_a_split_counts_as_an_order_that_waits(store: Store) -> None:
    """MAX_PENDING counts drafts too, and the tap does not count its own order twice."""
    world = World(store, Policy(max_pending=1))
    reference = _split(world)
    refused = world.post("bob", "@smoney pay @alice 1€")
    assert refused is not None
    assert "/t/" not in refused
    _tap(world, reference)
    assert len(world.transfers(reference)) == 2


def test_a_share_above_the_limit_is_refused_when_read_and_when_tapped(world: World) -> None:
    """A share is a transfer like any other."""
    refused = world.post("bob", "@smoney split 600€ with @alice")
    assert refused is not None
    assert "/t/" not in refused
    reference = _split(world, "@smoney split 400€ with @alice")
    with pytest.raises(Refusal) as refusal:
        _tap(world, reference, with_own=False)
    assert refusal.value.reply.key == "refusal.above_limit"
    assert world.transfers(reference) == []


def test_a_split_by_direct_message_states_the_shares(world: World) -> None:
    """In private, with the link on which they are asked for; a DM `yes` asks nobody."""
    (answer,) = world.dm("bob", "split 10€ with @alice @carol")
    assert all(part in answer for part in ("€3.33", "€3.34", "@alice", "@carol"))
    reference = reference_in(answer)
    (again,) = world.dm("bob", f"yes {reference}")
    assert "€3.33" in again
    assert reference_in(again) == reference
    assert world.transfers(reference) == []


def test_a_tap_while_the_draft_expires_asks_nobody(world: World) -> None:
    """Whoever comes second finds what the first has written."""
    reference = _split(world)
    terms = _shown(world, reference).terms_hash
    world.pass_time(hours=25)
    world.expire()
    with pytest.raises(Refusal) as refusal:
        _tap(world, reference, terms=terms)
    assert refusal.value.reply.key == "refusal.too_late"
    assert _shown(world, reference).over == "expired"
    assert world.transfers(reference) == []


def test_a_split_with_somebody_who_turns_out_to_be_its_asker_says_so(world: World) -> None:
    """Another X account that joined the same wallet since: nobody is left, and it can be ended."""
    world.join("bob")
    reference = _split(world, "@smoney split 10€ with @bobs_other")
    world.link("bobs_other", to="bob")
    assert _shown(world, reference).over == "alone"
    cancel.cancel(world.deps, reference, world.x_id("bob"))
    assert _shown(world, reference).over == "cancelled"


def test_asking_for_the_shares_again_by_dm_gives_no_more_time(world: World) -> None:
    """The first answer set the end."""
    (answer,) = world.dm("bob", "split 10€ with @alice @carol")
    reference = reference_in(answer)
    until = _shown(world, reference).confirm_by
    world.pass_time(hours=5)
    world.dm("bob", f"yes {reference}")
    assert _shown(world, reference).confirm_by == until


def test_an_operator_cancels_a_split_that_waits(world: World) -> None:
    """It has no transfer, and is shown as such."""
    reference = _split(world)
    assert operate.show_order(world.deps, reference) == []
    operate.cancel_order(world.deps, reference)
    assert _shown(world, reference).over == "cancelled"
