"""What machines ask for: webhooks, health, metrics."""

import json
import re
from dataclasses import replace

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from bot.domain.x_bill import CONFIRMATIONS, ORDERS, Spending, XUse, day_of
from bot.services import operate, reconcile, x_money
from bot.services.hear import READ_TOO_LATE
from bot.store import factors, inbox, workers, x_counts
from bot.store.engine import Store
from bot.store.workers import Beat
from bot.telemetry import Tally
from bot.web import build
from tests.web.visiting import Browser, pages_on, served
from tests.worker.hands import wait_for
from tests.world import World

EVENT = json.dumps({"id": "evt_1", "type": "checkout.session.completed", "data": {"object": {}}})


def inbox_rows(world: World) -> int:
    """Count the inbox's rows of the acquirer."""
    with world.store.read() as session:
        statement = text("SELECT count(*) FROM inbox WHERE source = 'stripe'")
        return int(session.execute(statement).scalar_one())


def test_a_webhook_becomes_one_inbox_row(world: World, browser: Browser) -> None:
    """However often it is sent."""
    signature = world.cards.sign(EVENT.encode())
    for _ in range(2):
        answer = browser.client.post(
            "/webhooks/stripe", content=EVENT, headers={"Stripe-Signature": signature}
        )
        assert answer.status_code == 200
    assert inbox_rows(world) == 1


@pytest.mark.parametrize("signature", [None, "", "t=1,v1=00", "whatever"])
def test_a_forged_webhook_is_refused_and_logged(
    world: World, browser: Browser, signature: str | None
) -> None:
    """Nothing is written for it."""
    headers = {} if signature is None else {"Stripe-Signature": signature}
    with capture_logs() as logs:
        answer = browser.client.post("/webhooks/stripe", content=EVENT, headers=headers)
    assert answer.status_code == 400
    assert any(line["event"] == "webhook_forged" for line in logs)
    assert inbox_rows(world) == 0


def test_a_body_that_was_changed_is_forged(world: World, browser: Browser) -> None:
    """The signature is over every byte."""
    signature = world.cards.sign(EVENT.encode())
    answer = browser.client.post(
        "/webhooks/stripe", content=EVENT + " ", headers={"Stripe-Signature": signature}
    )
    assert answer.status_code == 400


def test_the_process_lives_and_is_ready(browser: Browser) -> None:
    """The database answers and has the newest schema."""
    assert browser.get("/healthz").text == "ok"
    assert browser.get("/readyz").text == "ok"


def test_an_old_schema_is_not_ready(world: World, browser: Browser) -> None:
    """No request is sent to a process that would fail it."""
    with world.store.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
        connection.commit()
    answer = browser.get("/readyz")
    assert answer.status_code == 503
    assert "smoney migrate" not in answer.text


def test_a_database_that_is_down_is_said(world: World) -> None:
    """Not ready, and the metrics say why."""
    gone = replace(world.deps, store=Store("sqlite:////nowhere/to/be/found.db"))
    browser = Browser(world, build(gone))
    assert browser.get("/healthz").status_code == 200
    assert browser.get("/readyz").status_code == 503
    assert "smoney_database_up 0.0" in browser.get("/metrics").text


def test_a_web_process_knows_the_days_bill_and_leaves_it_nothing_owed(world: World) -> None:
    """It learns what others spent before it used anything itself; at its end its counts go down."""
    deps = replace(world.deps, tally=Tally(), x_budget_mills=100)
    day = day_of(world.clock.now())
    with world.store.write() as session:
        x_counts.add(session, day, {XUse.REPLY: 10})
    assert x_money.spending(deps) is Spending.FREE, "it has only just begun"
    with served(pages_on(deps)):
        wait_for(lambda: x_money.spending(deps) is Spending.SPENT)
        deps.tally.count(CONFIRMATIONS)
    with world.store.read() as session:
        assert x_counts.bill(session, day).counts == {"reply": 10, "confirmations": 1}


def test_metrics_tell_of_the_worker_and_of_what_waits(world: World, browser: Browser) -> None:
    """A web process reads the worker's state from rows."""
    at = world.clock.now()
    with world.store.write() as session:
        workers.write_beat(
            session,
            Beat(
                worker="one",
                started_at=at,
                beat_at=at,
                stream_connected_at=at,
                stream_byte_at=at,
                stream_post_at=at,
                reconnects=3,
            ),
        )
        inbox.count(session, READ_TOO_LATE, at=at)
        inbox.count(session, READ_TOO_LATE, at=at)
    world.post("carol", "@smoney help")
    world.take_post("bob", "@smoney pay @alice 10€")
    operate.prove_books(world.deps)
    reconcile.reconcile_books(world.deps)
    for kind, times in ((XUse.POST_READ, 2), (XUse.REPLY, 2), (XUse.SIGN_IN, 1), (ORDERS, 2)):
        world.deps.tally.count(kind, times)
    x_money.note(world.deps)
    with world.store.write() as session:
        factors.insert_text(session, phone="+33612345678", x_user_id=None, at=at)
    world.pass_time(seconds=5)
    told = browser.get("/metrics").text
    assert "smoney_workers_alive 1.0" in told
    assert "smoney_texts_last_day 1.0" in told
    assert f"smoney_texts_ceiling {world.deps.policy.sms_daily_ceiling}.0" in told
    assert "smoney_stream_connected 1.0" in told
    assert "smoney_stream_reconnects 3.0" in told
    for gauge in ("connected", "last_byte", "last_post"):
        (line,) = re.findall(rf"^smoney_stream_{gauge}_timestamp_seconds (.*)$", told, re.MULTILINE)
        assert float(line) == at.timestamp(), gauge
    assert "smoney_posts_read_too_late 2.0" in told
    assert 'smoney_mail_rows{box="inbox",status="waiting"} 1.0' in told
    assert 'smoney_mail_oldest_waiting_seconds{box="inbox"} 5.0' in told
    assert 'smoney_x_calls_left{channel="reply",window="quarter"} 99.0' in told
    assert 'smoney_x_calls_left{channel="reply",window="day"} 9999.0' in told
    assert 'smoney_outbox_dropped_24h{channel="reply",why="crowded"} 0.0' in told
    assert "smoney_books_balanced 1.0" in told
    assert "smoney_safeguarding_short_cents 0.0" in told
    # The two posts that were taken in above are among them.
    assert 'smoney_x_used_today{kind="post_read"} 4.0' in told
    assert 'smoney_x_cost_today_usd{phase="order"} 0.04' in told
    assert 'smoney_x_cost_each_usd{phase="order"} 0.02' in told
    assert 'smoney_x_cost_today_usd{phase="confirmation"} 0.01' in told
    assert 'smoney_x_cost_each_usd{phase="confirmation"} 0.0' in told
    assert "smoney_x_budget_usd 0.0" in told
    world.pass_time(seconds=60)
    told = browser.get("/metrics").text
    assert "smoney_workers_alive 0.0" in told
    assert "smoney_stream_connected_timestamp_seconds 0.0" in told
