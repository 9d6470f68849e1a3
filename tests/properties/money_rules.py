"""What else may happen in a step: cards and what comes back, payouts, the bank, the acquirer."""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Literal

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from sqlalchemy import select

from bot.domain.errors import Rejected
from bot.domain.payout import PayoutTerms
from bot.domain.sca import Authenticated, Basis
from bot.domain.topup import ATTEMPTS_AN_ORDER, SESSION_MINUTES
from bot.services import (
    disputes,
    operate,
    payout_files,
    payouts,
    receive,
    reconcile,
    refunds,
    settle,
)
from bot.services.confirm import GoToCard
from bot.services.steps import Step
from bot.store import refunds as card_refunds
from bot.store.engine import Store
from tests.fakes.bank import DEBTOR, FakeBankFiles, Movement, camt
from tests.fakes.card_books import DISPUTE_FEE_CENTS
from tests.properties.money_machine import (
    CARDS,
    CENTS,
    CUT,
    NEWEST,
    PEOPLE,
    OrderRules,
)
from tests.properties.money_model import LEAST_BY_CARD, NEVER, Dispute, Payout, Transfer
from tests.world import ProcessDied

REFUND_CUTS = ("refund", "refunded", "refund_written", "refund_made")
REFUND_CUT = st.sampled_from([None, None, *REFUND_CUTS])
IBAN = "FR1420041010050500013M02606"
SOME = st.sets(NEWEST, max_size=2)


class CardRules(OrderRules):
    """Paying by card, whatever becomes of the page, the call and the process."""

    @precondition(lambda self: self.have("pending"))
    @rule(back=NEWEST, cut=st.sampled_from([None, None, "open", "opened"]))
    def confirm_by_card(self, back: int, cut: str | None) -> None:
        """The payer confirms and is sent to the acquirer's page."""
        one = self.one(back, "pending")
        goes = self.model.may_pay(one, self.now) and one.cents >= LEAST_BY_CARD
        goes = goes and one.attempts < ATTEMPTS_AN_ORDER
        goes = goes and not self.model.cards_closed(one.payer, self.now)
        outcome = None

        def go() -> None:
            nonlocal outcome
            outcome = self.world.confirm(one.payer, one.reference, funding="card")

        self.cut_off(cut, lambda: self.try_to(go, goes=goes))
        if not goes:
            return
        one.status, one.page, one.attempts = "funding", "unopened", one.attempts + 1
        one.paid_at, one.page_ends = self.now, self.now + timedelta(minutes=SESSION_MINUTES)
        one.topup_id = self.world.topup(one.reference).id
        one.failed, one.counted, one.is_abandoned, one.is_seen = 0, 0, False, False
        one.authorized_at = NEVER
        self.model.look(one, self.now, cut)
        assert isinstance(outcome, GoToCard) == (one.page == "open")

    @precondition(lambda self: self._open_pages())
    @rule(back=NEWEST, card=st.sampled_from(["authorized", "authorized", "foreign", "no"]))
    def type_a_card(self, back: int, card: str) -> None:
        """The payer types a card on the page; the bot hears of it later."""
        pages = self._open_pages()
        one = pages[-1 - back % len(pages)]
        self.world.cards.submit(self.world.topup(one.reference).session_id, CARDS[card])
        if card == "no":
            one.failed += 1
        else:
            one.page, one.authorized_at = card, self.now

    def _open_pages(self) -> list[Transfer]:
        every = self.model.transfers
        return [one for one in every if one.page == "open" and self.now < one.page_ends]

    @precondition(lambda self: self.have("funding"))
    @rule(back=NEWEST, cut=CUT)
    def drive(self, back: int, cut: str | None) -> None:
        """Somebody lets the driver look."""
        one = self.one(back, "funding")
        if one.page:
            topup_id = self.world.topup(one.reference).id
            self.cut_off(cut, lambda: settle.drive(self.world.deps, topup_id))
            self.model.look(one, self.now, cut)

    @precondition(lambda self: self.have("funding"))
    @rule(back=NEWEST, abandons=st.booleans(), cut=CUT)
    def come_back(self, back: int, abandons: bool, cut: str | None) -> None:
        """The payer's browser comes back from the page."""
        one = self.one(back, "funding")
        x_user_id = self.world.x_id(one.payer)
        come = partial(settle.came_back, self.world.deps, one.reference, x_user_id)
        self.cut_off(cut, lambda: come(abandoned=abandons))
        one.is_abandoned = one.is_abandoned or abandons
        self.model.look(one, self.now, cut)

    @precondition(lambda self: self.world.cards.events)
    @rule(back=st.integers(0, 7))
    def hear_a_webhook(self, back: int) -> None:
        """Any of the acquirer's events arrives, late, twice or out of order."""
        events = self.world.cards.events
        self._hear(*events[-1 - back % len(events)])

    def _hear(self, body: bytes, signature: str) -> None:
        raw = self.world.deps.webhooks.verify(body, signature)
        event = self.world.deps.webhooks.decode(body.decode())
        is_new = receive.take_in(self.world.deps, [raw])
        receive.read_inbox(self.world.deps)
        if not is_new:
            return
        disputed = {dispute.of for dispute in self.model.disputes if dispute.id == event.dispute_id}
        for one in self.model.transfers:
            is_refund = event.refund_id in one.refund_ids
            if is_refund or one in disputed or event.topup_id == one.topup_id:
                self.model.look(one, self.now)
            if is_refund and one.refund == "made" and one.is_sent_back:
                self.model.end_refund(one, failed=True)
        for dispute in self.model.disputes:
            if dispute.id == event.dispute_id:
                self.model.hear(dispute, self.now)


