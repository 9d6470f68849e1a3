"""When money that a card brought has to be in the safeguarding account (2009/110/EC, art. 7)."""

from datetime import datetime, timedelta
from typing import Final, Literal

BUSINESS_DAYS: Final = 5
"""Within so many business days after e-money was issued its money is safeguarded (art. 7 (1))."""

OwnAccount = Literal["funds", "fees", "costs", "losses"]
"""The operator's own accounts, as `ledger book --to` names them."""

_SATURDAY: Final = 5


def captured_before(at: datetime) -> datetime:
    """Return the moment before which everything captured has to be safeguarded.

    Bank holidays count as business days: the alarm comes rather a day early than a day late.

    >>> captured_before(datetime(2026, 11, 25, 12)).date()
    datetime.date(2026, 11, 18)
    """
    left = BUSINESS_DAYS
    while left:
        at -= timedelta(days=1)
        if at.weekday() < _SATURDAY:
            left -= 1
    return at
