"""Blocking: what it means is shown first, then a form; the wallet and the order's page undo it."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from bot.domain.order import is_reference
from bot.services import blocks, without_x
from bot.web import errors
from bot.web.site import Here, Signed

router = APIRouter()


@router.get("/t/{reference}/block")
def explain(here: Here, reference: str) -> Response:
    """Say what it means to decline and block, to whoever is asked."""
    if not is_reference(reference.upper()):
        return errors.not_found(here.request, here.site)
    account = without_x.account_in(here.deps, here.visitor, reference) if here.visitor else None
    asker = blocks.asker_of(here.deps, reference, account) if account else None
    if asker is None or asker.is_blocked:
        return here.go(f"/t/{reference}")
    return here.page("block.html", reference=reference.upper(), asker=asker)


@router.post("/t/{reference}/block")
def block(form: Signed, reference: str) -> Response:
    """Decline all that the asker asks for, and take no more requests from them."""
    account = without_x.account_in(form.deps, form.who, reference)
    blocks.decline_and_block(form.deps, reference, account)
    return form.go(form.home)


@router.post("/t/{reference}/unblock")
def unblock_asker(form: Signed, reference: str) -> Response:
    """Take requests from whoever asked by this order again."""
    blocks.unblock_asker(form.deps, reference, form.who.account)
    return form.go(form.home)


@router.get("/t/{reference}/block-payer")
def explain_payer(here: Here, reference: str) -> Response:
    """Say what it means to refuse money and block, to whoever was sent some."""
    if not is_reference(reference.upper()):
        return errors.not_found(here.request, here.site)
    account = without_x.account_in(here.deps, here.visitor, reference) if here.visitor else None
    payer = blocks.payer_of(here.deps, reference, account) if account else None
    if payer is None or payer.is_blocked:
        return here.go(f"/t/{reference}")
    return here.page("block_payer.html", reference=reference.upper(), payer=payer)


@router.post("/t/{reference}/block-payer")
def block_payer(form: Signed, reference: str) -> Response:
    """Send back what waits from a payer, and take nothing more from them."""
    account = without_x.account_in(form.deps, form.who, reference)
    blocks.refuse_and_block(form.deps, reference, account)
    return form.go(form.home)


@router.post("/t/{reference}/unblock-payer")
def unblock_payer(form: Signed, reference: str) -> Response:
    """Let whoever sent money by this order do so again."""
    blocks.unblock_payer(form.deps, reference, form.who.account)
    return form.go(form.home)


@router.post("/wallet/unblock")
def unblock(form: Signed, x_user_id: Annotated[str, Form(max_length=32)] = "") -> Response:
    """Take requests from somebody again."""
    blocks.unblock(form.deps, form.who.account, x_user_id)
    return form.go("/wallet?open=blocked#blocked")
