"""Puts the card network together as one FastAPI application."""

import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from fastapi import FastAPI

from bot.sandbox.card_network.control import control
from bot.sandbox.card_network.network import Network
from bot.sandbox.card_network.pages import pages
from bot.sandbox.card_network.routes import api
from bot.sandbox.card_network.sweep import keep_sweeping
from bot.sandbox.card_network.webhooks import RETRY_DELAYS_S


def utc_now() -> datetime:
    """The network's clock where the caller brings none."""
    return datetime.now(UTC)


def create_app(
    *,
    api_key: str,
    webhook_secret: str,
    webhook_url: str | None = None,
    public_url: str | None = None,
    now: Callable[[], datetime] = utc_now,
    settlement_delay: timedelta = timedelta(0),
    retry_delays_s: Sequence[float] = RETRY_DELAYS_S,
) -> FastAPI:
    """Make a card network of its own, empty.

    `webhook_url` gets the events, signed with `webhook_secret`; without it nobody does.
    `public_url` is what the pages' addresses begin with (default: as the first caller named us).
    Money is available for a payout `settlement_delay` after its charge. The network itself is at
    `app.state.network`.
    """
    net = Network(
        api_key=api_key,
        webhook_secret=webhook_secret,
        webhook_url=webhook_url,
        public_url=public_url,
        now=now,
        settlement_delay=settlement_delay,
        retry_delays_s=retry_delays_s,
    )

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        sweeper = threading.Thread(
            target=keep_sweeping, args=(net,), name="card-network-clock", daemon=True
        )
        net.webhooks.start()
        sweeper.start()
        yield
        net.stopping.set()
        net.webhooks.stop()
        sweeper.join(timeout=1.0)

    app = FastAPI(title="Local card network", lifespan=life, docs_url=None, redoc_url=None)
    app.state.network = net
    app.state.close_streams = net.stopping.set
    app.include_router(pages(net))
    app.include_router(control(net))
    app.include_router(api(net))
    return app
