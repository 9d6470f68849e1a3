"""Reconciliation: what was paid out is booked, what differs is listed, what is missing is told."""

import pytest
from structlog.testing import capture_logs

from bot.domain.errors import Rejected, Unavailable
from bot.services import cases, operate, receive, reconcile, settle
from bot.services.deps import LEFT_TO_WORKER
from bot.store import disputes as card_disputes
from bot.telemetry import METRICS
from tests.fakes.bank import DEBTOR, FakeBankFiles, Movement, camt
from tests.fakes.card_books import charge_fee_cents
from tests.services.paying_out import ask, export, read, together
from tests.services.reconciling import by_card, captured_unseen, only, run, shown
from tests.world import World


@pytest.fixture
def bank() -> FakeBankFiles:
    """The safeguarding bank."""
    return FakeBankFiles()


@pytest.fixture
def paid(world: World) -> World:
    """10 € by card, in the acquirer's hands."""
    world.join("bob")
    world.join("alice")
    by_card(world)
    return world


def statement(world: World, bank: FakeBankFiles, cents: int, *, days: int = 0) -> None:
    """Import a statement that closes this day, or some days later."""
    world.pass_time(days=days)
    day = world.clock.now().date().isoformat()
    read(world, bank, camt([], closing=(cents, day)))


# --- the acquirer's payouts --------------------------------------------------------------------


def test_what_is_fresh_in_cards_covers_what_is_owed(paid: World) -> None:
    """Nothing was paid out yet: nothing is missing."""
    found = run(paid)
    assert (found.payouts, found.owed_cents, found.safeguarded_cents) == (0, 1000, 1000)
    assert (found.short_cents, found.late_cents, found.differences) == (0, 0, [])


def test_a_payout_comes_less_its_fees_and_own_funds_make_them_good(paid: World) -> None:
    """Once, however often it is read; a case asks for the transfer."""
    paid.cards.pay_out()
    found = run(paid)
    assert (found.payouts, found.paid_out_cents, found.topup_cents) == (1, 960, 40)
    assert (found.owed_cents, found.safeguarded_cents, found.short_cents) == (1000, 1000, 0)
    again = run(paid)
    assert (again.payouts, again.topup_cents) == (0, 0)
    balances = {name: cents for name, cents in shown(paid).items() if cents}
    assert balances == {"bank": 1000, "own:costs": -40, "own:funds": 40}
    (case,) = cases.list_cases(paid.deps)
    assert (case["kind"], "Transfer 40 cents" in case["detail"]) == ("own_funds", True)


def test_two_that_reconcile_at_once_book_a_payout_once(paid: World) -> None:
    """The job and an operator."""
    paid.cards.pay_out()
    together(lambda: run(paid), lambda: run(paid), lambda: run(paid))
    assert shown(paid)["bank"] == 1000


def test_a_dispute_is_made_good_with_the_next_payout(paid: World) -> None:
    """Until then what it took is missing, and said."""
    paid.cards.dispute(paid.topup(by_card(paid, "20€")).payment_id)
    body, signature = paid.cards.events[-1]
    receive.take_in(paid.deps, [paid.deps.webhooks.verify(body, signature)])
    paid.react()
    assert run(paid).short_cents == 2000 + 2000
    paid.unlock("bob")
    by_card(paid, "25€")
    by_card(paid, "24€")
    paid.cards.pay_out()
    found = run(paid)
    assert found.topup_cents == 4000 + 40 + 55 + 63 + 61
    assert (found.short_cents, found.differences) == (0, [])


def test_a_dispute_that_no_webhook_told_of_is_found_in_the_payout(paid: World) -> None:
    """It is booked as one whose webhook came, and so is its end, which may move nothing."""
    disputed = by_card(paid, "20€")
    dispute_id = paid.cards.dispute(paid.topup(disputed).payment_id)
    by_card(paid, "25€")
    by_card(paid, "24€")
    paid.cards.pay_out()
    found = run(paid)
    assert (found.short_cents, found.differences) == (2000 + 2000, [])
    assert paid.topup(disputed).status == "disputed"
    paid.cards.decide(dispute_id, "lost")
    run(paid)
    with paid.store.read() as session:
        assert card_disputes.open_ids(session) == []


