"""The pay page of a handle: what a link filled in, all of it to be changed, then a form.

It looks the same for any handle: X is asked who that is once somebody has signed in.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import urlencode

import structlog
from fastapi import APIRouter, Form
from starlette.responses import Response

from bot.domain.errors import Refusal
from bot.domain.order import NOTE_AT_MOST, typed_note
from bot.domain.replies import Reply
from bot.i18n import texts
from bot.services import pay_page, typed
from bot.services.sessions import local_path
from bot.web import errors
from bot.web.links import pay_path, picture
from bot.web.security import LOOK_UPS_BY_PERSON
from bot.web.site import Here, Signed, TooOften, Visit

router = APIRouter()
log = structlog.get_logger(__name__)

AMOUNT_AT_MOST: Final = 40
"""Characters of an amount that are read."""
_HANDLE: Final = re.compile(r"@?([A-Za-z0-9_]{1,15})")


@dataclass(frozen=True, slots=True)
class Filled:
    """What a link, or a form that came back, filled in: as it is typed, and what it says."""

    amount: str = ""
    note: str = ""
    cents: int | None = None
    said: str | None = None
    """Why the amount cannot be read."""

    @property
    def is_any(self) -> bool:
        """Whether somebody chose something for the payer."""
        return bool(self.amount or self.note)


def fill(here: Visit, amount: str, note: str) -> Filled:
    """Read what a link filled in; an amount that cannot be read is left to be typed again."""
    note = typed_note(note[: 2 * NOTE_AT_MOST]) or ""
    amount = amount[:AMOUNT_AT_MOST].strip()
    if not amount:
        return Filled(note=note)
    try:
        cents = typed.read_amount(amount, most_cents=here.deps.policy.to_person_cents)
    except Refusal as refusal:
        return Filled(note=note, said=here.say(refusal.reply))
    return Filled(texts.figures(cents, here.lang), note, cents)


@router.get("/pay")
def choose(here: Here, handle: str = "", amount: str = "", note: str = "") -> Response:
    """Ask whom to pay; who is named has a page of their own."""
    named = _HANDLE.fullmatch(handle.strip())
    if named is not None:
        path = pay_path(named[1], amount.strip()[:AMOUNT_AT_MOST], note[:NOTE_AT_MOST])
        # What is too long for an address is typed on the page.
        return here.go(path if local_path(path) == path else pay_path(named[1], "", ""))
    said = here.say(Reply.of("refusal.handle_not_read")) if handle.strip() else None
    return _choose(here, handle[:AMOUNT_AT_MOST], fill(here, amount, note), said)


def _choose(
    here: Visit, handle: str, filled: Filled, said: str | None, status: int = 200
) -> Response:
    return here.page("pay_whom.html", status=status, handle=handle, filled=filled, said=said)


@router.get("/@{handle}")
def show(here: Here, handle: str, amount: str = "", note: str = "") -> Response:
    """Show the page of a handle, to nobody in particular or to a payer."""
    if _HANDLE.fullmatch(handle) is None or handle.startswith("@"):
        return errors.not_found(here.request, here.site)
    filled = fill(here, amount, note)
    if here.visitor is None or here.visitor.x_user_id is None:
        return _closed(here, handle, filled)
    return _open(here, handle, filled, said=filled.said)


def _closed(here: Visit, handle: str, filled: Filled) -> Response:
    """Make the page for whoever has not signed in: the same for any handle."""
    return here.page(
        "pay_link.html", handle=handle, filled=filled, link=_link(here, handle, filled)
    )


def _open(
    here: Visit, handle: str, filled: Filled, *, said: str | None, status: int = 200
) -> Response:
    """Make the page for a payer: X says now who it is."""
    assert here.visitor is not None, "only who signed in is shown anybody"
    name = f"look-up:{here.visitor.x_user_id}"
    if not here.site.limiter.allows(name, LOOK_UPS_BY_PERSON, here.deps.clock.now()):
        log.warning("look_ups_too_often", x_user_id=here.visitor.x_user_id)
        raise TooOften
    try:
        payee = pay_page.payee_of(here.deps, handle, here.visitor)
    except Refusal as refusal:
        return _choose(here, handle, filled, here.say(refusal.reply), status=404)
    return here.page(
        "pay_own.html" if payee.is_visitor else "pay.html",
        status=status,
        payee=payee,
        filled=filled,
        said=said,
        form=pay_page.new_form(here.deps),
        link=_link(here, handle, filled),
    )


def _link(here: Visit, handle: str, filled: Filled) -> dict[str, str]:
    """Return the ways to share the link of a page."""
    # Figures are written alike for everybody: whoever opens the link may speak another language.
    amount = "" if filled.cents is None else texts.figures(filled.cents, "en")
    path = pay_path(handle, amount, filled.note)
    url = here.deps.public_url + path
    return {
        "handle": handle,
        "path": path,
        "url": url,
        "picture": picture(url, here.say(Reply.of("page.pay.qr", handle=handle))),
        "on_x": f"{here.site.x_origin}/intent/post?{urlencode({'text': url})}",
    }


@router.post("/@{handle}")
def order(
    form: Signed,
    handle: str,
    payee: Annotated[str, Form(max_length=32)] = "",
    amount: Annotated[str, Form(max_length=AMOUNT_AT_MOST)] = "",
    note: Annotated[str, Form(max_length=4 * NOTE_AT_MOST)] = "",
    once: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Order what was typed, to whom was shown; nothing leaves before it is confirmed."""
    if _HANDLE.fullmatch(handle) is None or handle.startswith("@"):
        return errors.not_found(form.request, form.site)
    try:
        reference = pay_page.order(
            form.deps,
            form.who,
            payee_x_user_id=payee,
            handle=handle,
            amount_cents=typed.read_amount(amount, most_cents=form.deps.policy.to_person_cents),
            note_text=note,
            form=once,
            lang=form.lang,
        )
    except Refusal as refusal:
        log.info("form_refused", reason=refusal.reply.key, x_user_id=form.who.x_user_id)
        filled = Filled(amount=amount, note=typed_note(note) or "")
        return _open(form, handle, filled, said=form.say(refusal.reply), status=422)
    return form.go(f"/t/{reference}")
