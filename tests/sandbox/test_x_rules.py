"""The language of stream rules and searches, evaluated on posts."""

import pytest

from bot.sandbox.x_server import rules
from bot.sandbox.x_server.model import Post
from bot.sandbox.x_server.world import World
from tests.sandbox.x_kit import Clock


@pytest.fixture
def world() -> World:
    """A world in which bob asks, the bot answers and alice quotes bob."""
    world = World(bot_handle="smoney", now=Clock())
    bob, alice = world.people.ensure("bob"), world.people.ensure("alice")
    asks = world.publish(bob, "@smoney pay @alice 10€ for Pizza & beer https://example.com #fun")
    world.publish(world.bot, "Here you are", in_reply_to=asks, exclude=[alice.id], by_app=True)
    world.publish(alice, "merci beaucoup", quotes=asks)
    return world


def posts_of(world: World) -> tuple[Post, Post, Post]:
    """The three posts, in order."""
    asks, answers, quotes = world.posts.values()
    return asks, answers, quotes


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("@smoney", "asks"),
        ("@SMONEY -is:retweet -from:smoney", "asks"),
        ("@bob", "answers"),
        ("from:smoney", "answers"),
        ("from:@alice", "quotes"),
        ("to:bob", "answers"),
        ("is:reply", "answers"),
        ("is:quote", "quotes"),
        ("is:verified", ""),
        ("pizza", "asks"),
        ("pizz", ""),
        ('"pizza beer"', "asks"),
        ('"beer pizza"', ""),
        ("pizza merci", ""),
        ("pizza OR merci", "asks quotes"),
        ("(pizza OR merci) -from:bob", "quotes"),
        ("-(pizza OR merci)", "answers"),
        ("pizza beer OR here you", "asks answers"),
        ("#FUN", "asks"),
        ("has:links", "asks quotes"),
        ("has:mentions -has:links", "answers"),
        ("lang:fr", "quotes"),
        ("url:example.com", "asks"),
        ("-pizza -merci", "answers"),
    ],
)
def test_a_rule_finds_what_it_asks_for(world: World, rule: str, found: str) -> None:
    """A table of rules on three posts."""
    query = rules.parse(rule, standalone=False)
    names = ("asks", "answers", "quotes")
    matched = [
        name
        for name, post in zip(names, posts_of(world), strict=True)
        if query.matches(post, world)
    ]
    assert " ".join(matched) == found


@pytest.mark.parametrize("operator", ["conversation_id", "in_reply_to_tweet_id"])
def test_a_reply_is_found_by_what_it_answers(world: World, operator: str) -> None:
    """The look-up that the bot makes after an unknown outcome."""
    asks, answers, _ = posts_of(world)
    query = rules.parse(f"from:smoney {operator}:{asks.id}")
    assert query.matches(answers, world)
    assert not query.matches(asks, world)


@pytest.mark.parametrize(
    "rule",
    ["", " ", "(pizza", "pizza)", "pizza OR", "OR", "-", "is:nonsense", "near:paris", '"', "()"],
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    """X names what it cannot read; it never ignores it."""
    with pytest.raises(rules.InvalidRule):
        rules.parse(rule, standalone=False)


def test_a_rule_of_restrictions_alone_is_refused_for_the_stream() -> None:
    """X wants one term that stands on its own."""
    with pytest.raises(rules.InvalidRule):
        rules.parse("-is:retweet is:reply lang:fr")
