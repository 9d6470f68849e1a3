"""`smoney ledger reconcile` and `ledger book`: exit codes, sentences, the local card network."""

import json
from datetime import UTC, datetime

import pytest

from bot.services.check import prove
from bot.store.engine import Store
from tests import builders
from tests.doors.far_side import door
from tests.sandbox.card_world import API_KEY, card_world


@pytest.fixture
def settings(sqlite_url: str) -> dict[str, str]:
    """What the doors of the reconciliation need."""
    return {
        "ENVIRONMENT": "sandbox",
        "DATABASE_URL": sqlite_url,
        "STRIPE_API_KEY": API_KEY,
    }


def test_a_charge_that_nobody_knows_is_listed_and_booked(settings: dict[str, str]) -> None:
    """Paid out by another program; exit 0 without an alarm; then booked, once."""
    with card_world() as network:
        network.captured()
        network.control("payouts")
        settings["STRIPE_API_BASE"] = network.url
        ended = door("ledger", "reconcile", "--json", settings=settings)
        assert ended.returncode == 0, ended.stderr
        found = json.loads(ended.stdout)
        assert (found["payouts"], found["paid_out_cents"], found["topup_cents"]) == (1, 1157, 43)
        (one,) = found["differences"]
        assert (one["line"], one["account"], one["amount_cents"]) == (1, "cards", 1200)
        ended = door("ledger", "reconcile", settings=settings)
        assert "     1  cards       12.00 €  The acquirer's payout po_" in ended.stdout
        ended = door("ledger", "book", "1", "--to", "fees", settings=settings)
        assert (ended.returncode, ended.stdout) == (0, "Booked to own:fees: 12.00 €.\n")
        ended = door("ledger", "book", "1", "--to", "costs", settings=settings)
        assert ended.returncode == 1
        assert "booked to own:fees already" in ended.stderr
        ended = door("ledger", "reconcile", "--json", settings=settings)
        assert json.loads(ended.stdout)["differences"] == []
    store = Store(settings["DATABASE_URL"])
    assert prove(store).problems == []
    store.close()


def test_an_alarm_ends_with_one(settings: dict[str, str]) -> None:
    """A captured cent that came to no bank for years."""
    store = Store(settings["DATABASE_URL"])
    with store.write() as session:
        bob = builders.person(session, "bob")
        builders.fund(session, "topup-b", bob, 100, at=datetime(2020, 1, 1, tzinfo=UTC))
    store.close()
    with card_world() as network:
        settings["STRIPE_API_BASE"] = network.url
        ended = door("ledger", "reconcile", settings=settings)
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1] == (
        "Owed: 1.00 €. Safeguarded: 0.00 €. Missing: 1.00 €. Late: 1.00 €."
    )


def test_an_acquirer_that_is_away_is_a_sentence(settings: dict[str, str]) -> None:
    """And exit 1; an account that is none is wrong use."""
    settings["STRIPE_API_BASE"] = "http://127.0.0.1:9"
    ended = door("ledger", "reconcile", settings=settings)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1
    ended = door("ledger", "book", "7", "--to", "costs", settings=settings)
    assert (ended.returncode, "There is no line 7." in ended.stderr) == (1, True)
    assert door("ledger", "book", "7", "--to", "holidays", settings=settings).returncode == 2
