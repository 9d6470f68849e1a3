"""What a wallet's owner may do: every figure that could refuse them something, and what is left."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import limits
from bot.domain.limits import Policy
from bot.services.deps import Deps
from bot.services.sessions import Visitor, person_behind
from bot.store import orders


@dataclass(frozen=True, slots=True)
class OwnLimits:
    """Ceilings and what is left of them, in cents: the lower of the house's and the level's."""

    to_person_cents: int
    """In one transfer."""
    to_organisation_cents: int
    in_30_days_cents: int
    left_30_days_cents: int
    hold_cents: int
    without_sca_cents: int
    """In one payment that asks for no strong authentication (RTS 2018/389 art. 16)."""
    left_without_sca_cents: int
    """Until the next one asks for it, whatever its amount."""


def own_limits(deps: Deps, visitor: Visitor) -> OwnLimits | None:
    """Return somebody's limits; None where they have no wallet."""
    with deps.store.read() as session:
        person = person_behind(session, visitor)
        return _of(session, deps, person) if person is not None else None


def _of(session: Session, deps: Deps, person: Row[Any]) -> OwnLimits:
    policy: Policy = deps.policy
    rights = policy.rights(person.level)
    window = deps.clock.now() - timedelta(days=limits.ROLLING_DAYS)
    paid = orders.paid_since(session, [person.id], since=window).get(person.id, 0)
    in_30_days = min(policy.in_30_days_cents, rights.pay_30_days_cents)
    low = policy.low_value_total_cents - person.since_sca_cents
    return OwnLimits(
        to_person_cents=min(policy.to_person_cents, rights.pay_cents),
        to_organisation_cents=min(policy.to_organisation_cents, rights.pay_cents),
        in_30_days_cents=in_30_days,
        left_30_days_cents=max(0, in_30_days - paid),
        hold_cents=policy.may_hold_cents(person.level),
        without_sca_cents=policy.low_value_cents,
        left_without_sca_cents=max(0, low),
    )
