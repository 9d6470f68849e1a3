"""`smoney sandbox --people`: the sandbox's people in a database of one's own."""

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from bot.store.engine import Store
from bot.store.tables import metadata
from tests.doors.far_side import WITHIN_S, FarSide, door, far_side, post, process, replies


@pytest.fixture
def far(postgresql_url: str) -> Iterator[FarSide]:
    """The far side, for a bot on PostgreSQL."""
    with far_side(postgresql_url) as side:
        yield side


def every_row(url: str) -> dict[str, list[Any]]:
    """Return every row of a database."""
    store = Store(url)
    with store.read() as session:
        found = {
            name: list(session.execute(table.select()).all())
            for name, table in metadata.tables.items()
        }
    store.close()
    return found


def test_people_made_on_postgresql_pay_from_the_wallet(far: FarSide, tmp_path: Path) -> None:
    """A post, a direct message, and the money is there: nothing but the doors and the wire."""
    made = door("sandbox", "--people", settings=far.settings)
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith("@bob has 100 € and a saved card")
    settings = {**far.settings, "X_DM_POLL_S": "2"}
    with process("run", settings=settings, folder=tmp_path) as bot:
        bot.wait_for("stream_connected")
        (reply,) = replies(far, post(far, "@smoney pay @alice 10€ for pizza"))
        reference = reply.partition("/t/")[2][:6]
        said = {"as": "bob", "to": "smoney", "text": f"oui {reference}"}
        httpx.post(
            f"{far.x_url}/_sandbox/dms", json=said, trust_env=False, verify=False
        ).raise_for_status()
        shown = {"status": "pending"}
        for _ in range(WITHIN_S * 10):
            ended = door("transfer", "show", reference, "--json", settings=settings)
            shown = json.loads(ended.stdout)
            if shown["status"] != "pending":
                break
            Event().wait(0.1)
    assert (shown["status"], shown["funding"]) == ("posted", "wallet")
    assert door("ledger", "check", settings=settings).returncode == 0


def test_a_second_time_changes_no_row(far: FarSide) -> None:
    """Not one of any table, and nobody gets a text."""
    url = far.settings["DATABASE_URL"]
    assert door("sandbox", "--people", settings=far.settings).returncode == 0
    before = every_row(url)
    again = door("sandbox", "--people", settings=far.settings)
    assert again.returncode == 0
    assert again.stdout == "The sandbox's people are there already: nothing was changed.\n"
    assert every_row(url) == before
    texts = httpx.get(f"{far.x_url}/_sandbox/sms", trust_env=False, verify=False).json()
    assert len(texts) == 3


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"ENVIRONMENT": "production"}, "Demo people are made where ENVIRONMENT is sandbox"),
        ({"X_API_BASE_URL": "http://127.0.0.1:9"}, "is `smoney sandbox --servers` running"),
        (
            {"SMS_PROVIDER": "http", "SMS_API_KEY": "key", "SMS_SENDER": "S-money"},
            "SMS_PROVIDER must be sandbox",
        ),
        ({"DATABASE_URL": "sqlite:////nowhere/at/all.db"}, "run `smoney migrate`"),
    ],
    ids=["production", "no servers", "real texts", "no database"],
)
def test_where_they_do_not_belong_it_is_a_sentence(
    far: FarSide, changed: dict[str, str], sentence: str
) -> None:
    """And exit 1, without a traceback; nobody was made."""
    ended = door("sandbox", "--people", settings={**far.settings, **changed})
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert door("person", "list", "--json", settings=far.settings).stdout == ""


def test_the_servers_are_started_by_another_call() -> None:
    """Both at once would wait for each other: wrong use."""
    ended = door("sandbox", "--people", "--servers", settings={})
    assert ended.returncode == 2
    assert "start --servers in another terminal first" in ended.stderr
