"""Who has paid, live: what changes on a request's page, for the script of its asker's to ask for.

A look by the page's script does not keep a session alive: who went away is signed out as ever.
"""

from fastapi import APIRouter
from starlette.responses import Response

from bot.domain.order import is_reference
from bot.services.views import OrderView, order_page
from bot.web.security import BY_ADDRESS
from bot.web.site import Glance, brake

router = APIRouter()


@router.get("/t/{reference}/answers")
def show(glance: Glance, reference: str) -> Response:
    """Give an asker what others have answered so far; nobody else is given anything."""
    brake(glance, "answers", BY_ADDRESS)
    if glance.visitor is None or not is_reference(reference.upper()):
        return Response(status_code=404)
    shown = order_page(glance.deps, reference, glance.visitor)
    if not isinstance(shown, OrderView) or not shown.asked:
        return Response(status_code=404)
    return glance.page("_answers.html", order=shown, now=glance.deps.clock.now(), is_live=True)
