"""Who a browser is: sign-in with X, and the session that follows.

Whoever has lost X enters by phone and wallet code (`lost`): their session is the person's own and
stands for no X account. What only an account can do refuses them.

The state of a sign-in is bound to the browser that began it and serves once; a session's token is
new at each sign-in, kept as a hash, and ends after `IDLE` without a request.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import sca
from bot.domain.commands import Lang
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.services import cautions, x_money
from bot.services.deps import Deps
from bot.store import browsers, lost, people, tokens

IDLE: Final = timedelta(minutes=5)
"""How long a session lasts without a request (RTS 2018/389 art. 4 (3) (d): at most 5 minutes)."""
TOUCH_AFTER: Final = timedelta(seconds=5)
"""How old `seen_at` may be before it is written again: not every picture is a write."""
ATTEMPT: Final = timedelta(minutes=15)
"""How long somebody may take at X; they may have to find their password."""
NEXT_PATH_AT_MOST: Final = 2_000
"""Characters of a path to come back to: a pay page's holds a note, 12 for each emoji of it."""
HOME: Final = "/wallet"
"""Where a sign-in leads that names no path of ours."""
CALLBACK: Final = "/signin/callback"
"""Where X sends the browser back to; registered with X under `PUBLIC_URL`."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who signed in with X, or a person who entered without."""

    x_user_id: str | None
    """None for who entered without X: they act as none of their accounts."""
    handle: str
    """Empty where there is no account."""
    person_id: int | None
    """None for who has no wallet yet."""
    csrf: str
    lang: Lang | None
    """The language that the person chose."""
    is_ready: bool = False
    """Whether the first time is behind them: a phone, a name, a wallet code."""
    browser: str | None = None
    """The hash of the token that a browser has in which somebody opened their wallet."""

    @property
    def account(self) -> str:
        """The X account that they act as. Raises `Refusal` for who entered without one."""
        if self.x_user_id is None:
            raise Refusal(Reply.of("refusal.needs_x"))
        return self.x_user_id


@dataclass(frozen=True, slots=True)
class SignInStart:
    """Where the browser goes, and the secret that it keeps meanwhile."""

    url: str
    browser_token: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The new session's token, and where the browser goes on."""

    token: str
    next_path: str
    opens: str | None = None
    """The token by which this browser shows the wallet from now on, where that was opened."""


@dataclass(frozen=True, slots=True)
class StartAfresh:
    """Nothing was proven: too late, done already, or come back in another browser."""

    next_path: str


def begin_sign_in(deps: Deps, next_path: str) -> SignInStart:
    """Send a browser to X; it comes back to `next_path`, where that is a path of ours."""
    at = deps.clock.now()
    state, browser, verifier = (deps.chance.token() for _ in range(3))
    with deps.store.write() as session:
        tokens.prune_attempts(session, before=at - ATTEMPT)
        tokens.begin_attempt(
            session,
            state_hash=hashed(state),
            browser_hash=hashed(browser),
            verifier=verifier,
            next_path=local_path(next_path),
            at=at,
        )
    url = deps.sign_in.authorize_url(
        state=state, verifier=verifier, redirect_uri=deps.public_url + CALLBACK
    )
    return SignInStart(url, browser)