def test_a_dispute_that_an_operator_booked_is_not_booked_again_unless_its_webhook_comes(
    paid: World,
) -> None:
    """No second entry by us. One that its webhook makes is listed, and booked back, once.

    The other dispute's webhook is read before its line is booked: there is nothing to book then.
    """
    for _ in range(2):
        paid.cards.dispute(paid.topup(by_card(paid, "20€")).payment_id)
    webhooks = [one for one in paid.cards.events if b"charge.dispute.created" in one[0]]
    by_card(paid, "25€")
    by_card(paid, "24€")
    paid.cards.pay_out()
    for _ in range(3):
        paid.cards.fail("reversals.dispute", Unavailable("no_answer"))
    first, second = run(paid).differences
    reconcile.book_difference(paid.deps, first.line, "losses")
    before = shown(paid)
    run(paid)
    assert shown(paid) == before
    receive.take_in(paid.deps, [paid.deps.webhooks.verify(*one) for one in webhooks])
    paid.react()
    with pytest.raises(Rejected, match="line_gone"):
        reconcile.book_difference(paid.deps, second.line, "losses")
    assert shown(paid)["cards"] == -4000
    found = run(paid)
    one = only(found)
    assert (one.account, one.amount_cents, found.short_cents > 0) == ("cards", 4000, True)
    assert f"Line {first.line} was booked to own:losses, and a top-up, refund or" in one.detail
    for _ in range(2):
        reconcile.book_difference(paid.deps, one.line, "losses")
        again = run(paid)
        assert (again.differences, again.short_cents) == ([], found.short_cents)
    after = shown(paid)
    assert (after.get("cards", 0), after["own:losses"]) == (0, -4000)


@pytest.mark.parametrize(("reason", "lines"), [("no_answer", 1), (LEFT_TO_WORKER, 0)])
def test_what_the_door_leaves_to_the_worker_is_no_warning(
    paid: World, reason: str, lines: int
) -> None:
    """`smoney ledger reconcile` reaches no dispute; an acquirer that is down is a line."""
    paid.cards.dispute(paid.topup(by_card(paid, "20€")).payment_id)
    by_card(paid, "25€")
    by_card(paid, "24€")
    paid.cards.pay_out()
    paid.cards.fail("reversals.dispute", Unavailable(reason))
    with capture_logs() as logs:
        run(paid)
    assert len([one for one in logs if one["event"] == "not_looked_up"]) == lines


def test_an_acquirer_who_does_not_answer_leaves_all_as_it_was(paid: World) -> None:
    """The next night takes it."""
    paid.cards.pay_out()
    paid.cards.fail("acquirer.paid_out", Unavailable("no_answer"))
    with pytest.raises(Unavailable):
        reconcile.nightly(paid.deps)
    assert reconcile.nightly(paid.deps) == 1
    assert shown(paid)["bank"] == 1000


def test_the_night_is_done_once_a_day(paid: World) -> None:
    """The job comes by more often."""
    assert [reconcile.nightly(paid.deps) for _ in range(3)] == [1, 0, 0]
    paid.pass_time(days=1)
    assert reconcile.nightly(paid.deps) == 1


# --- differences ---------------------------------------------------------------------------------


def test_what_the_acquirer_took_for_no_reason_of_ours_is_listed_and_booked_once(
    paid: World,
) -> None:
    """By an operator's word, to the account that they name."""
    paid.cards.pay_out(strange_cents=-50)
    found = run(paid)
    one = only(found)
    assert (one.account, one.amount_cents, found.short_cents) == ("cards", -50, 50)
    assert "no top-up, refund or dispute of ours explains" in one.detail
    assert shown(paid)["cards"] == 50
    for _ in range(2):
        reconcile.book_difference(paid.deps, one.line, "costs")
    assert shown(paid).get("cards", 0) == 0
    assert shown(paid)["own:costs"] == -40 - 50
    with pytest.raises(Rejected, match="line_booked"):
        reconcile.book_difference(paid.deps, one.line, "losses")
    found = run(paid)
    assert (found.differences, found.short_cents) == ([], 50)  # no transfer made it good yet


