"""A command whose amount was misread: one reply with a link, one tap, and nothing is guessed."""

import pytest

from bot.domain.errors import Refusal
from bot.domain.limits import Policy
from bot.i18n.length import POST_AT_MOST, weighted_length
from bot.services import cancel, mend
from bot.services.drafted import DraftView, SplitView
from bot.services.views import NotYours, OrderView
from bot.services.wallet import wallet_page
from bot.store.engine import Store
from tests.world import World, reference_in


def _draft(world: World, text: str, author: str = "bob") -> str:
    """Let somebody post a command with a misread amount; return its draft's reference."""
    return reference_in(world.post(author, text))


def _shown(world: World, reference: str) -> DraftView:
    page = world.page("bob", reference)
    assert isinstance(page, DraftView)
    return page


def _choose(world: World, reference: str, cents: int, *, shown: str | None = None) -> None:
    mend.choose(
        world.deps,
        reference,
        world.x_id("bob"),
        amount_cents=cents,
        note_text="pizza",
        shown_hash=shown or _shown(world, reference).people_hash,
    )


@pytest.mark.in_turn
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@smoney pay @alice", "without making it public"),
        ("@smoney pay @alice 10", "one tap"),
        ("@smoney pay @alice 1.250€ for pizza", "one tap"),
        ("@smoney pay @alice $10", "one tap"),
        ("@smoney split @alice @carol", "without making it public"),
        ("@smoney request 0€ from @alice", "one tap"),
        ("@smoney pay @alice @carol 10€", "one tap"),
    ],
)
def test_the_one_reply_bears_a_hint_and_a_link_to_the_draft(
    world: World, text: str, said: str
) -> None:
    """Within X's rules: one post of 280 characters, one link, no mention."""
    reply = world.post("bob", text)
    assert reply is not None
    assert weighted_length(reply) <= POST_AT_MOST
    assert (reply.count("://"), reply.count("@")) == (1, 0)
    assert said in reply
    assert world.outbox() == [("reply", "sent")]
    assert world.transfers(reference_in(reply)) == []


def test_a_tap_makes_the_transfer_to_whom_the_post_named(world: World) -> None:
    """By X id: whoever has the handle by then gets nothing. A second tap does nothing more."""
    world.join("bob", cents=5000)
    world.join("alice")
    alice = world.x_id("alice")
    reference = _draft(world, "@smoney pay @alice 10 for pizza")
    page = _shown(world, reference)
    assert (page.offers, page.note, page.read) == ((1000,), "pizza", "10")
    world.x.change("alice", new_handle="alice_now")
    assert world.x_id("alice") != alice, "somebody else took the name"
    for cents in (1000, 2000):
        _choose(world, reference, cents, shown=page.people_hash)
    (row,) = world.transfers(reference)
    assert (row.payee_x_user_id, row.amount_cents, row.note) == (alice, 1000, "pizza")
    assert isinstance(world.page("bob", reference), OrderView)
    world.confirm("bob", reference)
    assert world.statuses(reference) == ["posted"]


def test_a_misread_split_shows_its_shares_next(world: World) -> None:
    """Nobody is asked by choosing the total."""
    reference = _draft(world, "@smoney split @alice @carol for pizza")
    _choose(world, reference, 1000)
    page = world.page("bob", reference)
    assert isinstance(page, SplitView)
    assert (page.each_cents, page.total_cents, page.note) == (333, 1000, "pizza")
    assert world.transfers(reference) == []
    _choose(world, reference, 2000, shown="an older form")
    assert isinstance(world.page("bob", reference), SplitView)


def test_each_of_several_gets_the_amount_that_was_chosen(world: World) -> None:
    """The page says so: so much each, so much in all."""
    reference = _draft(world, "@smoney pay @alice @carol 10€")
    assert _shown(world, reference).offers == (1000, 500)
    _choose(world, reference, 500)
    assert [row.amount_cents for row in world.transfers(reference)] == [500, 500]


def test_a_request_whose_amount_is_chosen_is_asked(world: World) -> None:
    """Its payer sees it only then."""
    reference = _draft(world, "@smoney request 12.500€ from @alice")
    assert _shown(world, reference).offers == (1250,), "nobody may pay 12 500 €"
    assert isinstance(world.page("alice", reference), NotYours)
    _choose(world, reference, 1250)
    page = world.page("alice", reference)
    assert isinstance(page, OrderView)
    assert page.to_confirm is not None


