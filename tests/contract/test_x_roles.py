"""What every X behind the Protocols does: the fakes, and the adapters against the local X."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.adapters.x.decode import XDecoder
from bot.domain.errors import BotError, OutcomeUnknown, Rejected, Unavailable
from bot.ports import XUser
from tests.contract.x_bench import BENCHES, XBench, opened

HOUR = timedelta(hours=1)
CALLBACK = "http://localhost:8000/signin/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters"


@pytest.fixture(params=BENCHES)
def x(request: pytest.FixtureRequest) -> Iterator[XBench]:
    """The fakes, and the adapters against the local X, in turn."""
    with opened(request.param) as bench:
        yield bench


# Saying ------------------------------------------------------------------------------------------


def test_a_reply_notifies_nobody_but_its_author(x: XBench) -> None:
    """X fills in whom the post names, save those that are excluded."""
    post_id = x.post("bob", "@smoney pay @alice 10€")
    reply_id = x.publisher.reply(
        to_post_id=post_id, text="Confirm, please.", exclude_x_user_ids=[x.x_id("alice")]
    ).id
    assert x.shown(reply_id) == "@bob Confirm, please."


def test_our_replies_to_a_post_are_found_as_they_were_sent(x: XBench) -> None:
    """What X put before the text, and escaped in it, is taken out again."""
    before = x.now()
    post_id, other_id = x.post("bob", "@smoney help"), x.post("bob", "@smoney balance")
    assert x.publisher.replies_to(post_id, since=before, thoroughly=True) == []
    x.publisher.reply(to_post_id=other_id, text="Another one.", exclude_x_user_ids=[])
    made = x.publisher.reply(to_post_id=post_id, text="5 < 6 & more", exclude_x_user_ids=[])
    (found,) = x.publisher.replies_to(post_id, since=before, thoroughly=True)
    assert (found.id, found.text) == (made.id, "5 < 6 & more")
    assert found.sent_at is not None
    assert found.sent_at >= before - timedelta(seconds=1)


def test_the_same_text_again_is_a_duplicate(x: XBench) -> None:
    """X refuses it, and the caller can tell it from every other no."""
    first, second = x.post("bob", "@smoney help"), x.post("alice", "@smoney help me")
    x.publisher.reply(to_post_id=first, text="The same.", exclude_x_user_ids=[])
    with pytest.raises(Rejected) as refusal:
        x.publisher.reply(to_post_id=second, text="The same.", exclude_x_user_ids=[])
    assert refusal.value.code == "duplicate"


def test_a_reply_without_a_summons_is_not_allowed(x: XBench) -> None:
    """X lets an app answer only those who named it."""
    post_id = x.post("bob", "Nice weather.")
    with pytest.raises(Rejected) as refusal:
        x.publisher.reply(to_post_id=post_id, text="Indeed.", exclude_x_user_ids=[])
    assert refusal.value.code == "not_allowed"


def test_a_reply_to_a_deleted_post_is_not_allowed(x: XBench) -> None:
    """There is nothing to answer any more."""
    post_id, other_id = x.post("bob", "@smoney help"), x.post("bob", "@smoney balance")
    assert x.mentions.deleted([post_id, other_id]) == set()
    x.delete(post_id)
    assert x.mentions.deleted([post_id, other_id]) == {post_id}
    with pytest.raises(Rejected) as refusal:
        x.publisher.reply(to_post_id=post_id, text="Too late.", exclude_x_user_ids=[])
    assert refusal.value.code == "not_allowed"


def test_a_reply_whose_answer_is_lost_is_there_to_be_found(x: XBench) -> None:
    """The outcome is unknown until it is looked up."""
    before, post_id = x.now(), x.post("bob", "@smoney help")
    x.lose_answer("reply")
    with pytest.raises(OutcomeUnknown) as unknown:
        x.publisher.reply(to_post_id=post_id, text="Lost.", exclude_x_user_ids=[])
    assert unknown.value.key == post_id
    (found,) = x.publisher.replies_to(post_id, since=before, thoroughly=True)
    assert found.text == "Lost."


def test_a_reply_while_x_is_in_trouble_has_an_unknown_outcome(x: XBench) -> None:
    """A server's error may come after the work: it is looked up, and not there."""
    before, post_id = x.now(), x.post("bob", "@smoney help")
    x.break_down("reply")
    with pytest.raises(OutcomeUnknown):
        x.publisher.reply(to_post_id=post_id, text="Hello.", exclude_x_user_ids=[])
    assert x.publisher.replies_to(post_id, since=before, thoroughly=True) == []
    assert x.posts_of_bot() == 0


