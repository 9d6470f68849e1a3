"""What a payer can do when money went wrong: each page says what it means, its form does it."""

from fastapi import APIRouter
from starlette.responses import Response

from bot.domain.order import is_reference
from bot.services import without_x, wrong
from bot.web import errors
from bot.web.site import Here, Signed

router = APIRouter()


@router.get("/t/{reference}/wrong/{number}")
def explain_wrong(here: Here, reference: str, number: int) -> Response:
    """Say what can be done about money for the wrong person; after that, what was done."""
    if not is_reference(reference.upper()):
        return errors.not_found(here.request, here.site)
    found = (
        wrong.mistake(here.deps, reference, number, here.visitor.account) if here.visitor else None
    )
    if found is None:
        return here.go(f"/t/{reference}")
    link = f"{here.deps.public_url}/t/{found.reference}"
    return here.page("wrong.html", mistake=found, link=link)


@router.post("/t/{reference}/wrong/{number}")
def say_wrong(form: Signed, reference: str, number: int) -> Response:
    """Take back what is held; ask back what was posted."""
    wrong.say_wrong(form.deps, reference, number, form.who.account)
    return form.go(f"/t/{reference}/wrong/{number}")


@router.get("/t/{reference}/not-me")
def explain_not_me(here: Here, reference: str) -> Response:
    """Say what happens when somebody did not pay this themselves."""
    if not is_reference(reference.upper()):
        return errors.not_found(here.request, here.site)
    if here.visitor is None:
        return here.go(f"/t/{reference}")
    account = without_x.account_in(here.deps, here.visitor, reference)
    if not wrong.may_disown(here.deps, reference, account):
        return here.go(f"/t/{reference}")
    return here.page("not_me.html", reference=reference.upper())


@router.post("/t/{reference}/not-me")
def say_not_me(form: Signed, reference: str) -> Response:
    """Lock the wallet of whoever says so, and open a case."""
    account = without_x.account_in(form.deps, form.who, reference)
    wrong.disown(form.deps, reference, account, page=form.lang)
    return form.go(form.home)
