"""The page of payouts: what a wallet may pay out to its holder's bank account, and what it did.

A payout needs strong authentication, which no page here offers yet: a form that asks for one is
read to the end, and refused with a sentence that says so.
"""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from bot.domain.errors import Refusal
from bot.domain.payout import NotAuthenticated
from bot.services import payouts
from bot.web.site import Here, Signed, Visit

router = APIRouter()


@router.get("/wallet/payout")
def show(here: Here) -> Response:
    """Show what may be paid out, a form to ask for it, and what was asked for."""
    if here.visitor is None:
        return here.page("sign_in.html")
    if not here.visitor.is_ready:
        return here.go("/wallet/phone")
    return _page(here)


@router.post("/wallet/payout")
def ask(
    form: Signed,
    iban: Annotated[str, Form(max_length=60)] = "",
    holder: Annotated[str, Form(max_length=140)] = "",
    amount: Annotated[str, Form(max_length=20)] = "",
    everything: Annotated[str, Form()] = "",
) -> Response:
    """Ask for a payout; what was typed survives a no."""
    try:
        terms = payouts.read_terms(
            form.deps,
            form.who,
            iban_text=iban,
            holder_text=holder,
            amount_text=amount,
            everything=everything == "yes",
        )
        payouts.request(form.deps, form.who.x_user_id, terms, NotAuthenticated())
    except Refusal as refusal:
        if refusal.reply.key == "refusal.no_wallet":
            return form.go("/wallet/phone")
        typed = {"iban": iban, "holder": holder, "amount": amount, "everything": everything}
        return _page(form, said=form.say(refusal.reply), typed=typed)
    return form.go("/wallet/payout")


@router.post("/wallet/payout/{payout_id}/cancel")
def cancel(form: Signed, payout_id: int) -> Response:
    """Cancel a payout that is in no file yet."""
    try:
        payouts.cancel(form.deps, form.who.x_user_id, payout_id)
    except Refusal as refusal:
        if refusal.reply.key == "refusal.no_wallet":
            return form.go("/wallet/phone")
        return _page(form, said=form.say(refusal.reply))
    return form.go("/wallet/payout")


def _page(here: Visit, *, said: str | None = None, typed: dict[str, str] | None = None) -> Response:
    assert here.visitor is not None, "only who signed in comes here"
    return here.page(
        "payout.html",
        status=200 if said is None else 422,
        payout=payouts.payout_page(here.deps, here.visitor),
        said=said,
        typed=typed or {"iban": "", "holder": "", "amount": "", "everything": ""},
        after_h=here.deps.policy.card_payout_after_h,
    )