def test_a_reply_beyond_the_limit_waits_for_the_reset(x: XBench) -> None:
    """X says when it takes posts again, and nothing was posted."""
    post_id = x.post("bob", "@smoney help")
    x.limit("reply")
    with pytest.raises(Unavailable) as unavailable:
        x.publisher.reply(to_post_id=post_id, text="Hello.", exclude_x_user_ids=[])
    assert unavailable.value.retry_at is not None
    assert unavailable.value.retry_at > x.now()
    assert x.posts_of_bot() == 0


def test_a_message_goes_to_whoever_wrote_first(x: XBench) -> None:
    """It is found again, as it was sent; what they wrote is not ours."""
    before = x.now()
    x.write("bob", "hello")
    made = x.publisher.message(to_x_user_id=x.x_id("bob"), text="Good day & welcome.")
    (found,) = x.publisher.messages_to(x.x_id("bob"), since=before)
    assert (found.id, found.text) == (made.id, "Good day & welcome.")


def test_older_messages_are_not_looked_at(x: XBench) -> None:
    """The same text may have been sent for another reason, an hour before."""
    x.write("bob", "hello")
    x.publisher.message(to_x_user_id=x.x_id("bob"), text="Good day.")
    assert x.publisher.messages_to(x.x_id("bob"), since=x.now() + HOUR) == []


def test_a_message_to_somebody_who_never_wrote_is_not_allowed(x: XBench) -> None:
    """X lets an app write only to those who wrote first."""
    with pytest.raises(Rejected) as refusal:
        x.publisher.message(to_x_user_id=x.x_id("carol"), text="Good day.")
    assert refusal.value.code == "not_allowed"


def test_a_message_whose_answer_is_lost_is_there_to_be_found(x: XBench) -> None:
    """The outcome is unknown until it is looked up."""
    x.write("bob", "hello")
    before, bob = x.now(), x.x_id("bob")
    x.lose_answer("message")
    with pytest.raises(OutcomeUnknown) as unknown:
        x.publisher.message(to_x_user_id=bob, text="Lost.")
    assert unknown.value.key == bob
    assert [one.text for one in x.publisher.messages_to(bob, since=before)] == ["Lost."]


def test_a_post_of_ours_can_be_deleted_twice(x: XBench) -> None:
    """One that is already gone is a success."""
    post_id = x.post("bob", "@smoney help")
    reply_id = x.publisher.reply(to_post_id=post_id, text="Hello.", exclude_x_user_ids=[]).id
    x.publisher.delete(reply_id)
    x.publisher.delete(reply_id)
    assert x.posts_of_bot() == 0


# Looking up --------------------------------------------------------------------------------------


def test_the_bot_knows_its_own_account(x: XBench) -> None:
    """The handle and the id come from X, not from a setting, or from somebody who kept them."""
    kept = XUser(id="7", handle="as_kept")
    x.directory.know(kept)
    assert x.directory.bot() == kept
    me = x.directory.me()
    assert (me.handle, me.id) == ("smoney", x.x_id("smoney"))
    assert x.directory.bot() == me


def test_accounts_are_found_by_handle_in_any_case(x: XBench) -> None:
    """The keys are the handles as they were asked for; nonsense is not asked for."""
    found = x.directory.by_handle(["BOB", "alice", "not a handle", ""])
    ids = {key: user.id for key, user in found.items()}
    assert ids == {"BOB": x.x_id("bob"), "alice": x.x_id("alice")}
    assert found["BOB"].handle == "bob"


