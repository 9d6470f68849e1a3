"""Passkeys: a device that knows its owner signs in with one touch and confirms with a second.

User verification (a finger, a face, the device's code) is asked for and checked each time, so that
a touch is two factors: the key and what unlocks it. The challenge of a confirmation is made of its
row and its terms' hash (art. 5): a signature over it is one for that amount and that payee.
"""

import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
import webauthn
from sqlalchemy import Row
from sqlmodel import Session
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from bot.domain.commands import Lang
from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.domain.sca import Authenticated, Basis, Purpose
from bot.services import changes, sessions, strong, wallet_code
from bot.services.deps import Deps
from bot.services.sessions import SignedIn, Visitor
from bot.store import factors, passkeys, people, tokens

log = structlog.get_logger(__name__)

MADE_WITHIN: Final = timedelta(minutes=10)
"""How long after two factors were given a passkey may be made."""
AT_MOST: Final = 10
"""Passkeys of a person; nobody has so many devices."""
NAME: Final = "S-money"
"""As the device's own dialogue names us."""


@dataclass(frozen=True, slots=True)
class PasskeyLine:
    """A passkey as its owner sees it."""

    id: int
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that waits for a touch: what the browser is asked, and the secret that it keeps."""

    options: str
    browser_token: str


def lines(deps: Deps, visitor: Visitor) -> tuple[PasskeyLine, ...]:
    """Return a visitor's passkeys."""
    with deps.store.read() as session:
        person = sessions.person_behind(session, visitor)
        rows = passkeys.of_person(session, person.id) if person is not None else ()
    return tuple(PasskeyLine(row.id, row.created_at, row.used_at) for row in rows)


# --- one more ----------------------------------------------------------------------------------


def options_to_make(deps: Deps, visitor: Visitor) -> str | None:
    """Return what the browser is asked to make; None where it was not just given two factors."""
    with deps.store.read() as session:
        met = _met(session, deps, visitor)
        person = people.person_of(session, visitor.account)
        if met is None or person is None:
            return None
        known = passkeys.of_person(session, person.id)
    options = webauthn.generate_registration_options(
        rp_id=_rp_id(deps),
        rp_name=NAME,
        user_name=f"@{visitor.handle}",
        user_id=_user_handle(deps, person.id),
        challenge=_challenge(deps, met),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[
            PublicKeyCredentialDescriptor(id=base64url_to_bytes(one.credential_id)) for one in known
        ],
    )
    return webauthn.options_to_json(options)


