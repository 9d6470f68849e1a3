"""Passkeys: one touch signs in, a second confirms; made and taken out in the wallet."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Form
from starlette.responses import JSONResponse, Response

from bot.domain.errors import Refusal
from bot.services import guarded, passkeys, sessions, strong
from bot.services.confirm import OTHER_TOTAL, Will
from bot.web import prove
from bot.web.security import BY_ADDRESS
from bot.web.site import Here, Signed, brake

router = APIRouter()
log = structlog.get_logger(__name__)

Credential = Annotated[str, Form(max_length=20_000)]
"""What the browser hands over, as JSON; a new one bears an attestation of some hundred bytes."""


@router.post("/signin/passkey/begin")
def begin_sign_in(here: Here, next_path: Annotated[str, Form(alias="next")] = "") -> Response:
    """Hand out a challenge for whatever passkey the browser has."""
    brake(here, "signin", BY_ADDRESS)
    begun = passkeys.begin_sign_in(here.deps, next_path)
    response = _challenge(begun.options, "/signin/passkey")
    here.site.set_cookie(
        response,
        here.site.touch_cookie,
        begun.browser_token,
        max_age_s=int(sessions.ATTEMPT.total_seconds()),
    )
    return response


@router.post("/signin/passkey")
def finish_sign_in(here: Here, credential: Credential = "") -> Response:
    """Sign in by a touch: in the browser that began it, once."""
    brake(here, "signin", BY_ADDRESS)
    cookies = here.request.cookies
    try:
        done = passkeys.finish_sign_in(
            here.deps,
            credential,
            cookies.get(here.site.touch_cookie),
            opens=here.deps.chance.token(),
            opened=cookies.get(here.site.opened_cookie),
        )
    except Refusal as refusal:
        log.warning("sign_in_failed", reason=refusal.reply.key)
        return here.page("sign_in_again.html", status=400, why="failed", next_path=sessions.HOME)
    response = here.welcome(done.token, done.next_path)
    here.site.drop_cookie(response, here.site.touch_cookie)
    if done.opens is not None:
        here.site.keep_open(response, done.opens)
    return response


@router.post("/t/{reference}/touch")
def touch_order(
    form: Signed,
    reference: str,
    terms_hash: Annotated[str, Form()] = "",
    number: Annotated[tuple[int, ...], Form()] = (),
    total_cents: Annotated[int, Form()] = 0,
) -> Response:
    """Hand out a challenge over the ticked transfers, at the terms and the total that were shown.

    No page stands between it and the touch: where the total is another one, the script sends the
    form as the button of the wallet does, which shows it first.
    """
    will = Will(
        reference=reference,
        x_user_id=form.who.account,
        terms_hash=terms_hash,
        numbers=number,
        total_cents=total_cents,
        funding="wallet",
        method="page",
    )
    try:
        challenge_id = strong.begin_by_touch(form.deps, form.who, guarded.to_pay(form.deps, will))
    except Refusal as refusal:
        log.info("form_refused", reference=reference, reason=refusal.reply.key)
        return _not_done("other_total" if refusal.reply.key == OTHER_TOTAL else "not_done")
    options = passkeys.options_to_confirm(form.deps, form.who, challenge_id)
    if options is None:
        return _not_done()
    return _challenge(options, f"/prove/{challenge_id}/touch")


@router.post("/prove/{challenge_id}/touch")
def touch(form: Signed, challenge_id: str, credential: Credential = "") -> Response:
    """Check a touch over a challenge, and do what was asked for."""
    challenge = prove.read(form, form.who, challenge_id)
    if isinstance(challenge, Response):
        return challenge
    opens = form.deps.chance.token()
    try:
        proof = passkeys.prove(form.deps, form.who, challenge_id, credential, opens=opens)
    except Refusal as refusal:
        return prove.refused(form, challenge, refusal)
    return prove.do(form, challenge, proof, opens)


@router.get("/wallet/passkey")
def ask(here: Here) -> Response:
    """Let the browser make a passkey, where two factors were just given."""
    if here.visitor is None:
        return here.page("sign_in.html")
    options = passkeys.options_to_make(here.deps, here.visitor)
    if options is None:
        return here.go("/wallet")
    return here.page("passkey.html", options=options, said=None)


@router.post("/wallet/passkey")
def begin(form: Signed) -> Response:
    """Ask for two factors, for one more passkey."""
    return prove.ask(form, guarded.to_make_passkey())


@router.post("/wallet/passkey/new")
def add(form: Signed, credential: Credential = "") -> Response:
    """Keep the passkey that the browser made."""
    passkeys.add(form.deps, form.who, credential, page=form.lang)
    return form.go("/wallet?open=safety#safety")


@router.post("/wallet/passkey/remove")
def remove(form: Signed, passkey: Annotated[int, Form(ge=1, le=10**15)]) -> Response:
    """Ask for two factors, for one passkey less."""
    return prove.ask(form, guarded.to_remove_passkey(passkey))


def _challenge(options: str, action: str) -> Response:
    body = f'{{"options": {options}, "action": "{action}"}}'
    return Response(body, media_type="application/json")


def _not_done(error: str = "not_done") -> Response:
    """Answer the script, which shows the sentence that stands on the page."""
    return JSONResponse({"error": error}, 409)