def test_two_operators_book_a_difference_once(paid: World) -> None:
    """At the same moment."""
    paid.cards.pay_out(strange_cents=-50)
    line = only(run(paid)).line
    together(*[lambda: reconcile.book_difference(paid.deps, line, "costs")] * 3)
    assert shown(paid)["own:costs"] == -90


def test_a_line_that_is_not_there_is_not_booked(paid: World) -> None:
    """A sentence says so."""
    with pytest.raises(Rejected) as refused:
        reconcile.book_difference(paid.deps, 9, "costs")
    assert refused.value.detail == "There is no line 9."


def test_a_charge_that_we_hear_of_later_is_a_difference_until_then(paid: World) -> None:
    """Nobody books it after that, though no reconciliation was since."""
    topup_id = captured_unseen(paid)
    paid.cards.pay_out()
    one = only(run(paid))
    assert (one.account, one.amount_cents) == ("cards", 2000)
    settle.drive(paid.deps, topup_id)
    for _ in range(2):
        with pytest.raises(Rejected, match="line_gone"):
            reconcile.book_difference(paid.deps, one.line, "fees")
        assert run(paid).differences == []


def test_a_charge_that_we_hear_of_when_its_line_was_booked_is_missing_until_it_is_booked_back(
    paid: World,
) -> None:
    """It is in the books twice: what is in no hands is taken off what is safeguarded.

    Nor does it make good the fee of another payout: own funds are asked for as if it was not there.
    """
    topup_id = captured_unseen(paid)
    paid.cards.pay_out()
    reconcile.book_difference(paid.deps, only(run(paid)).line, "fees")
    assert run(paid).differences == []
    settle.drive(paid.deps, topup_id)
    assert shown(paid)["cards"] == 2000
    found = run(paid)
    one = only(found)
    assert (one.account, one.amount_cents) == ("cards", -2000)
    assert (found.owed_cents, found.safeguarded_cents) == (3000, shown(paid)["bank"])
    by_card(paid, "5€")
    paid.cards.pay_out()
    found = run(paid)
    assert (found.topup_cents, found.short_cents) == (charge_fee_cents(500), 0)
    reconcile.book_difference(paid.deps, one.line, "fees")
    assert (shown(paid).get("cards", 0), shown(paid).get("own:fees", 0)) == (0, 0)
    again = run(paid)
    assert (again.differences, again.safeguarded_cents) == ([], found.safeguarded_cents)


# --- the bank ------------------------------------------------------------------------------------


def test_a_statement_that_agrees_is_no_difference(paid: World, bank: FakeBankFiles) -> None:
    """Own funds of today are not yet expected; tomorrow they are."""
    paid.cards.pay_out()
    run(paid)
    statement(paid, bank, 960)
    assert run(paid).differences == []
    statement(paid, bank, 1000, days=1)
    assert run(paid).differences == []


def test_a_payout_that_is_read_after_the_statement_counts_in_it(
    paid: World, bank: FakeBankFiles
) -> None:
    """It had arrived that day."""
    paid.cards.pay_out()
    statement(paid, bank, 960)
    assert run(paid).differences == []


def test_payouts_to_people_count_as_far_as_the_statement_names_them(
    paid: World, bank: FakeBankFiles
) -> None:
    """What is exported and has not left is in the bank."""
    paid.cards.pay_out()
    run(paid)
    paid.pass_time(days=3)
    first = ask(paid, "alice", 300)
    ask(paid, "alice", 200, key="passkey-2")
    export(paid, bank)
    day = paid.clock.now().date().isoformat()
    read(paid, bank, camt([Movement(f"SMONEY-PAYOUT-{first}", 300)], closing=(700, day)))
    found = run(paid)
    assert (found.differences, found.owed_cents, found.short_cents) == ([], 700, 0)


