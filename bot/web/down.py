"""A database that is down: a page that says so, whatever was asked for, and one line in the log."""

from threading import Event, Thread
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot import migrations
from bot.services.sessions import local_path
from bot.store.down import is_down, tell_database_down, wait_for_database
from bot.store.engine import Store
from bot.web import errors
from bot.web.site import Site, home_of

log = structlog.get_logger(__name__)

STOP_WITHIN_S: Final = 1.0
"""How long a look at the database may take at the end (seconds): the process ends within 10."""


class DatabaseDown:
    """Answers 503 where the database does not answer, the handlers of other errors included."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except SQLAlchemyError as error:
            if has_begun or not is_down(error):
                raise
            tell_database_down(error, path=scope["path"])
            await _sorry(Request(scope), self._site)(scope, receive, send)


def _sorry(request: Request, site: Site) -> Response:
    path = request.url.path
    if path.startswith("/webhooks/"):
        return PlainTextResponse("the database does not answer", 503)
    if request.method in ("GET", "HEAD"):
        return errors.plain(request, site, 503, "down", home=local_path(path))
    # Before a form is let through nothing is done; after that, who knows how far it came.
    let_through = getattr(request.state, "form_let_through", False)
    what = "down_unsure" if let_through else "down_not_done"
    return errors.plain(request, site, 503, what, home=home_of(path))


class DatabaseWatch:
    """Says at the start that the database is down, or has another schema, and when it answers.

    The pages are served meanwhile: each says so itself until its database answers.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stop = Event()
        self._thread = Thread(target=self._watch, name="database-watch", daemon=True)

    def start(self) -> None:
        """Begin to look, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join(STOP_WITHIN_S)

    def _watch(self) -> None:
        revision = wait_for_database(self._ask, self._stop)
        if revision is None:
            return
        if revision == migrations.head():
            log.info("database_answers", revision=revision)
        else:
            mend = migrations.mend(revision or None)
            log.error("schema_other", revision=revision or "none", mend=mend)

    def _ask(self) -> str:
        return migrations.revision(self._store) or ""
