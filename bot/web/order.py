"""The one link of an order: each visitor sees what is theirs to do, and nothing else."""

from collections.abc import Callable
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Form
from starlette.responses import Response

from bot.domain.errors import Refusal, Unavailable
from bot.domain.money import MAX_AMOUNT_CENTS
from bot.domain.order import NOTE_AT_MOST, is_reference
from bot.services import (
    asked,
    cancel,
    cautions,
    claim,
    confirm,
    guarded,
    mandates,
    mend,
    settle,
    split,
    without_x,
)
from bot.services.confirm import GoToCard, Settled, UnderWay, Will
from bot.services.deps import Deps
from bot.services.strong import Asked
from bot.services.typed import read_amount
from bot.web import errors, order_page, prove
from bot.web.kept_form import Typed
from bot.web.site import Here, Signed, SignedVisit

router = APIRouter()
log = structlog.get_logger(__name__)

REPLAYED: Final = frozenset(
    {
        "refusal.already_cancelled",
        "refusal.already_paid",
        "refusal.already_posted",
        "refusal.changed",
        "refusal.nothing_held",
        "refusal.nothing_to_cancel",
        "refusal.too_late",
        "refusal.under_way",
    }
)
"""Refusals of a form that was sent before, or whose page no longer says what is so."""
FUNDINGS: Final = "^(wallet|card|card-[0-9]{1,15})$"
"""What a form may say of how it is paid; `card-7` is a saved card, by its row's id."""
STRANGERS: Final = "refusal.unknown_reference"
"""The refusal of a form by somebody whom the order does not concern: no page shows it to them."""
Deed = Callable[[Deps, str, str], object]
"""What a party does to an order: by its reference, as this X account."""
Wish = Callable[[Deps, Will], Asked]
"""What takes two factors, of what a payer wants."""


@router.get("/t/{reference}")
def show(
    here: Here, reference: str, card: str = "", own: str = "1", amount: str = "", note: str = ""
) -> Response:
    """Show an order. Coming back from the card page finishes what was confirmed there.

    `own=0` shows a split's asker the shares without one of their own. `amount` and `note` are put
    into the form of a misread command: what was typed there when a session ended.
    """
    if not is_reference(reference.upper()):
        return errors.not_found(here.request, here.site)
    if here.visitor is not None and here.visitor.x_user_id is None:
        own_order = without_x.order_of(here.deps, here.visitor, reference)
        return here.page("order_lost.html", reference=reference.upper(), order=own_order)
    if here.visitor is not None and card in ("done", "cancelled"):
        abandoned = card == "cancelled"
        settle.came_back(here.deps, reference, here.visitor.account, abandoned=abandoned)
        return here.go(f"/t/{reference}")
    if here.visitor is not None:
        asked.learn_askers(here.deps, here.visitor.account)
        cautions.learn_payees(here.deps, reference, here.visitor.account)
    typed = {"amount": amount[:20], "note": note[:NOTE_AT_MOST]} if amount or note else None
    return order_page.show(here, reference, with_own=own != "0", typed=typed)


