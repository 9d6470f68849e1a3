"""Who a browser is, beneath the pages: state, rotation, idleness, and paths of ours."""

from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from bot.domain.errors import Rejected, Unavailable
from bot.services import sessions
from bot.services.sessions import ATTEMPT, HOME, IDLE, SignedIn, StartAfresh, local_path
from tests.world import World


def sign_in(world: World, handle: str, next_path: str = "/t/4F7K2Q") -> SignedIn | StartAfresh:
    """Sign in as somebody, all the way."""
    start = sessions.begin_sign_in(world.deps, next_path)
    code = world.roles.sign_in.allow(start.url, handle)
    return sessions.finish_sign_in(
        world.deps, state=state_of(start.url), code=code, browser_token=start.browser_token
    )


def token_of(world: World, handle: str) -> str:
    """Sign in, and return the session's token."""
    done = sign_in(world, handle)
    assert isinstance(done, SignedIn)
    return done.token


def state_of(url: str) -> str:
    """Return the state in an address of X."""
    return parse_qs(urlsplit(url).query)["state"][0]


def count(world: World, table: str) -> int:
    """Count a table's rows."""
    with world.store.read() as session:
        return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_a_visitor_is_who_x_says(world: World) -> None:
    """By id; the handle is the newest that X names, in small letters."""
    world.join("bob")
    visitor = sessions.visitor(world.deps, token_of(world, "bob"))
    assert visitor is not None
    assert (visitor.x_user_id, visitor.handle) == (world.x_id("bob"), "bob")
    assert visitor.person_id is not None
    assert visitor.lang is None


def test_who_has_no_wallet_is_a_visitor_too(world: World) -> None:
    """They are led to one from there."""
    visitor = sessions.visitor(world.deps, token_of(world, "carol"))
    assert visitor is not None
    assert visitor.person_id is None


@pytest.mark.parametrize("token", [None, "", "made up"])
def test_a_token_that_we_did_not_give_is_nobodys(world: World, token: str | None) -> None:
    """No cookie, an empty one, an invented one."""
    assert sessions.visitor(world.deps, token) is None


def test_another_browser_proves_nothing_and_uses_the_state_up(world: World) -> None:
    """The state and the browser's secret belong together, and serve once."""
    start = sessions.begin_sign_in(world.deps, "/t/4F7K2Q")
    code = world.roles.sign_in.allow(start.url, "bob")
    for token in ("another", start.browser_token):
        done = sessions.finish_sign_in(
            world.deps, state=state_of(start.url), code=code, browser_token=token
        )
        assert isinstance(done, StartAfresh)
    assert count(world, "web_session") == 0


def test_a_browser_that_lost_its_cookie_starts_afresh(world: World) -> None:
    """And knows where it was going."""
    start = sessions.begin_sign_in(world.deps, "/t/4F7K2Q")
    code = world.roles.sign_in.allow(start.url, "bob")
    done = sessions.finish_sign_in(
        world.deps, state=state_of(start.url), code=code, browser_token=None
    )
    assert done == StartAfresh("/t/4F7K2Q")


@pytest.mark.parametrize("error", [Unavailable("down"), Rejected("bad_code")])
def test_what_x_does_not_confirm_is_no_session(world: World, error: Exception) -> None:
    """The error goes on to the page, and nothing is left."""
    world.roles.sign_in.faults.add(error)  # type: ignore[arg-type]  # both are of the error tree
    with pytest.raises(type(error)):
        sign_in(world, "bob")
    assert count(world, "web_session") == 0
    assert count(world, "sign_in_attempt") == 0


def test_each_request_keeps_a_session_alive(world: World) -> None:
    """Five minutes count from the last one, not from the first."""
    token = token_of(world, "bob")
    for _ in range(4):
        world.pass_time(minutes=4, seconds=50)
        assert sessions.visitor(world.deps, token) is not None
    world.pass_time(seconds=IDLE.total_seconds())
    assert sessions.visitor(world.deps, token) is None
    world.pass_time(seconds=1)
    assert sessions.visitor(world.deps, token) is None


def test_many_requests_at_once_are_not_as_many_writes(world: World) -> None:
    """`seen_at` is written only where it has grown old."""
    token = token_of(world, "bob")
    before = seen_at(world)
    world.pass_time(seconds=1)
    sessions.visitor(world.deps, token)
    assert seen_at(world) == before
    world.pass_time(seconds=10)
    sessions.visitor(world.deps, token)
    assert seen_at(world) != before


def seen_at(world: World) -> str:
    """Return when the only session was seen."""
    with world.store.read() as session:
        return str(session.execute(text("SELECT seen_at FROM web_session")).scalar_one())


def test_signing_out_is_for_good(world: World) -> None:
    """Twice does no harm."""
    token = token_of(world, "bob")
    for _ in range(2):
        sessions.sign_out(world.deps, token)
        assert sessions.visitor(world.deps, token) is None
    sessions.sign_out(world.deps, None)


def test_what_has_ended_is_forgotten(world: World) -> None:
    """Sessions and sign-ins leave no rows behind."""
    token_of(world, "bob")
    sessions.begin_sign_in(world.deps, "/")
    assert sessions.prune(world.deps) == 0
    world.pass_time(seconds=max(IDLE, ATTEMPT).total_seconds())
    assert sessions.prune(world.deps) == 2
    assert (count(world, "web_session"), count(world, "sign_in_attempt")) == (0, 0)


@pytest.mark.parametrize(
    "path", ["/", "/wallet", "/t/4F7K2Q", "/t/4F7K2Q?card=done", "/help?text=a"]
)
def test_paths_of_ours_are_kept(path: str) -> None:
    """They are where a sign-in comes back to."""
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "t/x", "//evil.test", "https://evil.test", "/\\evil", "/a b", "/a\n", "/é", "/signin",
     "/signout", "/" + "a" * 2_000],
)  # fmt: skip
def test_every_other_path_leads_home(path: str) -> None:
    """Nothing that a browser could read as another site passes."""
    assert local_path(path) == HOME
