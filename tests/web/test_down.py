"""A database that is down, on every page and form: 503, a sentence, and one line in the log."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.services.check import prove
from bot.services.steps import Step
from bot.store.engine import Store
from tests.servers import free_port
from tests.web.test_security import FORMS, PATHS
from tests.web.visiting import Browser, pages_on
from tests.world import World

COOKIE = "__Host-smoney_session"
MACHINES = ("/healthz", "/metrics", "/static", "/webhooks")
PAGES = [path for path in PATHS if not path.startswith(MACHINES)]


@pytest.fixture(params=["postgresql", "no_folder", "no_database", "locked"])
def gone(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A database that does not answer, in one of several ways."""
    if request.param == "postgresql":
        address = f"bot:very-secret@127.0.0.1:{free_port()}/money"
        yield Store(f"postgresql+psycopg://{address}")
    elif request.param == "no_folder":
        yield Store(f"sqlite:///{tmp_path}/very-secret/money.db")
    elif request.param == "no_database":
        (tmp_path / "very-secret.db").write_bytes(b"this is no database at all" * 100)
        yield Store(f"sqlite:///{tmp_path}/very-secret.db")
    else:
        with locked(tmp_path / "very-secret.db") as store:
            yield store


@contextmanager
def locked(path: Path) -> Iterator[Store]:
    """A SQLite file that somebody else holds, readers shut out."""
    with closing(sqlite3.connect(path)) as holder:
        holder.execute("CREATE TABLE here (id INTEGER)")
        holder.commit()
        holder.execute("BEGIN EXCLUSIVE")
        yield Store(f"sqlite:///{path}", busy_timeout_ms=10)


def visit(world: World, store: Store, lang: str = "fr") -> Browser:
    """Open a browser, signed in before the database went, on pages without it."""
    app = pages_on(replace(world.deps, store=store))
    browser = Browser(world, app, lang=lang)
    browser.client.cookies.set(COOKIE, "a-session", domain="smoney.test", path="/")
    return browser


def test_every_page_says_so_with_503(world: World, gone: Store) -> None:
    """In the visitor's language, with every header, without where the database is."""
    french, english = visit(world, gone), visit(world, gone, "en")
    for path in [one for one in PAGES if one != "/readyz"]:
        answer = french.get(path)
        assert (path, answer.status_code) == (path, 503)
        assert "Nous ne pouvons pas lire nos données en ce moment" in answer.text
        assert answer.headers["content-language"] == "fr"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "very-secret" not in answer.text
    assert "We cannot read our data at the moment" in english.get("/wallet").text


def test_machines_are_told_apart(world: World, gone: Store) -> None:
    """The process lives and is not ready; an event of the acquirer is to be sent again."""
    browser = visit(world, gone)
    assert browser.get("/healthz").status_code == 200
    assert browser.get("/readyz").status_code == 503
    body = b'{"id": "evt_1", "type": "x", "data": {"object": {}}}'
    signature = {"Stripe-Signature": world.cards.sign(body)}
    event = browser.client.post("/webhooks/stripe", content=body, headers=signature)
    assert (event.status_code, event.text) == (503, "the database does not answer")


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_form_is_not_done_and_says_so(world: World, gone: Store, *, signed_in: bool) -> None:
    """The way back is the page that it stands on."""
    browser = visit(world, gone)
    if not signed_in:
        browser.client.cookies.clear()
    for path in FORMS:
        answer = browser.client.post(path, data={"csrf": "any", "funding": "wallet"})
        assert (path, answer.status_code) == (path, 503)
        assert "Cela n’a pas été fait" in answer.text
        own = ("/t/4F7K2Q", "/@alice", "/ask", "/prove/1", "/wallet/payout")
        home = next((one for one in own if path.startswith(one)), "/wallet")
        assert f'href="{home}"' in answer.text


def test_it_is_one_line_in_the_log_without_the_address(world: World, gone: Store) -> None:
    """No traceback, no name of a host, a file or a user; what to mend is said."""
    browser = visit(world, gone)
    with capture_logs() as logs:
        browser.get("/wallet")
    (line,) = logs
    assert (line["event"], line["log_level"], line["path"]) == ("database_down", "error", "/wallet")
    assert "check DATABASE_URL" in line["mend"]
    assert not {"exc_info", "exception"} & set(line)
    assert all(word not in str(line) for word in ("very-secret", "127.0.0.1", "money"))


def test_a_form_that_was_under_way_leaves_it_to_the_page_whether_it_was_done(
    sqlite_url: str,
) -> None:
    """The will is written when the database goes: nobody can say, and the page does afterwards."""
    world = World(Store(sqlite_url, busy_timeout_ms=10))
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice")
    browser = Browser(world, pages_on(world.deps))
    browser.open_order("bob", reference)
    with closing(
        sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), check_same_thread=False)
    ) as holder:
        world.on_step = (Step.CONFIRMATION_WRITTEN, lambda: take(holder))
        answer = browser.confirm(reference, "wallet")
    assert answer.status_code == 503
    assert "Regardez avant de recommencer" in answer.text
    assert "elle dira si c’est fait" in answer.text
    world.react()
    assert world.statuses(reference) == ["held"]
    assert prove(world.store).problems == []


def take(holder: sqlite3.Connection) -> None:
    """Take the database away from its writers."""
    holder.execute("BEGIN EXCLUSIVE")