@router.post("/t/{reference}/confirm")
def confirm_order(
    form: Signed,
    reference: str,
    funding: Annotated[str, Form(pattern=FUNDINGS)],
    terms_hash: Annotated[str, Form()] = "",
    number: Annotated[tuple[int, ...], Form()] = (),
    total_cents: Annotated[int | None, Form()] = None,
    keep: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Confirm the ticked transfers, at the terms that were shown.

    Whoever ticks others than those whose total was shown is shown theirs first.
    """
    kind, _, saved_card = funding.partition("-")
    will = Will(
        reference=reference,
        x_user_id=form.who.account,
        terms_hash=terms_hash,
        numbers=number,
        total_cents=total_cents,
        funding="wallet" if kind == "wallet" else "card",
        method="page",
        saved_card_id=int(saved_card) if saved_card else None,
        keep=keep if keep and funding == "card" else None,
        lang=form.lang,
        address=form.address,
    )
    try:
        outcome = confirm.confirm(form.deps, will)
    except Refusal as refusal:
        if refusal.reply.key == confirm.OTHER_TOTAL:
            return order_page.show(form, reference, said=refusal, ticked=number, keep=keep)
        wish = _lifting(will, refusal)
        return _prove(form, will, wish) if wish else _refused(form, reference, refusal)
    except Unavailable as problem:
        # It is written down: the recovery job goes on, and the page shows how far it is.
        log.warning("card_page_late", reference=reference, reason=problem.reason)
        return form.go(form.home)
    match outcome:
        case GoToCard(url):
            return prove.to_card(form, url, form.home)
        case Settled() | UnderWay():
            return form.go(form.home)


def _lifting(will: Will, refusal: Refusal) -> Wish | None:
    """Return what is asked for where two factors lift a refusal."""
    if refusal.reply.key == mandates.NEEDS_SCA:
        return guarded.to_keep_card
    # A saved card is charged with no issuer looking: its mandate's limit stands, whoever asks.
    is_lifted = will.saved_card_id is None and refusal.reply.key in guarded.NEEDS_PROOF
    return guarded.to_pay if is_lifted else None


def _prove(form: SignedVisit, will: Will, wish: Wish) -> Response:
    """Ask for two factors for what was ticked, at the terms that were shown."""
    try:
        return prove.ask(form, wish(form.deps, will))
    except Refusal as refusal:
        return _refused(form, will.reference, refusal)


@router.post("/t/{reference}/ask")
def ask_shares(
    form: Signed,
    reference: str,
    terms_hash: Annotated[str, Form()] = "",
    own: Annotated[str, Form()] = "1",
) -> Response:
    """Ask everybody for the share that was shown."""
    with_own = own != "0"
    try:
        split.ask_others(
            form.deps,
            reference,
            form.who.account,
            with_own=with_own,
            terms_hash=terms_hash,
        )
    except Refusal as refusal:
        return _refused(form, reference, refusal)
    return form.go(form.home)


@router.post("/t/{reference}/amount")
def choose_amount(
    form: Signed,
    reference: str,
    people_hash: Annotated[str, Form(max_length=64)] = "",
    amount: Annotated[str, Form(max_length=40)] = "",
    amount_cents: Annotated[int | None, Form(ge=1, le=MAX_AMOUNT_CENTS)] = None,
    note: Annotated[str, Form(max_length=560)] = "",
) -> Response:
    """Choose the amount of a misread command: one that was offered, or one that was typed."""
    try:
        cents = (
            amount_cents
            if amount_cents is not None
            else read_amount(amount, most_cents=form.deps.policy.to_person_cents)
        )
        mend.choose(
            form.deps,
            reference,
            form.who.account,
            amount_cents=cents,
            note_text=note,
            shown_hash=people_hash,
        )
    except Refusal as refusal:
        _log_refusal(form, reference, refusal)
        return order_page.show(
            form, reference, said=refusal, typed={"amount": amount, "note": note}
        )
    return form.go(form.home)


@router.post("/t/{reference}/cancel")
def cancel_order(form: Signed, reference: str) -> Response:
    """Take back what one ordered, as far as nothing has left."""
    return _do(form, reference, cancel.cancel)


@router.post("/t/{reference}/decline")
def decline_order(form: Signed, reference: str) -> Response:
    """Say no to what somebody asks for."""
    return _do(form, reference, cancel.decline)


@router.post("/t/{reference}/claim")
def claim_order(form: Signed, reference: str) -> Response:
    """Take the money that waits."""
    return _do(form, reference, claim.claim)


@router.post("/t/{reference}/claim-out")
def claim_to_bank(
    form: Signed,
    reference: str,
    iban: Annotated[str, Form(max_length=60)] = "",
    holder: Annotated[str, Form(max_length=140)] = "",
) -> Response:
    """Take the money that waits, and send it on to a bank account; what was typed survives a no."""
    try:
        wish = guarded.to_claim_out(
            form.deps, form.who, reference, iban_text=iban, holder_text=holder
        )
        return prove.ask(form, wish)
    except Refusal as refusal:
        return _refused(form, reference, refusal, typed={"iban": iban, "holder": holder})


@router.post("/t/{reference}/refuse")
def refuse_order(form: Signed, reference: str) -> Response:
    """Send the money that waits back to its payer."""
    return _do(form, reference, claim.refuse)


@router.post("/t/{reference}/take-back")
def take_back_order(form: Signed, reference: str) -> Response:
    """Take back money that its payee has not taken yet."""
    return _do(form, reference, claim.take_back)


def _do(form: SignedVisit, reference: str, what: Deed) -> Response:
    try:
        what(form.deps, reference, form.who.account)
    except Refusal as refusal:
        return _refused(form, reference, refusal)
    return form.go(form.home)


def _refused(
    form: SignedVisit, reference: str, refusal: Refusal, typed: Typed | None = None
) -> Response:
    _log_refusal(form, reference, refusal)
    return order_page.show(form, reference, said=refusal, typed=typed)


def _log_refusal(form: SignedVisit, reference: str, refusal: Refusal) -> None:
    why = refusal.reply.key
    facts = {"reference": reference, "reason": why, "x_user_id": form.who.x_user_id}
    if why in REPLAYED:
        log.warning("form_replayed", **facts)
    elif why == STRANGERS:
        log.warning("form_of_a_stranger", **facts)
    else:
        log.info("form_refused", **facts)
