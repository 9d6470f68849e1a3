"""What it is, and how one speaks to it."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from bot.domain.replies import Reply
from bot.web.reading import read
from bot.web.security import BY_ADDRESS
from bot.web.site import Here, Visit, bot_handle, brake

router = APIRouter()

TRIED_AT_MOST: Final = 1_000
"""Characters of a text to try; a post has 280."""

USUAL_HANDLE: Final = "smoney"
"""The bot's handle in examples, before the worker has asked X for it."""


@router.get("/")
def home(here: Here) -> Response:
    """Say what it is."""
    return here.page("home.html", claim_within_days=here.deps.policy.claim_within_days)


@router.get("/help")
def explain(here: Here, text: str = "") -> Response:
    """Explain the language, and say what the bot would read in a text."""
    if text:
        brake(here, "try", BY_ADDRESS)  # read as the script's is: one count for both
    return here.page("help.html", text=text[:TRIED_AT_MOST], reading=_reading(here, text))


@router.get("/help/read")
def try_out(here: Here, text: str = "") -> Response:
    """Say what the bot would read in a text, to the help page's script."""
    brake(here, "try", BY_ADDRESS)
    return JSONResponse({"reading": _reading(here, text)})


def _reading(here: Visit, text: str) -> str | None:
    """Say in sentences what the bot would read; None where nothing was typed."""
    text = text[:TRIED_AT_MOST]
    if not text.strip():
        return None
    reading = read(
        text,
        bot_handle(here.deps) or USUAL_HANDLE,
        here.lang,
        most_cents=here.deps.policy.to_person_cents,
    )
    said = reading.said
    if reading.is_mended:
        said = Reply.of("page.read.mended", said=said)
    return here.say(
        Reply.of(f"page.read.{'in_post' if reading.is_post else 'in_message'}", said=said)
    )
