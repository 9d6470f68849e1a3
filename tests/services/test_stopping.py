"""`stop` and `start`: everywhere at once, for the X account that wrote it."""

import pytest

from bot.domain.errors import OutcomeUnknown, Unavailable
from tests.world import PUBLIC_URL, World, reference_in

WAYS = ["post", "dm"]


def say(world: World, way: str, handle: str, text: str) -> str | None:
    """Let somebody write to the bot, in public or not; return the answer."""
    if way == "post":
        return world.post(handle, f"@smoney {text}")
    said = world.dm(handle, text)
    return said[0] if said else None


@pytest.mark.in_turn
@pytest.mark.parametrize("stopped", WAYS)
@pytest.mark.parametrize("way", WAYS)
def test_after_stop_nothing_is_answered_or_done(world: World, stopped: str, way: str) -> None:
    """Whichever way it was written, in both ways, until `start`; `stop` itself gets no answer."""
    world.join("bob", cents=5000, by_dm=True)
    assert say(world, stopped, "bob", "stop bothering me") is None
    before = world.outbox()
    for text in ("help", "pay @alice 10€", "pay @alice 10", "balance", "request 10€ from @dave"):
        assert say(world, way, "bob", text) is None
    assert world.outbox() == before
    assert say(world, way, "bob", "reprendre") is not None
    assert say(world, way, "bob", "help") is not None


@pytest.mark.parametrize("way", WAYS)
def test_after_stop_no_news_goes_out(world: World, way: str) -> None:
    """Of money that came, of what they paid on the page, of what others did; `start` undoes it."""
    world.join("bob", cents=5000)
    world.join("alice", cents=5000)
    for handle in ("alice", "bob"):
        world.dm(handle, "help")
    waits = world.order("alice", "bob", "3€")
    say(world, way, "alice", "stop")
    before = world.messages_to("alice")
    world.confirm("bob", world.order("bob", "alice", "10€"))
    world.confirm("alice", waits)
    world.react()
    assert world.messages_to("alice") == before
    assert "€3" in world.messages_to("bob")[-1]
    say(world, way, "alice", "start")
    world.confirm("bob", world.order("bob", "alice", "11€"))
    world.react()
    assert "€11" in world.messages_to("alice")[-1]


@pytest.mark.parametrize("way", WAYS)
def test_what_waits_in_the_outbox_is_dropped_and_does_not_come_back(world: World, way: str) -> None:
    """A reply and news that X's limit held up: not sent after `stop`, nor after `start`."""
    world.join("bob", cents=5000)
    world.join("alice")
    world.dm("alice", "help")
    reference = world.order("bob", "alice", "10€")
    hour = world.clock.now().replace(hour=13)
    world.roles.publisher.faults.add(Unavailable("429", hour), Unavailable("429", hour))
    held_up = world.take_post("alice", "@smoney pay @bob 1€")
    world.confirm("bob", reference)
    world.react()
    assert sorted(world.outbox()[-2:]) == [("dm", "waiting"), ("reply", "waiting")]
    before = world.messages_to("alice")
    say(world, way, "alice", "stop")
    assert sorted(world.outbox()[-2:]) == [("dm", "dropped"), ("reply", "dropped")]
    say(world, way, "alice", "start")
    world.pass_time(hours=2)
    world.react()
    assert world.answer_to(held_up) is None
    assert len(world.messages_to("alice")) - len(before) == (way == "dm")


def test_what_may_be_out_is_looked_up_and_not_sent_again_after_stop(world: World) -> None:
    """In doubt when `stop` is read: X does not have it, so it stays unsent."""
    world.roles.publisher.faults.add(OutcomeUnknown("reply"))
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    assert world.outbox() == [("reply", "waiting")]
    world.dm("bob", "stop")
    world.pass_time(seconds=16)
    world.react()
    assert world.outbox() == [("reply", "dropped")]
    assert world.answer_to(post_id) is None


def test_what_is_out_is_recorded_although_its_reader_wrote_stop(world: World) -> None:
    """X has it: the row says so, and the order's time runs from it."""
    world.roles.publisher.faults.lose_answer()
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    world.dm("bob", "stop")
    world.pass_time(seconds=16)
    world.react()
    assert world.outbox() == [("reply", "sent")]
    assert reference_in(world.answer_to(post_id))


def test_another_x_account_of_the_same_person_keeps_its_own(world: World) -> None:
    """X's rule is about the account: `stop` of one says nothing for the other."""
    world.join("bob", cents=5000)
    world.link("bob_pro", to="bob")
    for handle in ("bob", "bob_pro"):
        world.dm(handle, "help")
    world.dm("bob", "stop")
    assert world.dm("bob_pro", "help")
    assert world.dm("bob", "help") == []
    world.confirm("bob_pro", world.order("bob_pro", "alice", "10€"))
    world.confirm("bob", world.order("alice", "bob", "9€", kind="request"))
    world.react()
    assert "€10" in world.messages_to("bob_pro")[-1]
    assert all("€9" not in text for text in world.messages_to("bob"))


@pytest.mark.in_turn
@pytest.mark.parametrize(("word", "lang"), [("help", "en"), ("aide", "fr"), ("?", "fr")])
@pytest.mark.parametrize("way", WAYS)
def test_help_is_short_and_leads_to_the_help_page(
    world: World, way: str, word: str, lang: str
) -> None:
    """One sentence to try, and the address."""
    said = say(world, way, "bob", word)
    assert said is not None
    assert f"{PUBLIC_URL}/help" in said
    assert len(said) < 200
    assert ("Tout est" in said or "Le reste" in said) == (lang == "fr")
