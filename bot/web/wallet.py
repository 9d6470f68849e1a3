"""The wallet's page and its switches."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from bot.domain.errors import Refusal
from bot.services import asked, guarded, passkeys, statement, strong, topup, wallet
from bot.services.own_limits import own_limits
from bot.web import prove
from bot.web.site import Here, Signed

router = APIRouter()
log = structlog.get_logger(__name__)


@router.get("/wallet")
def show(here: Here, opened: Annotated[str, Query(alias="open")] = "") -> Response:
    """Show the wallet, or the way to one; `opened`: which of its parts to show unfolded."""
    if here.visitor is None:
        return here.page("sign_in.html")
    if not here.visitor.is_ready:
        return here.go("/wallet/phone")
    if here.visitor.x_user_id is None:
        return here.page(
            "wallet_lost.html",
            wallet=wallet.wallet_page(here.deps, here.visitor),
            months=statement.months(here.deps, here.visitor),
            limits=own_limits(here.deps, here.visitor),
            opened=opened,
        )
    asked.learn_askers(here.deps, here.visitor.x_user_id)
    if not strong.may_look(here.deps, here.visitor):
        return here.page("wallet_closed.html", waits=wallet.waits(here.deps, here.visitor))
    return here.page(
        "wallet.html",
        wallet=wallet.wallet_page(here.deps, here.visitor),
        months=statement.months(here.deps, here.visitor),
        passkeys=passkeys.lines(here.deps, here.visitor),
        limits=own_limits(here.deps, here.visitor),
        low_value_cents=here.deps.policy.low_value_cents,
        opened=opened,
    )


@router.post("/wallet/dm")
def switch_dm(form: Signed, on: Annotated[str, Form()] = "") -> Response:
    """Switch confirmation by direct message off, or on once two factors were given."""
    if on == "yes":
        return prove.ask(form, guarded.to_confirm_by_dm())
    wallet.switch_dm(form.deps, form.who, on=False)
    return form.go("/wallet?open=dm#dm")


@router.post("/wallet/open")
def open_wallet(form: Signed) -> Response:
    """Ask for two factors, to see the balance and the rest."""
    return prove.ask(form, guarded.to_open())


@router.post("/wallet/card")
def remove_card(form: Signed, card: Annotated[int, Form(ge=1, le=10**15)]) -> Response:
    """Take a saved card out: nothing new is charged from now on."""
    if form.who.person_id is not None:
        try:
            topup.remove_card(form.deps, form.who.person_id, card)
        except Refusal as refusal:
            log.warning("card_of_a_stranger", reason=refusal.reply.key, card=card)
    return form.go("/wallet?open=cards#cards")
