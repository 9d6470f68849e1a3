"""Rate limits: X's table, its headers, and how test control changes them."""

from collections.abc import Iterator

import pytest
import tweepy

from bot.cli.sandbox import DM_LIMIT_SCALE, DM_POLL_S
from bot.sandbox.x_server.auth import Caller
from bot.sandbox.x_server.limits import (
    DAY_S,
    QUARTER_S,
    TABLE,
    InvalidLimits,
    Limit,
    Limits,
    LimitSpent,
)
from bot.sandbox.x_server.model import User
from tests.sandbox.x_kit import Clock, LocalX

POSTS = "POST /2/tweets"
DMS = "POST /2/dm_conversations/with/:participant_id/messages"
APP = Caller(kind="app")


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


@pytest.fixture
def clock() -> Clock:
    """A clock that the test moves."""
    return Clock()


def user(number: int) -> Caller:
    """Somebody who calls."""
    made = User(id=str(number), username=f"u{number}", name="", created_at=Clock()())
    return Caller(kind="oauth1", account=made)


def spend(limits: Limits, endpoint: str, caller: Caller, times: int) -> int:
    """How many of so many calls go through."""
    through = 0
    for _ in range(times):
        try:
            limits.spend(endpoint, caller)
        except LimitSpent:
            break
        through += 1
    return through


@pytest.mark.parametrize(
    ("endpoint", "caller", "count"),
    [
        (POSTS, user(1), 100),
        (DMS, user(1), 15),
        ("GET /2/dm_events", user(1), 15),
        ("GET /2/users/:id/mentions", user(1), 300),
        ("GET /2/users/:id/mentions", APP, 450),
        ("GET /2/tweets/search/stream", APP, 50),
        ("POST /2/tweets/search/stream/rules", APP, 100),
        ("GET /2/users", user(1), 900),
        ("GET /2/users/by", APP, 300),
        ("GET /2/users/me", user(1), 75),
    ],
)
def test_a_quarter_of_an_hour_holds_what_x_says(
    clock: Clock, endpoint: str, caller: Caller, count: int
) -> None:
    """X_PLATFORM.md's table, window by window; then it begins anew."""
    limits = Limits(clock)
    assert spend(limits, endpoint, caller, 1000) == count
    clock.advance(minutes=15, seconds=1)
    assert spend(limits, endpoint, caller, 1) == 1


def test_a_day_holds_so_many_messages_and_posts(clock: Clock) -> None:
    """1,440 messages of the account, 10,000 posts of the app."""
    assert Limit(1_440, DAY_S, "user") in TABLE[DMS]
    assert Limit(10_000, DAY_S, "everybody") in TABLE[POSTS]
    limits = Limits(clock)
    limits.configure({"endpoints": {DMS: {"limit": 100}}})  # else the quarters stop it first
    sent = 0
    for _ in range(20):
        sent += spend(limits, DMS, user(1), 1000)
        clock.advance(seconds=QUARTER_S)
    assert sent == 1_440


def test_users_are_counted_apart(clock: Clock) -> None:
    """One's calls cost another nothing, unless the app's own window is spent."""
    limits = Limits(clock)
    assert spend(limits, POSTS, user(1), 1000) == 100
    assert spend(limits, POSTS, user(2), 1000) == 100
    through = sum(spend(limits, POSTS, user(number), 100) for number in range(3, 200))
    assert through == 10_000 - 200


def test_headers_name_the_window_that_stops_first(clock: Clock) -> None:
    """What is left and when it begins anew, of the tightest one."""
    limits = Limits(clock)
    headers = limits.spend(DMS, user(1))
    assert headers["x-rate-limit-limit"] == "15"
    assert headers["x-rate-limit-remaining"] == "14"
    left = int(headers["x-rate-limit-reset"]) - clock().timestamp()
    assert QUARTER_S - 60 < left <= QUARTER_S + 1
    assert headers["x-user-limit-24hour-remaining"] == "1439"
    assert headers["x-app-limit-24hour-limit"] == "1440"


