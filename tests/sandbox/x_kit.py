"""A local X on a free port, tweepy pointed at it, and X's own schemas to hold answers against."""

from __future__ import annotations

import atexit
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Self

import httpx
import jsonschema  # type: ignore[import-untyped]  # it ships no types
import requests
import tweepy
from fastapi import FastAPI
from requests.adapters import HTTPAdapter

from bot.sandbox.serve import Running, serve
from bot.sandbox.x_server import Credentials
from bot.sandbox.x_server.app import begin_anew, create_app, make_site
from bot.sandbox.x_server.site import Site
from tests.sandbox.x_ear import Ear, Heard

DATA = Path(__file__).parent.parent / "data" / "x"
TWEEPY_HOST = "https://api.twitter.com"
SECRETS = Credentials.sandbox()
PATIENCE_S = 20.0  # how long a test waits for something that comes at once on a quiet machine


class Clock:
    """The real time, moved on by the test."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def __call__(self) -> datetime:
        """The time now."""
        return datetime.now(UTC) + self.offset

    def advance(self, **kwargs: float) -> None:
        """Move on."""
        self.offset += timedelta(**kwargs)


class ToLocalX(HTTPAdapter):
    """Sends what is meant for X's host to the local X."""

    def __init__(self, url: str) -> None:
        self._url = url
        super().__init__()

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]  # the parameters pass through
        """Send a request to the local X instead."""
        assert request.url is not None
        request.url = request.url.replace(TWEEPY_HOST, self._url)
        kwargs["timeout"] = kwargs.get("timeout") or PATIENCE_S
        return super().send(request, **kwargs)


@dataclass
class Place:
    """A server that runs; one local X after another is on it."""

    app: FastAPI
    running: Running
    heard: list[Heard] = field(default_factory=list)
    is_taken: bool = True


_PLACES: list[Place] = []
"""To start a server is most of what a short test costs."""


@atexit.register
def _stop() -> None:
    logging.disable()  # what pytest lent for it is closed by now
    for place in _PLACES:
        place.running.stop()


def _seat(site: Site) -> Place:
    """Find a local X a server."""
    for place in _PLACES:
        if not place.is_taken:
            begin_anew(place.app, site)
            place.heard.clear()
            place.is_taken = True
            return place
    app, heard = create_app(site), list[Heard]()
    app.add_middleware(Ear, heard=heard)
    _PLACES.append(Place(app, serve(app), heard))
    return _PLACES[-1]


class LocalX:
    """A running local X, and ways to use it as a person and as the app."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self._place = _seat(make_site(now=self.clock, **settings))
        self.url = self._place.running.url
        self.http = httpx.Client(base_url=self.url, timeout=PATIENCE_S, verify=False)
        self.bearer = {"authorization": f"Bearer {SECRETS.bearer_token}"}
        self.tweepy = self.client()

    def __enter__(self) -> Self:
        """The running server."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.tweepy.session.close()
        self.http.close()
        self._place.is_taken = False

    def heard(self) -> list[Heard]:
        """What the app has asked for so far; people and test control are not it."""
        everything = list(self._place.heard)
        return [one for one in everything if "httpx" not in one.headers.get("user-agent", "")]

    def stop(self) -> None:
        """Stop the server early."""
        self._place.running.stop()
        _PLACES.remove(self._place)

    def client(self, **changed: str) -> tweepy.Client:
        """The app's tweepy, with other secrets where given."""
        secrets = {
            "bearer_token": SECRETS.bearer_token,
            "consumer_key": SECRETS.api_key,
            "consumer_secret": SECRETS.api_secret,
            "access_token": SECRETS.access_token,
            "access_token_secret": SECRETS.access_token_secret,
        }
        client = tweepy.Client(**(secrets | changed))
        client.session.mount(TWEEPY_HOST, ToLocalX(self.url))
        return client

    def control(self, path: str, body: dict[str, Any] | list[dict[str, Any]] | None = None) -> Any:
        """Use test control: POST with a body, GET without; the answer."""
        target = f"/_sandbox/{path}"
        answer = self.http.get(target) if body is None else self.http.post(target, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def post(self, handle: str, text: str, **more: Any) -> dict[str, Any]:
        """Post as somebody."""
        made: dict[str, Any] = self.control("posts", {"as": handle, "text": text} | more)
        return made

    def reply(self, post: dict[str, Any], text: str, **more: Any) -> dict[str, Any]:
        """Answer as the app's account, notifying nobody but the author."""
        others = [one["id"] for one in post["entities"]["mentions"]]
        more.setdefault("exclude_reply_user_ids", others)
        data: dict[str, Any] = self.tweepy.create_tweet(
            text=text, in_reply_to_tweet_id=post["id"], **more
        ).data
        return data

    def id_of(self, handle: str) -> str:
        """The user id of a handle."""
        people = self.control("people")
        return next(str(one["id"]) for one in people if one["handle"] == handle)

    def kinds(self) -> list[str]:
        """The kinds of the violations so far."""
        return [one["kind"] for one in self.control("violations")]

    def wait_until(self, so: Callable[[], bool]) -> None:
        """Return as soon as it is so; fail where it never is."""
        give_up_at = time.monotonic() + PATIENCE_S
        while not so():
            assert time.monotonic() < give_up_at, "it never came to be so"
            time.sleep(0.01)

    def app_get(self, path: str, **params: Any) -> httpx.Response:
        """Read as the app."""
        return self.http.get(path, params=params, headers=self.bearer)


# X's schemas ------------------------------------------------------------------------------------

OLDER = {
    "edit_history_post_ids": "edit_history_tweet_ids",
    "referenced_posts": "referenced_tweets",
    "note_post": "note_tweet",
    "most_recent_post_id": "most_recent_tweet_id",
    "pinned_post_id": "pinned_tweet_id",
    "repost_count": "retweet_count",
    "post_count": "tweet_count",
    "posts": "tweets",
}


@cache
def openapi() -> dict[str, Any]:
    """X's description of its API."""
    loaded: dict[str, Any] = json.loads((DATA / "openapi.json").read_text())
    return loaded


def closed(name: str, *, require: dict[str, list[str]], older: bool) -> dict[str, Any]:
    """A schema of X's in which nothing more is allowed, and what was asked for is required."""

    def close(schema: Any) -> Any:
        if isinstance(schema, list):
            return [close(one) for one in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            target = schema["$ref"].rsplit("/", 1)[1]
            return with_required(target, close(openapi()["components"]["schemas"][target]))
        made = {key: close(value) for key, value in schema.items() if key != "discriminator"}
        if "properties" in schema:
            properties = made["properties"]
            if older:
                made["properties"] = {OLDER.get(key, key): one for key, one in properties.items()}
                made["required"] = [OLDER.get(key, key) for key in made.get("required", [])]
            made["additionalProperties"] = False
        if made.pop("nullable", False) and "type" in made:
            made["type"] = [made["type"], "null"]
        return made

    def with_required(target: str, schema: dict[str, Any]) -> dict[str, Any]:
        if target in require:
            schema["required"] = require[target]
        return schema

    return with_required(name, close(openapi()["components"]["schemas"][name]))


def assert_fits(
    answer: Any, name: str, *, require: dict[str, list[str]] | None = None, older: bool = True
) -> None:
    """Assert that an answer is one that X describes, with what is required in it."""
    schema = closed(name, require=require or {}, older=older)
    jsonschema.Draft202012Validator(schema).validate(answer)
