"""The wallet's page and its switches, and the first time: consent, a phone number, its code."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Form
from starlette.responses import Response

from bot.domain.errors import Refusal
from bot.services import asked, sessions, statement, topup, wallet
from bot.services.wallet import TERMS_VERSION
from bot.web.security import CODES_BY_ADDRESS
from bot.web.site import Here, Signed, Visit, brake

router = APIRouter()
log = structlog.get_logger(__name__)


@router.get("/wallet")
def show(here: Here) -> Response:
    """Show the wallet, or the way to one."""
    if here.visitor is None:
        return here.page("sign_in.html")
    if here.visitor.person_id is None:
        return here.go("/wallet/phone")
    asked.learn_askers(here.deps, here.visitor.x_user_id)
    return here.page(
        "wallet.html",
        wallet=wallet.wallet_page(here.deps, here.visitor),
        months=statement.months(here.deps, here.visitor),
        low_value_cents=here.deps.policy.low_value_cents,
    )


@router.post("/wallet/dm")
def switch_dm(form: Signed, on: Annotated[str, Form()] = "") -> Response:
    """Switch confirmation by direct message on or off."""
    wallet.switch_dm(form.deps, form.who, on=on == "yes")
    return form.go("/wallet")


@router.post("/wallet/card")
def remove_card(form: Signed, card: Annotated[int, Form(ge=1, le=10**15)]) -> Response:
    """Take a saved card out: nothing new is charged from now on."""
    if form.who.person_id is not None:
        try:
            topup.remove_card(form.deps, form.who.person_id, card)
        except Refusal as refusal:
            log.warning("card_of_a_stranger", reason=refusal.reply.key, card=card)
    return form.go("/wallet")


@router.get("/wallet/phone")
def ask_phone(here: Here) -> Response:
    """Ask for consent and a phone number."""
    if here.visitor is None:
        return here.page("sign_in.html")
    next_path = _next(here)
    if here.visitor.person_id is not None:
        return here.go(next_path)
    return _phone_page(here, next_path)


def _phone_page(
    here: Visit,
    next_path: str,
    *,
    phone: str = "",
    consent: bool = False,
    said: str | None = None,
) -> Response:
    status = 200 if said is None else 422
    return here.page(
        "phone.html",
        status=status,
        next_path=next_path,
        phone=phone,
        consent=consent,
        said=said,
        terms_version=TERMS_VERSION,
    )


@router.post("/wallet/phone")
def send_code(
    form: Signed,
    phone: Annotated[str, Form(max_length=40)] = "",
    consent: Annotated[str, Form()] = "",
    next_path: Annotated[str, Form(alias="next")] = "",
) -> Response:
    """Send a code to the number; what was typed survives a no."""
    brake(form, "code", CODES_BY_ADDRESS)
    wanted = sessions.local_path(next_path)
    agreed = consent == "yes"
    try:
        wallet.send_phone_code(form.deps, form.who, phone, consent=agreed, lang=form.lang)
    except Refusal as refusal:
        if refusal.reply.key == "refusal.has_wallet":
            return form.go(wanted)
        said = form.say(refusal.reply)
        return _phone_page(form, wanted, phone=phone, consent=agreed, said=said)
    return form.go(_with_next("/wallet/code", wanted))


@router.get("/wallet/code")
def ask_code(here: Here) -> Response:
    """Ask for the code that was sent."""
    if here.visitor is None:
        return here.page("sign_in.html")
    next_path = _next(here)
    if here.visitor.person_id is not None:
        return here.go(next_path)
    last_digits = wallet.waits_for_code(here.deps, here.visitor)
    if last_digits is None:
        return here.go(_with_next("/wallet/phone", next_path))
    return here.page("code.html", next_path=next_path, last_digits=last_digits, said=None)


@router.post("/wallet/code")
def check_code(
    form: Signed,
    code: Annotated[str, Form(max_length=40)] = "",
    next_path: Annotated[str, Form(alias="next")] = "",
) -> Response:
    """Check the code: where it is right, there is a wallet."""
    wanted = sessions.local_path(next_path)
    try:
        wallet.check_phone_code(form.deps, form.who, code)
    except Refusal as refusal:
        said = form.say(refusal.reply)
        last_digits = wallet.waits_for_code(form.deps, form.who)
        if last_digits is None:
            return _phone_page(form, wanted, consent=True, said=said)
        return form.page(
            "code.html", status=422, next_path=wanted, last_digits=last_digits, said=said
        )
    return form.go(wanted)


def _next(here: Visit) -> str:
    return sessions.local_path(here.request.query_params.get("next", ""))


def _with_next(path: str, next_path: str) -> str:
    return path if next_path == sessions.HOME else f"{path}?next={next_path}"
