"""The query language of X's filtered stream and search: parsed, and evaluated on a post.

Spoken: keywords, "phrases", @handle, #tag, $TAG, from:, to:, conversation_id:,
in_reply_to_tweet_id:, quotes_of_tweet_id:, retweets_of:, url:, lang:, is: (reply, retweet, quote,
verified, nullcast), has: (mentions, links, hashtags, cashtags, media, images, geo), `-`, OR,
parentheses. Whatever else X knows is refused as invalid, never silently ignored.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.sandbox.x_server.model import Post, User

LONGEST_RULE = 1024  # characters, by X_PLATFORM.md's table

TOKEN = re.compile(
    r"\s*(?:(?P<open>-?\()|(?P<close>\))|(?P<or>OR(?=[\s()]))"
    r'|(?P<term>-?(?:[a-z_]+:)?(?:"[^"]*"|[^\s()"]+)))'
)
OPERATOR = re.compile(r'([a-z_]+):(?:"([^"]*)"|(.+))\Z')
CONJUNCTION_ONLY = ("is:", "has:", "lang:", "-")


class InvalidRule(Exception):
    """The text is not a rule; says why."""


class Directory(Protocol):
    """What a rule asks about people and posts other than the one at hand."""

    def user(self, user_id: str) -> User | None:
        """The user with that id."""

    def post(self, post_id: str) -> Post | None:
        """The post with that id."""


@dataclass(frozen=True)
class Case:
    """A post that a rule is tried on, and who can tell of its author."""

    post: Post
    to: Directory


Test = Callable[[Case], bool]


@dataclass(frozen=True)
class Query:
    """A parsed rule."""

    value: str
    test: Test

    def matches(self, post: Post, directory: Directory) -> bool:
        """Whether the post is one that the rule asks for."""
        return self.test(Case(post, directory))


def parse(value: str, *, standalone: bool = True) -> Query:
    """The rule in `value`; raises InvalidRule. X wants one term that stands on its own."""
    tokens = _tokens(value)
    if standalone and not any(_stands_alone(token) for token in tokens):
        raise InvalidRule(
            "Rules must contain at least one positive, non-stopword clause "
            "that can be used as a filter."
        )
    parser = _Parser(tokens)
    test = parser.either()
    if parser.left:
        raise InvalidRule(f"The rule ends too early, before {parser.left[0]!r}.")
    return Query(value, test)


def _tokens(value: str) -> list[str]:
    if not value.strip():
        raise InvalidRule("A rule must not be empty.")
    tokens, at, text = [], 0, value.rstrip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise InvalidRule(f"The rule cannot be read from character {at + 1} on.")
        tokens.append(found[0].strip())
        at = found.end()
    return tokens


def _stands_alone(token: str) -> bool:
    return token not in {"(", ")", "OR"} and not token.startswith(CONJUNCTION_ONLY)


class _Parser:
    """Recursive descent: OR binds less than AND, which is written by standing side by side."""

    def __init__(self, tokens: list[str]) -> None:
        self.left = tokens

    def either(self) -> Test:
        tests = [self._all()]
        while self.left and self.left[0] == "OR":
            self.left = self.left[1:]
            tests.append(self._all())
        return tests[0] if len(tests) == 1 else lambda case: any(t(case) for t in tests)

    def _all(self) -> Test:
        tests: list[Test] = []
        while self.left and self.left[0] not in {"OR", ")"}:
            tests.append(self._one())
        if not tests:
            raise InvalidRule("There is nothing beside an OR or between parentheses.")
        return tests[0] if len(tests) == 1 else lambda case: all(t(case) for t in tests)

    def _one(self) -> Test:
        token, self.left = self.left[0], self.left[1:]
        if token in {"(", "-("}:
            test = self.either()
            if not self.left or self.left[0] != ")":
                raise InvalidRule("A parenthesis is not closed.")
            self.left = self.left[1:]
        else:
            test = _term(token.removeprefix("-"))
        return (lambda case: not test(case)) if token.startswith("-") else test


def _term(token: str) -> Test:
    operator = OPERATOR.match(token)
    if operator:
        return _operator(operator[1], operator[2] or operator[3] or "")
    if not token or token.startswith("-"):
        raise InvalidRule("A minus sign stands before nothing.")
    sigil, name = token[0], token[1:].lower()
    match sigil:
        case "@" if name:
            return lambda case: any(m.username.lower() == name for m in case.post.full.mentions)
        case "#" if name:
            return lambda case: any(one.tag.lower() == name for one in case.post.full.hashtags)
        case "$" if name:
            return lambda case: any(one.tag.lower() == name for one in case.post.full.cashtags)
        case _:
            return _phrase(token.strip('"'))


def _words(text: str) -> list[str]:
    return re.findall(r"[\w€$£]+", html.unescape(text).lower())


def _phrase(phrase: str) -> Test:
    wanted = _words(phrase)
    if not wanted:
        raise InvalidRule(f"{phrase!r} holds no word.")

    def test(case: Case) -> bool:
        words = _words(case.post.full.text)
        return any(
            words[at : at + len(wanted)] == wanted for at in range(len(words) - len(wanted) + 1)
        )

    return test


def _is_user(case: Case, user_id: str | None, asked: str) -> bool:
    user = case.to.user(user_id) if user_id else None
    return user is not None and asked in {user.id, user.username.lower()}


def _verified(case: Case) -> bool:
    user = case.to.user(case.post.author_id)
    return user is not None and user.verified


def _never(_: Case) -> bool:
    """What nobody does in the local X: repost, advertise, add a picture or a place."""
    return False


_IS: dict[str, Test] = {
    "reply": lambda case: case.post.reference("replied_to") is not None,
    "quote": lambda case: case.post.reference("quoted") is not None,
    "verified": _verified,
    "retweet": _never,
    "nullcast": _never,
}
_HAS: dict[str, Test] = {
    "mentions": lambda case: bool(case.post.full.mentions),
    "links": lambda case: bool(case.post.full.links),
    "hashtags": lambda case: bool(case.post.full.hashtags),
    "cashtags": lambda case: bool(case.post.full.cashtags),
    "media": _never,
    "images": _never,
    "geo": _never,
}
_OPERATORS: dict[str, Callable[[str], Test]] = {
    "from": lambda asked: lambda case: _is_user(case, case.post.author_id, asked),
    "to": lambda asked: lambda case: _is_user(case, case.post.in_reply_to_user_id, asked),
    "conversation_id": lambda asked: lambda case: case.post.conversation_id == asked,
    "in_reply_to_tweet_id": lambda asked: lambda case: case.post.reference("replied_to") == asked,
    "quotes_of_tweet_id": lambda asked: lambda case: case.post.reference("quoted") == asked,
    "retweets_of": lambda _: _never,
    "retweets_of_tweet_id": lambda _: _never,
    "lang": lambda asked: lambda case: case.post.lang == asked,
    "url": lambda asked: (
        lambda case: any(asked in link.expanded_url.lower() for link in case.post.full.links)
    ),
}
_OPERATORS["in_reply_to_post_id"] = _OPERATORS["in_reply_to_tweet_id"]
_OPERATORS["quotes_of_post_id"] = _OPERATORS["quotes_of_tweet_id"]


def _operator(name: str, value: str) -> Test:
    asked = value.lower().removeprefix("@")
    kinds = {"is": _IS, "has": _HAS}.get(name)
    if kinds is not None and asked in kinds:
        return kinds[asked]
    if name in _OPERATORS:
        return _OPERATORS[name](asked)
    raise InvalidRule(f"Reference to invalid operator '{name}:{value}'.")
