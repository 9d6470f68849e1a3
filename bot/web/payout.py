"""The page of payouts: what a wallet may pay out to its holder's bank account, and what it did.

A form that asks for one is read to the end, and leads to the page that asks for two factors.
"""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from bot.domain.errors import Refusal
from bot.services import guarded, payouts, strong
from bot.web import prove
from bot.web.kept_form import Typed
from bot.web.site import Here, Signed, Visit

router = APIRouter()


@router.get("/wallet/payout")
def show(here: Here) -> Response:
    """Show what may be paid out, a form to ask for it, and what was asked for."""
    if here.visitor is None:
        return here.page("sign_in.html")
    if not here.visitor.is_ready:
        return here.go("/wallet/phone")
    if not strong.may_look(here.deps, here.visitor):
        return here.go("/wallet")
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
        return prove.ask(form, guarded.to_pay_out(terms))
    except Refusal as refusal:
        if refusal.reply.key == "refusal.no_wallet":
            return form.go("/wallet/phone")
        typed = {"iban": iban, "holder": holder, "amount": amount, "everything": everything}
        return _page(form, said=form.say(refusal.reply), typed=typed)


@router.post("/wallet/payout/again")
def ask_again(form: Signed) -> Response:
    """Ask for all that can leave, to the same account as last time."""
    try:
        return prove.ask(form, guarded.to_pay_out(payouts.everything_again(form.deps, form.who)))
    except Refusal as refusal:
        if refusal.reply.key == "refusal.no_wallet":
            return form.go("/wallet/phone")
        return _page(form, said=form.say(refusal.reply))


@router.post("/wallet/payout/{payout_id}/cancel")
def cancel(form: Signed, payout_id: int) -> Response:
    """Cancel a payout that is in no file yet."""
    try:
        payouts.cancel(form.deps, form.who, payout_id)
    except Refusal as refusal:
        if refusal.reply.key == "refusal.no_wallet":
            return form.go("/wallet/phone")
        return _page(form, said=form.say(refusal.reply))
    return form.go("/wallet/payout")


def _page(here: Visit, *, said: str | None = None, typed: Typed | None = None) -> Response:
    assert here.visitor is not None, "only who signed in comes here"
    page = payouts.payout_page(here.deps, here.visitor)
    return here.page(
        "payout.html",
        status=200 if said is None else 422,
        payout=page,
        said=said,
        mine=here.own_mark,
        typed=typed
        or here.typed_before()
        or {"iban": "", "holder": page.holder, "amount": "", "everything": ""},
        after_h=here.deps.policy.card_payout_after_h,
    )
