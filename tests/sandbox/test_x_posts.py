"""Posting as the app's account: what X makes of it, refuses, and holds against it."""

from collections.abc import Iterator

import pytest
import tweepy

from tests.sandbox.x_kit import LocalX, assert_fits


@pytest.fixture
def x() -> Iterator[LocalX]:
    """A local X."""
    with LocalX() as running:
        yield running


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalX]:
    """A local X for tests that only make mistakes."""
    with LocalX() as running:
        yield running


def test_a_reply_begins_with_the_mentions_that_x_puts_in_front(x: LocalX) -> None:
    """Its addressee and whom that post names, but not its own author; then what was typed."""
    asks = x.post("bob", "@smoney pay @alice 10€")
    answer = x.post("carol", "@dave look", in_reply_to=asks["id"])
    assert answer["text"] == "@bob @smoney @alice @dave look"
    start, end = answer["display_text_range"]
    assert answer["text"][start:end] == "@dave look"
    mentions = answer["entities"]["mentions"]
    assert [one["username"] for one in mentions] == ["bob", "smoney", "alice", "dave"]
    for one in mentions:
        assert answer["text"][one["start"] : one["end"]] == "@" + one["username"]
    assert answer["in_reply_to_user_id"] == asks["author_id"]
    assert answer["conversation_id"] == asks["id"]
    assert answer["referenced_tweets"] == [{"type": "replied_to", "id": asks["id"]}]


def test_excluded_people_are_not_put_in_front(x: LocalX) -> None:
    """All but the addressee can be left out."""
    asks = x.post("bob", "@smoney pay @alice 10€")
    assert x.reply(asks, "Here you are")["text"] == "@bob Here you are"
    assert x.kinds() == []


def test_answering_oneself_puts_nobody_in_front(x: LocalX) -> None:
    """X does not tell people that they wrote to themselves."""
    first = x.post("bob", "one")
    assert x.post("bob", "two", in_reply_to=first["id"])["text"] == "two"


def test_links_become_short_ones_and_escapes_are_escaped(x: LocalX) -> None:
    """The text as X delivers it, with where everything stands."""
    post = x.post("bob", "<3 you & me: example.com/a?b=1&c=2 #fun $EUR")
    (link,) = post["entities"]["urls"]
    assert post["text"].startswith("&lt;3 you &amp; me: https://t.co/")
    assert post["text"][link["start"] : link["end"]] == link["url"]
    assert link["expanded_url"] == "http://example.com/a?b=1&c=2"
    assert post["entities"]["hashtags"][0]["tag"] == "fun"
    assert post["entities"]["cashtags"][0]["tag"] == "EUR"


def test_a_long_post_has_its_whole_text_in_a_note(x: LocalX) -> None:
    """People may write more than 280; the text is cut and the note is whole."""
    typed = "@smoney pay @alice 10€ " + "for a very good reason, " * 20
    post = x.post("bob", typed)
    assert post["note_tweet"]["text"] == typed
    assert len(post["text"]) <= 280
    assert "…" in post["text"]
    assert post["note_tweet"]["entities"]["mentions"][1]["username"] == "alice"


def test_a_text_over_280_is_refused_and_one_of_280_is_not(x: LocalX) -> None:
    """The app's account writes no long posts."""
    with pytest.raises(tweepy.BadRequest, match="too long"):
        x.tweepy.create_tweet(text="a" * 281)
    with pytest.raises(tweepy.BadRequest, match="too long"):
        x.tweepy.create_tweet(text="漢" * 141)
    assert x.tweepy.create_tweet(text="a" * 256 + " https://example.com/" + "b" * 99).data["id"]
    assert x.kinds() == ["too_long", "too_long"]


def test_what_x_fills_in_does_not_count(x: LocalX) -> None:
    """Only what was typed weighs."""
    asks = x.post("a_long_handle_1", "@smoney pay")
    assert x.reply(asks, "a" * 280)["id"]


@pytest.mark.parametrize("text", ["", "   ", "bad \uffff character"])
def test_an_empty_or_broken_text_is_refused(shared: LocalX, text: str) -> None:
    """X wants something to show."""
    with pytest.raises(tweepy.BadRequest):
        shared.tweepy.create_tweet(text=text)


def test_the_same_text_in_short_order_is_refused(x: LocalX) -> None:
    """A duplicate is a 403; later, or after it was deleted, it goes."""
    first = x.tweepy.create_tweet(text="Hello").data
    with pytest.raises(tweepy.Forbidden, match="duplicate content"):
        x.tweepy.create_tweet(text="Hello ")
    x.tweepy.delete_tweet(first["id"])
    assert x.tweepy.create_tweet(text="Hello").data["id"] != first["id"]
    assert x.kinds() == ["duplicate_text"]


def test_a_reply_without_a_summons_is_refused(x: LocalX) -> None:
    """Neither mentioned nor quoted: no reply."""
    post = x.post("bob", "nice weather")
    with pytest.raises(tweepy.Forbidden, match="not been mentioned"):
        x.tweepy.create_tweet(text="Indeed", in_reply_to_tweet_id=post["id"])
    (violation,) = x.control("violations")
    assert violation["kind"] == "reply_without_summons"
    assert violation["refused"] is True