def finish_sign_in(
    deps: Deps, *, state: str, code: str, browser_token: str | None
) -> SignedIn | StartAfresh:
    """Learn from X who came back, and open their session. Raises `Unavailable` and `Rejected`.

    Only the browser that began it may finish it: a link to somebody else's sign-in proves nothing.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        attempt = tokens.use_attempt(session, hashed(state))
    if attempt is None or attempt.created_at <= at - ATTEMPT:
        return StartAfresh(attempt.next_path if attempt is not None else HOME)
    if not hmac.compare_digest(attempt.browser_hash, hashed(browser_token or "")):
        return StartAfresh(attempt.next_path)
    user = deps.sign_in.identify(
        code=code, verifier=attempt.verifier, redirect_uri=deps.public_url + CALLBACK
    )
    at = deps.clock.now()
    token, csrf = deps.chance.token(), deps.chance.token()
    with deps.tally.handing_over() as used, deps.store.write() as session:
        x_money.write_down(session, deps, used, at)
        people.see(session, user.id, at=at, handle=user.handle.lower(), name=user.name)
        told = cautions.tell_of_move(session, deps, user.id, user.handle.lower(), at=at)
        tokens.prune_sessions(session, before=at - IDLE)
        tokens.open_session(session, token_hash=hashed(token), x_user_id=user.id, csrf=csrf, at=at)
    if told:
        deps.bells.outbox.set()
    return SignedIn(token, attempt.next_path)


def visitor(
    deps: Deps, token: str | None, *, opened: str | None = None, is_here: bool = True
) -> Visitor | None:
    """Return who a browser's token stands for, and note that they were here.

    `opened`: the token of the browser itself, if a wallet was opened there. `is_here`: whether
    somebody did something, and not a page by itself.
    """
    if not token:
        return None
    at = deps.clock.now()
    since = at - IDLE
    with deps.store.read() as session:
        row = tokens.find_session(session, hashed(token), seen_since=since)
        if row is not None and row.x_user_id is not None:
            person = people.person_of(session, row.x_user_id)
        else:
            person = people.person_by_id(session, row.person_id) if row is not None else None
    if row is None:
        return None
    is_ready = person is not None and people.is_ready(person)
    if row.x_user_id is None and not is_ready:
        return None  # what it was entered with counts no more
    if is_here and row.seen_at <= at - TOUCH_AFTER:
        with deps.store.write() as session:
            tokens.touch_session(session, row.token_hash, seen_since=since, at=at)
    return Visitor(
        x_user_id=row.x_user_id,
        handle=row.handle or row.x_user_id or "",
        person_id=person.id if person is not None else None,
        csrf=row.csrf,
        lang=person.lang if person is not None else None,
        is_ready=is_ready,
        browser=hashed(opened) if opened else None,
    )


def open_wallet(
    session: Session, person_id: int, *, opens: str | None, before: str | None, at: datetime
) -> None:
    """Open a wallet to its owner's eyes, by two factors, for `sca.LOOK_LASTS` (art. 10).

    A browser shows it by a token of its own, `opens`: a new one each time, so that one which was
    carried away from there before, or brought there, opens nothing. `before` is the hash of that.
    None opens no browser.
    """
    people.change_person(session, person_id, opened_at=at)
    if opens is not None:
        browsers.open_wallet(session, person_id, token_hash=hashed(opens), before=before, at=at)


def person_behind(session: Session, visitor: Visitor) -> Row[Any] | None:
    """Return a visitor's person: behind their X account as it is now, or who entered without."""
    if visitor.x_user_id is not None:
        return people.person_of(session, visitor.x_user_id)
    assert visitor.person_id is not None, "who has no account is somebody"
    return people.person_by_id(session, visitor.person_id)


def lock_person_behind(session: Session, visitor: Visitor) -> Row[Any] | None:
    """Lock a visitor's person and return their row; None where there is no wallet."""
    if visitor.x_user_id is not None:
        return people.lock_person_of(session, visitor.x_user_id)
    assert visitor.person_id is not None, "who has no account is somebody"
    return people.lock_persons(session, [visitor.person_id]).get(visitor.person_id)


def sign_out(deps: Deps, token: str | None) -> None:
    """End a session; one that has ended stays ended."""
    if token:
        with deps.store.write() as session:
            tokens.close_session(session, hashed(token))


def prune(deps: Deps) -> int:
    """Forget sessions and sign-ins that have ended; return how many."""
    at = deps.clock.now()
    with deps.store.write() as session:
        return (
            tokens.prune_sessions(session, before=at - IDLE)
            + tokens.prune_attempts(session, before=at - ATTEMPT)
            + lost.prune(session, before=at)
            + browsers.prune(session, before=at - sca.LOOK_LASTS)
        )


def local_path(text: str) -> str:
    r"""Return a path of ours as it is, and `HOME` for everything else.

    >>> local_path("/t/4F7K2Q"), local_path("//evil.example"), local_path(r"/\evil.example")
    ('/t/4F7K2Q', '/wallet', '/wallet')
    >>> local_path("/wallet?open=dm#dm")
    '/wallet?open=dm#dm'
    """
    if not text.startswith("/") or text.startswith("//") or len(text) > NEXT_PATH_AT_MOST:
        return HOME
    # Browsers read a backslash as a slash, and skip control characters.
    if "\\" in text or not text.isascii() or any(ord(character) <= ord(" ") for character in text):
        return HOME
    parts = urlsplit(text)
    if parts.scheme or parts.netloc or parts.path.startswith(("/signin", "/signout")):
        return HOME
    return text


def hashed(token: str) -> str:
    """Return what is kept of a token."""
    return sha256(token.encode()).hexdigest()
