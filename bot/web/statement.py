"""A wallet's monthly statement: a page that prints well, and the same as comma-separated values."""

import csv
import io
from typing import Final

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from bot.domain.replies import Reply
from bot.i18n.texts import PARIS
from bot.services import strong
from bot.services.statement import Statement, StatementLine, statement
from bot.web.site import Here, Visit

router = APIRouter()

COLUMNS: Final = ("at", "what", "reference", "note", "amount", "balance")
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula: a note is anybody's text."""


@router.get("/wallet/statement/{month}.csv")
def values(here: Here, month: str) -> Response:
    """Give a month's statement as values."""
    found = _find(here, month)
    if not isinstance(found, Statement):
        return found
    return Response(
        _as_values(here, found),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="smoney-{found.month}.csv"'},
    )


@router.get("/wallet/statement/{month}")
def show(here: Here, month: str) -> Response:
    """Show a month's statement."""
    found = _find(here, month)
    if not isinstance(found, Statement):
        return found
    return here.page("statement.html", statement=found)


def _find(here: Visit, month: str) -> Statement | Response:
    if here.visitor is None:
        return here.page("sign_in.html")
    if not here.visitor.is_ready:
        return here.go("/wallet/phone")
    if not strong.may_look(here.deps, here.visitor):
        return here.go("/wallet")
    found = statement(here.deps, here.visitor, month)
    if found is None:
        raise HTTPException(404)
    return found


def _as_values(here: Visit, found: Statement) -> str:
    out = io.StringIO()
    write = csv.writer(out).writerow
    write(here.say(Reply.of(f"page.statement.{name}")) for name in COLUMNS)
    write(
        ("", here.say(Reply.of("page.statement.opening")), "", "", "", _euros(found.opening_cents))
    )
    for line in found.lines:
        write(_row(here, line))
    write(
        ("", here.say(Reply.of("page.statement.closing")), "", "", "", _euros(found.closing_cents))
    )
    return out.getvalue()


def _row(here: Visit, line: StatementLine) -> tuple[str, ...]:
    return (
        line.at.astimezone(PARIS).isoformat(timespec="seconds"),
        here.say(line.what),
        line.reference,
        _harmless(line.note),
        _euros(line.amount_cents),
        _euros(line.balance_cents),
    )


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _euros(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
