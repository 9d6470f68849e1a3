"""How far what somebody asked others for has come: what is paid, what is still waited for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.domain.transfer import TransferStatus
from bot.services.transfer_views import TransferView

_PAID: Final = (TransferStatus.POSTED.value, TransferStatus.HELD.value)


@dataclass(frozen=True, slots=True)
class Gathered:
    """The sums of a request or a split, as its asker reads them; nobody else does."""

    asked: int
    """How many were asked."""
    paid: int
    paid_cents: int
    waiting: tuple[TransferView, ...]
    """Those who can still pay or decline."""
    waiting_cents: int


def gathered(asked: Sequence[TransferView], at: datetime) -> Gathered:
    """Add up what was asked for; an answer that is too late is not waited for any more."""
    paid = [one for one in asked if one.status in _PAID]
    waiting = [one for one in asked if _is_waited_for(one, at)]
    return Gathered(
        asked=len(asked),
        paid=len(paid),
        paid_cents=sum(one.amount_cents for one in paid),
        waiting=tuple(waiting),
        waiting_cents=sum(one.amount_cents for one in waiting),
    )


def _is_waited_for(one: TransferView, at: datetime) -> bool:
    # Who is with the card network may finish, however late it is.
    pending = one.status == TransferStatus.PENDING.value and one.confirm_by > at
    return pending or one.status == TransferStatus.FUNDING.value
