"""The composition root: settings become the ports, the database and the figures of one process."""

import gc
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bot.adapters.clock import SystemChance, SystemClock
from bot.adapters.sepa_payouts import SepaFiles
from bot.adapters.sms import Brevo, HttpSmsSender, SandboxPhone, SmsGateway, SmsProvider
from bot.adapters.stripe_api import StripeApi
from bot.adapters.stripe_cards import StripeCheckout, StripePayments, StripeVault
from bot.adapters.stripe_payouts import StripePayouts
from bot.adapters.stripe_reversals import StripeReversals
from bot.adapters.stripe_webhooks import StripeWebhooks
from bot.adapters.x.decode import XDecoder
from bot.adapters.x.gateway import XDirectory, XMentionReader, XPublisher
from bot.adapters.x.hooks import XHooks
from bot.adapters.x.http import XApi, XCredentials
from bot.adapters.x.messages import MessageEvents, XMessageReader
from bot.adapters.x.sign_in import XSignIn
from bot.adapters.x.stream import XMentionStream
from bot.config import Settings
from bot.domain.errors import Unavailable
from bot.domain.payout import Debtor
from bot.ports import MentionStream
from bot.services.deps import LEFT_TO_WORKER, Deps
from bot.services.remembered import Remembered
from bot.store.engine import Store
from bot.telemetry import Tally

MESSAGES_TAKEN: Final = "messages.taken"
"""The fact that says by which of two ways X lets its messages be asked for."""


def _keep_what_is_loaded() -> None:
    """Leave code, grammar and sentences out of the garbage collector's rounds: they stay.

    A round in the midst of a thousand settlements took a fifth of their time. What a batch makes
    is tens of thousands of objects, none of them garbage before its end: rounds come as seldom.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def open_deps(settings: Settings) -> Deps:
    """Build everything that a process may use; nothing is called yet."""
    tally = Tally()
    api = open_x(settings, tally)
    directory = XDirectory(api)
    store, clock = Store(settings.database_url), SystemClock()
    events = MessageEvents(api, Remembered(store, clock, MESSAGES_TAKEN))
    stripe = open_stripe(settings)
    budget_usd = settings.x_daily_budget_usd
    _keep_what_is_loaded()
    return Deps(
        store=store,
        clock=clock,
        chance=SystemChance(),
        decoder=XDecoder(),
        directory=directory,
        mentions=XMentionReader(api, directory.bot),
        messages=XMessageReader(api, events),
        publisher=XPublisher(api, directory.bot, events),
        sign_in=open_sign_in(settings, tally),
        checkout=StripeCheckout(stripe),
        payments=StripePayments(stripe),
        reversals=StripeReversals(stripe),
        acquirer=StripePayouts(stripe),
        vault=StripeVault(stripe),
        webhooks=StripeWebhooks(secret=settings.stripe_webhook_secret.get_secret_value()),
        x_hooks=open_x_hooks(settings, api, directory),
        sms=open_sms(settings),
        policy=settings.policy,
        public_url=settings.public_url,
        contact=settings.contact,
        tally=tally,
        x_budget_mills=None if budget_usd is None else int(budget_usd * 1000),
        secret_key=settings.secret_key.get_secret_value(),
    )


def open_stream(settings: Settings, deps: Deps) -> MentionStream:
    """Build the stream of mentions: the worker's alone, which knows the bot as its `deps` do."""
    return XMentionStream(open_x(settings, deps.tally), deps.directory.bot)


def open_x(settings: Settings, tally: Tally | None = None) -> XApi:
    """Build X's API with the credentials of the app and of the bot's account.

    What it uses is counted in `tally`.
    """
    credentials = XCredentials(
        bearer_token=settings.x_bearer_token.get_secret_value(),
        api_key=settings.x_api_key.get_secret_value(),
        api_secret=settings.x_api_secret.get_secret_value(),
        access_token=settings.x_access_token.get_secret_value(),
        access_token_secret=settings.x_access_token_secret.get_secret_value(),
    )
    return XApi(credentials, base_url=settings.x_api_base_url, tally=tally)


