"""Logs and metrics: everything is logged once, in the asked form, and nothing secret ever."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.telemetry import METRICS, REDACTED, TALKATIVE, Metrics, configure, redact_text
from tests.logs import log_plainly


@pytest.fixture(autouse=True)
def _loggers_as_they_were() -> Iterator[None]:
    """Put logging back as the test found it."""
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    log_plainly()


def logged(event: str, *, level: str = "INFO", **fields: Any) -> dict[str, Any]:
    """Log a line as JSON; return it as it was written."""
    stream = io.StringIO()
    configure(log_format="json", level=level, stream=stream)
    structlog.get_logger("bot.test").info(event, **fields)
    line: dict[str, Any] = json.loads(stream.getvalue())
    return line


def test_a_line_has_its_facts_its_time_and_its_level() -> None:
    """Ids and figures pass as they are."""
    line = logged("order_made", reference="4F7K2Q", amount_cents=1_000, outbox=None, ok=True)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "order_made",
        "reference": "4F7K2Q",
        "amount_cents": 1_000,
        "outbox": None,
        "ok": True,
        "level": "info",
        "logger": "bot.test",
    }


@pytest.mark.parametrize(
    "name",
    [
        "x_bearer_token",
        "secret",
        "stripe_api_key",
        "authorization",
        "cookie",
        "csrf",
        "signature",
        "phone_code",
        "text",
        "body",
        "note",
        "password",
        "verifier",
        "iban",
    ],
)
def test_a_field_that_holds_a_secret_is_redacted_by_its_name(name: str) -> None:
    """Whatever its value looks like."""
    assert logged("said", **{name: "harmless"})[name] == REDACTED


def test_a_secret_is_found_at_any_depth() -> None:
    """Mappings and lists are looked through."""
    line = logged("asked", request={"headers": [{"Authorization": "x"}], "to": "+33612345678"})
    assert line["request"] == {"headers": [{"Authorization": REDACTED}], "to": "…78"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer AAAA%2Fbbb_ccc", f"Authorization: Bearer {REDACTED}"),
        ("key sk_live_51abcDEF was used", f"key {REDACTED} was used"),
        ("whsec_abc123 signs", f"{REDACTED} signs"),
        ('oauth_signature="abc%3D", x', f'oauth_signature="{REDACTED}", x'),
        ('{"access_token": "abc", "id": 1}', f'{{"access_token": "{REDACTED}", "id": 1}}'),
        ("GET https://a.example/back?code=abc&x=1 ok", f"GET https://a.example/back?{REDACTED} ok"),
        ("postgresql+psycopg://me:pw@db/x", f"postgresql+psycopg://me:{REDACTED}@db/x"),
        ("card 4242 4242 4242 4242 said no", f"card {REDACTED} said no"),
        ("card 378282246310005 said no", f"card {REDACTED} said no"),
        ("call +33 6 12 34 56 78 now", "call …78 now"),
        ("call 06.12.34.56.78 now", "call …78 now"),
        ("to FR76 3000 6000 0112 3456 7890 189", f"to {REDACTED}"),
        (
            "[SQL: INSERT][parameters: {'text': 'oui 4F7K2Q'}]",
            f"[SQL: INSERT][parameters: {REDACTED}]",
        ),
    ],
)
def test_a_secret_inside_a_text_is_redacted(text: str, shown: str) -> None:
    """What looks like a token, a card, an IBAN or a phone number is taken out of any text."""
    assert redact_text(text) == shown
    assert logged(text)["event"] == shown


@pytest.mark.parametrize(
    "text",
    [
        "4242 4242 4242 4241",
        "post 1812345678901234567",
        "1000 cents",
        "2026-11-23T20:15:00Z",
        "4F7K2Q-1",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """A number that fails the card's check digit, a post's id, a time and a reference stay."""
    assert redact_text(text) == text


def test_an_id_stays_whatever_it_looks_like() -> None:
    """An X id may pass the card's check digit: as a field named for an id it is shown."""
    line = logged(
        "seen", post_id="4242424242424242", x_user_id=4242424242424242, number=4242424242424242
    )
    assert (line["post_id"], line["x_user_id"]) == ("4242424242424242", 4242424242424242)
    assert line["number"] == REDACTED