def test_accounts_are_found_by_id_whatever_their_handle(x: XBench) -> None:
    """A handle changes hands, an id does not."""
    bob = x.x_id("bob")
    x.rename("bob", "robert")
    found = x.directory.by_id([bob, "404", "nonsense"])
    assert {key: user.handle for key, user in found.items()} == {bob: "robert"}
    assert found[bob].created_at is not None


def test_suspended_accounts_are_absent(x: XBench) -> None:
    """X says that there was somebody, and no more."""
    bob = x.x_id("bob")
    x.suspend("bob")
    assert x.directory.by_handle(["bob"]) == {}
    assert x.directory.by_id([bob]) == {}


def test_nobody_asked_is_nobody_read(x: XBench) -> None:
    """Nothing to look up is no call, even while X is in trouble."""
    x.break_down("users")
    assert x.directory.by_handle(["not a handle"]) == {}


@pytest.mark.parametrize("trouble", ["limit", "break_down", "lose_answer"])
def test_a_look_up_in_trouble_may_be_repeated(x: XBench, trouble: str) -> None:
    """What only reads is never of unknown outcome."""
    getattr(x, trouble)("users")
    with pytest.raises(Unavailable) as unavailable:
        x.directory.by_handle(["bob"])
    assert (unavailable.value.retry_at is not None) == (trouble == "limit")
    assert set(x.directory.by_handle(["bob"])) == {"bob"}


# Reading -----------------------------------------------------------------------------------------


def test_the_backfill_brings_mentions_after_an_id(x: XBench) -> None:
    """The cursor's own post is not among them, nor is a post that names somebody else."""
    first = x.post("bob", "@smoney help")
    x.post("bob", "@alice hello")
    second, third = x.post("bob", "@smoney balance"), x.post("alice", "@smoney history")
    events = list(x.mentions.mentions(since_id=first, since=x.now() - HOUR))
    assert {event.id for event in events} == {second, third}
    assert {event.source for event in events} == {"post"}


def test_the_backfill_brings_everything_page_by_page(x: XBench) -> None:
    """More than one page of it."""
    posted = [x.post("bob", f"@smoney balance {number}") for number in range(130)]
    events = list(x.mentions.mentions(since_id=None, since=x.now() - HOUR))
    assert sorted(event.id for event in events) == sorted(posted)


def test_the_backfill_leaves_the_past_alone(x: XBench) -> None:
    """At the first start it begins at "now"."""
    x.post("bob", "@smoney help")
    assert list(x.mentions.mentions(since_id=None, since=x.now() + HOUR)) == []


def test_a_backfilled_post_says_what_a_post_says(x: XBench) -> None:
    """Author, whom it names by id, what it answers, and where its writer began to type."""
    root = x.post("alice", "Who pays?")
    post_id = x.post("bob", "@smoney pay @alice 10€ & thanks", in_reply_to=root)
    (event,) = x.mentions.mentions(since_id=root, since=x.now() - HOUR)
    post = XDecoder().post(event.body)
    assert (post.id, post.author_id, post.in_reply_to_post_id) == (post_id, x.x_id("bob"), root)
    assert post.in_reply_to_user_id == x.x_id("alice")
    assert post.conversation_id == root
    assert post.text[post.typed_from :] == "@smoney pay @alice 10€ &amp; thanks"
    assert {one.handle: one.x_user_id for one in post.mentions} == {
        "smoney": x.x_id("smoney"),
        "alice": x.x_id("alice"),
    }
    assert post.created_at == event.happened_at
    assert post.edit_history == (post_id,)


def test_an_edited_post_shares_its_history(x: XBench) -> None:
    """An edit arrives as a new post."""
    old = x.post("bob", "@smoney pay @alice 10€")
    new = x.edit(old, "@smoney pay @alice 12€")
    (event,) = x.mentions.mentions(since_id=old, since=x.now() - HOUR)
    post = XDecoder().post(event.body)
    assert (post.id, post.edit_history) == (new, (old, new))


