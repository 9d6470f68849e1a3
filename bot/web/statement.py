"""A wallet's monthly statement: a page that prints well, and the same as comma-separated values."""

from collections.abc import Iterator
from typing import Final

from fastapi import APIRouter, HTTPException
from starlette.responses import Response

from bot.domain.replies import Reply
from bot.i18n.texts import PARIS
from bot.services import strong
from bot.services.statement import Statement, StatementLine, statement
from bot.web.site import Here, Visit
from bot.web.values import as_file, euros, harmless

router = APIRouter()

COLUMNS: Final = ("at", "what", "reference", "note", "amount", "balance")


@router.get("/wallet/statement/{month}.csv")
def values(here: Here, month: str) -> Response:
    """Give a month's statement as values."""
    found = _find(here, month)
    if not isinstance(found, Statement):
        return found
    return as_file(f"smoney-{found.month}.csv", _rows(here, found))


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


def _rows(here: Visit, found: Statement) -> Iterator[tuple[str, ...]]:
    yield tuple(here.say(Reply.of(f"page.statement.{name}")) for name in COLUMNS)
    yield _ends(here, "opening", found.opening_cents)
    for line in found.lines:
        yield _row(here, line)
    yield _ends(here, "closing", found.closing_cents)


def _ends(here: Visit, end: str, cents: int) -> tuple[str, ...]:
    return ("", here.say(Reply.of(f"page.statement.{end}")), "", "", "", euros(cents))


def _row(here: Visit, line: StatementLine) -> tuple[str, ...]:
    return (
        line.at.astimezone(PARIS).isoformat(timespec="seconds"),
        here.say(line.what),
        line.reference,
        # Text, a stranger's too: a file folds nothing, and is asked for. A reported one is empty.
        harmless(line.note),
        euros(line.amount_cents),
        euros(line.balance_cents),
    )
