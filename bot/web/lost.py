"""Who has lost X: phone and wallet code, then the text's code, and what they protect themselves by.

Each page before the session is the same for everybody, whatever was typed. Nobody is signed in
there, so that their forms' token is made of a cookie of their own.
"""

import hmac
from hashlib import sha256
from typing import Annotated

import structlog
from fastapi import APIRouter, Form
from starlette.background import BackgroundTask
from starlette.responses import Response

from bot.domain.errors import Refusal
from bot.services import lost, sessions, without_x
from bot.web.security import LOST_BY_ADDRESS, LOST_BY_NUMBER
from bot.web.site import Forged, Here, Signed, Visit, brake, brake_name

router = APIRouter()
log = structlog.get_logger(__name__)
Typed = Annotated[str, Form(max_length=40)]
Token = Annotated[str, Form()]


@router.get("/lost")
def ask(here: Here) -> Response:
    """Ask for the phone and the wallet code."""
    if here.visitor is not None and here.visitor.x_user_id is None:
        return here.go(sessions.HOME)
    return _page(here, "lost.html")


@router.post("/lost")
def begin(here: Here, phone: Typed = "", code: Typed = "", csrf: Token = "") -> Response:
    """Take both, and go on; a text goes out behind the answer, where both were right."""
    token = _checked(here, csrf)
    try:
        typed = lost.read(here.deps, phone, code)
    except Refusal as refusal:
        return _page(here, "lost.html", said=here.say(refusal.reply), phone=phone)
    brake_name(here, f"lost-number:{typed.phone}", LOST_BY_NUMBER)
    text = lost.begin(here.deps, typed, browser_token=token, lang=here.lang, address=here.address)
    response = here.go("/lost/code")
    _keep(here, response, token)
    response.background = BackgroundTask(lost.send, here.deps, text)
    return response


@router.get("/lost/code")
def ask_code(here: Here) -> Response:
    """Ask for the code in the text, whether one went out or not."""
    return _page(here, "lost_code.html") if _token(here) else here.go("/lost")


@router.post("/lost/code")
def check(here: Here, code: Typed = "", csrf: Token = "") -> Response:
    """Check it: there is a session from now on, of the person alone."""
    token = _checked(here, csrf)
    try:
        done = lost.check(here.deps, token, code)
    except Refusal as refusal:
        return _page(here, "lost_code.html", said=here.say(refusal.reply))
    response = here.welcome(done.token, done.next_path)
    here.site.drop_cookie(response, here.site.lost_cookie)
    return response


def _page(here: Visit, template: str, *, said: str | None = None, phone: str = "") -> Response:
    """Make a page with a form; a browser that has no secret yet is given one."""
    token = _token(here) or here.deps.chance.token()
    response = here.page(
        template,
        status=200 if said is None else 422,
        said=said,
        phone=phone,
        csrf=_form_token(here, token),
    )
    if _token(here) is None:
        _keep(here, response, token)
    return response


def _token(here: Visit) -> str | None:
    return here.request.cookies.get(here.site.lost_cookie) or None


def _keep(here: Visit, response: Response, token: str) -> None:
    seconds = int(sessions.ATTEMPT.total_seconds())
    here.site.set_cookie(response, here.site.lost_cookie, token, max_age_s=seconds)


def _form_token(here: Visit, token: str) -> str:
    text = f"lost-form|{token}"
    return hmac.new(here.deps.secret_key.encode(), text.encode(), sha256).hexdigest()


def _checked(here: Visit, csrf: str) -> str:
    """Let a form through that came from a page of ours; return the browser's secret."""
    brake(here, "lost", LOST_BY_ADDRESS)
    token = _token(here)
    if token is None or not hmac.compare_digest(csrf.encode(), _form_token(here, token).encode()):
        log.warning("form_forged", path=here.request.url.path, x_user_id=None)
        raise Forged
    here.request.state.form_let_through = True
    return token


# --- what its session protects -----------------------------------------------------------------


@router.get("/wallet/lock")
def explain_lock(here: Here) -> Response:
    """Say what it means to lock the wallet."""
    if here.visitor is None or here.visitor.x_user_id is not None:
        return here.go("/wallet")
    return here.page("lost_lock.html")


@router.post("/wallet/lock")
def lock(form: Signed) -> Response:
    """Lock the wallet at its owner's word."""
    without_x.lock(form.deps, form.who, page=form.lang)
    return form.go("/wallet")
