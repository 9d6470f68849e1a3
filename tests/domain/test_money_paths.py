"""docs/money-paths.md is what the code does: every case, its key and its postings.

To add a case: write its function in bot/domain/books.py and its row in the table. Where a function
takes an argument that no other takes, give it an example here.
"""

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.domain import books
from bot.domain.books import Entry

TABLE = Path(__file__).parents[2] / "docs" / "money-paths.md"

EXAMPLES: dict[str, tuple[object, str]] = {
    "topup_id": ("t11", "<top-up>"),
    "transfer_id": (12, "<transfer>"),
    "payout_id": (13, "<payout>"),
    "dispute_id": ("d17", "<dispute>"),
    "recovery_id": (18, "<recovery>"),
    "refund_id": ("r19", "<refund>"),
    "acquirer_payout_id": (20, "<acquirer payout>"),
    "difference_id": (21, "<difference>"),
    "to": ("fees", "<to>"),
    "person_id": (14, "<person>"),
    "payer_id": (15, "<payer>"),
    "payee_id": (16, "<payee>"),
    "amount_cents": (50_000, "amount"),
    "fee_cents": (700, "fee"),
    "restored_cents": (300, "restored"),
}
"""An example for each argument of the functions, and how the table writes it."""
AMOUNTS = {
    50_000: "amount",
    700: "fee",
    300: "restored",
    50_700: "(amount + fee)",
    49_300: "(amount − fee)",
    49_700: "(amount − restored)",
}
"""How the table writes each amount that these examples make."""


def cases() -> dict[str, Callable[..., Entry]]:
    """Return every function of the books that makes an entry, by its name."""
    return {
        name: function
        for name, function in inspect.getmembers(books, inspect.isfunction)
        if not name.startswith("_") and inspect.signature(function).return_annotation is Entry
    }


def rows() -> dict[str, tuple[str, str]]:
    """Return the table's rows: the function, its key, its postings."""
    found = {}
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            name = cells[0].strip("`")
            assert name not in found, f"{name} stands twice in the table"
            found[name] = (cells[2].strip("`"), cells[3])
    return found


def written(entry: Entry) -> tuple[str, str]:
    """Write an entry made of the examples as the table does."""

    def names(text: str) -> str:
        for example, word in EXAMPLES.values():
            if word.startswith("<"):
                text = re.sub(rf"(?<=:){example}(?=:|$)", word, text)
        return text

    legs = [
        f"`{names(leg.account)}` {'−' if leg.amount_cents < 0 else '+'}"
        f"{AMOUNTS[abs(leg.amount_cents)]}"
        for leg in entry.postings
    ]
    return names(entry.key), " · ".join(legs)


def test_the_table_and_the_code_have_the_same_cases() -> None:
    """No case without a row, no row without a case."""
    assert set(rows()) == set(cases())


@pytest.mark.parametrize("name", sorted(cases()))
def test_a_row_shows_the_postings_that_the_code_makes(name: str) -> None:
    """The key and each signed leg, in the order of the code."""
    function = cases()[name]
    arguments = {one: EXAMPLES[one][0] for one in inspect.signature(function).parameters}
    assert rows()[name] == written(function(**arguments))
