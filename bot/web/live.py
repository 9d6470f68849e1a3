"""What changes on an order's page while somebody looks at it, for the page's script to ask for.

A look by the page's script does not keep a session alive: who went away is signed out as ever.
"""

from fastapi import APIRouter
from starlette.responses import Response

from bot.domain.order import is_reference
from bot.services.views import OrderView, order_page
from bot.web.order_page import show_order
from bot.web.security import BY_ADDRESS
from bot.web.site import Glance, Visit, brake

router = APIRouter()


@router.get("/t/{reference}/answers")
def answers(glance: Glance, reference: str) -> Response:
    """Give an asker what others have answered so far; nobody else is given anything."""
    order = _order(glance, reference)
    if order is None or not order.asked:
        return Response(status_code=404)
    return glance.page("_answers.html", order=order, now=glance.deps.clock.now(), is_live=True)


@router.get("/t/{reference}/payment")
def payment(glance: Glance, reference: str) -> Response:
    """Give a payer how far their payment by card is: at its end, all that the page would show."""
    order = _order(glance, reference)
    if order is None or not order.pays:
        return Response(status_code=404)
    return show_order(glance, order, "_payment.html")


def _order(glance: Visit, reference: str) -> OrderView | None:
    """Return an order as a visitor with an X account sees it; None where they see none."""
    brake(glance, "answers", BY_ADDRESS)
    who = glance.visitor
    if who is None or who.x_user_id is None or not is_reference(reference.upper()):
        return None
    shown = order_page(glance.deps, reference, who)
    return shown if isinstance(shown, OrderView) else None
