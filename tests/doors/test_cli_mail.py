"""`smoney outbox` and `smoney inbox` with something in them: seen, tried again, waiting again."""

import json
from typing import Any

import pytest
from sqlalchemy import Row

from bot.ports import RawEvent
from bot.store import inbox, outbox
from bot.store.engine import Store
from bot.store.outbox import Letter
from tests.builders import NOON
from tests.doors.far_side import door

SECRET = "what it says is nobody's business"
BOXES = ("outbox", "inbox")


@pytest.fixture
def settings(sqlite_url: str) -> dict[str, str]:
    """Doors to a database in which a message is dead and another waits, and two events as well."""
    store = Store(sqlite_url)
    letters = [
        Letter(key=f"reply:{one}", channel="reply", text=SECRET, to_post_id=one, to_x_user_id="7")
        for one in ("10", "11")
    ]
    events = [RawEvent("post", one, json.dumps({"data": SECRET}), NOON) for one in ("20", "21")]
    with store.write() as session:
        outbox.put(session, letters, at=NOON)
        inbox.write(session, events, at=NOON)
        letter = outbox.lease(session, at=NOON, leased_at=NOON, by_contract=False)
        assert isinstance(letter, Row)
        assert outbox.record_dead(session, letter, reason="not_allowed: the post is gone")
        (event,) = inbox.lease(session, at=NOON, leased_at=NOON, limit=1)
        assert inbox.finish(session, event.id, at=NOON, status="dead", reason="undecodable")
    store.close()
    return {"ENVIRONMENT": "sandbox", "DATABASE_URL": sqlite_url}


def listed(box: str, settings: dict[str, str]) -> list[dict[str, Any]]:
    """List a box as JSON, one object a line."""
    ended = door(box, "list", "--json", settings=settings)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert SECRET not in ended.stdout
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_a_dead_message_is_listed_and_waits_again_once_it_is_retried(
    settings: dict[str, str],
) -> None:
    """Looked up at X first, since it may have gone out; the other waits as it did."""
    dead, other = listed("outbox", settings)
    assert (dead["status"], other["status"]) == ("dead", "waiting")
    assert (dead["channel"], dead["key"], dead["to_post_id"]) == ("reply", "reply:10", "10")
    assert (dead["attempts"], dead["next_attempt_at"]) == (1, None)
    assert dead["reason"] == "not_allowed: the post is gone"
    retried = door("outbox", "retry", str(dead["id"]), "--json", settings=settings)
    assert (retried.returncode, json.loads(retried.stdout)) == (0, {"retried": 1})
    again, same = listed("outbox", settings)
    assert (again["id"], again["status"]) == (dead["id"], "waiting")
    assert again["in_doubt"]
    assert again["next_attempt_at"] is not None
    assert same == other


def test_a_dead_event_is_listed_and_waits_again_once_it_is_retried(
    settings: dict[str, str],
) -> None:
    """It is read anew; the other waits as it did."""
    dead, other = listed("inbox", settings)
    assert (dead["status"], other["status"]) == ("dead", "waiting")
    assert (dead["source"], dead["source_id"]) == ("post", "20")
    assert (dead["reason"], dead["next_attempt_at"]) == ("undecodable", None)
    retried = door("inbox", "retry", str(dead["id"]), "--json", settings=settings)
    assert (retried.returncode, json.loads(retried.stdout)) == (0, {"retried": 1})
    again, same = listed("inbox", settings)
    assert (again["id"], again["status"]) == (dead["id"], "waiting")
    assert again["next_attempt_at"] is not None
    assert same == other


@pytest.mark.parametrize("box", BOXES)
def test_people_read_a_dead_row_in_a_line_and_retry_all_of_them(
    settings: dict[str, str], box: str
) -> None:
    """What it is about, how often it was taken up, why it died; a retry leaves none to retry."""
    first, second = door(box, "list", settings=settings).stdout.splitlines()
    assert "dead" in first
    assert "  taken up once  " in first
    assert ("the post is gone" in first) is (box == "outbox")
    assert "waiting" in second
    everything = door(box, "retry", settings=settings)
    assert everything.returncode == 0
    assert everything.stdout.startswith("1 ")
    nothing = door(box, "retry", "--json", settings=settings)
    assert json.loads(nothing.stdout) == {"retried": 0}
    assert {row["status"] for row in listed(box, settings)} == {"waiting"}