class BackRules(CardRules):
    """What comes back: refunds by an operator, and disputes."""

    @precondition(lambda self: self.have("posted"))
    @rule(back=NEWEST, to=st.sampled_from(["wallet", "card"]), cut=REFUND_CUT)
    def refund(self, back: int, to: Literal["wallet", "card"], cut: str | None) -> None:
        """An operator gives back what was posted, to the wallet or on to the card."""
        one = self.one(back, "posted")
        goes = self.model.may_refund(one, to)
        act = partial(operate.refund_order, self.world.deps, one.reference, to=to)
        self.cut_off(cut, lambda: self.try_to(act, goes=goes))
        if goes:
            self.model.refund(one, to)
            self._end_refund(one, cut)

    @rule(cut=REFUND_CUT)
    def go_on_with_refunds(self, cut: str | None) -> None:
        """The job makes the refunds that the acquirer or a crash delayed."""
        for one in self.model.transfers:
            if one.refund == "asked":
                self.cut_off(cut, partial(refunds.drive, self.world.deps, self._refund_of(one)))
                self._end_refund(one, cut)

    def _refund_of(self, one: Transfer) -> str:
        with self.world.store.read() as session:
            statement = select(card_refunds.refunds.c.id).where(
                card_refunds.refunds.c.topup_id == one.topup_id
            )
            return str(session.execute(statement).scalar_one())

    def _end_refund(self, one: Transfer, cut: str | None) -> None:
        """A disputed payment cannot be refunded; what was made and sent back has failed."""
        for refund_id, (payment_id, _made) in self.world.cards.refunds.items():
            if payment_id == self.world.topup(one.reference).payment_id:
                one.refund_ids.add(refund_id)
        if one.refund == "asked" and cut not in REFUND_CUTS:
            disputed = any(dispute.of is one for dispute in self.model.disputes)
            self.model.end_refund(one, failed=disputed or one.is_sent_back)
        elif one.refund == "asked" and not one.refund_ids and cut in ("refunded", "refund_made"):
            self.model.end_refund(one, failed=True)  # it was refused: there was nothing to cut off

    @precondition(lambda self: self._at_cards())
    @rule(back=NEWEST)
    def send_back(self, back: int) -> None:
        """The issuer sends a refund back to the acquirer."""
        one = self._at_cards()[-1 - back % len(self._at_cards())]
        (refund_id,) = one.refund_ids
        self.world.cards.send_back(refund_id)
        one.is_sent_back = True

    def _at_cards(self) -> list[Transfer]:
        return [one for one in self.model.transfers if one.refund_ids and not one.is_sent_back]

    @precondition(lambda self: self._disputable())
    @rule(back=NEWEST)
    def dispute(self, back: int) -> None:
        """A card's holder disputes what was taken; the bot hears of it by a webhook."""
        one = self._disputable()[-1 - back % len(self._disputable())]
        dispute_id = self.world.cards.dispute(self.world.topup(one.reference).payment_id)
        self.model.disputes.append(Dispute(dispute_id, one, one.cents, DISPUTE_FEE_CENTS))

    def _disputable(self) -> list[Transfer]:
        gone = {dispute.of for dispute in self.model.disputes}
        return [
            one
            for one in self.model.transfers
            if one.is_taken and one not in gone and (not one.refund_ids or one.is_sent_back)
        ]

    @precondition(lambda self: any(one.decided == "open" for one in self.model.disputes))
    @rule(outcome=st.sampled_from(["won", "won", "lost"]))
    def decide(self, outcome: Literal["won", "lost"]) -> None:
        """The card network decides a dispute."""
        one = next(one for one in self.model.disputes if one.decided == "open")
        self.world.cards.decide(one.id, outcome)
        one.decided = outcome

    @precondition(lambda self: self.model.disputes)
    @rule(who=PEOPLE)
    def recover_from(self, who: str) -> None:
        """An operator takes from a wallet what disputes cost."""
        if who not in self.ids:
            return
        taken = self.model.recover(who)
        act = partial(disputes.recover, self.world.deps, self.ids[who])
        self.try_to(act, goes=taken > 0)

    def finish(self) -> None:
        """Everything is heard, and every refund made."""
        super().finish()
        for body, signature in self.world.cards.events:
            self._hear(body, signature)
        refunds.recover(self.world.deps)
        for one in self.model.transfers:
            self._end_refund(one, None)
        for body, signature in self.world.cards.events:
            self._hear(body, signature)
        assert self._owed() == self._booked(), "the acquirer's books say something else"

    def _owed(self) -> int:
        """What the acquirer owes by its own books, before its fees for charges."""
        far = self.world.cards
        cents = sum(one.captured_cents for one in far.paid.values())
        cents -= sum(made.amount_cents for _id, made in far.refunds.values() if not made.failed)
        cents -= sum(one.amount_cents + one.fee_cents for one in far.disputes.values())
        cents += sum(one.amount_cents for one in far.disputes.values() if one.status == "won")
        for payout, lines in far.payouts:
            cents -= payout.amount_cents + sum(line.own_fee_cents for line in lines)
        return cents

    def _booked(self) -> int:
        return -self.model.money["cards"] - sum(self.model.filled.values())


