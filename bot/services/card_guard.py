"""Against card testing: three failures of a person, of a card or from an address close cards.

For `CLOSED_FOR`, counted in rows that hold of an address nothing but a keyed hash and are forgotten
after two days. Who tries stolen numbers has many accounts, or many cards, or one machine.
"""

import hmac
from datetime import datetime
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.cards import CardFailure
from bot.domain.topup import FAILURES_KEPT, is_closed
from bot.services.deps import Deps
from bot.services.steps import Step
from bot.store import card_failures, confirmations

HOUSE: Final = 64
"""Bits of an IPv6 address that are one house's: the rest changes from hour to hour."""


def hashed(deps: Deps, address: str | None) -> str | None:
    """Return the keyed hash by which an address is counted; None where there is none to count."""
    if address is None:
        return None
    try:
        known = ip_address(address)
    except ValueError:
        return None
    if known.is_loopback:
        return None  # a proxy that nobody named, or the sandbox: it says nothing
    counted = str(known)
    if known.version == 6:
        counted = str(ip_network((known, HOUSE), strict=False))
    text = f"card-address|{counted}"
    return hmac.new(deps.secret_key.encode(), text.encode(), sha256).hexdigest()


def are_closed(
    session: Session,
    at: datetime,
    *,
    person_id: int,
    address_hash: str | None,
    fingerprint: str | None = None,
) -> bool:
    """Whether this person, this address or this card has failed too often."""
    since = at - FAILURES_KEPT
    counted = [card_failures.times_of(session, since=since, person_id=person_id)]
    if address_hash is not None:
        counted.append(card_failures.times_of(session, since=since, address_hash=address_hash))
    if fingerprint is not None:
        counted.append(card_failures.times_of(session, since=since, fingerprint=fingerprint))
    return any(is_closed(times, at) for times in counted)


def count(deps: Deps, row: Row[Any], failed: tuple[CardFailure, ...]) -> int:
    """Write down what failed for a top-up, each attempt once; return how many by now."""
    at = deps.clock.now()
    with deps.store.write() as session:
        new = card_failures.write(
            session,
            failed,
            topup_id=row.id,
            person_id=row.person_id,
            address_hash=row.address_hash,
            at=at,
        )
        if new:
            confirmations.add_failures(session, row.id, new)
        known = confirmations.topup(session, row.id)
    deps.step(Step.FAILURE_COUNTED)
    assert known is not None, "a top-up stays"
    return int(known.failed_attempts)


def prune(deps: Deps) -> int:
    """Forget what no longer counts; return how many failures."""
    with deps.store.write() as session:
        return card_failures.prune(session, before=deps.clock.now() - FAILURES_KEPT)
