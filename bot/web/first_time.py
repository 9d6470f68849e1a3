"""The first time, a page for each step: phone, code, name, wallet code; or joining a wallet.

Which step is next is in rows. A step that is not reached yet leads to the one that is; "back" shows
what was typed before; once everything is there each of them leads to where the visitor was. A form
that is refused leads to a page as well, which says why: whoever goes back meets no form again.
"""

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from starlette.responses import Response

from bot.domain.errors import Refusal
from bot.services import first_time, sessions
from bot.services.first_time import TERMS, TERMS_VERSION, Step
from bot.web.security import CODES_BY_ADDRESS
from bot.web.site import Here, Signed, SignedVisit, Visit, brake

router = APIRouter()

STEPS: Final[tuple[Step, ...]] = ("phone", "code", "name", "secret")
"""In the order in which they come; `link` takes the place of the last two."""
MAY_GO_BACK: Final[dict[Step, tuple[Step, ...]]] = {
    "phone": ("phone",),
    "code": ("phone", "code"),
    "link": ("phone", "link"),
    "name": ("name",),
    "secret": ("name", "secret"),
}
"""The pages that are open at each step: what a code proved is not asked again.

But for `link`: the number may be another's by now, and who proved it has one of their own.
"""
Typed = Annotated[str, Form(max_length=140)]
Next = Annotated[str, Form(alias="next")]


@router.get("/wallet/phone")
def ask_phone(here: Here) -> Response:
    """Ask for consent and a phone number."""
    return _show(here, "phone")


@router.get("/wallet/code")
def ask_code(here: Here) -> Response:
    """Ask for the code that was sent."""
    return _show(here, "code")


@router.get("/wallet/name")
def ask_name(here: Here) -> Response:
    """Ask for a name and a date of birth."""
    return _show(here, "name")


@router.get("/wallet/secret")
def ask_secret(here: Here) -> Response:
    """Ask for a wallet code."""
    return _show(here, "secret")


@router.get("/wallet/link")
def ask_link(here: Here) -> Response:
    """Ask for the code of the wallet that an account wants to join."""
    return _show(here, "link")


def _show(here: Visit, page: Step) -> Response:
    if here.visitor is None:
        return here.page("sign_in.html")
    next_path = sessions.local_path(here.request.query_params.get("next", ""))
    step = first_time.next_step(here.deps, here.visitor)
    if step is None:
        return here.go(next_path)
    if page not in MAY_GO_BACK[step]:
        return here.go(_with_next(step, next_path))
    said = here.said_before()
    response = _page(here, page, next_path, said)
    if said is not None:
        here.site.drop_cookie(response, here.site.said_cookie)
    return response


def _page(here: Visit, page: Step, next_path: str, said: str | None) -> Response:
    assert here.visitor is not None, "only who signed in comes here"
    is_under_age = first_time.is_under_age(here.deps, here.visitor)
    typed = first_time.typed(here.deps, here.visitor)
    number = STEPS.index(page) + 1 if page in STEPS else 3
    return here.page(
        f"first_{page}.html",
        next_path=next_path,
        said=here.say(first_time.too_young(here.deps)) if is_under_age else said,
        is_under_age=is_under_age,
        step=number,
        steps=len(STEPS) if page in STEPS else number,
        typed=typed,
        last_digits=first_time.waits_for_code(here.deps, here.visitor) or "",
        terms_version=TERMS_VERSION,
        terms=TERMS,
        has_code=page == "link" and first_time.has_code_to_link(here.deps, here.visitor),
    )


@router.post("/wallet/phone")
def send_code(
    form: Signed,
    phone: Annotated[str, Form(max_length=40)] = "",
    consent: Annotated[str, Form()] = "",
    next_path: Next = "",
) -> Response:
    """Send a code to the number; what was typed survives a no."""
    brake(form, "code", CODES_BY_ADDRESS)
    try:
        first_time.send_phone_code(
            form.deps,
            form.who,
            phone,
            consent=consent == "yes",
            lang=form.lang,
            address=form.address,
        )
    except Refusal as refusal:
        return _refused(form, "phone", next_path, refusal)
    return _on(form, next_path)


@router.post("/wallet/code")
def check_code(
    form: Signed, code: Annotated[str, Form(max_length=40)] = "", next_path: Next = ""
) -> Response:
    """Check the code: where it is right, the phone is proved."""
    try:
        first_time.check_phone_code(form.deps, form.who, code)
    except Refusal as refusal:
        return _refused(form, "code", next_path, refusal)
    return _on(form, next_path)


@router.post("/wallet/name")
def declare(
    form: Signed,
    first_names: Typed = "",
    last_name: Typed = "",
    born: Annotated[str, Form(max_length=40)] = "",
    next_path: Next = "",
) -> Response:
    """Take a name and a date of birth."""
    try:
        first_time.declare(
            form.deps, form.who, first_names=first_names, last_name=last_name, born_text=born
        )
    except Refusal as refusal:
        return _refused(form, "name", next_path, refusal)
    return _on(form, next_path)


@router.post("/wallet/secret")
def choose_code(
    form: Signed,
    code: Annotated[str, Form(max_length=40)] = "",
    again: Annotated[str, Form(max_length=40)] = "",
    next_path: Next = "",
) -> Response:
    """Take a wallet code: there is a wallet from now on, and it is open in this browser."""
    opens = form.deps.chance.token()
    try:
        is_new = first_time.choose_code(form.deps, form.who, code, again, opens=opens)
    except Refusal as refusal:
        return _refused(form, "secret", next_path, refusal)
    response = _on(form, next_path)
    if is_new:
        form.site.keep_open(response, opens)
    return response


@router.post("/wallet/link")
def link(
    form: Signed, code: Annotated[str, Form(max_length=40)] = "", next_path: Next = ""
) -> Response:
    """Let this X account join the wallet."""
    try:
        first_time.link(form.deps, form.who, code)
    except Refusal as refusal:
        return _refused(form, "link", next_path, refusal)
    return _on(form, next_path)


def _refused(form: SignedVisit, page: Step, next_path: str, refusal: Refusal) -> Response:
    """Lead to the page again, or to the one that the form should have come from, which says why."""
    step = first_time.next_step(form.deps, form.who)
    if step is None:
        return _on(form, next_path)
    shown = page if page in MAY_GO_BACK[step] else step
    if (step, page) == ("link", "code"):
        shown = "phone"  # the code that is over was for another number than that wallet's
    address = _with_next(shown, sessions.local_path(next_path))
    return form.go_and_say(address, form.say(refusal.reply))


def _on(form: SignedVisit, next_path: str) -> Response:
    """Go on to the next step, or back to where the visitor came from."""
    wanted = sessions.local_path(next_path)
    step = first_time.next_step(form.deps, form.who)
    return form.go(wanted if step is None else _with_next(step, wanted))


def _with_next(step: Step, next_path: str) -> str:
    path = f"/wallet/{step}"
    address = f"{path}?{urlencode({'next': next_path})}"
    # What is too long for an address is not gone on to.
    fits = next_path != sessions.HOME and sessions.local_path(address) == address
    return address if fits else path
