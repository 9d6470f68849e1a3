"""Whether the bot answers and writes to an X account: what `stop` and `start` do in a message.

For whoever signed in with X, with a wallet or without: the right to be left alone needs none.
"""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from bot.services import quiet
from bot.web.site import Here, Signed

router = APIRouter()


@router.get("/wallet/messages")
def show(here: Here) -> Response:
    """Show whether the bot speaks to the account, and the way to change that."""
    if here.visitor is None:
        return here.page("sign_in.html")
    return here.page("messages.html", is_quiet=quiet.is_quiet(here.deps, here.visitor))


@router.post("/wallet/messages")
def choose(form: Signed, speak: Annotated[str, Form()] = "") -> Response:
    """Be left alone, or hear from the bot again."""
    quiet.choose(form.deps, form.who, quiet=speak != "yes")
    return form.go("/wallet/messages")
