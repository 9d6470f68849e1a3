"""Reporting a note: what that means is shown first, then a form; after it, the way to block."""

import structlog
from fastapi import APIRouter
from starlette.responses import Response

from bot.domain.order import is_reference
from bot.services import blocks, report_note
from bot.web import errors
from bot.web.security import REPORTS_BY_PERSON
from bot.web.site import Here, Signed, SignedVisit, TooOften, Visit

router = APIRouter()
log = structlog.get_logger(__name__)


@router.get("/t/{reference}/note/{number}")
def explain(here: Here, reference: str, number: int) -> Response:
    """Say what it means to report a note; after that, what was done."""
    if not is_reference(reference.upper()):
        return errors.not_found(here.request, here.site)
    if here.visitor is None or here.visitor.x_user_id is None:
        return here.go(f"/t/{reference}")
    found = report_note.read_note(here.deps, reference, number, here.visitor.x_user_id)
    if found is None:
        return here.go(f"/t/{reference}")
    me = here.visitor.x_user_id
    way = _way_to_block(here, found.reference, me) if found.is_reported else None
    return here.page("note.html", note=found, way_to_block=way)


def _way_to_block(here: Visit, reference: str, x_user_id: str) -> str | None:
    """Return the page on which the writer is blocked; None where they are already."""
    asker = blocks.asker_of(here.deps, reference, x_user_id)
    if asker is not None:
        return None if asker.is_blocked else "block"
    payer = blocks.payer_of(here.deps, reference, x_user_id)
    return None if payer is None or payer.is_blocked else "block-payer"


@router.post("/t/{reference}/note/{number}")
def report(form: Signed, reference: str, number: int) -> Response:
    """Let an operator look at a note, and show it to this reader no more."""
    _brake(form)
    report_note.report(form.deps, reference, number, form.who.account)
    return form.go(f"/t/{reference}/note/{number}")


def _brake(form: SignedVisit) -> None:
    name = f"report:{form.who.x_user_id}"
    if not form.site.limiter.allows(name, REPORTS_BY_PERSON, form.deps.clock.now()):
        log.warning("reports_too_often", x_user_id=form.who.x_user_id)
        raise TooOften