def test_a_quote_is_a_summons(x: LocalX) -> None:
    """Whoever quotes the account may be answered."""
    own = x.tweepy.create_tweet(text="I move money").data
    quote = x.post("bob", "look at that", quotes=own["id"])
    assert x.tweepy.create_tweet(text="Thanks", in_reply_to_tweet_id=quote["id"]).data["id"]
    assert x.kinds() == []


def test_a_reply_to_a_deleted_or_protected_post_is_refused(x: LocalX) -> None:
    """What cannot be seen cannot be answered."""
    gone, hidden = x.post("bob", "@smoney one"), x.post("carol", "@smoney two")
    x.http.delete(f"/_sandbox/posts/{gone['id']}")
    x.control("people", {"handle": "carol", "protected": True})
    for post in (gone, hidden):
        with pytest.raises(tweepy.Forbidden, match="deleted or not visible"):
            x.reply(post, "Here")


def test_a_second_reply_goes_through_and_is_held_against_the_app(x: LocalX) -> None:
    """One reply for each interaction; an edited post is the same one."""
    asks = x.post("bob", "@smoney pay @alice 10€")
    x.reply(asks, "one")
    assert x.kinds() == []
    x.reply(asks, "two")
    edited = x.control(f"posts/{asks['id']}/edit", {"text": "@smoney pay @alice 12€"})
    x.reply(edited, "three")
    assert x.kinds() == ["second_reply", "second_reply"]


def test_notifying_anybody_else_is_held_against_the_app(x: LocalX) -> None:
    """By a handle in its text, or by leaving people in front of a reply."""
    asks = x.post("bob", "@smoney pay @alice 10€")
    x.reply(asks, "Told @alice")
    x.reply(x.post("carol", "@smoney pay @alice 9€"), "Done", exclude_reply_user_ids=[])
    x.tweepy.create_tweet(text="Hello @dave")
    x.reply(x.post("bob", "@smoney help"), "You, @bob, know how")
    assert x.kinds() == ["unsolicited_mention"] * 3


def test_people_are_never_judged(x: LocalX) -> None:
    """What is posted by hand is no violation."""
    post = x.post("bob", "hello")
    x.post("alice", "@carol @dave look", in_reply_to=post["id"])
    x.post("alice", "@carol @dave look", in_reply_to=post["id"])
    assert x.kinds() == []


def test_only_its_author_deletes_a_post(x: LocalX) -> None:
    """Another's is refused; one's own is gone."""
    own, other = x.tweepy.create_tweet(text="mine").data, x.post("bob", "his")
    assert x.tweepy.delete_tweet(own["id"]).data == {"deleted": True}
    with pytest.raises(tweepy.Forbidden):
        x.tweepy.delete_tweet(other["id"])
    answer = x.app_get(f"/2/tweets/{own['id']}").json()
    assert_fits(answer, "GetPostsByIdResponse", require={"GetPostsByIdResponse": ["errors"]})


def test_an_edit_is_a_new_post_that_shares_its_history(x: LocalX) -> None:
    """Both ids know of both versions, and only the newer stands in the timeline."""
    old = x.post("bob", "@smoney pay @alice 10€")
    new = x.control(f"posts/{old['id']}/edit", {"text": "@smoney pay @alice 12€"})
    assert new["edit_history_tweet_ids"] == [old["id"], new["id"]]
    found = x.app_get("/2/tweets", ids=f"{old['id']},{new['id']}").json()["data"]
    assert [one["edit_history_tweet_ids"] for one in found] == [[old["id"], new["id"]]] * 2
    assert [one["id"] for one in x.control("posts")] == [new["id"]]
    mentions = x.app_get(f"/2/users/{x.id_of('smoney')}/mentions").json()["data"]
    assert [one["id"] for one in mentions] == [new["id"]]


@pytest.mark.parametrize(
    "body",
    [
        {"text": "hi", "poll": {"options": ["a"]}},
        {"text": "hi", "nonsense": 1},
        {"text": 3},
        {"text": "hi", "reply": {"exclude_reply_user_ids": ["1"]}},
        {"text": "hi", "reply": {"in_reply_to_tweet_id": "abc"}},
        {"text": "hi", "quote_tweet_id": "x"},
    ],
)
def test_a_body_that_x_does_not_take_is_refused(shared: LocalX, body: dict[str, object]) -> None:
    """Each malformed body is an invalid request with X's problem."""
    route = "/2/tweets"
    with pytest.raises(tweepy.BadRequest) as caught:
        shared.tweepy.request("POST", route, json=body, user_auth=True)
    assert_fits(caught.value.response.json(), "InvalidRequestProblem")


def test_people_named_in_a_post_get_an_account_unless_missing(x: LocalX) -> None:
    """Whoever is typed into the local X exists, but nobody whom the app names."""
    x.control("people", {"handle": "nobody", "missing": True})
    post = x.post("bob", "@smoney pay @zoe and @nobody 10€")
    assert [one["username"] for one in post["entities"]["mentions"]] == ["smoney", "zoe"]
    x.tweepy.create_tweet(text="Hello @somebody_else")
    handles = {one["handle"] for one in x.control("people")}
    assert "zoe" in handles
    assert not handles & {"nobody", "somebody_else"}