def test_messages_come_newest_first_and_our_own_among_them(x: XBench) -> None:
    """What is ours becomes known by being read."""
    asked = x.write("bob", "balance")
    ours = x.publisher.message(to_x_user_id=x.x_id("bob"), text="0 €").id
    page = x.messages.page(None)
    assert [event.id for event in page.events] == [ours, asked]
    assert (page.older, page.closed_until) == (None, None)
    messages = [XDecoder().message(event.body) for event in page.events]
    assert [one.sender_id for one in messages] == [x.x_id("smoney"), x.x_id("bob")]
    assert [one.text for one in messages] == ["0 €", "balance"]
    assert not any(one.is_group for one in messages)


def test_messages_come_in_pages_that_lead_to_the_older_ones(x: XBench) -> None:
    """X has no cursor for them; a page says what is below it, whatever came in above meanwhile."""
    written = [x.write("bob", f"message {number}") for number in range(25)]
    pages, token = [], None
    for _ in range(3):
        page = x.messages.page(token)
        token = page.older
        pages.append([event.id for event in page.events])
        x.write("bob", "one more")
    newest_first = written[::-1]
    assert pages == [newest_first[:10], newest_first[10:20], newest_first[20:]]
    assert token is None


def test_a_group_is_recognised(x: XBench) -> None:
    """The bot listens to nobody who is overheard."""
    event_id = x.write("bob", "balance", to=["smoney", "alice"])
    (event,) = x.messages.page(None).events
    message = XDecoder().message(event.body)
    assert (message.id, message.is_group) == (event_id, True)


@pytest.mark.parametrize("trouble", ["limit", "break_down", "lose_answer"])
def test_reading_in_trouble_may_be_repeated(x: XBench, trouble: str) -> None:
    """What only reads is never of unknown outcome."""
    x.post("bob", "@smoney help")
    x.write("bob", "help")
    getattr(x, trouble)("messages")
    getattr(x, trouble)("mentions")
    with pytest.raises(Unavailable):
        x.messages.page(None)
    with pytest.raises(Unavailable):
        list(x.mentions.mentions(since_id=None, since=x.now() - HOUR))
    assert len(x.messages.page(None).events) == 1
    assert len(list(x.mentions.mentions(since_id=None, since=x.now() - HOUR))) == 1


# Signing in --------------------------------------------------------------------------------------


def url(x: XBench) -> str:
    """Where a browser goes to sign in."""
    return x.sign_in.authorize_url(state="state", verifier=VERIFIER, redirect_uri=CALLBACK)


def test_somebody_who_allows_it_is_identified(x: XBench) -> None:
    """By the id that their posts bear."""
    code = x.allow(url(x), "bob")
    user = x.sign_in.identify(code=code, verifier=VERIFIER, redirect_uri=CALLBACK)
    assert (user.id, user.handle) == (x.x_id("bob"), "bob")
    assert user.created_at is not None


def test_the_verifier_stays_with_us(x: XBench) -> None:
    """The browser carries its hash alone."""
    address = url(x)
    assert VERIFIER not in address
    asked = parse_qs(urlsplit(address).query)
    assert asked["state"] == ["state"]
    assert asked["redirect_uri"] == [CALLBACK]
    assert asked["code_challenge_method"] == ["S256"]


@pytest.mark.parametrize("wrong", ["code", "verifier", "redirect_uri"])
def test_a_code_that_is_not_ours_buys_nothing(x: XBench, wrong: str) -> None:
    """Made up, stolen from another browser, or meant for another page."""
    terms = {"code": x.allow(url(x), "bob"), "verifier": VERIFIER, "redirect_uri": CALLBACK}
    terms[wrong] += "x"
    with pytest.raises(Rejected) as refusal:
        x.sign_in.identify(**terms)
    assert refusal.value.code == "bad_code"


def test_a_code_works_once(x: XBench) -> None:
    """A replayed callback signs nobody in."""
    terms = {"code": x.allow(url(x), "bob"), "verifier": VERIFIER, "redirect_uri": CALLBACK}
    x.sign_in.identify(**terms)
    with pytest.raises(BotError) as refusal:
        x.sign_in.identify(**terms)
    assert isinstance(refusal.value, Rejected)
