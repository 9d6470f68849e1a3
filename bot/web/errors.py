"""What went wrong, as a page: in the visitor's language, or both where there is no telling."""

from typing import Final
from urllib.parse import urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from bot.domain.commands import Lang
from bot.domain.errors import BotError, Refusal
from bot.domain.replies import Reply
from bot.i18n import texts
from bot.services.sessions import HOME, Visitor, local_path
from bot.web import kept_form
from bot.web.languages import LANGS, choose_lang, known_lang
from bot.web.security import BodyTooLarge
from bot.web.site import (
    TEMPLATES,
    Forged,
    SessionOver,
    Site,
    TooOften,
    back_of,
    glance,
    page,
    visit,
)

_STOPPED: Final = {Forged: (403, "forged"), TooOften: (429, "too_often")}
"""How a form that was not let through is answered: its status, and which page says so."""


def install(app: FastAPI, site: Site) -> None:
    """Hand the application a page for everything that may go wrong."""

    def sorry(
        request: Request,
        status: int,
        what: str,
        *,
        visitor: Visitor | None = None,
        **values: object,
    ) -> Response:
        lang = choose_lang(request, visitor)
        said = {"what": what, "sentence": None, "back": "/", "is_kept": False, **values}
        return page(site, "sorry.html", lang, visitor, request.url.path, status, said)

    def http_error(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status == 405 and request.method == "GET":
            # The address of a form, typed or loaded again: the page that it stands on.
            return RedirectResponse(back_of(request), 303)
        return not_found(request, site) if status == 404 else sorry(request, status, "bad_request")

    def session_over(request: Request, error: Exception) -> Response:
        assert isinstance(error, SessionOver), "this handler was given ends of sessions"
        back, is_kept = _back_to_typed(request)
        is_kept = is_kept or bool(error.account)
        if back == HOME:
            back = error.next_path
        answer = sorry(request, 401, "session_over", back=back, is_kept=is_kept)
        if error.account:
            kept = kept_form.wrapped(site.deps.secret_key, error.account, back)
            site.set_cookie(answer, site.typed_cookie, kept, max_age_s=kept_form.KEPT_S)
        return answer

    def stopped(request: Request, error: Exception) -> Response:
        status, what = _STOPPED[type(error)]
        back, is_kept = _back_to_typed(request)
        # What comes too often may be a page that looks again by itself, with nobody before it.
        here = glance(request) if isinstance(error, TooOften) else visit(request)
        return sorry(request, status, what, visitor=here.visitor, back=back, is_kept=is_kept)

    def refused(request: Request, error: Exception) -> Response:
        here = visit(request)
        assert isinstance(error, Refusal), "this handler was given refusals"
        home = back_of(request)
        said = here.say(error.reply)
        return sorry(request, 409, "refused", visitor=here.visitor, sentence=said, back=home)

    def unavailable(request: Request, _error: Exception) -> Response:
        return sorry(request, 503, "unavailable", back=back_of(request))

    def broken(request: Request, _error: Exception) -> Response:
        # The server has logged it; nobody reads here what it was.
        return plain(request, site, 500, "broken", home="/")

    for kind, answer in (
        (HTTPException, http_error),
        (RequestValidationError, lambda request, _: sorry(request, 400, "bad_request")),
        (SessionOver, session_over),
        (Forged, stopped),
        (TooOften, stopped),
        (BodyTooLarge, lambda request, _: sorry(request, 413, "bad_request")),
        (Refusal, refused),
        (BotError, unavailable),
        (Exception, broken),
    ):
        app.add_exception_handler(kind, answer)


def _back_to_typed(request: Request) -> tuple[str, bool]:
    """Return the page that a form stands on, and whether what was typed there is filled in."""
    home, came = back_of(request), getattr(request.state, "typed", {})
    chooses = home.startswith("/@") or request.url.path.endswith("/amount")
    names = ("people", "amount", "kind", "note") if home == "/ask" else ("amount", "note")
    typed = {name: came[name] for name in names if came.get(name)}
    if not typed or not (chooses or home == "/ask"):
        return home, False
    query = urlencode(typed)
    path = f"{home.partition('?')[0]}?{query}"
    # What is too long for an address is typed again.
    return (path, True) if local_path(path) == path else (home, False)


def plain(request: Request, site: Site, status: int, what: str, *, home: str) -> Response:
    """Make a page that needs no database: it may be what is broken."""
    lang = choose_lang(request, None)
    html = plain_page(what, lang=lang, home=home)
    headers = {**site.headers, "Content-Language": lang}
    return Response(html, status, headers=headers, media_type="text/html")


def plain_page(what: str, *, lang: Lang, home: str) -> str:
    """Write that page: a sentence about what is wrong, and the way on to `home`."""
    return TEMPLATES.get_template("plain.html").render(
        t=lambda key: texts.say(Reply.of(key), lang, public=False), lang=lang, what=what, home=home
    )


def not_found(request: Request, site: Site) -> Response:
    """Say that there is nothing here: in both languages to whom we do not know.

    That is who has told us no language, and who opens a link from a post that does not say who they
    are: it may have been passed on by somebody else.
    """
    here = glance(request)
    is_passed_on = here.visitor is None and request.url.path.startswith("/t/")
    both = is_passed_on or known_lang(request, here.visitor) is None
    said = [here.lang, *(one for one in LANGS if both and one != here.lang)]
    path = request.url.path
    return page(site, "not_found.html", here.lang, here.visitor, path, 404, {"langs": said})