class PayoutRules(BackRules):
    """Money on its way to a bank account, and what the bank and the acquirer report."""

    def __init__(self, fresh: Callable[[], Store]) -> None:
        super().__init__(fresh)
        self.bank = FakeBankFiles()
        self.asked = 0

    @rule(who=PEOPLE, cents=CENTS)
    def ask(self, who: str, cents: int) -> None:
        """Somebody asks for a payout, authenticated, and taps twice."""
        most = self.model.most_out(who, self.now) if who in self.model.wallets else 0
        goes = who in self.model.wallets - self.model.locked and cents <= most
        terms = PayoutTerms(cents, IBAN, who.title())
        self.asked += 1
        proof = Authenticated(f"passkey-{self.asked}", terms.hash, Basis.PASSKEY)
        ids: set[int] = set()
        for _ in range(2 if goes else 1):
            request = partial(
                payouts.request, self.world.deps, self.world.visitor(who), terms, proof
            )
            self.try_to(partial(_keep, ids, request), goes=goes)
        if goes:
            (payout_id,) = ids
            self.model.payouts.append(Payout(payout_id, who, cents))
            self.model.money.move(who, "payouts", cents)

    @precondition(lambda self: self.model.payouts)
    @rule(back=NEWEST)
    def cancel_a_payout(self, back: int) -> None:
        """Its owner wants it back, in time or not."""
        one = self._payout(back)
        cancel = partial(payouts.cancel, self.world.deps, self.world.visitor(one.owner), one.id)
        if self.try_to(cancel, goes=one.status == "requested"):
            self.model.money.move("payouts", one.owner, one.cents)
            one.status = "cancelled"

    def _payout(self, back: int) -> Payout:
        return self.model.payouts[-1 - back % len(self.model.payouts)]

    @rule(dies=st.sampled_from([None, Step.PAYOUT_FILE_RECORDED, Step.PAYOUT_FILE_WRITTEN]))
    def export(self, dies: Step | None) -> None:
        """An operator writes the files; each payout is in one of them, whatever happens."""
        self.world.die_at = dies
        with suppress(ProcessDied):
            payout_files.export_payouts(self.world.deps, self.bank, DEBTOR)
        self.world.die_at = None
        for one in self.model.payouts:
            if one.status == "requested" and one.owner not in self.model.locked:
                one.status = "exported"
        named = [line.end_to_end_id for line in self.bank.transfers()]
        assert len(named) == len(set(named)), "a payout stands in two files"

    @precondition(lambda self: self.model.payouts)
    @rule(left=SOME, back=SOME, strange=SOME)
    def read_a_report(self, left: set[int], back: set[int], strange: set[int]) -> None:
        """The bank reports what left, what came back and what strangers sent; read twice."""
        out = list(dict.fromkeys(self._payout(one) for one in left))
        came = list(dict.fromkeys(self._payout(one) for one in back))
        lines = [Movement(f"SMONEY-PAYOUT-{one.id}", one.cents) for one in out]
        lines += [
            Movement(f"SMONEY-PAYOUT-{one.id}", one.cents, credit=True, reason="AC04")
            for one in came
        ]
        strangers = [self._payout(one) for one in strange]
        lines += [Movement(f"SMONEY-PAYOUT-{one.id}", one.cents, credit=True) for one in strangers]
        report = camt(lines)
        read = partial(payout_files.import_reports, self.world.deps, self.bank, DEBTOR.iban, report)
        if any(one.status in ("requested", "cancelled") for one in out):
            with pytest.raises(Rejected):
                read()
            return
        read()
        assert read().known == 1
        for one in out:
            self.model.report(one, came_back=False)
        for one in came:
            self.model.report(one, came_back=True)

    @precondition(lambda self: self._at_the_acquirer() > 0)
    @rule(dies=st.booleans())
    def the_acquirer_pays_out(self, dies: bool) -> None:
        """The acquirer's money is in the bank, less its fees, which own funds make good."""
        self.world.cards.pay_out()
        payout, lines = self.world.cards.payouts[-1]
        self.world.die_at = Step.ACQUIRER_PAYOUT_BOOKED if dies else None
        for _ in range(2):
            with suppress(ProcessDied):
                reconcile.reconcile_books(self.world.deps)
        fees = sum(line.own_fee_cents for line in lines)
        self.model.money.move("bank", "cards", payout.amount_cents)
        self.model.money.move("own", "cards", fees)
        self.model.money.move("bank", "own", -min(0, self.model.money["own"]))

    def _at_the_acquirer(self) -> int:
        taken = {line.id for _payout, lines in self.world.cards.payouts for line in lines}
        return sum(line.net_cents for line in self.world.cards.moved() if line.id not in taken)


def _keep(ids: set[int], request: Callable[[], int]) -> None:
    ids.add(request())
