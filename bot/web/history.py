"""A wallet's whole history: a page to search in, and the same as comma-separated values."""

from collections.abc import Iterator
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from bot.domain.replies import Reply
from bot.domain.transfer import TransferStatus
from bot.i18n.texts import PARIS
from bot.services import strong
from bot.services.history import VALUES_AT_MOST, HistoryPage, history
from bot.web.security import BY_ADDRESS
from bot.web.site import Here, Visit, brake
from bot.web.values import as_file, euros, harmless

router = APIRouter()

COLUMNS: Final = ("at", "what", "with", "reference", "note", "amount")

Text = Annotated[str, Query()]
Before = Annotated[int | None, Query(ge=1, le=2**63 - 1)]


@router.get("/wallet/history.csv")
def values(here: Here, text: Text = "") -> Response:
    """Give what is found as values."""
    brake(here, "history", BY_ADDRESS)
    away = _away(here)
    if away is not None or here.visitor is None:
        return away or here.go("/wallet")
    found = history(here.deps, here.visitor, text=text, lines=VALUES_AT_MOST)
    return as_file("smoney-history.csv", _rows(here, found))


@router.get("/wallet/history")
def show(here: Here, text: Text = "", before: Before = None) -> Response:
    """Show the newest of what is found, or what is older than what was shown."""
    if text:
        brake(here, "history", BY_ADDRESS)
    away = _away(here)
    if away is not None or here.visitor is None:
        return away or here.go("/wallet")
    return here.page(
        "history.html", history=history(here.deps, here.visitor, text=text, before=before)
    )


def _away(here: Visit) -> Response | None:
    """Where somebody goes who may not look into the wallet; None for who may."""
    if here.visitor is None:
        return here.page("sign_in.html")
    if not here.visitor.is_ready:
        return here.go("/wallet/phone")
    return None if strong.may_look(here.deps, here.visitor) else here.go("/wallet")


def _rows(here: Visit, found: HistoryPage) -> Iterator[tuple[str, ...]]:
    yield tuple(here.say(Reply.of(f"page.history.{name}")) for name in COLUMNS)
    for line in found.lines:
        yield (
            line.at.astimezone(PARIS).isoformat(timespec="seconds"),
            here.say(Reply.of(line.said)),
            harmless(line.other_handle),
            line.reference,
            harmless(line.note or ""),
            euros(line.amount_cents) if line.status == TransferStatus.POSTED.value else "",
        )
    if found.older_than is not None:
        yield ("", here.say(Reply.of("page.history.more")), "", "", "", "")
