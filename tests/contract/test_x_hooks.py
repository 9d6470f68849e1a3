"""X's events by webhook: subscribed to, challenged, signed, taken in once, whatever else comes."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from bot.adapters.x.gateway import XDirectory
from bot.adapters.x.hooks import EVENTS, XHooks
from bot.adapters.x.http import XApi
from bot.adapters.x.messages import MessageEvents, XMessageReader
from bot.domain.errors import Rejected
from bot.ports import RawEvent
from bot.sandbox.serve import Running, serve
from bot.services import poll, receive, x_events, x_money
from bot.services.whoami import whoami
from bot.store import inbox
from bot.store.engine import Store
from tests.contract.x_bench import credentials
from tests.contract.x_described import assert_described
from tests.sandbox.x_kit import SECRETS, LocalX, assert_fits
from tests.web.visiting import Browser, pages_on
from tests.world import World


@pytest.fixture
def database_url(kept_sqlite_url: str) -> str:
    """A fresh migrated database: both are asked alike."""
    return kept_sqlite_url


@pytest.fixture
def local() -> Iterator[LocalX]:
    """A local X with bob and alice on it; what is asked of it, X describes."""
    with LocalX(people=("bob", "alice")) as running:
        yield running
        assert_described(running.heard())


@pytest.fixture
def world(store: Store, local: LocalX) -> World:
    """A bot that takes the local X's events by webhook."""
    world = World(store)
    api = XApi(credentials(), base_url=local.url, tries=1, tally=world.deps.tally)
    directory = XDirectory(api)
    world.deps = replace(
        world.deps,
        directory=directory,
        messages=XMessageReader(api, MessageEvents(api)),
        x_hooks=XHooks(api, directory.bot, secret=SECRETS.api_secret),
    )
    whoami(world.deps)
    return world


@pytest.fixture
def web(world: World) -> Iterator[Running]:
    """The bot's web process, on a port of its own."""
    with serve(pages_on(world.deps)) as running:
        world.deps = replace(world.deps, public_url=running.url)
        yield running


def hooks_of(world: World) -> XHooks:
    """Return the webhooks of a bot."""
    assert isinstance(world.deps.x_hooks, XHooks)
    return world.deps.x_hooks


def came_in(world: World) -> list[tuple[str, str, str, str | None]]:
    """Return what stands in the inbox: source, id, status and what it turned out to be."""
    rows = inbox.inbox
    with world.store.read() as session:
        found = session.execute(select(rows).order_by(rows.c.id)).all()
    return [(row.source, row.source_id, row.status, row.reason) for row in found]


def test_events_come_by_webhook_and_are_read_once_whichever_way_they_also_come(
    world: World, local: LocalX, web: Running
) -> None:
    """A mention and a message, by the local X; the poll that follows finds nothing new."""
    hooks, url = hooks_of(world), f"{web.url}/webhooks/x"
    assert hooks.lacks(url) == "is not registered"
    x_events.keep(world.deps)
    assert hooks.lacks(url) is None
    made = [f"{one.method} {one.path}" for one in local.heard()]
    x_events.keep(world.deps)
    again = [f"{one.method} {one.path}" for one in local.heard()][len(made) :]
    assert again == ["GET /2/webhooks", "GET /2/activity/subscriptions"], "all stands already"
    assert_fits(local.app_get("/2/webhooks").json(), "GetWebhooksResponse")
    standing = local.app_get("/2/activity/subscriptions").json()
    assert_fits(standing, "GetActivitySubscriptionsResponse")
    assert [one["event_type"] for one in standing["data"]] == list(EVENTS)
    post = local.post("bob", "@smoney aide")
    message = local.control("dms", {"as": "bob", "text": "solde"})
    group = local.control("dms", {"as": "bob", "to": ["smoney", "alice"], "text": "solde"})
    local.wait_until(lambda: len(came_in(world)) == 3)
    assert poll.poll_messages(world.deps) == 0
    assert receive.take_in(world.deps, [RawEvent("post", post["id"], "{}")]) == 0, "by the stream"
    receive.read_inbox(world.deps)
    assert sorted(came_in(world)) == sorted(
        [
            ("post", post["id"], "done", "help"),
            ("dm", message["id"], "done", "balance"),
            ("dm", group["id"], "ignored", "a conversation of more than two"),
        ]
    )
    x_money.note(world.deps)  # what the poll read had been counted as it came
    with world.store.read() as session:
        assert x_money.today(session, world.clock.now()).counts == {
            "own_account": 1,
            "post_read": 1,
            "message_read": 2,
        }
    assert local.kinds() == []


