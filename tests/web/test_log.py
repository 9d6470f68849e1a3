"""What is refused is seen in the log, at the level that `make sandbox` shows, with no secret."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from bot import telemetry
from bot.cli.sandbox import LOG_LEVEL
from bot.i18n.texts import catalogue
from bot.web.order import REPLAYED, STRANGERS
from tests.logs import log_plainly
from tests.web.visiting import Browser
from tests.world import World


class Log:
    """What the process has written, as an operator of the sandbox sees it."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def line(self, event: str) -> dict[str, Any]:
        """Return the one line of an event."""
        written = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        (found,) = [one for one in written if one["event"] == event]
        assert found["level"] == "warning"
        return {name: value for name, value in found.items() if name not in ("logger", "timestamp")}

    @property
    def text(self) -> str:
        """All of it."""
        return self.stream.getvalue()


@pytest.fixture
def log() -> Iterator[Log]:
    """The log at the sandbox's level."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    log = Log()
    telemetry.configure(log_format="json", level=LOG_LEVEL, stream=log.stream)
    yield log
    root.handlers[:] = handlers
    root.setLevel(level)
    log_plainly()


def assert_no_secret(log: Log, browser: Browser, *more: str) -> None:
    """Neither a cookie of the browser's, nor the token of its forms, nor what else is named."""
    secrets = [*browser.client.cookies.values(), *more]
    assert all(secrets)
    assert [one for one in secrets if one in log.text] == []


def test_a_forged_webhook_is_in_the_log(browser: Browser, log: Log) -> None:
    """Why it was refused and where it came from; neither its signature nor its body."""
    signature = {"Stripe-Signature": "t=1700000000,v1=0123456789abcdef"}
    answer = browser.client.post("/webhooks/stripe", content=b"what-it-brought", headers=signature)
    assert answer.status_code == 400
    line = log.line("webhook_forged")
    assert (line["reason"], line["address"]) == ("bad_signature", "203.0.113.7")
    assert_no_secret(log, browser, "0123456789abcdef", "what-it-brought")


@pytest.mark.parametrize("token", [None, "guessed-by-somebody"])
def test_a_form_without_its_token_is_in_the_log(
    world: World, browser: Browser, log: Log, token: str | None
) -> None:
    """Which form, and in whose session; neither the token that came nor the one that was due."""
    world.join("bob")
    browser.sign_in("bob")
    browser.get("/wallet")
    fields = {"on": "yes"} | ({"csrf": token} if token is not None else {})
    assert browser.client.post("/wallet/dm", data=fields).status_code == 403
    line = log.line("form_forged")
    assert (line["path"], line["x_user_id"]) == ("/wallet/dm", world.x_id("bob"))
    assert_no_secret(log, browser, browser.csrf(), "guessed-by-somebody")


def test_a_form_of_nobody_is_in_the_log(browser: Browser, log: Log) -> None:
    """The session ended, or there never was one."""
    assert browser.client.post("/wallet/dm", data={"csrf": "a-guess"}).status_code == 401
    assert log.line("form_without_session")["path"] == "/wallet/dm"
    assert_no_secret(log, browser, "a-guess")


def test_a_form_that_is_sent_twice_is_in_the_log(world: World, browser: Browser, log: Log) -> None:
    """The second is refused: the order says what became of the first."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice")
    browser.open_order("bob", reference)
    csrf, terms_hash = browser.csrf(), browser.hidden("terms_hash")
    assert browser.confirm(reference, "wallet").status_code == 303
    assert log.text == ""
    assert browser.confirm(reference, "wallet").status_code == 409
    line = log.line("form_replayed")
    assert (line["reference"], line["reason"]) == (reference, "refusal.already_paid")
    assert line["x_user_id"] == world.x_id("bob")
    assert world.balance("alice") == 1000
    assert_no_secret(log, browser, csrf, terms_hash)


def test_a_form_with_other_terms_is_in_the_log(world: World, browser: Browser, log: Log) -> None:
    """What was shown is not what would be paid: nothing is."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice")
    browser.open_order("bob", reference)
    other = "0" * 64
    assert browser.confirm(reference, "wallet", terms_hash=other).status_code == 409
    assert log.line("form_replayed")["reason"] == "refusal.changed"
    assert world.statuses(reference) == ["pending"]
    assert_no_secret(log, browser, browser.csrf(), other)


@pytest.mark.parametrize("deed", ["cancel", "take-back"])
def test_every_other_button_that_is_pressed_twice_is_in_the_log(
    world: World, browser: Browser, log: Log, deed: str
) -> None:
    """What is over is over."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "carol")
    if deed == "take-back":
        world.confirm("bob", reference)
    browser.open_order("bob", reference)
    assert browser.post(f"/t/{reference}/{deed}").status_code == 303
    assert browser.post(f"/t/{reference}/{deed}").status_code == 409
    assert log.line("form_replayed")["reference"] == reference


def test_a_strangers_form_is_in_the_log(world: World, browser: Browser, log: Log) -> None:
    """No page of ours shows it to them."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice")
    browser.open_order("mallory", reference)
    answer = browser.post(f"/t/{reference}/confirm", funding="wallet", terms_hash="x", number="1")
    assert answer.status_code == 409
    assert log.line("form_of_a_stranger")["x_user_id"] == world.x_id("mallory")
    assert_no_secret(log, browser, browser.csrf())


def test_an_ordinary_no_is_not_a_warning(world: World, browser: Browser, log: Log) -> None:
    """Too little in the wallet is nobody's attack."""
    world.join("bob", cents=100)
    reference = world.order("bob", "alice")
    browser.open_order("bob", reference)
    assert browser.confirm(reference, "wallet").status_code == 409
    assert log.text == ""


def test_the_refusals_that_warn_are_sentences_that_exist() -> None:
    """One that is renamed would fall silent."""
    assert {*REPLAYED, STRANGERS} <= set(catalogue())
