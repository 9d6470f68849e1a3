"""Signing in with X, and out. Beginning is a GET: it changes nothing but our note that it began."""

from typing import Annotated, Final

import structlog
from fastapi import APIRouter, Form, Query
from starlette.responses import RedirectResponse, Response

from bot.domain.errors import Rejected, Unavailable
from bot.services import sessions, wallet
from bot.services.sessions import SignedIn, StartAfresh
from bot.web.languages import LANG_COOKIE, LANG_KEPT_S, LANGS
from bot.web.security import BY_ADDRESS
from bot.web.site import Here, Signed, Visit, brake

router = APIRouter()
log = structlog.get_logger(__name__)

NO_CHOICE: Final = "any"
"""What a form says that takes a choice of language back."""
PARAMETER_AT_MOST: Final = 1_000
"""Characters of what X sends back; its codes have about a hundred."""


@router.get("/signin")
def begin(here: Here, next_path: Annotated[str, Query(alias="next")] = "") -> Response:
    """Send the browser to X."""
    brake(here, "signin", BY_ADDRESS)
    start = sessions.begin_sign_in(here.deps, next_path)
    response = RedirectResponse(start.url, 303)
    here.site.set_cookie(
        response,
        here.site.sign_in_cookie,
        start.browser_token,
        max_age_s=int(sessions.ATTEMPT.total_seconds()),
    )
    return response


@router.get("/signin/callback")
def finish(here: Here, state: str = "", code: str = "", error: str = "") -> Response:
    """Learn who came back from X, and let them go on where they were."""
    brake(here, "signin", BY_ADDRESS)
    if error or not code or max(len(state), len(code)) > PARAMETER_AT_MOST:
        log.info("sign_in_not_given", reason=error[:60])
        return _again(here, "denied" if error == "access_denied" else "failed", sessions.HOME)
    browser_token = here.request.cookies.get(here.site.sign_in_cookie)
    try:
        outcome = sessions.finish_sign_in(
            here.deps, state=state, code=code, browser_token=browser_token
        )
    except (Rejected, Unavailable) as problem:
        log.warning("sign_in_failed", reason=str(problem))
        return _again(here, "failed", sessions.HOME)
    match outcome:
        case SignedIn(token, next_path):
            return _welcome(here, token, next_path)
        case StartAfresh(next_path):
            return _again(here, "afresh", next_path)


def _welcome(here: Visit, token: str, next_path: str) -> Response:
    response = here.welcome(token, next_path)
    here.site.drop_cookie(response, here.site.sign_in_cookie)
    return response


def _again(here: Visit, why: str, next_path: str) -> Response:
    response = here.page("sign_in_again.html", status=400, why=why, next_path=next_path)
    here.site.drop_cookie(response, here.site.sign_in_cookie)
    return response


@router.post("/signout")
def sign_out(form: Signed) -> Response:
    """End the session."""
    sessions.sign_out(form.deps, form.request.cookies.get(form.site.session_cookie))
    response = form.go("/")
    form.site.drop_cookie(response, form.site.session_cookie)
    form.site.drop_cookie(response, form.site.typed_cookie)
    return response


@router.post("/lang")
def choose(
    form: Signed, lang: Annotated[str, Form()] = "", back: Annotated[str, Form()] = "/"
) -> Response:
    """Speak another language from now on; or choose none, and be spoken to in one's own."""
    response = form.go(sessions.local_path(back))
    for known in LANGS:
        if lang == known:
            form.site.set_cookie(response, LANG_COOKIE, known, max_age_s=LANG_KEPT_S)
            if form.who.person_id is not None:
                wallet.choose_lang(form.deps, form.who, known)
    if lang == NO_CHOICE:
        form.site.drop_cookie(response, LANG_COOKIE)
        if form.who.person_id is not None:
            wallet.choose_lang(form.deps, form.who, None)
    return response