def test_a_code_is_shown_where_it_says_why_and_hidden_where_it_opens() -> None:
    """`code` is the word of a refusal, or the six digits of a text message."""
    assert logged("refused", code="bad_signature")["code"] == "bad_signature"
    assert logged("checked", code="123456")["code"] == REDACTED


def test_an_exception_is_logged_and_redacted() -> None:
    """A traceback's message may hold what a library was given."""
    stream = io.StringIO()
    configure(log_format="json", level="INFO", stream=stream)
    try:
        int("Bearer AAAAAAAAAAAAAAAA")
    except ValueError:
        structlog.get_logger().exception("call_failed")
    line = json.loads(stream.getvalue())
    assert "ValueError: invalid literal" in line["exception"]
    assert "Bearer [redacted]" in line["exception"]
    assert "AAAA" not in stream.getvalue()


def test_settings_in_a_log_line_hide_their_secrets() -> None:
    """Pydantic's secrets stay masked."""
    assert "hidden" not in str(logged("started", given=SecretStr("hidden")))


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_library_logs_through_the_same_redaction(log_format: Any) -> None:
    """The standard library's loggers come out in the same form."""
    stream = io.StringIO()
    configure(log_format=log_format, level="INFO", stream=stream)
    logging.getLogger("uvicorn.error").warning("sent %s to %s", "sk_test_abc", "+33612345678")
    assert "sent [redacted] to …78" in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.parametrize("name", [*TALKATIVE, "tweepy.streaming", "urllib3.connectionpool"])
def test_a_talkative_library_stays_at_info_at_debug(name: str) -> None:
    """At DEBUG tweepy would log the bearer token: it is never asked to."""
    stream = io.StringIO()
    configure(log_format="json", level="DEBUG", stream=stream)
    logging.getLogger(name).debug("the token is AAAA")
    logging.getLogger("bot.anything").debug("ours")
    assert "the token" not in stream.getvalue()
    assert "ours" in stream.getvalue()


def test_the_address_of_a_request_with_its_sign_in_code_is_not_logged() -> None:
    """An access log would hold `?code=…&state=…`."""
    stream = io.StringIO()
    configure(log_format="json", level="DEBUG", stream=stream)
    logging.getLogger("uvicorn.access").info("GET /signin/callback?code=abc")
    assert stream.getvalue() == ""


def test_the_level_is_kept() -> None:
    """At WARNING an info line is not written."""
    stream = io.StringIO()
    configure(log_format="console", level="WARNING", stream=stream)
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()


def test_configuring_twice_does_not_log_twice() -> None:
    """The sandbox configures logging before the process that it starts does."""
    stream = io.StringIO()
    configure(log_format="json", level="INFO", stream=io.StringIO())
    configure(log_format="json", level="INFO", stream=stream)
    structlog.get_logger().info("once")
    assert len(stream.getvalue().splitlines()) == 1


@pytest.mark.properties
@given(st.text(max_size=300))
def test_redaction_never_fails_and_is_done_once(text: str) -> None:
    """Any text can be logged, and what was redacted stays as it is."""
    once = redact_text(text)
    assert redact_text(once) == once


def test_metrics_are_rendered_with_their_values() -> None:
    """What was counted is what Prometheus reads."""
    metrics = Metrics()
    metrics.x_calls.labels(kind="reply", outcome="429").inc()
    metrics.books_balanced.set(1)
    metrics.stream_last_byte_at.set(1_700_000_000)
    text = metrics.render().decode()
    for line in (
        'smoney_x_calls_total{kind="reply",outcome="429"} 1.0',
        "smoney_books_balanced 1.0",
        "smoney_stream_connected 0.0",
        "smoney_stream_last_byte_timestamp_seconds 1.7e+09",
        "smoney_stream_reconnects 0.0",
    ):
        assert line in text


def test_each_process_has_its_own_metrics() -> None:
    """A second registry starts at nothing, so that tests do not count each other's."""
    METRICS.x_calls.labels(kind="dm", outcome="200").inc()
    assert 'kind="dm"' not in Metrics().render().decode()
