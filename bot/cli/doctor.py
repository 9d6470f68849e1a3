"""`smoney doctor`: what is set up, what is not, and what to mend; and the worker's health."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

from bot.cli import hearing, queue
from bot.cli.common import books, explain_database, put
from bot.cli.hearing import Finding, State

if TYPE_CHECKING:
    from bot.config import Needs, Settings
    from bot.services.deps import Deps

NEAR_CEILING: Final = 80
"""Of a hundred texts that a day may have: from so many on it is worth knowing."""
REST_AT_MOST: Final = "5min"
"""How long a transaction of ours may rest: a proof of long books waits in one for its other half,
and an export for whoever reads it. What writes never waits in one."""
MOST_SKEW_S: Final = 60
"""How far our clock may be from X's (seconds): X refuses signatures that are 5 minutes off."""


@click.command(short_help="Say what to mend.", epilog="Example: smoney doctor --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@click.option("--worker", is_flag=True, help="Ask only whether a worker lives and hears X.")
def doctor(*, as_json: bool, worker: bool) -> int:
    """Check the installation; exit 1 where something must be mended."""
    if worker:
        with books() as deps:
            findings = [hearing.worker(deps)]
    else:
        _quiet()
        findings = list(_everything())
    if as_json:
        put(asdict(one) for one in findings)
    else:
        for one in findings:
            mark = {"ok": "ok  ", "note": "note", "mend": "MEND"}[one.state]
            click.echo(f"{mark}  {one.check:<12} {one.said}")
    return 1 if any(one.state == "mend" for one in findings) else 0


def _quiet() -> None:
    """Say findings alone: what libraries log is no finding."""
    from bot import telemetry

    telemetry.configure(log_format="console", level="ERROR")


def _everything() -> Iterator[Finding]:
    """Check one thing after another, each as far as its own settings allow."""
    from bot.cli.doctor_x import costs, events, messages
    from bot.config import Needs

    yield from _settings()
    for needs, check in (
        (Needs.DATABASE, _database),
        (Needs.X, _x_app),
        (Needs.X, _x_account),
        (Needs.SIGN_IN, _x_sign_in),
        (Needs.CARDS, _acquirer),
        (Needs.CARD_EVENTS, _webhooks),
        (Needs.TEXTS, _texts),
        (Needs.TEXTS, _texts_today),
        (Needs.X | Needs.LINKS, events),
        (Needs.X, messages),
        (Needs.DATABASE, costs),
    ):
        yield from _with(needs, check)


def _with(
    needs: "Needs", check: Callable[["Settings", "Deps"], Iterator[Finding]]
) -> Iterator[Finding]:
    """Make a check whose settings are there; what is missing was said already."""
    from sqlalchemy.exc import DBAPIError

    from bot.app import open_deps
    from bot.cli.common import No, check_sqlite_is_there
    from bot.config import SettingsError, load
    from bot.services import x_money

    try:
        settings = load(needs)
    except SettingsError:
        return
    deps = open_deps(settings)
    try:
        yield from check(settings, deps)
        with suppress(DBAPIError, No):  # said already, where the database is down or not there
            check_sqlite_is_there(settings.database_url)
            x_money.note(deps)
    finally:
        deps.store.close()


def _settings() -> Iterator[Finding]:
    from bot.config import Needs, SettingsError, load

    try:
        load(Needs.RUN, whole=True)
    except SettingsError as error:
        for sentence in error.sentences:
            yield Finding("settings", "mend", sentence)
    else:
        yield Finding("settings", "ok", "Every setting that `smoney run` needs is there.")


def _database(settings: "Settings", deps: "Deps") -> Iterator[Finding]:
    from sqlalchemy.exc import DBAPIError

    from bot import migrations
    from bot.cli.common import No, check_sqlite_is_there

    try:
        check_sqlite_is_there(settings.database_url)
        deps.store.ping()
        revision = migrations.current(settings.database_url)
    except No as error:
        yield Finding("database", "mend", error.format_message())
        return
    except DBAPIError as error:
        yield Finding("database", "mend", explain_database(error))
        return
    yield Finding("database", "ok", f"{deps.store.engine.dialect.name} answers.")
    if revision != migrations.head():
        yield Finding(
            "schema",
            "mend",
            f"The schema is at {revision or 'nothing'}, not at {migrations.head()}: "
            f"{migrations.mend(revision)}.",
        )
        return
    yield Finding("schema", "ok", f"The schema is the newest, {revision}.")
    yield from _rests(deps)
    yield Finding("queue", *queue.told(deps))
    found = hearing.worker(deps)
    yield found if found.state == "ok" else Finding(found.check, "note", found.said)
    yield from hearing.read_too_late(deps)


def _rests(deps: "Deps") -> Iterator[Finding]:
    """Say whether PostgreSQL ends the transaction of a machine that froze within it."""
    if deps.store.is_sqlite:
        return
    with deps.store.read() as session:
        span, role = deps.store.rests_at_most(session)
    if span != "0":
        said = f"PostgreSQL ends a transaction of ours that rests for {span}."
        yield Finding("idle_timeout", "ok", said)
        return
    yield Finding(
        "idle_timeout",
        "note",
        "PostgreSQL lets a machine that freezes inside a transaction keep its locks for ever. Let "
        f"it end them: ALTER ROLE {role} SET idle_in_transaction_session_timeout = "
        f"'{REST_AT_MOST}'; it counts for new connections.",
    )


def _x_app(settings: "Settings", deps: "Deps") -> Iterator[Finding]:
    """Look at X as the app, by the bearer token."""
    from bot.adapters.x.look import look
    from bot.app import open_x
    from bot.domain.errors import Rejected, Unavailable

    try:
        seen = look(open_x(settings))
    except Rejected as error:
        yield Finding("x_app", "mend", f"X refuses X_BEARER_TOKEN ({error.code}): copy it anew.")
        return
    except Unavailable as error:
        yield Finding("x_app", "mend", _x_is_down(settings, error.reason))
        return
    left = f", {seen.remaining} calls are left in its window" if seen.remaining else ""
    yield Finding("x_app", "ok", f"X takes X_BEARER_TOKEN{left}.")
    yield _clock(seen.now, deps.clock.now())
    yield _rules(deps, seen.rules)


def _x_is_down(settings: "Settings", reason: str) -> str:
    return (
        f"X does not answer at {settings.x_api_base_url} ({reason}): check X_API_BASE_URL and "
        "the network, then try again."
    )


def _clock(theirs: datetime | None, ours: datetime) -> Finding:
    if theirs is None:
        return Finding("clock", "note", "X did not say what time it is.")
    skew_s = abs((ours - theirs).total_seconds())
    if skew_s > MOST_SKEW_S:
        said = f"This machine's clock is {skew_s:.0f} s from X's: set it, by NTP."
        return Finding("clock", "mend", said)
    return Finding("clock", "ok", "This machine's clock agrees with X's.")


def _rules(deps: "Deps", rules: tuple[str, ...]) -> Finding:
    from bot.adapters.x.stream import rule_for
    from bot.domain.errors import BotError

    try:
        wanted = rule_for(deps.directory.me().handle)
    except BotError:
        return Finding("stream_rule", "note", f"{len(rules)} rules stand on the stream.")
    if rules == (wanted,):
        return Finding("stream_rule", "ok", f"The stream's rule stands: {wanted}")
    return Finding(
        "stream_rule",
        "note",
        f"{len(rules)} rules stand on the stream; the worker will make it this one: {wanted}",
    )


def _x_account(settings: "Settings", deps: "Deps") -> Iterator[Finding]:
    """Look at X as the bot's own account, by OAuth 1.0a."""
    from bot.domain.errors import Rejected, Unavailable

    try:
        me = deps.directory.me()
    except Rejected as error:
        yield Finding("x_account", "mend", _which_of_the_four(settings, error.code))
    except Unavailable as error:
        yield Finding("x_account", "mend", _x_is_down(settings, error.reason))
    else:
        yield Finding("x_account", "ok", f"The bot is @{me.handle}, id {me.id}.")


def _which_of_the_four(settings: "Settings", code: str) -> str:
    """Say which pair is wrong: X's refusal does not, so the app's own is tried by itself."""
    from bot.adapters.x.look import takes_api_key
    from bot.app import open_x
    from bot.domain.errors import Unavailable

    try:
        is_known = takes_api_key(open_x(settings))
    except Unavailable:
        return (
            f"X refuses the bot's account ({code}) and does not say for which of the four: copy "
            "X_API_KEY, X_API_SECRET, X_ACCESS_TOKEN and X_ACCESS_TOKEN_SECRET anew."
        )
    if not is_known:
        return (
            f"X refuses X_API_KEY with X_API_SECRET ({code}): copy both anew. What it thinks of "
            "X_ACCESS_TOKEN shows after that."
        )
    return (
        f"X takes X_API_KEY and X_API_SECRET, but not the bot's account ({code}): copy "
        "X_ACCESS_TOKEN and X_ACCESS_TOKEN_SECRET anew."
    )


def _x_sign_in(settings: "Settings", _deps: "Deps") -> Iterator[Finding]:
    """See whether X knows the app that people sign in by."""
    from bot.app import open_sign_in
    from bot.domain.errors import Rejected, Unavailable

    has_secret = bool(settings.x_client_secret.get_secret_value())
    names = "X_CLIENT_ID and X_CLIENT_SECRET" if has_secret else "X_CLIENT_ID"
    try:
        open_sign_in(settings).check(redirect_uri=f"{settings.public_url}/signin/callback")
    except Rejected as error:
        hint = "" if has_secret else ", and X_CLIENT_SECRET too where the app is confidential"
        said = f"X refuses {names} ({error.code}): nobody can sign in. Copy anew {names}{hint}."
        yield Finding("x_sign_in", "mend", said)
    except Unavailable as error:
        yield Finding("x_sign_in", "mend", _x_is_down(settings, error.reason))
    else:
        yield Finding("x_sign_in", "ok", f"X takes {names}.")


def _texts(settings: "Settings", _deps: "Deps") -> Iterator[Finding]:
    """See whether text messages can be sent, without sending one."""
    from bot.app import open_sms
    from bot.domain.errors import Rejected, Unavailable

    parts = urlsplit(settings.sms_base_url)
    # A gateway's path may hold a secret.
    where = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    try:
        open_sms(settings).check()
    except Rejected as error:
        said = {
            "unauthorized": f"Who sends texts at {where} refuses SMS_API_KEY: copy it anew.",
            "not_found": f"Nothing at {where} takes texts: check SMS_BASE_URL and SMS_PROVIDER.",
        }
        other = f"What answers at {where} takes anything for a text: check SMS_BASE_URL."
        yield Finding("texts", "mend", said.get(error.code, other))
    except Unavailable as error:
        said_down = f"Nobody takes texts at {where} ({error.reason}): check SMS_BASE_URL."
        yield Finding("texts", "mend", said_down)
    else:
        yield Finding("texts", "ok", f"Text messages are taken at {where}.")


def _texts_today(settings: "Settings", deps: "Deps") -> Iterator[Finding]:
    """Say how near the texts of a day are to their ceiling."""
    from sqlalchemy.exc import DBAPIError

    from bot.services import texts

    try:
        sent = texts.sent_today(deps)
    except DBAPIError:
        return  # said already
    ceiling = settings.sms_daily_ceiling
    said = f"{sent} texts in 24 hours; SMS_DAILY_CEILING is {ceiling}"
    if sent >= ceiling:
        said += ": no code is sent any more. See who asks for them, or raise it."
        yield Finding("texts_today", "mend", said)
    else:
        state: State = "note" if sent * 100 >= ceiling * NEAR_CEILING else "ok"
        yield Finding("texts_today", state, f"{said}.")


def _acquirer(settings: "Settings", _deps: "Deps") -> Iterator[Finding]:
    from bot.app import open_stripe
    from bot.domain.errors import Rejected, Unavailable

    api = open_stripe(settings)
    try:
        api.call(api.v1.balance.retrieve)
    except Rejected as error:
        yield Finding("acquirer", "mend", f"Stripe refuses STRIPE_API_KEY ({error.code}).")
    except Unavailable as error:
        yield Finding(
            "acquirer",
            "mend",
            f"The acquirer does not answer at {settings.stripe_api_base} ({error.reason}): "
            "check STRIPE_API_BASE and the network.",
        )
    else:
        yield Finding("acquirer", "ok", "The acquirer takes STRIPE_API_KEY.")


def _webhooks(settings: "Settings", deps: "Deps") -> Iterator[Finding]:
    """Say whether events of the acquirer reach us: only those with a good signature are kept."""
    from sqlalchemy.exc import DBAPIError

    from bot.services import operate

    address = f"{settings.public_url or 'PUBLIC_URL'}/webhooks/stripe"
    if not settings.stripe_webhook_secret.get_secret_value().startswith("whsec_"):
        yield Finding("webhook", "mend", "STRIPE_WEBHOOK_SECRET must begin with whsec_.")
        return
    try:
        newest = operate.newest_event_at(deps, "stripe")
    except DBAPIError:
        return  # said already
    if newest is None:
        said = f"No webhook of the acquirer came yet: it should send them to {address}."
        yield Finding("webhook", "note", said)
    else:
        said = f"The acquirer's last webhook came at {newest:%Y-%m-%d %H:%M} UTC."
        yield Finding("webhook", "ok", said)
