"""What came late into a closed wallet goes to its owner, by an operator's word: all of it at once.

Nobody signs in to a closed account, so no two factors can be given: the operator sees by another
way that it is its owner who asks, and the payout's row says that it was by an operator.
"""

from dataclasses import dataclass
from typing import Final

import structlog

from bot.domain import books, payout
from bot.domain.errors import Refusal
from bot.domain.payout import PayoutTerms
from bot.domain.replies import Reply
from bot.services import late_money, persons
from bot.services.deps import Deps
from bot.services.payouts import read_iban, take_back
from bot.services.steps import Step
from bot.store import cases, closing, disputes, ledger, payouts, people

log = structlog.get_logger(__name__)

BY_OPERATOR: Final = "operator"
"""What stands where other payouts have how their owner was authenticated."""


@dataclass(frozen=True, slots=True)
class Requested:
    """A payout that waits for the next file."""

    payout: int
    person: int
    amount_cents: int
    iban: str
    holder_name: str


def request(deps: Deps, handle_or_id: str, *, iban_text: str, holder_text: str) -> Requested:
    """Pay all that a closed wallet holds out to its owner's account.

    Called again it finds nothing there. Raises `Refusal`: where the account is open (its owner pays
    out), where a dispute of theirs is not recovered, where nothing is there, for a wrong IBAN.
    """
    iban, holder = read_iban(iban_text), payout.bank_name(holder_text)
    if not holder:
        raise Refusal(Reply.of("refusal.holder_missing"))
    at = deps.clock.now()
    with deps.store.write() as session:
        person = persons.find(session, handle_or_id, or_closed=True)
        if person.closed_at is None:
            raise Refusal(Reply.of("refusal.not_closed"))
        people.lock_persons(session, [person.id])
        owed = sum(row.left_cents for row in disputes.unpaid_of(session, person.id))
        if owed:
            raise Refusal(Reply.of("refusal.close_debt", amount_cents=owed))
        wallet = books.wallet(person.id)
        cents = ledger.lock_balances(session, [wallet, books.PAYOUTS])[wallet]
        if not cents:
            raise Refusal(Reply.of("refusal.nothing_there"))
        payout_id = payouts.insert(
            session,
            PayoutTerms(cents, iban, holder),
            key=f"operator:{deps.chance.uuid()}",
            person_id=person.id,
            x_user_id=None,
            sca_basis=BY_OPERATOR,
            at=at,
            reason="by_operator",
        )
        assert payout_id is not None, "nobody else has this key"
        entry = books.payout_request(payout_id, person.id, cents)
        ledger.record(session, [entry], now=deps.clock.now)
    log.warning("late_payout_requested", payout=payout_id, person=person.id, amount_cents=cents)
    deps.step(Step.PAYOUT_REQUESTED)
    return Requested(payout_id, person.id, cents, iban, holder)


def cancel(deps: Deps, payout_id: int) -> None:
    """Take such a payout back before its file: the money is in the closed wallet again.

    A case names it, the one that is open or a new one. Raises `Refusal`, for any other
    payout too: those are their owners' to cancel.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        row = payouts.lock(session, [payout_id]).get(payout_id)
        if row is None or not closing.closed_among(session, [row.person_id]):
            raise Refusal(Reply.of("refusal.payout_unknown"))
        take_back(session, deps, row, reason="cancelled_by_operator", at=at)
        if not cases.is_open(session, late_money.KIND, row.person_id):
            back = (f"payout {payout_id}", row.person_id, row.amount_cents)
            late_money.came(session, [back], at=at)
    deps.step(Step.PAYOUT_CANCELLED)
