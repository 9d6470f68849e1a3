"""Comma-separated values as a spreadsheet of a person takes them: harmless, with plain amounts."""

import csv
import io
from collections.abc import Iterable
from typing import Final

from starlette.responses import Response

_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula: a note is anybody's text."""


def as_file(name: str, rows: Iterable[Iterable[str]]) -> Response:
    """Return rows as a file to keep."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return Response(
        out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def harmless(text: str) -> str:
    """Keep anybody's text from being a formula."""
    return f"'{text}" if text.startswith(_FORMULAS) else text


def euros(cents: int) -> str:
    """Write an amount in euros, as programs read it.

    >>> euros(-1205)
    '-12.05'
    """
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"
