"""Who is asked for money hears it by direct message: where X allows one, and seldom (ADR 45)."""

import re

import pytest

from bot.domain.order import OrderKind
from bot.domain.replies import Reply
from bot.i18n.texts import say
from bot.services import ask_page, blocks, cancel, deliver, mend, receive, x_money
from bot.services.drafted import DraftView
from bot.store import outbox
from tests.services.test_asking import asks, tap
from tests.world import World, reference_in


def told(world: World, asker: str, *others: str, amount: str = "10€") -> list[str]:
    """Let somebody ask others; return what the first of them is told."""
    before = len(world.messages_to(others[0]))
    assert asks(world, asker, *others, amount=amount)
    return world.messages_to(others[0])[before:]


def newest_link(world: World) -> str:
    """Return the link in the newest answer."""
    post = max(world.x.posts.values(), key=lambda one: int(one.id))
    return "https://" + post.typed.partition("https://")[2].partition("#")[0].split()[0]


def test_who_is_asked_reads_who_asks_how_much_and_where_to_answer(world: World) -> None:
    """Once a day from one person, under any of their accounts; who wrote, and wants to be told.

    An asker whose handle was never seen is named on the page.
    """
    for handle in ("bob", "dave"):
        world.dm(handle, "help")
    (said,) = told(world, "erin", "bob")
    nameless = Reply.of("news.asked.nameless", amount_cents=1000, url=newest_link(world))
    assert said == say(nameless, "en", public=False)
    world.join("alice")
    world.link("alice_pro", to="alice")
    (said,) = told(world, "alice", "bob", "dave", "carol", amount="12€")
    asked = Reply.of("news.asked", handle="alice", amount_cents=1200, url=newest_link(world))
    assert said == say(asked, "en", public=False)
    assert "@alice asks you for €12" in said
    assert (world.messages_to("dave")[-1], world.messages_to("carol")) == (said, [])
    assert told(world, "alice_pro", "bob") == []
    world.pass_time(hours=24)
    assert len(told(world, "alice_pro", "bob")) == 1
    world.dm("bob", "stop")
    assert told(world, "alice", "bob") == []


def test_a_share_is_told_once_its_asker_taps(world: World) -> None:
    """A draft asks nobody; an amount that was chosen on a page, and a form, ask as a post does."""
    world.dm("bob", "help")
    before = len(world.messages_to("bob"))
    split = reference_in(world.post("erin", "@smoney split 9€ with @bob @carol"))
    draft = reference_in(world.post("frank", "@smoney request 10 from @bob"))
    assert len(world.messages_to("bob")) == before
    tap(world, "erin", split)
    page = world.page("frank", draft)
    assert isinstance(page, DraftView)
    mend.choose(
        world.deps,
        draft,
        world.x_id("frank"),
        amount_cents=500,
        note_text="",
        shown_hash=page.people_hash,
    )
    ask_page.order(
        world.deps,
        world.visitor("grace"),
        handles=("bob",),
        amount_cents=700,
        kind=OrderKind.REQUEST,
        note_text="",
        form="one",
        lang="fr",
    )
    world.react()
    said = world.messages_to("bob")[before:]
    assert [re.findall("€[0-9]+", one) for one in said] == [["€3"], ["€5"], ["€7"]]


@pytest.mark.parametrize("why", ["cancelled", "edited", "blocked"])
def test_what_is_asked_no_more_is_not_told(world: World, why: str) -> None:
    """Nor need it be where X's budget runs short: what waits stands in the wallet."""
    world.dm("bob", "help")
    post = world.take_post("alice", "@smoney request 10€ from @bob")
    receive.read_inbox(world.deps)
    with world.store.read() as session:
        (row,) = (one for one in outbox.listing(session) if one.channel == "dm")
        assert x_money.is_optional(row)
    reference = reference_in(row.text)
    world.pass_time(seconds=5)
    match why:
        case "cancelled":
            cancel.cancel(world.deps, reference, world.x_id("alice"))
        case "edited":
            world.take_edit(post, "@smoney request 11€ from @bob")
            receive.read_inbox(world.deps)
        case "blocked":
            blocks.decline_and_block(world.deps, reference, world.x_id("bob"))
    before = len(world.messages_to("bob"))
    deliver.deliver(world.deps)
    assert len(world.messages_to("bob")) == before
    with world.store.read() as session:
        dropped = outbox.listing(session, statuses=("dropped",))
    assert "what it tells of has ended, or changed" in [one.reason for one in dropped]
