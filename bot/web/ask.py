"""The page that asks others for money: what a request and a split in a message do."""

from dataclasses import dataclass
from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Form
from starlette.responses import Response

from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.domain.order import NOTE_AT_MOST, OrderKind, typed_note
from bot.domain.replies import Reply
from bot.services import ask_page, pay_page, typed
from bot.web.pay import AMOUNT_AT_MOST
from bot.web.security import LOOK_UPS_BY_PERSON
from bot.web.site import Here, Signed, TooOften, Visit, brake_name

router = APIRouter()
log = structlog.get_logger(__name__)

PEOPLE_AT_MOST: Final = 400
"""Characters of handles that are read: far more than `MAX_PEOPLE` of them have."""
KINDS: Final = {"each": OrderKind.REQUEST, "total": OrderKind.SPLIT}
"""What the form makes of the amount: asked of each, or shared. There is no default."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What the form holds, as it was typed."""

    people: str = ""
    amount: str = ""
    note: str = ""
    kind: str = ""


@router.get("/ask")
def show(
    here: Here, people: str = "", amount: str = "", note: str = "", kind: str = ""
) -> Response:
    """Ask whom to ask, and for how much; what was typed before a session ended is there."""
    if here.visitor is None:
        return here.page("sign_in.html")
    kept = typed_note(note[: 2 * NOTE_AT_MOST]) or ""
    return _page(here, Filled(people[:PEOPLE_AT_MOST], amount[:AMOUNT_AT_MOST], kept, kind))


def _page(here: Visit, filled: Filled, said: str | None = None, status: int = 200) -> Response:
    form = pay_page.new_form(here.deps)
    return here.page("ask.html", status=status, said=said, form=form, filled=filled)


@router.post("/ask")
def order(
    form: Signed,
    people: Annotated[str, Form(max_length=PEOPLE_AT_MOST)] = "",
    amount: Annotated[str, Form(max_length=AMOUNT_AT_MOST)] = "",
    note: Annotated[str, Form(max_length=4 * NOTE_AT_MOST)] = "",
    kind: Annotated[str, Form(max_length=8)] = "",
    once: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Ask for what was typed; its page shows whom, and takes it back with a tap."""
    filled = Filled(people, amount, typed_note(note) or "", kind)
    try:
        handles = ask_page.read_handles(people)
        cents = typed.read_amount(amount, most_cents=form.deps.policy.to_person_cents)
        chosen = _kind(kind)
        ask_page.check_count(form.deps, form.who, handles, chosen)
        for _handle in handles:  # each look-up is paid for
            brake_name(form, f"look-up:{form.who.account}", LOOK_UPS_BY_PERSON)
        reference = ask_page.order(
            form.deps,
            form.who,
            handles=handles,
            amount_cents=cents,
            kind=chosen,
            note_text=note,
            form=once,
            lang=form.lang,
        )
    except Refusal as refusal:
        log.info("form_refused", reason=refusal.reply.key, x_user_id=form.who.x_user_id)
        return _page(form, filled, form.say(refusal.reply), 422)
    except TooOften:
        log.warning("look_ups_too_often", x_user_id=form.who.x_user_id)
        return _page(form, filled, form.say(Reply.of("page.ask.too_often")), 429)
    except (Unavailable, Rejected) as problem:
        log.warning("look_up_failed", problem=type(problem).__name__)
        return _page(form, filled, form.say(Reply.of("page.ask.unavailable")), 503)
    return form.go(f"/t/{reference}")


def _kind(text: str) -> OrderKind:
    """Return which of the two was chosen. Raises `Refusal`."""
    kind = KINDS.get(text)
    if kind is None:
        raise Refusal(Reply.of("refusal.ask.kind"))
    return kind