def test_a_webhook_that_fell_invalid_is_put_right_and_one_that_moved_is_followed(
    world: World, local: LocalX, web: Running
) -> None:
    """The address is challenged anew; the subscriptions go where it is now."""
    deps = replace(world.deps, x_hooks=None)
    with pytest.raises(Rejected, match="CrcValidationFailed"), serve(pages_on(deps)) as other:
        x_events.keep(replace(world.deps, public_url=other.url))
    pages_on(world.deps)
    x_events.keep(world.deps)
    (hook,) = local._place.app.state.site.activity.webhooks.values()
    hook.valid = False
    assert hooks_of(world).lacks(hook.url) == "did not answer X's challenge"
    x_events.keep(world.deps)
    assert hook.valid
    local._place.app.state.site.activity.subscriptions.popitem()
    assert hooks_of(world).lacks(hook.url) == "is not subscribed to post.mention.create"
    x_events.keep(world.deps)
    with serve(pages_on(world.deps)) as moved:
        x_events.keep(replace(world.deps, public_url=moved.url))
        standing = local.app_get("/2/activity/subscriptions").json()["data"]
        newest = local.app_get("/2/webhooks").json()["data"][-1]
        assert [one["webhook_id"] for one in standing] == [newest["id"]] * len(EVENTS)


def test_only_what_x_signed_is_taken_in_and_no_event_is_signed_for_a_stranger(
    world: World, local: LocalX
) -> None:
    """X signs a challenge as it signs an event: who asks for that of an event's bytes gets none."""
    browser = Browser(world, pages_on(world.deps))
    hooks = hooks_of(world)
    payload = {"direct_message_events": [{"id": "7", "message_create": {"sender_id": "9"}}]}
    body = json.dumps({"data": {"event_type": "dm.received", "payload": payload}}).encode()
    good = hooks._signed(body)
    with capture_logs() as logs:
        for what, sent, signature in (
            ("nothing", body, ""),
            ("a guess", body, "sha256=AAAA"),
            ("another's", body + b" ", good),
            ("a bare digest", body, good.removeprefix("sha256=")),
        ):
            headers = {"x-twitter-webhooks-signature": signature}
            answer = browser.client.post("/webhooks/x", content=sent, headers=headers)
            assert (answer.status_code, what) == (400, what)
        for token in (body.decode(), "", "{}", " {}", "a b", "x" * 257, '{"data":1}'):
            answer = browser.client.get("/webhooks/x", params={"crc_token": token})
            assert (answer.status_code, token) == (400, token)
    assert {line["event"] for line in logs if line["log_level"] == "warning"} == {"webhook_forged"}
    token = "9b4507b3-9040-4669-9ca3-6b94edb50553"
    challenged = browser.client.get("/webhooks/x", params={"crc_token": token})
    assert challenged.json() == {"response_token": hooks._signed(token.encode())}
    odd = (b"[]", b"{}", b"5", b'{"data": {"event_type": "dm.received", "payload": []}}')
    for sent in (*odd, b'{"data": {"event_type": "like.create", "payload": {"id": "1"}}}'):
        headers = {"x-twitter-webhooks-signature": hooks._signed(sent)}
        answer = browser.client.post("/webhooks/x", content=sent, headers=headers)
        assert (answer.status_code, sent) == (200, sent)
    unreadable = {"x-twitter-webhooks-signature": hooks._signed(b"nonsense")}
    assert browser.client.post("/webhooks/x", content=b"nonsense", headers=unreadable).is_error
    assert came_in(world) == []
    off = Browser(world, pages_on(replace(world.deps, x_hooks=None)))
    for answer in (
        off.client.get("/webhooks/x", params={"crc_token": token}),
        off.client.post("/webhooks/x", content=body),
    ):
        assert answer.status_code == 404
