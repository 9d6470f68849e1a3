"""The books as text for other programs: comma-separated values, and a ledger of beancount.

`cards` and `bank` are written with their sign turned. Beancount counts debits as positive, so there
every account is: what is safeguarded is an asset above zero, a wallet a liability below it.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from bot.domain import books
from bot.domain.money import CURRENCY

CSV_HEADER: Final = "entry,key,written_at,account,amount_cents"
_OPENED: Final = "1970-01-01"
"""When every account opens: before any entry, as is the custom."""
_TYPES: Final = {
    "cards": "Assets",
    "bank": "Assets",
    "own:funds": "Equity",
    "own:fees": "Income",
    "own:costs": "Expenses",
    "own:losses": "Expenses",
}
"""What kind of account beancount takes one for; the others are what is owed."""


class Leg(NamedTuple):
    """One posting of an entry, as the journal has it."""

    entry_id: int
    key: str
    written_at: datetime
    account: str
    amount_cents: int


def csv_line(leg: Leg) -> str:
    """Write a posting as a line: no value of ours holds a comma, a quote or a line's end.

    >>> csv_line(Leg(1, "topup:t:capture", datetime(2026, 11, 23, tzinfo=UTC), "cards", -500))
    '1,topup:t:capture,2026-11-23T00:00:00Z,cards,500'
    """
    values = (leg.key, _moment(leg.written_at), leg.account)
    assert not re.search('[,"\r\n]', "".join(values)), "our names need no quotes"
    shown = -leg.amount_cents if leg.account in books.SIGN_TURNED else leg.amount_cents
    return f"{leg.entry_id},{','.join(values)},{shown}"


def beancount_head() -> str:
    """Begin a ledger of beancount."""
    return f'option "title" "smoney"\noption "operating_currency" "{CURRENCY}"\n'


def beancount_open(account: str) -> str:
    """Open an account."""
    return f"{_OPENED} open {beancount_name(account)} {CURRENCY}"


def beancount_entry(legs: Sequence[Leg]) -> str:
    """Write an entry with its postings."""
    first = legs[0]
    return _transaction(
        first.written_at,
        first.key,
        [f"entry: {first.entry_id}", f'written-at: "{_moment(first.written_at)}"'],
        ((leg.account, leg.amount_cents) for leg in legs),
    )


def beancount_brought_forward(at: datetime, balances: Iterable[tuple[str, int]]) -> str:
    """Write what the accounts held before a moment, as one entry."""
    return _transaction(at, "brought forward", [], balances)


def beancount_balance(at: datetime, account: str, balance_cents: int) -> str:
    """Claim what an account holds at the beginning of a day: `bean-check` proves it."""
    return f"{at:%Y-%m-%d} balance {beancount_name(account)} {_amount(balance_cents)}"


def beancount_name(account: str) -> str:
    """Name an account as beancount does.

    >>> beancount_name("wallet:7"), beancount_name("own:fees"), beancount_name("cards")
    ('Liabilities:Wallet:7', 'Income:Own:Fees', 'Assets:Cards')
    """
    parts = (part.capitalize() for part in account.split(":"))
    return ":".join([_TYPES.get(account, "Liabilities"), *parts])


def _transaction(
    at: datetime, key: str, about: Iterable[str], legs: Iterable[tuple[str, int]]
) -> str:
    lines = [f'{at.astimezone(UTC):%Y-%m-%d} * "{key}"', *(f"  {line}" for line in about)]
    lines += [f"  {beancount_name(account)}  {_amount(cents)}" for account, cents in legs]
    return "\n".join([*lines, ""])


def _amount(cents: int) -> str:
    debit = -cents
    return f"{'-' if debit < 0 else ''}{abs(debit) // 100}.{abs(debit) % 100:02} {CURRENCY}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
