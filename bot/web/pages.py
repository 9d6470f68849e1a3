"""What it is, and how one speaks to it."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from bot.web.reading import read
from bot.web.site import Here, bot_handle

router = APIRouter()

TRIED_AT_MOST: Final = 1_000
"""Characters of a text to try; a post has 280."""


@router.get("/")
def home(here: Here) -> Response:
    """Say what it is."""
    return here.page("home.html", claim_within_days=here.deps.policy.claim_within_days)


@router.get("/help")
def explain(here: Here, text: str = "") -> Response:
    """Explain the language, and say what the bot would read in a text."""
    text = text[:TRIED_AT_MOST]
    reading = read(text, bot_handle(here.deps), here.lang) if text.strip() else None
    said = here.say(reading) if reading is not None else None
    return here.page("help.html", text=text, said=said)
