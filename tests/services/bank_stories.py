"""Stories with the bank, for processes that die at a step (`tests.services.stories`)."""

from dataclasses import replace
from functools import partial

from bot.adapters.sepa_payouts import SepaFiles
from bot.domain.payout import PayoutTerms
from bot.domain.sca import Authenticated, Basis
from bot.services import payout_files, payouts, reconcile, settle
from bot.services.steps import Step
from bot.store import ledger
from tests.crash_child import Stage
from tests.fakes.bank import DEBTOR, FakeBankFiles, camt
from tests.world import World

GOOD = "4242424242424242"


def paid_out(stage: Stage) -> None:
    """To the bank: two are asked for, one is cancelled, one stands in one file and is settled.

    Later the bank sends it back.
    """
    world = stage.world
    world.join("bob", cents=5000)
    world.pass_time(hours=world.deps.policy.card_payout_after_h)
    bank = SepaFiles(stage.folder)
    terms = PayoutTerms(1000, "FR1420041010050500013M02606", "Bob")
    for key in ("first", "second"):
        proof = Authenticated(key, terms.hash, Basis.PASSKEY)
        for _ in range(2):  # whoever sees no answer asks again, with the same authentication
            stage.once(partial(_ask, world, terms, proof))
    stage.once(lambda: payouts.cancel(world.deps, world.visitor("bob"), 2))
    for _ in range(3):
        stage.once(lambda: payout_files.export_payouts(world.deps, bank, DEBTOR))
    # What was written by a process that died is written again: the same file, not another.
    (file,) = stage.folder.iterdir()
    sent = FakeBankFiles({file.name: file.read_text()}).transfers()
    assert [(one.end_to_end_id, one.cents) for one in sent] == [("SMONEY-PAYOUT-1", 1000)]
    back = [replace(one, credit=True, reason="AC04") for one in sent]
    for report, status, cents in ((sent, "settled", 4000), (back, "returned", 5000)):
        stage.again(Step.BANK_REPORT_BOOKED)
        read = partial(payout_files.import_reports, world.deps, bank, DEBTOR.iban, camt(report))
        for _ in range(2):
            stage.once(read)
        page = payouts.payout_page(world.deps, world.visitor("bob"))
        assert [one.status for one in page.lines] == ["cancelled", status]
        assert world.balance("bob") == cents


def _ask(world: World, terms: PayoutTerms, proof: Authenticated) -> None:
    payouts.request(world.deps, world.visitor("bob"), terms, proof)


def reconciled(stage: Stage) -> None:
    """The acquirer's money is in the bank, and a difference is booked."""
    world = stage.world
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    settle.drive(world.deps, world.topup(reference).id)
    world.cards.pay_out(strange_cents=-50)
    for _ in range(3):
        stage.once(lambda: reconcile.nightly(world.deps))
    (line,) = reconcile.reconcile_books(world.deps).differences
    for _ in range(2):
        stage.once(lambda: reconcile.book_difference(world.deps, line.line, "costs"))
    found = reconcile.reconcile_books(world.deps)
    assert (found.payouts, found.differences) == (0, [])
    with world.store.read() as session:
        shown = dict(ledger.balances(session))
    assert (shown["cards"], shown["bank"]) == (0, 910 + 40)
    assert (shown["own:costs"], shown["own:funds"]) == (-40 - 50, 40)
