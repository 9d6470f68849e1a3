"""The pages: the hosted payment page, 3-D Secure, and the network's own home page.

They need nothing from outside: style and script stand in the page. Cards that a person types are
checked here as Stripe's page checks them; the rest is `checkout`.
"""

from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.sandbox.card_network import balance, checkout
from bot.sandbox.card_network.cards import CARDS
from bot.sandbox.card_network.network import Network
from bot.sandbox.card_network.params import Params
from bot.sandbox.card_network.shapes import Obj
from bot.sandbox.card_network.sweep import turn
from bot.sandbox.card_network.texts import COUNTRIES, TEXTS, money, pick_language, problem_of

SHOWN_PAYMENTS: Final = 100
"""Payments on the home page."""

_templates: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True
)
_templates.globals.update(money=money)

_COUNTRY_BY_NUMBER: Final = {number: card.page_country for number, card in CARDS.items()}


def _page(name: str, lang: str, status: int = 200, **values: Any) -> HTMLResponse:
    html = _templates.get_template(name).render(lang=lang, t=TEXTS[lang], **values)
    return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})


def _language(request: Request, session: Obj | None) -> str:
    locale = session["locale"] if session else None
    return pick_language(locale, request.headers.get("accept-language", ""))


def _unknown(request: Request) -> HTMLResponse:
    return _page("ended.html", _language(request, None), 404, what="unknown", link=None)


def _show(net: Network, session: Obj, lang: str, problem: str | None, form: Obj) -> Response:
    """Show a session as it stands."""
    if session["status"] == "expired":
        return _page("ended.html", lang, 410, what="expired", link=session["cancel_url"])
    if session["status"] == "complete":
        return _page("ended.html", lang, what="complete", link=checkout.success_url(session))
    intent = net.store.find("payment_intent", session["payment_intent"])
    if problem is None and intent:
        problem = problem_of(intent["last_payment_error"], lang)
    return _page(
        "pay.html",
        lang,
        session=session,
        items=net.store.note(session["id"])["items"],
        kept=net.store.note(session["id"])["intent"]["setup_future_usage"],
        problem=problem,
        form=form,
        countries=COUNTRIES,
        country_by_number=_COUNTRY_BY_NUMBER,
    )


def _next(net: Network, session: Obj) -> str:
    """Return where the person goes after a card was tried."""
    if session["status"] == "complete":
        return checkout.success_url(session)
    intent = net.store.get("payment_intent", session["payment_intent"])
    if intent["status"] == "requires_action":
        return f"/3ds/{intent['id']}"
    return f"/pay/{session['id']}"


def pages(net: Network) -> APIRouter:
    """Make the router of all pages."""
    router = APIRouter(include_in_schema=False)
    _pay_pages(net, router)
    _secure_pages(net, router)

    @router.get("/")
    def home() -> HTMLResponse:
        with turn(net):
            return _home(net)

    return router


def _pay_pages(net: Network, router: APIRouter) -> None:
    """Add the hosted payment page."""

    @router.get("/pay/{session_id}")
    def show(session_id: str, request: Request) -> Response:
        with turn(net):
            session = net.store.find("checkout.session", session_id)
            if session is None:
                return _unknown(request)
            return _show(net, session, _language(request, session), None, {})

    @router.post("/pay/{session_id}")
    def submit(
        session_id: str,
        request: Request,
        *,
        number: Annotated[str, Form()] = "",
        expiry: Annotated[str, Form()] = "",
        cvc: Annotated[str, Form()] = "",
        country: Annotated[str, Form()] = "",
    ) -> Response:
        with turn(net):
            session = net.store.find("checkout.session", session_id)
            if session is None:
                return _unknown(request)
            lang = _language(request, session)
            if session["status"] == "open":
                card = checkout.CardForm(number, expiry, cvc, country)
                wrong = checkout.submit(net, session, card)
                if wrong:
                    form = {"number": number, "expiry": expiry, "country": country}
                    return _show(net, session, lang, TEXTS[lang][wrong], form)
            elif session["status"] == "expired":
                return _show(net, session, lang, None, {})
            return RedirectResponse(_next(net, session), 303)


def _secure_pages(net: Network, router: APIRouter) -> None:
    """Add the issuer's 3-D Secure page."""

    @router.get("/3ds/{intent_id}")
    def show(intent_id: str, request: Request) -> Response:
        with turn(net):
            intent = net.store.find("payment_intent", intent_id)
            if intent is None:
                return _unknown(request)
            session = checkout.session_of(net, intent)
            if intent["status"] != "requires_action":
                return RedirectResponse(_after_secure(net, intent), 303)
            back = session["cancel_url"] if session else None
            return _page("three_ds.html", _language(request, session), intent=intent, back=back)

    @router.post("/3ds/{intent_id}")
    def decide(
        intent_id: str, request: Request, result: Annotated[str, Form()] = "fail"
    ) -> Response:
        with turn(net):
            intent = net.store.find("payment_intent", intent_id)
            if intent is None:
                return _unknown(request)
            where = _after_secure(net, intent)
            checkout.authenticate(net, intent, passed=result == "succeed")
            if checkout.session_of(net, intent):
                where = _after_secure(net, intent)
            return RedirectResponse(where, 303)


def _after_secure(net: Network, intent: Obj) -> str:
    """Return where the person goes after 3-D Secure: its session's way, or `return_url`."""
    session = checkout.session_of(net, intent)
    if session:
        return _next(net, session)
    action = intent["next_action"] or {}
    return (action.get("redirect_to_url") or {}).get("return_url") or "/"


def _home(net: Network) -> HTMLResponse:
    """Show what happened on this network."""
    store = net.store
    payments = []
    for intent in store.every("payment_intent")[:SHOWN_PAYMENTS]:
        charge = store.find("charge", intent["latest_charge"])
        payments.append(
            {
                "intent": intent,
                "charge": charge,
                "failed": (intent["last_payment_error"] or {}).get("decline_code"),
                "disputes": [
                    d for d in store.every("dispute") if charge and d["charge"] == charge["id"]
                ],
            }
        )
    return _page(
        "home.html",
        "en",
        payments=payments,
        balance=balance.balance(net, Params({})),
        payouts=store.every("payout")[:SHOWN_PAYMENTS],
        open_sessions=[s for s in store.every("checkout.session") if s["status"] == "open"],
        deliveries=list(reversed(net.webhooks.deliveries()))[:20],
        waiting=net.webhooks.waiting(),
        faults=net.faults.shown(),
    )
