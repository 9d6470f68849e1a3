"""The end of a run: the faults are over, recovery runs, then days pass by the clock of its jobs.

Nobody waits for days: the same jobs as the worker's are run by a clock that goes ahead.
"""

import time
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot import jobs
from bot.adapters.sepa_payouts import SepaFiles
from bot.domain.errors import Refusal
from bot.domain.payout import end_to_end_id
from bot.services import (
    cancel,
    claim,
    deliver,
    payout_files,
    persons,
    receive,
    reconcile,
    topup,
)
from tests.chaos.hands import Ahead
from tests.chaos.house import House
from tests.chaos.paying import PayingHouse
from tests.chaos.people import MANDATE_CENTS
from tests.fakes.bank import DEBTOR, Movement, camt
from tests.fakes.store import StoreOfFakeTime

AGES: Final = (
    timedelta(minutes=3),  # leases of the dead, and most waits after failures, are over
    timedelta(minutes=31),  # hosted pages too
    timedelta(hours=31),  # nobody confirms any more
    timedelta(days=32),  # nobody claims any more
)
ROUNDS_AT_MOST: Final = 400
"""Rounds of the jobs by one clock: each does up to a batch."""


def end(house: PayingHouse) -> None:
    """Bring everything to its end, as the bot does once nothing goes wrong any more."""
    house.calm_down()
    give_up_at = time.monotonic() + house.plan.catch_up_s
    while (house.network.waiting_webhooks() or is_behind(house)) and time.monotonic() < give_up_at:
        time.sleep(0.5)
    house.stop_bot()
    _settle_with_network(house)  # and so hear of disputes that no webhook told us of
    for age in AGES:
        work_ahead(house, age)
    _pay_out(house)
    _settle_with_network(house)


def is_behind(house: House) -> bool:
    """Whether a worker has something to read, or to send, at once."""
    free = "status = 'waiting' AND next_attempt_at <= now() AND (leased_until IS NULL)"
    return bool(
        house.figures(f"SELECT 1 FROM inbox WHERE {free} LIMIT 1")
        or house.figures(f"SELECT 1 FROM outbox WHERE {free} LIMIT 1")
    )


def work_ahead(house: House, age: timedelta) -> None:
    """Do the worker's jobs until there is nothing left to do by a clock that is ahead by that.

    The server's clock too is taken to be as far ahead: what the dead had leased is free.
    """
    ahead = Ahead(lambda: age, house.deps.clock.now)
    deps = replace(house.deps, clock=ahead, store=StoreOfFakeTime(house.deps.store, ahead))
    for _ in range(ROUNDS_AT_MOST):
        done = receive.read_inbox(deps) + jobs.recover(deps) + deliver.deliver(deps)
        done += cancel.expire_due(deps) + claim.return_due(deps)
        if not done:
            return
    house.seen.wrong.append(f"the jobs do not come to rest, {age} after the faults")


def _settle_with_network(house: PayingHouse) -> None:
    """Let the network pay out all that it has for us, and reconcile.

    Where disputes took more than it has, people charge their cards first.
    """
    rows = house.figures(
        "SELECT c.id, c.person_id FROM saved_card c JOIN person p ON p.id = c.person_id "
        "WHERE c.removed_at IS NULL AND p.locked_at IS NULL"
    )
    for card in rows:
        if house.network.available_cents() >= 0:
            break
        with suppress(Refusal):
            topup.charge_saved_card(house.deps, card.person_id, card.id, MANDATE_CENTS)
    house.network.control("payouts")
    reconcile.reconcile_books(house.deps)


def _pay_out(house: PayingHouse) -> None:
    """Let the bank take every payout that is left, once no wallet is under review any more."""
    for row in house.figures(
        "SELECT x.x_user_id FROM person p JOIN x_account x ON x.person_id = p.id "
        "WHERE p.locked_at IS NOT NULL"
    ):
        persons.unlock(house.deps, row.x_user_id)
    bank = SepaFiles(house.place.folder / "sepa")
    payout_files.export_payouts(house.deps, bank, DEBTOR)
    rows = house.figures("SELECT id, amount_cents FROM payout WHERE status = 'exported'")
    if rows:
        moved = [Movement(end_to_end_id(row.id), row.amount_cents) for row in rows]
        report = camt(moved, report_id="THE-LAST")
        payout_files.import_reports(house.deps, bank, DEBTOR.iban, report)
