"""Payouts in verbs that read like sentences: ask, export, read, and where the money is."""

from collections.abc import Callable
from threading import Barrier, Thread

from bot.domain.payout import PayoutTerms
from bot.domain.sca import Authenticated, Basis
from bot.services import payout_files, payouts
from bot.store import ledger
from tests.fakes.bank import DEBTOR, FakeBankFiles
from tests.world import World

IBAN = "FR1420041010050500013M02606"


def terms(cents: int) -> PayoutTerms:
    """What bob asks for."""
    return PayoutTerms(cents, IBAN, "Bob Martin")


def ask(world: World, handle: str, cents: int, *, key: str = "passkey-1") -> int:
    """Let somebody ask for a payout, authenticated."""
    proof = Authenticated(key, terms(cents).hash, Basis.PASSKEY)
    return payouts.request(world.deps, world.visitor(handle), terms(cents), proof)


def rich(world: World, handle: str = "bob", cents: int = 10_000) -> None:
    """Let somebody have a wallet with money that a card brought long ago."""
    world.join(handle, cents=cents)
    world.pass_time(hours=world.deps.policy.card_payout_after_h)


def export(world: World, bank: FakeBankFiles) -> list[str]:
    """Let an operator export; return the message ids."""
    return [one.message_id for one in payout_files.export_payouts(world.deps, bank, DEBTOR)]


def read(world: World, bank: FakeBankFiles, report: bytes) -> payout_files.Imported:
    """Let an operator import a report."""
    return payout_files.import_reports(world.deps, bank, DEBTOR.iban, report)


def statuses(world: World, handle: str) -> list[str]:
    """Return somebody's payouts' statuses, the oldest first."""
    page = payouts.payout_page(world.deps, world.visitor(handle))
    return [one.status for one in reversed(page.lines)]


def accounts(world: World) -> dict[str, int]:
    """Return the balances of the accounts that a payout moves, as they are shown."""
    with world.store.read() as session:
        rows = dict(ledger.balances(session))
    return {name: rows.get(name, 0) for name in ("wallet:1", "payouts", "bank", "cards")}


def together(*actions: Callable[[], object]) -> None:
    """Do things at the same moment, each in a thread of its own."""
    start = Barrier(len(actions))

    def run(action: Callable[[], object]) -> None:
        start.wait()
        action()

    threads = [Thread(target=run, args=(one,)) for one in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