def open_x_hooks(
    settings: Settings, api: XApi | None = None, directory: XDirectory | None = None
) -> XHooks | None:
    """Build X's webhooks, where they are switched on and there is a secret to check them by."""
    secret = settings.x_api_secret.get_secret_value()
    if settings.x_dm_source != "webhook" or not secret:
        return None
    api = api or open_x(settings)
    return XHooks(api, (directory or XDirectory(api)).bot, secret=secret)


def open_stripe(settings: Settings) -> StripeApi:
    """Build the acquirer's API."""
    return StripeApi(
        api_key=settings.stripe_api_key.get_secret_value(), base_url=settings.stripe_api_base
    )


def open_sign_in(settings: Settings, tally: Tally | None = None) -> XSignIn:
    """Build sign-in with X."""
    return XSignIn(
        authorize_url=settings.x_authorize_url,
        base_url=settings.x_api_base_url,
        client_id=settings.x_client_id,
        client_secret=settings.x_client_secret.get_secret_value(),
        tally=tally,
    )


def open_sms(settings: Settings) -> HttpSmsSender:
    """Build the sender of text messages."""
    provider: SmsProvider = SandboxPhone()
    key = settings.sms_api_key.get_secret_value()
    if settings.sms_provider == "brevo":
        provider = Brevo(api_key=key, sender=settings.sms_sender)
    elif settings.sms_provider == "http":
        provider = SmsGateway(api_key=key, sender=settings.sms_sender)
    return HttpSmsSender(provider, base_url=settings.sms_base_url)


class _NoFigures:
    """The figures of a door that did not ask for them: it may run where they are misread."""

    def __getattr__(self, figure: str) -> Any:
        """Refuse to make up a figure."""
        raise AssertionError(f"a door that uses {figure} asks for Needs.FIGURES")


class _Closed:
    """A port of a door that reaches nobody: each call waits for a process that does."""

    def __getattr__(self, _method: str) -> Any:
        """Return a method that cannot be called from here."""

        def call(*_args: object, **_named: object) -> Any:
            raise Unavailable(LEFT_TO_WORKER)

        return call


def open_books(settings: Settings) -> Deps:
    """Open the database alone, for the doors that ask for nothing else."""
    closed: Any = _Closed()
    no_figures: Any = _NoFigures()
    _keep_what_is_loaded()
    return Deps(
        store=Store(settings.database_url),
        clock=SystemClock(),
        chance=SystemChance(),
        decoder=XDecoder(),
        directory=closed,
        mentions=closed,
        messages=closed,
        publisher=closed,
        sign_in=closed,
        checkout=closed,
        payments=closed,
        reversals=closed,
        acquirer=closed,
        vault=closed,
        webhooks=closed,
        sms=closed,
        policy=no_figures,
        public_url=settings.public_url,
        secret_key=settings.secret_key.get_secret_value(),
    )


def open_books_and_figures(settings: Settings) -> Deps:
    """Open the database and the operator's figures, for what may drive a payment by card."""
    return replace(open_books(settings), policy=settings.policy)


def open_books_and_acquirer(settings: Settings) -> Deps:
    """Open the database and the acquirer's report of payouts, for `ledger reconcile`."""
    return replace(open_books(settings), acquirer=StripePayouts(open_stripe(settings)))


def open_bank_files(folder: Path) -> SepaFiles:
    """Build the files for the bank, and the reader of its reports."""
    return SepaFiles(folder)


def debtor(settings: Settings) -> Debtor:
    """Return the account that payouts leave from."""
    return Debtor(settings.sepa_debtor_name, settings.sepa_debtor_iban, settings.sepa_debtor_bic)


def worker_name(deps: Deps) -> str:
    """Return a name that no other worker has, on any machine."""
    return f"{socket.gethostname()[:24]}:{os.getpid()}:{deps.chance.uuid()[:8]}"
