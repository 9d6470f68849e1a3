"""The page that asks others for money: what a request and a split in a message do."""

from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Form
from starlette.responses import Response

from bot.domain.errors import Refusal
from bot.domain.order import NOTE_AT_MOST, typed_note
from bot.services import ask_page, pay_page, typed
from bot.web.pay import AMOUNT_AT_MOST
from bot.web.security import LOOK_UPS_BY_PERSON
from bot.web.site import Here, Signed, Visit, brake_name

router = APIRouter()
log = structlog.get_logger(__name__)

PEOPLE_AT_MOST: Final = 400
"""Characters of handles that are read: far more than `MAX_PEOPLE` of them have."""
TOTAL: Final = "total"
"""What the form says where an amount is to be shared, and not asked of each."""


@router.get("/ask")
def show(here: Here) -> Response:
    """Ask whom to ask, and for how much."""
    if here.visitor is None:
        return here.page("sign_in.html")
    return _page(here, people="", amount_typed="", note="")


def _page(here: Visit, said: str | None = None, **typed_in: str) -> Response:
    return here.page(
        "ask.html",
        status=200 if said is None else 422,
        said=said,
        form=pay_page.new_form(here.deps),
        **typed_in,
    )


@router.post("/ask")
def order(
    form: Signed,
    people: Annotated[str, Form(max_length=PEOPLE_AT_MOST)] = "",
    amount: Annotated[str, Form(max_length=AMOUNT_AT_MOST)] = "",
    note: Annotated[str, Form(max_length=4 * NOTE_AT_MOST)] = "",
    kind: Annotated[str, Form(max_length=8)] = "each",
    once: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Ask for what was typed; its page shows whom, and takes it back with a tap."""
    try:
        handles = ask_page.read_handles(form.deps, people)
        cents = typed.read_amount(amount)
        for _handle in handles:  # each look-up is paid for
            brake_name(form, f"look-up:{form.who.account}", LOOK_UPS_BY_PERSON)
        reference = ask_page.order(
            form.deps,
            form.who,
            handles=handles,
            amount_cents=cents,
            is_total=kind == TOTAL,
            note_text=note,
            form=once,
            lang=form.lang,
        )
    except Refusal as refusal:
        log.info("form_refused", reason=refusal.reply.key, x_user_id=form.who.x_user_id)
        said, kept = form.say(refusal.reply), typed_note(note) or ""
        return _page(form, said, people=people, amount_typed=amount, note=kept)
    return form.go(f"/t/{reference}")
