"""All my data, and the end of an account: what it means first, then two factors."""

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from bot.services import closing, guarded, own_data, strong
from bot.web import prove
from bot.web.security import CODES_BY_ADDRESS
from bot.web.site import Here, Signed, Visit, brake

router = APIRouter()


@router.get("/wallet/data")
def explain_data(here: Here) -> Response:
    """Say what is in the file; once two factors were given, lead to it."""
    away = _away(here)
    if away is not None or here.visitor is None:
        return away or here.go("/wallet")
    return here.page("data.html", may_have=own_data.may_have(here.deps, here.visitor))


@router.post("/wallet/data")
def ask_for_data(form: Signed) -> Response:
    """Ask for two factors, to have the file."""
    return prove.ask(form, guarded.to_see_data())


@router.get("/wallet/data/file")
def give_data(here: Here) -> Response:
    """Give the file, as long as two factors count for it."""
    away = _away(here)
    if away is not None or here.visitor is None:
        return away or here.go("/wallet")
    if not own_data.may_have(here.deps, here.visitor):
        return here.go("/wallet/data")
    brake(here, "data", CODES_BY_ADDRESS)
    name = f"smoney-{here.deps.clock.now():%Y-%m-%d}.json"
    return StreamingResponse(
        own_data.written(here.deps, here.visitor),
        media_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/wallet/close")
def explain(here: Here) -> Response:
    """Say what would happen, and what stands in the way."""
    away = _away(here)
    if away is not None or here.visitor is None:
        return away or here.go("/wallet")
    policy = here.deps.policy
    return here.page(
        "close.html",
        account=closing.page(here.deps, here.visitor),
        claim_within_days=policy.claim_within_days,
        after_h=policy.card_payout_after_h,
    )


@router.post("/wallet/close/clear")
def clear(form: Signed) -> Response:
    """Take back what is held, and stop what waits."""
    closing.clear(form.deps, form.who)
    return form.go("/wallet/close")


@router.post("/wallet/close")
def close(form: Signed) -> Response:
    """Ask for two factors, to close the account; where something stands in the way, say it."""
    if closing.page(form.deps, form.who).ways:
        return form.go("/wallet/close")
    return prove.ask(form, guarded.to_close())


@router.get("/closed")
def say_closed(here: Here) -> Response:
    """Say that an account is closed, to whoever comes from closing it: nobody is signed in."""
    return here.page("closed.html")


def _away(here: Visit) -> Response | None:
    """Return where a visitor has to go first; None where the wallet is open to them."""
    if here.visitor is None:
        return here.page("sign_in.html")
    if not here.visitor.is_ready or not strong.may_look(here.deps, here.visitor):
        return here.go("/wallet")
    return None
