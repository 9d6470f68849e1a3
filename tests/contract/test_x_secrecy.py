"""What the adapter must never show: credentials, sign-in codes, private texts."""

import logging
import traceback
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.adapters.x.gateway import XDirectory, XPublisher
from bot.adapters.x.http import XApi
from bot.adapters.x.messages import MessageEvents, XMessageReader
from bot.adapters.x.sign_in import XSignIn
from bot.adapters.x.stream import XMentionStream
from bot.domain.errors import BotError
from bot.ports import XUser
from tests.contract.x_bench import credentials
from tests.sandbox.x_kit import SECRETS, LocalX

BOT = XUser(id="1", handle="smoney")
HIDDEN = (
    *(SECRETS.bearer_token, SECRETS.api_key, SECRETS.api_secret),
    *(SECRETS.access_token, SECRETS.access_token_secret, SECRETS.client_secret),
    *(CODE := "code-of-a-person", VERIFIER := "verifier-of-a-person", TEXT := "a private text"),
)


def use_everything(url: str) -> list[BotError]:
    """Make every call, well or badly; what went wrong."""
    api = XApi(credentials(), base_url=url, tries=1, read_timeout_s=0.3)
    directory = XDirectory(api)
    publisher = XPublisher(api, lambda: BOT, MessageEvents(api))
    signing_in = XSignIn(
        authorize_url=url,
        base_url=url,
        client_id="id",
        client_secret=SECRETS.client_secret,
        read_timeout_s=0.3,
    )
    stream = XMentionStream(api, lambda: BOT)
    calls: list[Callable[[], object]] = [
        directory.me,
        lambda: directory.by_handle(["bob"]),
        lambda: publisher.reply(to_post_id="5", text=TEXT, exclude_x_user_ids=[]),
        lambda: publisher.message(to_x_user_id="7", text=TEXT),
        lambda: XMessageReader(api, MessageEvents(api)).page(None),
        lambda: signing_in.identify(code=CODE, verifier=VERIFIER, redirect_uri=url),
        lambda: stream.listen(lambda _: None, stream.close),
    ]
    errors = []
    for call in calls:
        try:
            call()
        except BotError as error:
            errors.append(error)
    return errors


def test_the_mark_of_an_accounts_keys_changes_with_each_and_shows_none() -> None:
    """It stands in a row, with the account that the keys belong to."""
    names = ("api_key", "api_secret", "access_token", "access_token_secret")
    others = [credentials(**{name: "another"}).mark for name in names]
    marks = {credentials().mark, *others}
    assert len(marks) == 1 + len(names)
    assert not [mark for mark in marks for hidden in HIDDEN if mark in hidden or hidden in mark]


@pytest.mark.parametrize("trouble", [None, "unauthorized", "5xx", "time-out after success", "gone"])
def test_no_credential_and_no_text_is_ever_seen(
    caplog: pytest.LogCaptureFixture, trouble: str | None
) -> None:
    """Not in a log, even where everything is logged; not in an error, its trace or its repr."""
    for name in ("tweepy", "tweepy.client", "oauthlib", "requests_oauthlib"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    known = replace(SECRETS, **dict.fromkeys(vars(SECRETS), "other"))
    settings = {"credentials": known} if trouble == "unauthorized" else {}
    with LocalX(keep_alive_s=0.05, **settings) as local:
        if trouble in {"5xx", "time-out after success"}:
            local.control("faults", {"fault": trouble, "times": 20, "seconds": 3})
        if trouble == "gone":
            local.stop()
        errors = use_everything(local.url)
    assert errors, "a stranger's message is refused in any weather"
    seen = [record.getMessage() + str(record.exc_text) for record in caplog.records]
    seen += [part for error in errors for part in traceback.format_exception(error)]
    seen += [repr(error) for error in errors] + [repr(credentials()), str(credentials())]
    assert not [(secret, text) for secret in HIDDEN for text in seen if secret in text]