def add(deps: Deps, visitor: Visitor, credential: str, *, page: Lang | None = None) -> None:
    """Keep a passkey that the browser made, and tell the old channels. Raises `Refusal`."""
    at = deps.clock.now()
    with deps.store.write() as session:
        met = _met(session, deps, visitor)
        known = people.person_of(session, visitor.account)
        if met is None or known is None:
            raise Refusal(Reply.of("refusal.proof_over"))
        person = people.lock_persons(session, [known.id])[known.id]
        try:
            made = webauthn.verify_registration_response(
                credential=credential,
                expected_challenge=_challenge(deps, met),
                expected_rp_id=_rp_id(deps),
                expected_origin=deps.public_url,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise _refused(error) from None
        if len(passkeys.of_person(session, person.id)) >= AT_MOST:
            raise Refusal(Reply.of("refusal.passkey"))
        is_new = passkeys.insert(
            session,
            person_id=person.id,
            x_user_id=visitor.account,
            credential_id=bytes_to_base64url(made.credential_id),
            public_key=bytes_to_base64url(made.credential_public_key),
            sign_count=made.sign_count,
            created_at=at,
        )
        if is_new:
            told = Reply.of("changed.passkey")
            changes.tell(session, person, told, key=f"passkey:{met.id[:8]}", at=at, page=page)
    deps.bells.outbox.set()


def remove(deps: Deps, visitor: Visitor, passkey_id: int, *, page: Lang | None = None) -> None:
    """Let a passkey serve no more, once two factors were given, and tell the old channels."""
    at = deps.clock.now()
    with deps.store.write() as session:
        person = people.lock_person_of(session, visitor.account)
        assert person is not None, "who was authenticated has a wallet"
        if passkeys.remove(session, person.id, passkey_id, at=at):
            told = Reply.of("changed.passkey_removed")
            changes.tell(session, person, told, key=f"unpasskey:{passkey_id}", at=at, page=page)
    deps.bells.outbox.set()


def _met(session: Session, deps: Deps, visitor: Visitor) -> Row[Any] | None:
    """Return the two factors that were just given for one more passkey, in this browser."""
    met = factors.met_since(
        session,
        visitor.account,
        browser=visitor.browser,
        purpose=Purpose.PASSKEY.value,
        since=deps.clock.now() - MADE_WITHIN,
    )
    return next((one for one in met if "remove" not in json.loads(one.facts)), None)


# --- the first touch: signing in ---------------------------------------------------------------


def begin_sign_in(deps: Deps, next_path: str) -> Begun:
    """Ask a browser for a touch of whatever passkey it has: nobody is named, or can be probed."""
    at = deps.clock.now()
    browser = deps.chance.token()
    challenge = deps.chance.token().encode()
    with deps.store.write() as session:
        tokens.prune_attempts(session, before=at - sessions.ATTEMPT)
        tokens.begin_attempt(
            session,
            state_hash=_hashed(bytes_to_base64url(challenge)),
            browser_hash=_hashed(browser),
            verifier=bytes_to_base64url(challenge),
            next_path=sessions.local_path(next_path),
            at=at,
        )
    return Begun(_to_get(deps, challenge), browser)


def finish_sign_in(
    deps: Deps,
    credential: str,
    browser_token: str | None,
    *,
    opens: str | None = None,
    opened: str | None = None,
) -> SignedIn:
    """Open a session for whose passkey was touched, and their wallet. Raises `Refusal`.

    Only the browser that began it finishes it, once. `opens`: the token by which it shows the
    wallet from now on, `opened`: the one that it had.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        attempt = tokens.use_attempt(session, _hashed(_signed_challenge(credential)))
    if (
        attempt is None
        or attempt.created_at <= at - sessions.ATTEMPT
        or not hmac.compare_digest(attempt.browser_hash, _hashed(browser_token or ""))
    ):
        raise Refusal(Reply.of("refusal.passkey"))
    token, csrf = deps.chance.token(), deps.chance.token()
    with deps.store.write() as session:
        row = _check(session, deps, credential, base64url_to_bytes(attempt.verifier))
        person = people.person_of(session, row.x_user_id)
        is_theirs = person is not None and person.id == row.person_id
        if is_theirs:
            # The key and what unlocks it are two factors: they open the wallet too (art. 10).
            before = sessions.hashed(opened) if opened else None
            sessions.open_wallet(session, row.person_id, opens=opens, before=before, at=at)
        # The key is the person's; the account that made it may be somebody else's by now.
        tokens.open_session(
            session,
            token_hash=_hashed(token),
            x_user_id=row.x_user_id if is_theirs else None,
            person_id=None if is_theirs else row.person_id,
            csrf=csrf,
            at=at,
        )
    return SignedIn(token, attempt.next_path, opens=opens if is_theirs else None)


# --- the second touch: confirming --------------------------------------------------------------


def options_to_confirm(deps: Deps, visitor: Visitor, challenge_id: str) -> str | None:
    """Return what a visitor's passkeys are asked to sign; None where they have none."""
    with deps.store.read() as session:
        row = strong.challenge_of(session, visitor, challenge_id)
        known = passkeys.of_person(session, row.person_id) if row is not None else ()
    if row is None or not known:
        return None
    return _to_get(deps, _challenge(deps, row), [one.credential_id for one in known])


def prove(
    deps: Deps, visitor: Visitor, challenge_id: str, credential: str, *, opens: str | None = None
) -> Authenticated:
    """Meet a challenge by a touch. Raises `Refusal`.

    The browser's word that its owner was verified is in what the key has signed, and so is the
    challenge, which is that of this row and these terms alone. `opens`: as for `strong.prove`.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        # A pause after wrong codes does not stop a touch: it is the way out of one.
        person = strong.ready_person(session, visitor)
        row = strong.challenge_of(session, visitor, challenge_id)
        if row is None or row.person_id != person.id or not strong.is_open(row, at):
            raise Refusal(Reply.of("refusal.proof_over"))
        used = _check(session, deps, credential, _challenge(deps, row))
        if used.person_id != person.id:
            raise Refusal(Reply.of("refusal.passkey"))
        wallet_code.count(session, person, at, is_right=True)
        return strong.met(session, visitor, row, Basis.PASSKEY, at, opens=opens)


# --- what all of them do -----------------------------------------------------------------------


def _check(session: Session, deps: Deps, credential: str, challenge: bytes) -> Row[Any]:
    """Check a signature over a challenge, and return whose passkey made it. Raises `Refusal`."""
    try:
        row = passkeys.by_credential(session, str(json.loads(credential)["id"]))
        if row is None:
            raise Refusal(Reply.of("refusal.passkey"))
        done = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_rp_id(deps),
            expected_origin=deps.public_url,
            credential_public_key=base64url_to_bytes(row.public_key),
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise _refused(error) from None
    if not passkeys.use(session, row, sign_count=done.new_sign_count, at=deps.clock.now()):
        raise Refusal(Reply.of("refusal.passkey"))
    return row


def _refused(error: Exception) -> Refusal:
    log.warning("passkey_refused", reason=type(error).__name__)
    return Refusal(Reply.of("refusal.passkey"))


def _to_get(deps: Deps, challenge: bytes, credential_ids: list[str] | None = None) -> str:
    return webauthn.options_to_json(
        webauthn.generate_authentication_options(
            rp_id=_rp_id(deps),
            challenge=challenge,
            allow_credentials=[
                PublicKeyCredentialDescriptor(id=base64url_to_bytes(one))
                for one in credential_ids or []
            ],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def _challenge(deps: Deps, row: Row[Any]) -> bytes:
    """Make a challenge of a row and what it is bound to."""
    text = f"passkey|{row.id}|{row.terms_hash}"
    return hmac.new(deps.secret_key.encode(), text.encode(), sha256).digest()


def _signed_challenge(credential: str) -> str:
    """Return the challenge that a browser says it signed: it finds the row, and proves nothing."""
    try:
        data = json.loads(credential)["response"]["clientDataJSON"]
        return str(json.loads(base64url_to_bytes(data))["challenge"])
    except (ValueError, KeyError, TypeError) as error:
        raise _refused(error) from None


def _user_handle(deps: Deps, person_id: int) -> bytes:
    """Name a person to their device without saying anything about them."""
    text = f"passkey-user|{person_id}"
    return hmac.new(deps.secret_key.encode(), text.encode(), sha256).digest()


def _rp_id(deps: Deps) -> str:
    return urlsplit(deps.public_url).hostname or ""


def _hashed(token: str) -> str:
    return sha256(token.encode()).hexdigest()
