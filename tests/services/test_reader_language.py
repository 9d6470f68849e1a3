"""Each reads their own language: their choice, else that of their last command, never another's."""

from bot.domain.commands import Lang
from bot.services import persons, texts, wallet
from bot.services.cancel import decline
from bot.services.confirm import GoToCard
from bot.store import people
from tests.world import World, wordings


def lang_of(world: World, handle: str) -> str | None:
    """Return the language that an account's row keeps."""
    with world.store.read() as session:
        account = people.account(session, world.x_id(handle))
    return account.lang if account is not None else None


def pay(world: World, reference: str, payer: str) -> None:
    """Let somebody pay, and the news go out."""
    world.confirm(payer, reference)
    world.react()


def test_payer_and_payee_are_told_each_in_the_language_of_their_commands(world: World) -> None:
    """The order is French; its payee, who asked for help in English, reads English."""
    world.join("bob", cents=5000)
    world.join("alice")
    world.dm("bob", "aide")
    world.dm("alice", "help")
    reference = world.order("bob", "alice", "10€", kind="payer")
    pay(world, reference, "bob")
    assert world.messages_to("bob")[-1].startswith("C’est fait")
    assert world.messages_to("alice")[-1].startswith("@bob has sent you €10")


def test_the_newest_command_counts_and_small_talk_does_not(world: World) -> None:
    """A text that is no command says nothing about how somebody wants to be spoken to."""
    world.dm("alice", "aide")
    assert lang_of(world, "alice") == "fr"
    assert world.post("alice", "@smoney thank you, you are great!") is None
    assert lang_of(world, "alice") == "fr"
    world.post("alice", "@smoney pay @bob 10")
    assert lang_of(world, "alice") == "en"


def test_a_command_that_is_refused_by_name_counts_too(world: World) -> None:
    """It was read, and answered in its language."""
    world.x.suspend("ghost")
    (answer,) = world.dm("alice", "pay @ghost 10€")
    assert answer.startswith(("I cannot find", "There is no"))
    assert lang_of(world, "alice") == "en"


def test_a_choice_beats_every_command(world: World) -> None:
    """Chosen on the page, it holds for answers and for news, whatever the verb."""
    world.join("bob", cents=5000)
    world.join("alice")
    wallet.choose_lang(world.deps, world.visitor("alice"), "fr")
    (answer,) = world.dm("alice", "help")
    assert answer.startswith(("Écrivez", "Pour payer"))
    assert lang_of(world, "alice") == "en"
    pay(world, world.order("bob", "alice", "10€"), "bob")
    assert "vous a envoyé" in world.messages_to("alice")[-1]


def test_a_choice_rules_replies_messages_and_texts_until_it_is_taken_back(world: World) -> None:
    """Over the language of the posts, which count again where nothing is chosen."""
    world.join("bob")
    world.dm("bob", "aide")
    told_in: list[tuple[Lang | None, Lang]] = [("en", "en"), (None, "fr"), ("fr", "fr")]
    for chosen, lang in told_in:
        wallet.choose_lang(world.deps, world.visitor("bob"), chosen)
        reply = world.post("bob", "@smoney payer @bob 1€") or ""
        expected = tuple(wordings("refusal.to_self", lang=lang, public=True))
        assert reply.startswith(expected), (chosen, reply)
        persons.forget_code(world.deps, "bob")
        world.pass_time(minutes=1)
        texts.send_notices(world.deps)
        world.react()
        (told,) = wordings("changed.code_forgotten", lang=lang)
        assert told in world.sms.texts_to(world.phone("bob"))[-1], chosen
        assert told in world.messages_to("bob")[-1], chosen


def test_who_never_gave_a_command_is_told_in_french(world: World) -> None:
    """Not in the payer's language."""
    world.join("bob", cents=5000)
    world.join("alice")
    world.dm("alice", "lovely weather, is it not")
    pay(world, world.order("bob", "alice", "10€"), "bob")
    assert "vous a envoyé" in world.messages_to("alice")[-1]


def test_who_has_no_wallet_is_told_in_the_language_of_their_last_command(world: World) -> None:
    """There is no choice yet: money that waits for a newcomer is told in English here."""
    world.join("bob", cents=5000)
    world.dm("carol", "help")
    pay(world, world.order("bob", "carol", "10€", kind="payer"), "bob")
    assert "has sent you €10" in world.messages_to("carol")[-1]


def test_an_asker_reads_their_own_language_when_the_other_declines(world: World) -> None:
    """And so does who is asked."""
    world.dm("bob", "aide")
    world.dm("alice", "help")
    reference = world.order("alice", "bob", "10€", kind="request")
    decline(world.deps, reference, world.x_id("bob"))
    world.react()
    assert world.messages_to("alice")[-1].startswith(f"Your request {reference} was declined")


def test_the_card_page_speaks_the_payers_language(sca_world: World) -> None:
    """Not the asker's, who ordered."""
    world = sca_world
    world.join("bob")
    world.join("alice")
    world.dm("bob", "aide")
    reference = world.order("alice", "bob", "40€", kind="request")
    assert isinstance(world.confirm("bob", reference, funding="card"), GoToCard)
    (page,) = world.cards.pages.values()
    assert page.order.lang == "fr"
