"""One visit: who it is, in which language, and how a page is made for them."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, quote, urlencode

import structlog
from fastapi import Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import Response

from bot.domain import limits
from bot.domain.commands import Lang
from bot.domain.replies import Reply
from bot.domain.sca import LOOK_LASTS
from bot.i18n import texts
from bot.services import sessions
from bot.services.deps import Deps
from bot.services.sessions import Visitor
from bot.services.whoami import bot_account
from bot.web import kept_form, said_once
from bot.web.languages import LANG_COOKIE, LANG_KEPT_S, LANGS, choose_lang
from bot.web.security import BY_ADDRESS, BY_PERSON, LOOPBACK, Limiter, Rate, headers_for

log = structlog.get_logger(__name__)

HERE: Final = Path(__file__).parent


def _hashed(name: str) -> str:
    """Return a static file's address, which changes with what it says."""
    digest = sha256((HERE / "static" / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"


TEMPLATES: Final = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.globals.update(
    style_address=_hashed("style.css"),
    passkey_address=_hashed("passkey.js"),
    receipt_address=_hashed("receipt.js"),
    share_address=_hashed("share.js"),
    live_address=_hashed("live.js"),
    try_address=_hashed("try.js"),
    icon_address=_hashed("icon.svg"),
)


class Site:
    """What every visit shares: the ports, the names of the cookies."""

    def __init__(self, deps: Deps, *, card_origins: tuple[str, ...], x_origin: str) -> None:
        self.deps = deps
        self.card_origins = card_origins
        self.x_origin = x_origin
        self.is_secure = deps.public_url.startswith("https://")
        # Browsers let nobody but this host set a cookie whose name begins so.
        prefix = "__Host-" if self.is_secure else ""
        self.session_cookie = f"{prefix}smoney_session"
        self.sign_in_cookie = f"{prefix}smoney_signin"
        self.touch_cookie = f"{prefix}smoney_touch"
        self.opened_cookie = f"{prefix}smoney_opened"
        self.lost_cookie = f"{prefix}smoney_lost"
        self.typed_cookie = f"{prefix}smoney_typed"
        self.said_cookie = f"{prefix}smoney_said"
        self.limiter = Limiter()
        self.headers = headers_for(is_secure=self.is_secure, form_origins=card_origins)

    def set_cookie(
        self, response: Response, name: str, value: str, *, max_age_s: int | None
    ) -> None:
        """Give the browser a cookie that no script reads; None: until it is closed."""
        response.set_cookie(
            name,
            value,
            max_age=max_age_s,
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )

    def keep_open(self, response: Response, token: str) -> None:
        """Give the browser the token by which it shows the wallet that was just opened there."""
        seconds = int(LOOK_LASTS.total_seconds())
        self.set_cookie(response, self.opened_cookie, token, max_age_s=seconds)

    def drop_cookie(self, response: Response, name: str) -> None:
        """Take a cookie back."""
        response.delete_cookie(name, path="/", secure=self.is_secure, httponly=True, samesite="lax")


@dataclass(frozen=True, slots=True)
class Visit:
    """One request by one browser."""

    site: Site
    request: Request
    visitor: Visitor | None
    lang: Lang

    @property
    def deps(self) -> Deps:
        """The ports and the database."""
        return self.site.deps

    @property
    def here(self) -> str:
        """This page's path, with its query: where a sign-in comes back to."""
        url = self.request.url
        return f"{url.path}?{url.query}" if url.query else url.path

    @property
    def address(self) -> str | None:
        """Where the browser is, as far as the proxies that we know say."""
        return self.request.client.host if self.request.client is not None else None

    @property
    def own_mark(self) -> str:
        """What the visitor's own forms bear; empty for who has no wallet."""
        who = self.visitor.person_id if self.visitor is not None else None
        return "" if who is None else kept_form.mark(self.deps.secret_key, who)

    def typed_before(self) -> kept_form.Typed | None:
        """Return what the visitor had typed on this page when their session ended."""
        cookie = self.request.cookies.get(self.site.typed_cookie)
        if not cookie or not self.own_mark:
            return None
        return kept_form.unwrapped(
            self.deps.secret_key, cookie, self.request.url.path, self.own_mark
        )

    def said_before(self) -> str | None:
        """Return why the form of this page was refused just now, where it was."""
        cookie = self.request.cookies.get(self.site.said_cookie)
        if not cookie or self.visitor is None:
            return None
        path = self.request.url.path
        return said_once.unwrapped(self.deps.secret_key, cookie, path, self.visitor.csrf)

    def welcome(self, token: str, next_path: str) -> Response:
        """Give the browser its session, end the one it had, and drop what another had typed."""
        site, cookies = self.site, self.request.cookies
        sessions.sign_out(site.deps, cookies.get(site.session_cookie))
        response = self.go(next_path)
        site.set_cookie(response, site.session_cookie, token, max_age_s=None)
        now = Visit(site, self.request, sessions.visitor(site.deps, token), self.lang)
        if not kept_form.is_of(
            site.deps.secret_key, cookies.get(site.typed_cookie, ""), now.own_mark
        ):
            site.drop_cookie(response, site.typed_cookie)
        return response

    def say(self, reply: Reply) -> str:
        """Put a sentence into this visit's language."""
        return texts.say(reply, self.lang, public=False)

    def refusal(self, key: str) -> str:
        """Return the sentence of a refusal, with the operator's figures that it names."""
        return self.say(limits.explain(key, self.deps.policy))

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Make a page, or a part; the browser remembers in which language a page was asked for."""
        response = page(self.site, template, self.lang, self.visitor, self.here, status, values)
        is_part = template.startswith("_")
        if self.request.query_params.get("lang") == self.lang and not is_part:
            self.site.set_cookie(response, LANG_COOKIE, self.lang, max_age_s=LANG_KEPT_S)
        return response

    def go(self, path: str) -> RedirectResponse:
        """Send the browser on to a page of ours, by GET."""
        assert sessions.local_path(path) == path, "redirects stay with us"
        return RedirectResponse(path, 303)


def page(
    site: Site,
    template: str,
    lang: Lang,
    visitor: Visitor | None,
    here: str,
    status: int,
    values: Mapping[str, Any],
) -> HTMLResponse:
    """Make a page for a visitor in a language."""
    other_lang = next(one for one in LANGS if one != lang)
    html = TEMPLATES.get_template(template).render(
        t=partial(_say, lang),
        lang=lang,
        other_lang=other_lang,
        other_lang_address=_in(other_lang, here),
        amount=partial(texts.amount, lang=lang),
        visitor=visitor,
        sign_in_address=f"/signin?next={quote(here, safe='/')}",
        here=here,
        say=_say,
        bot=bot_handle(site.deps),
        contact=site.deps.contact,
        post_on_x=partial(_post_on_x, site.x_origin),
        message_on_x=partial(_message_on_x, site.x_origin),
        host=site.deps.public_url.partition("://")[2],
        **values,
    )
    return HTMLResponse(html, status, headers={"Content-Language": lang})


def _post_on_x(origin: str, text: str) -> str:
    """Return where somebody posts a text from their own account: X asks them first."""
    return f"{origin}/intent/post?{urlencode({'text': text})}"


def _message_on_x(origin: str, text: str, x_user_id: str) -> str:
    """Return where somebody sends a text to an account, from their own: X asks them first."""
    return f"{origin}/messages/compose?{urlencode({'recipient_id': x_user_id, 'text': text})}"


def _in(lang: Lang, here: str) -> str:
    """Return this page's address in a language; what X sent back is used up, and left out."""
    path, _, query = here.partition("?")
    kept = [one for one in parse_qsl(query) if one[0] not in ("lang", "state", "code", "error")]
    return f"{path}?{urlencode([*kept, ('lang', lang)])}"


def _say(lang: Lang, key: str, **values: object) -> str:
    return texts.say(Reply(key, values), lang, public=False)


def bot_handle(deps: Deps) -> str:
    """Return the bot's handle, so that a page says which one is the true one."""
    with deps.store.read() as session:
        bot = bot_account(session)
    return bot.handle if bot is not None else ""


def site_of(request: Request) -> Site:
    """Return what every visit shares."""
    site: Site = request.app.state.site
    return site


def visit(request: Request) -> Visit:
    """Return who visits, in which language."""
    return _visit(request, is_here=True)


def glance(request: Request) -> Visit:
    """Return whose page looks again by itself: nobody may be in front of it any more."""
    return _visit(request, is_here=False)


def _visit(request: Request, *, is_here: bool) -> Visit:
    site = site_of(request)
    token, opened = (request.cookies.get(one) for one in (site.session_cookie, site.opened_cookie))
    visitor = sessions.visitor(site.deps, token, opened=opened, is_here=is_here)
    return Visit(site, request, visitor, choose_lang(request, visitor))


Here = Annotated[Visit, Depends(visit)]
"""An endpoint's argument: the visit."""
Glance = Annotated[Visit, Depends(glance)]
"""An endpoint's argument: the visit of a script, which keeps no session alive."""


# --- forms -------------------------------------------------------------------------------------


class SessionOver(Exception):
    """A form came from nobody who is signed in: they sign in again, and nothing was done."""

    def __init__(self, next_path: str, account: kept_form.Typed) -> None:
        """Keep what was typed where an account is named: it is filled in again.

        `next_path` is where the form would have gone on to: only a path of ours is believed.
        """
        self.account = account
        self.next_path = sessions.local_path(next_path)


class Forged(Exception):
    """A form without the session's own token: refused and logged."""


class TooOften(Exception):
    """Too many forms from a person or an address."""


@dataclass(frozen=True, slots=True)
class SignedVisit(Visit):
    """A form that a signed-in browser sent from a page of ours."""

    who: Visitor

    @property
    def home(self) -> str:
        """The page that the form stands on."""
        return home_of(self.request.url.path)

    def go_and_say(self, address: str, said: str) -> RedirectResponse:
        """Send the browser on to a page of ours, which says once why a form was refused."""
        answer = self.go(address)
        path = address.partition("?")[0]
        kept = said_once.wrapped(self.deps.secret_key, said, path, self.who.csrf)
        self.site.set_cookie(answer, self.site.said_cookie, kept, max_age_s=said_once.KEPT_S)
        return answer


def home_of(path: str) -> str:
    """Return the page that a form's address belongs to."""
    parts = path.split("/")
    if parts[1] in ("lost", "ask"):
        return f"/{parts[1]}"
    if parts[1].startswith("@"):
        return sessions.local_path(f"/{parts[1]}")
    if parts[1] == "prove":  # what it asks for, and the way back from there, only its page knows
        return sessions.local_path(f"/prove/{parts[2]}")
    if path.startswith("/wallet/payout/") or path == "/wallet/payout":
        return "/wallet/payout"
    return f"/t/{parts[2]}" if parts[1] == "t" else sessions.HOME


def back_of(request: Request) -> str:
    """Return the page that a request stands on; a pay page's with what its link filled in."""
    home, query = home_of(request.url.path), request.url.query
    return sessions.local_path(f"{home}?{query}") if home.startswith("/@") and query else home


def signed(
    here: Here,
    account: Annotated[kept_form.Typed, Depends(kept_form.read)],
    csrf: Annotated[str, Form()] = "",
    amount: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
    people: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    next_path: Annotated[str, Form(alias="next")] = "",
) -> SignedVisit:
    """Let a form through whose token is the session's own.

    Whatever stops it, what was typed where people or an amount are chosen is filled in again.
    """
    typed = {"people": people, "amount": amount.strip(), "kind": kind, "note": note}
    here.request.state.typed = typed
    brake(here, "form", BY_ADDRESS)
    if here.visitor is None:
        log.warning("form_without_session", path=here.request.url.path)
        raise SessionOver(next_path, account)
    if not hmac.compare_digest(csrf.encode(), here.visitor.csrf.encode()):
        log.warning("form_forged", path=here.request.url.path, x_user_id=here.visitor.x_user_id)
        raise Forged
    who = here.visitor.x_user_id or f"without-x:{here.visitor.person_id}"
    brake_name(here, f"person:{who}", BY_PERSON)
    here.request.state.form_let_through = True
    return SignedVisit(here.site, here.request, here.visitor, here.lang, here.visitor)


def brake(here: Visit, what: str, rate: Rate) -> None:
    """Refuse what comes too often from one address."""
    client = here.request.client
    if client is None or client.host in LOOPBACK:
        return
    if not here.site.limiter.allows(f"{what}:{client.host}", rate, here.deps.clock.now()):
        log.warning("address_too_often", what=what, address=client.host)
        raise TooOften


def brake_name(here: Visit, name: str, rate: Rate) -> None:
    """Refuse what comes too often under a name: of a person, or of a number."""
    if not here.site.limiter.allows(name, rate, here.deps.clock.now()):
        raise TooOften


Signed = Annotated[SignedVisit, Depends(signed)]
"""An endpoint's argument: the visit of a form that is what it says."""
