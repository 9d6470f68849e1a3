"""The pages, the webhooks and the health checks: FastAPI with Jinja2, synchronous endpoints.

GET changes nothing, save that a card's return page finishes what was confirmed, that a sign-in
begins, that a session notes that it was seen, and that the pages of a payment, a request and a
payee learn who that is.
"""

from urllib.parse import urlsplit

from fastapi import FastAPI

from bot.config import Settings
from bot.services.deps import Deps
from bot.web.app import build

__all__ = ["build", "create_app"]

_STRIPE = "https://api.stripe.com"
_STRIPE_PAGES = "https://checkout.stripe.com"


def create_app(settings: Settings, deps: Deps) -> FastAPI:
    """Build the web application of a process, as its settings say."""
    x = urlsplit(settings.x_authorize_url)
    return build(
        deps,
        card_origins=card_origins(settings.stripe_api_base),
        x_origin=f"{x.scheme}://{x.netloc}",
    )


def card_origins(api_base: str) -> tuple[str, ...]:
    """Return where the acquirer's hosted pages are: whither our forms may lead.

    A local card network has them where its API is, on the loopback address under either name.
    """
    if api_base == _STRIPE:
        return (_STRIPE_PAGES,)
    parts = urlsplit(api_base)
    if parts.hostname in ("localhost", "127.0.0.1"):
        return tuple(f"{parts.scheme}://{host}:{parts.port}" for host in ("localhost", "127.0.0.1"))
    return (f"{parts.scheme}://{parts.netloc}",)
