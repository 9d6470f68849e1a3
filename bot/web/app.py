"""Puts the application together: routes, static files, security, errors."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from bot.services.deps import Deps
from bot.web import (
    ask,
    bill,
    block,
    closing,
    errors,
    first_time,
    health,
    history,
    hooks,
    live,
    lost,
    messages,
    note,
    order,
    pages,
    passkey,
    pay,
    payout,
    privacy,
    prove,
    safety,
    session,
    statement,
    wallet,
    wrong,
)
from bot.web.down import DatabaseDown
from bot.web.security import BodyLimit, SecurityHeaders
from bot.web.site import Site

STATIC: Final = Path(__file__).parent / "static"
PARTS: Final = tuple(
    part.router
    for part in (
        pages,
        order,
        live,
        block,
        note,
        wrong,
        session,
        lost,
        messages,
        first_time,
        wallet,
        prove,
        safety,
        passkey,
        pay,
        ask,
        payout,
        statement,
        history,
        closing,
        privacy,
        hooks,
        health,
    )
)
"""Every route there is, the static files apart."""


def build(
    deps: Deps, *, card_origins: tuple[str, ...] = (), x_origin: str = "https://x.com"
) -> FastAPI:
    """Build the application on `deps`.

    `card_origins` are whither a form may lead, save to us; `x_origin` is where people post.
    """
    site = Site(deps, card_origins=card_origins, x_origin=x_origin)
    # Neither the interface's description nor its pages are anybody's business.
    app = FastAPI(
        title="S-money",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lambda app: bill.kept(app.state.site.deps),
    )
    app.state.site = site
    for part in PARTS:
        app.include_router(part)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    errors.install(app, site)
    app.add_middleware(DatabaseDown, site=site)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders, headers=site.headers)
    return app
