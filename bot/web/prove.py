"""The page of two factors: what was asked for in full, then the wallet code and the one by text."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from bot.domain.errors import BotError, Refusal
from bot.domain.replies import Reply
from bot.domain.sca import Authenticated
from bot.services import guarded, passkeys, strong
from bot.services.sessions import Visitor, hashed
from bot.services.strong import Asked, ChallengePage
from bot.web import errors, order_page
from bot.web.security import CODES_BY_ADDRESS
from bot.web.site import Here, Signed, SignedVisit, Visit, brake

router = APIRouter()
log = structlog.get_logger(__name__)
Code = Annotated[str, Form(max_length=40)]


def ask(form: SignedVisit, asked: Asked) -> Response:
    """Send the text, and the browser to the page that asks for both codes."""
    brake(form, "code", CODES_BY_ADDRESS)
    challenge = strong.begin(form.deps, form.who, asked, lang=form.lang, address=form.address)
    answer = form.go(f"/prove/{challenge}")
    # What was typed is in what they are asked for from here on.
    form.site.drop_cookie(answer, form.site.typed_cookie)
    return answer


@router.get("/prove/{challenge_id}")
def show(here: Here, challenge_id: str) -> Response:
    """Show what is to be confirmed, and ask for both codes."""
    if here.visitor is None:
        return here.page("sign_in.html")
    challenge = read(here, here.visitor, challenge_id)
    return challenge if isinstance(challenge, Response) else _page(here, challenge)


def read(here: Visit, who: Visitor, challenge_id: str) -> ChallengePage | Response:
    """Return a challenge of a visitor's own, or the page that says why there is none.

    One that was met leads to where it shows what came of it; of one that cannot be read, the page
    which it came from is shown anew, with a sentence.
    """
    challenge = strong.page(here.deps, who, challenge_id)
    if challenge is None:
        return errors.not_found(here.request, here.site)
    if challenge.is_used:
        return here.go(guarded.home_of(challenge))
    if not guarded.is_void(challenge):
        return challenge
    log.warning("challenge_void", purpose=challenge.purpose, challenge=challenge.id)
    refusal = Refusal(Reply.of("refusal.proof_void"))
    if "reference" in challenge.facts:
        return order_page.show(here, challenge.facts["reference"], said=refusal)
    return _sorry(here, challenge, refusal)


@router.post("/prove/{challenge_id}")
def prove(form: Signed, challenge_id: str, code: Code = "", text_code: Code = "") -> Response:
    """Check both codes, and do what was asked for."""
    challenge = read(form, form.who, challenge_id)
    if isinstance(challenge, Response):
        return challenge
    opens = form.deps.chance.token()
    try:
        proof = strong.prove(
            form.deps,
            form.who,
            challenge_id,
            wallet_code_text=code,
            text_code_text=text_code,
            opens=opens,
        )
    except Refusal as refusal:
        return refused(form, challenge, refusal)
    return do(form, challenge, proof, opens)


def refused(form: SignedVisit, challenge: ChallengePage, refusal: Refusal) -> Response:
    """Show the page again with the reason; what was done already leads to where it shows."""
    log.warning("proof_refused", reason=refusal.reply.key, x_user_id=form.who.x_user_id)
    left = strong.page(form.deps, form.who, challenge.id)
    assert left is not None, "a challenge stays"
    if left.is_used:
        return form.go(guarded.home_of(left))
    return _page(form, left, said=form.say(refusal.reply))


def do(form: SignedVisit, challenge: ChallengePage, proof: Authenticated, opens: str) -> Response:
    """Do what was authenticated, and go on to where it shows.

    The wallet is open in this browser now, which is given the token for that, whatever comes of it;
    but not to who entered without X: they see it while their session lasts.
    """
    if form.who.x_user_id is None:
        return _do(form, form.who, challenge, proof)
    response = _do(form, replace(form.who, browser=hashed(opens)), challenge, proof)
    form.site.keep_open(response, opens)
    return response


def _do(
    form: SignedVisit, who: Visitor, challenge: ChallengePage, proof: Authenticated
) -> Response:
    try:
        path = guarded.do(form.deps, who, challenge, proof, lang=form.lang, address=form.address)
    except Refusal as refusal:
        # What was confirmed is no longer so, or not allowed: the page that it came from says more.
        return _sorry(form, challenge, refusal)
    except BotError as error:
        # Answered here and not by the handler of all pages: the browser still gets its token.
        log.warning("deed_unavailable", purpose=challenge.purpose, error=type(error).__name__)
        return _sorry(form, challenge)
    return (
        form.go(path) if path.startswith("/") else to_card(form, path, guarded.home_of(challenge))
    )


def _sorry(here: Visit, challenge: ChallengePage, refusal: Refusal | None = None) -> Response:
    """Say why it was not done; without a refusal: that what it takes does not answer."""
    status, what = (409, "refused") if refusal is not None else (503, "unavailable")
    said = {"what": what, "sentence": here.say(refusal.reply) if refusal is not None else None}
    back = guarded.home_of(challenge)
    return here.page("sorry.html", status=status, back=back, is_kept=False, **said)


def to_card(form: SignedVisit, url: str, home: str) -> Response:
    """Send the browser on to the card's page, or to ours that has a link to it.

    A browser follows no form to where our policy does not name.
    """
    if url.startswith(tuple(f"{one}/" for one in form.site.card_origins)):
        return RedirectResponse(url, 303)
    return form.go(home)


@router.post("/prove/{challenge_id}/again")
def again(form: Signed, challenge_id: str) -> Response:
    """Send another text for the same: the one before is void once this one has served."""
    challenge = read(form, form.who, challenge_id)
    if isinstance(challenge, Response):
        return challenge
    return ask(form, Asked(challenge.purpose, challenge.facts, challenge.terms_hash))


def _page(here: Visit, challenge: ChallengePage, said: str | None = None) -> Response:
    ends_at = challenge.facts.get("ends_at")
    return here.page(
        "prove.html",
        status=200 if said is None else 422,
        challenge=challenge,
        facts=challenge.facts,
        ends_at=datetime.fromisoformat(ends_at) if ends_at is not None else None,
        home=guarded.home_of(challenge),
        options=None if challenge.is_over else _options(here, challenge),
        said=said,
    )


def _options(here: Visit, challenge: ChallengePage) -> str | None:
    assert here.visitor is not None, "only who signed in comes here"
    return passkeys.options_to_confirm(here.deps, here.visitor, challenge.id)