def test_every_answer_of_the_api_carries_them(x: LocalX) -> None:
    """Successes, refusals and errors alike."""
    paths = ["/2/users/by?usernames=bob", "/2/tweets?ids=abc", "/2/tweets/search/stream/rules"]
    for path in paths:
        headers = x.http.get(path, headers=x.bearer).headers
        assert headers["x-rate-limit-limit"]
        assert headers["x-rate-limit-remaining"]
        assert headers["x-rate-limit-reset"]
    made = x.tweepy.request("POST", "/2/tweets", json={"text": "hi"}, user_auth=True)
    assert made.headers["x-rate-limit-remaining"] == "99"
    with pytest.raises(tweepy.Forbidden) as caught:
        x.tweepy.create_tweet(text="hi")
    assert caught.value.response.headers["x-rate-limit-remaining"] == "98"


def test_a_spent_limit_is_a_429_that_names_its_end(x: LocalX) -> None:
    """And what is refused so does not happen."""
    x.control("limits", {"endpoints": {POSTS: {"limit": 2}}})
    x.tweepy.create_tweet(text="one")
    x.tweepy.create_tweet(text="two")
    with pytest.raises(tweepy.TooManyRequests) as caught:
        x.tweepy.create_tweet(text="three")
    assert caught.value.reset_time > x.clock().timestamp()
    assert caught.value.response.json()["status"] == 429
    assert len(x.control("posts")) == 2
    x.control("limits", {"reset": True})
    x.tweepy.create_tweet(text="three")


def test_the_clock_of_the_limits_can_run_faster(clock: Clock) -> None:
    """A quarter of an hour passes in fifteen seconds."""
    limits = Limits(clock)
    limits.configure({"clock_speed": 60})
    assert spend(limits, DMS, user(1), 1000) == 15
    clock.advance(seconds=16)
    assert spend(limits, DMS, user(1), 1000) == 15


def test_limits_can_be_scaled(clock: Clock) -> None:
    """All of them, some of them, and those on messages from the start."""
    limits = Limits(clock, dm_scale=30)
    assert spend(limits, "GET /2/dm_events", user(1), 1000) == 450
    assert spend(limits, POSTS, user(1), 1000) == 100
    limits.configure({"scale": 2, "endpoints": {"dm_events": {"scale": 0.1}}})
    assert spend(limits, POSTS, user(1), 1000) == 100
    assert spend(limits, "GET /2/dm_events", user(2), 1000) == 90


def test_the_sandboxs_idle_polls_leave_reads_for_messages(clock: Clock) -> None:
    """Two windows of polls, and at any moment of them fifty more pages can be read."""
    reads = "GET /2/dm_events"
    for burst_at in (0, QUARTER_S // DM_POLL_S - 1):
        limits = Limits(clock, dm_scale=DM_LIMIT_SCALE)
        for poll in range(2 * QUARTER_S // DM_POLL_S):
            assert spend(limits, reads, user(1), 1) == 1
            if poll == burst_at:
                assert spend(limits, reads, user(1), 50) == 50
            clock.advance(seconds=DM_POLL_S)
    assert spend(Limits(clock), reads, user(1), 1000) == 15, "X's own limit stays"


@pytest.mark.parametrize(
    "wanted",
    [
        {"nonsense": 1},
        {"scale": -1},
        {"scale": "2"},
        {"endpoints": {"nowhere": {"limit": 1}}},
        {"endpoints": {POSTS: {"shoe_size": 1}}},
        {"endpoints": 3},
    ],
)
def test_nonsense_changes_nothing(shared: LocalX, wanted: dict[str, object]) -> None:
    """Each is refused with a sentence."""
    before = shared.control("limits")
    answer = shared.http.post("/_sandbox/limits", json=wanted)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert shared.control("limits") == before
    with pytest.raises(InvalidLimits):
        Limits(Clock()).configure(wanted)