@pytest.mark.parametrize(
    ("cents", "why"),
    [(25_001, "refusal.above_limit"), (1000, "refusal.changed")],
)
def test_what_cannot_be_is_refused_and_the_draft_stays(world: World, cents: int, why: str) -> None:
    """A limit; a form that shows other people than the draft has."""
    reference = _draft(world, "@smoney pay @alice")
    with pytest.raises(Refusal) as refusal:
        _choose(world, reference, cents, shown="others" if "changed" in why else None)
    assert refusal.value.reply.key == why
    assert _shown(world, reference).over is None


@pytest.mark.parametrize(
    ("text", "word"),
    [("@smoney pay @bob", "yourself|both sides"), ("@smoney split 10 with @bob", "split|with")],
)
def test_where_no_amount_would_do_there_is_no_draft(world: World, text: str, word: str) -> None:
    """The refusal says what is in the way."""
    reply = world.post("bob", text)
    assert reply is not None
    assert "/t/" not in reply
    assert any(one in reply for one in word.split("|"))


def test_a_draft_of_nobody_that_x_knows_is_not_made(world: World) -> None:
    """In a direct message handles are looked up: of whom X does not know, the hint is all."""
    (unknown,) = world.dm("bob", "pay @nobody_there 10")
    assert "/t/" not in unknown
    (known,) = world.dm("bob", "pay @alice 10")
    assert _shown(world, reference_in(known)).offers == (1000,)


def test_a_draft_waits_is_cancelled_and_expires(world: World) -> None:
    """It stands in the wallet, counts as an order that waits, and ends like one."""
    world.join("bob")
    first = _draft(world, "@smoney pay @alice")
    (waiting,) = wallet_page(world.deps, world.visitor("bob")).waits
    assert (waiting.what, waiting.amount_cents, waiting.people) == ("to_choose", None, ("alice",))
    cancel.cancel(world.deps, first, world.x_id("bob"))
    assert _shown(world, first).over == "cancelled"
    second = _draft(world, "@smoney pay @alice 10")
    world.pass_time(hours=25)
    world.expire()
    with pytest.raises(Refusal) as refusal:
        _choose(world, second, 1000)
    assert refusal.value.reply.key == "refusal.too_late"
    assert wallet_page(world.deps, world.visitor("bob")).waits == ()


def test_drafts_count_against_what_may_wait(store: Store) -> None:
    """Else misread posts would be a way round the limit."""
    world = World(store, Policy(max_pending=1))
    _draft(world, "@smoney pay @alice")
    reply = world.post("bob", "@smoney pay @carol")
    assert reply is not None
    assert "/t/" not in reply


def test_an_edit_mends_a_draft_and_makes_one_under_the_same_link(world: World) -> None:
    """The post itself may be corrected, too: one order, one reply, whichever way."""
    post_id = world.take_post("bob", "@smoney pay @alice 10")
    world.react()
    reference = reference_in(world.answer_to(post_id))
    older = _shown(world, reference).people_hash
    world.edit(post_id, "@smoney pay @alice 10€")
    assert world.statuses(reference) == ["pending"]
    world.edit(post_id, "@smoney pay @alice @carol 10")
    assert world.statuses(reference) == ["cancelled"]
    assert [handle for handle, _name in _shown(world, reference).others] == ["alice", "carol"]
    with pytest.raises(Refusal) as refusal:
        _choose(world, reference, 1000, shown=older)
    assert refusal.value.reply.key == "refusal.edited"
    world.edit(post_id, "@smoney never mind")
    assert _shown(world, reference).over == "edited"


def test_a_code_in_a_direct_message_chooses_no_amount(world: World) -> None:
    """`oui` to a draft is answered with its link."""
    world.join("bob", cents=5000, by_dm=True)
    reference = _draft(world, "@smoney pay @alice")
    (answer,) = world.dm("bob", f"oui {reference}")
    assert reference_in(answer) == reference
    assert world.transfers(reference) == []


def test_of_several_people_each_ones_and_all_of_theirs_are_offered(world: World) -> None:
    """Without a currency too, though of the two errors that one alone is told."""
    world.join("bob", cents=5000)
    pays = _shown(world, _draft(world, "@smoney pay @alice @carol 10"))
    assert pays.offers == (1000, 500)
    each = _shown(world, _draft(world, "@smoney pay @alice @carol 10 each"))
    assert each.offers == (1000,)


def test_a_misread_split_that_is_edited_right_is_one(world: World) -> None:
    """Though it names the same figure and the same people."""
    world.join("bob")
    post = world.take_post("bob", "@smoney split 10 @alice @carol")
    world.react()
    world.edit(post, "@smoney split 10€ @alice @carol")
    reference = reference_in(world.answer_to(post))
    assert isinstance(world.page("bob", reference), SplitView)
