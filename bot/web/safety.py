"""Changing what proves who one is: another wallet code, another phone number."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.services import guarded, new_phone, strong
from bot.web import prove
from bot.web.site import Here, Signed, Visit

router = APIRouter()
Code = Annotated[str, Form(max_length=40)]


@router.get("/wallet/new-code")
def ask_code(here: Here) -> Response:
    """Ask for another wallet code."""
    return _closed(here) or here.page("new_code.html", said=None)


@router.post("/wallet/new-code")
def change_code(form: Signed, code: Code = "", again: Code = "") -> Response:
    """Read it, and ask for two factors, the old code among them."""
    try:
        return prove.ask(form, guarded.to_change_code(form.deps, form.who, code, again))
    except Refusal as refusal:
        return form.page("new_code.html", status=422, said=form.say(refusal.reply))


@router.get("/wallet/new-phone")
def ask_phone(here: Here) -> Response:
    """Ask for another phone number."""
    return _closed(here) or here.page("new_phone.html", said=None, phone="")


@router.post("/wallet/new-phone")
def change_phone(form: Signed, phone: Code = "") -> Response:
    """Read it, and ask for two factors, by the old number."""
    try:
        return prove.ask(form, guarded.to_change_phone(form.deps, phone))
    except Refusal as refusal:
        said = form.say(refusal.reply)
        return form.page("new_phone.html", status=422, said=said, phone=phone)


@router.get("/wallet/new-phone/code")
def ask_phone_code(here: Here) -> Response:
    """Ask for the code that the new number got."""
    return _closed(here) or _code_page(here)


@router.post("/wallet/new-phone/code")
def check_phone_code(form: Signed, code: Code = "") -> Response:
    """Check it: the number is changed."""
    try:
        new_phone.check_code(form.deps, form.who, code, page=form.lang)
    except Refusal as refusal:
        return _code_page(form, said=form.say(refusal.reply))
    return form.go("/wallet?open=safety#safety")


def _code_page(here: Visit, said: str | None = None) -> Response:
    assert here.visitor is not None, "only who signed in comes here"
    digits = new_phone.waits_for_code(here.deps, here.visitor)
    if digits is None:
        if said is None:
            return here.go("/wallet/new-phone")
        return here.page("new_phone.html", status=422, said=said, phone="")
    status = 200 if said is None else 422
    return here.page("new_phone_code.html", status=status, said=said, last_digits=digits)


def _closed(here: Visit) -> Response | None:
    """Return where a visitor has to go first; None where the wallet is open to them."""
    if here.visitor is None:
        return here.page("sign_in.html")
    if here.visitor.x_user_id is None:
        raise Refusal(Reply.of("refusal.needs_x"))
    if not here.visitor.is_ready or not strong.may_look(here.deps, here.visitor):
        return here.go("/wallet")
    return None