@pytest.mark.parametrize("early", [True, False])
def test_a_difference_says_that_it_may_come_from_a_report_of_a_later_day(
    paid: World, bank: FakeBankFiles, *, early: bool
) -> None:
    """A notification of today is read before yesterday's statement; the next one ends it."""
    paid.cards.pay_out()
    run(paid)
    paid.pass_time(days=3)
    payout_id = ask(paid, "alice", 300)
    export(paid, bank)
    yesterday = paid.clock.now().date().isoformat()
    paid.pass_time(days=1)
    today = camt([Movement(f"SMONEY-PAYOUT-{payout_id}", 300)], kind="054")
    if early:
        read(paid, bank, today)
        read(paid, bank, camt([], closing=(1000, yesterday)))
        one = only(run(paid))
        assert one.amount_cents == 300
        assert "A report of payouts was read between that day and this statement" in one.detail
        assert one.detail.endswith("look at it first, and book it after.")
    else:
        read(paid, bank, camt([], closing=(999, yesterday)))
        paid.pass_time(hours=1)
        read(paid, bank, today)
        one = only(run(paid))
        assert (one.amount_cents, "of a later " in one.detail) == (-1, False)
    statement(paid, bank, 700, days=1)
    assert run(paid).differences == []


def test_money_that_anybody_sent_under_a_payouts_name_is_a_difference(
    paid: World, bank: FakeBankFiles
) -> None:
    """It is in the account and in no book, until an operator books it."""
    paid.cards.pay_out()
    run(paid)
    paid.pass_time(days=3)
    payout_id = ask(paid, "alice", 300)
    export(paid, bank)
    name, day = f"SMONEY-PAYOUT-{payout_id}", paid.clock.now().date().isoformat()
    lines = [Movement(name, 300), Movement(name, 300, credit=True)]
    read(paid, bank, camt(lines, closing=(1000, day)))
    one = only(run(paid))
    assert (one.account, one.amount_cents, "of a later " in one.detail) == ("bank", 300, False)


def test_own_funds_that_did_not_come_are_a_difference_and_an_alarm(
    paid: World, bank: FakeBankFiles
) -> None:
    """Metric, case and list; the next statement ends them."""
    paid.cards.pay_out()
    run(paid)
    statement(paid, bank, 960, days=1)
    found = run(paid)
    one = only(found)
    assert (one.account, one.amount_cents, found.short_cents) == ("bank", -40, 40)
    assert "closes 20" in one.detail
    assert METRICS.registry.get_sample_value("smoney_safeguarding_short_cents") == 40
    assert "safeguarding" in {case["kind"] for case in cases.list_cases(paid.deps)}
    statement(paid, bank, 1000, days=1)
    found = run(paid)
    assert (found.differences, found.short_cents) == ([], 0)
    assert METRICS.registry.get_sample_value("smoney_safeguarding_short_cents") == 0


def test_a_balance_that_an_operator_understood_is_booked(paid: World, bank: FakeBankFiles) -> None:
    """Interest came; once booked the same statement agrees, and so does the next."""
    paid.cards.pay_out()
    run(paid)
    statement(paid, bank, 1003, days=1)
    one = only(run(paid))
    assert (one.account, one.amount_cents) == ("bank", 3)
    reconcile.book_difference(paid.deps, one.line, "fees")
    assert (shown(paid)["bank"], shown(paid)["own:fees"]) == (1003, 3)
    assert run(paid).differences == []
    statement(paid, bank, 1003, days=1)
    assert run(paid).differences == []


def test_an_account_that_is_overdrawn_says_so(paid: World, bank: FakeBankFiles) -> None:
    """A closing balance below zero is read as such."""
    statement(paid, bank, -5)
    assert only(run(paid)).amount_cents == -5
    assert DEBTOR.iban.startswith("FR")


# --- five business days --------------------------------------------------------------------------


def test_a_captured_cent_that_does_not_arrive_within_five_business_days_is_an_alarm(
    paid: World,
) -> None:
    """A week with its week-end; it ends when it has arrived."""
    start = paid.clock.now()
    while run(paid).late_cents == 0:
        paid.pass_time(hours=12)
    gone = paid.clock.now() - start
    assert gone.days in (7, 8)
    found = run(paid)
    assert (found.late_cents, found.short_cents) == (1000, 1000)
    paid.cards.pay_out()
    found = run(paid)
    assert (found.late_cents, found.short_cents) == (0, 0)


def test_what_was_refunded_to_the_card_is_not_late(paid: World) -> None:
    """It is owed to nobody."""
    reference = by_card(paid, "20€")
    operate.refund_order(paid.deps, reference, to="card")
    paid.pass_time(days=9)
    assert run(paid).late_cents == 1000
