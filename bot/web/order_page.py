"""What an order's page shows to whom; what its forms do is in `order`."""

from functools import partial

from starlette.responses import Response

from bot.domain.errors import Refusal
from bot.domain.transfer import Reason
from bot.i18n import texts
from bot.services import passkeys, payouts, strong, views
from bot.services.drafted import DraftView, SplitView
from bot.services.payouts import PayoutPage
from bot.services.transfer_views import TransferView
from bot.services.views import HandleMoved, NotYours, OrderView, SignInFirst, Unknown
from bot.web import errors
from bot.web.kept_form import Typed
from bot.web.links import pay_path
from bot.web.site import Visit


def show(
    here: Visit,
    reference: str,
    *,
    said: Refusal | None = None,
    with_own: bool = True,
    ticked: tuple[int, ...] = (),
    keep: str = "",
    typed: Typed | None = None,
) -> Response:
    """Make the page of an order as it stands now; `said`: why what was asked was not done.

    `typed` is what stood in the form that is refused: it is left there.
    """
    status = 200 if said is None else 409
    shown = views.order_page(here.deps, reference, here.visitor, with_own=with_own, ticked=ticked)
    match shown:
        case Unknown():
            return errors.not_found(here.request, here.site)
        case SignInFirst(known) | NotYours(known):
            return here.page("order_closed.html", status=status, reference=known, moved=None)
        case HandleMoved(known, handle):
            return here.page("order_closed.html", status=status, reference=known, moved=handle)
        case SplitView():
            notice = here.say(said.reply) if said is not None else None
            return here.page("split.html", status=status, split=shown, notice=notice)
        case DraftView():
            notice = here.say(said.reply) if said is not None else None
            values = {
                "draft": shown,
                "notice": notice,
                "typed": typed if typed and "amount" in typed else {},
            }
            return here.page("draft.html", status=status, policy=here.deps.policy, **values)
        case OrderView():
            iban = typed if typed and "iban" in typed else None
            return show_order(here, shown, said=said, status=status, keep=keep, typed=iban)


def show_order(
    here: Visit,
    order: OrderView,
    template: str = "order.html",
    *,
    said: Refusal | None = None,
    status: int = 200,
    keep: str = "",
    typed: Typed | None = None,
) -> Response:
    """Make the page of an order with transfers, or what of it changes by itself."""
    waits = order.to_confirm.transfers if order.to_confirm is not None else ()
    others = [one for one in order.pays if one not in waits]
    at = here.deps.clock.now()
    under_way = any(
        one.status == "funding" or (one.status == "pending" and one.confirm_by > at)
        for one in others
    )
    notice = here.say(said.reply) if said is not None else None
    if notice is None and order.last_refusal is not None and _came_to_nothing(order):
        notice = here.refusal(order.last_refusal)
    may_look = here.visitor is not None and strong.may_look(here.deps, here.visitor)
    return here.page(
        template,
        status=status,
        order=order,
        paid=others,
        under_way=under_way,
        notice=notice,
        refusal=here.refusal,
        give_back=partial(_give_back, here),
        shows_balance=may_look,
        payout=_payout(here, order),
        link=f"{here.deps.public_url}/t/{order.reference}",
        typed=typed or here.typed_before(),
        mine=here.own_mark,
        may_look=may_look,
        has_passkey=here.visitor is not None and bool(passkeys.lines(here.deps, here.visitor)),
        keep=keep,
        now=at,
    )


def _payout(here: Visit, order: OrderView) -> PayoutPage | None:
    """Return what a payee may send on to their bank at once; None where nothing waits for them."""
    if here.visitor is None or not order.may_claim or order.needs_wallet or order.locked:
        return None
    page = payouts.payout_page(here.deps, here.visitor)
    return page if page.wait_until is None else None


def _give_back(here: Visit, one: TransferView) -> str:
    """Return where a payee gives back what they were paid: a payment of their own, filled in."""
    return pay_path(one.other_handle, texts.figures(one.amount_cents, here.lang), "")


def _came_to_nothing(order: OrderView) -> bool:
    """Whether a refused payment is still the last word: it waits again, or can never be made."""
    final = Reason.NO_LONGER_POSSIBLE.value
    return order.to_confirm is not None or any(
        line.reason == final for one in order.pays for line in one.history[-1:]
    )
