"""The real services on a real database, step by step beside the model of `money_model`.

Each rule does something to the bot and says what it does to the model; after each step both have to
show the same, and the books have to be proven. A rule that is refused moves nothing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from sys import exc_info
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select

from bot.domain.errors import Refusal, Unavailable
from bot.domain.limits import Policy
from bot.services import cancel, claim, deliver, receive, settle
from bot.services.check import prove
from bot.services.confirm import Settled
from bot.services.steps import Step
from bot.store import confirmations, ledger, orders, payouts
from bot.store.engine import Store
from tests.properties.money_model import CEILING, LEAST_BY_CARD, PAID_AT_MOST, Model, Transfer
from tests.world import ProcessDied, World, reference_in

NO_LIMIT = 10**9
POLICY = Policy(
    in_30_days_cents=PAID_AT_MOST,
    in_wallet_cents=CEILING,
    min_card_cents=LEAST_BY_CARD,
    max_pending=NO_LIMIT,
    commands_an_hour=NO_LIMIT,
    low_value_cents=NO_LIMIT,
    low_value_total_cents=NO_LIMIT,
)
CARDS = {"authorized": "4242424242424242", "foreign": "4000008260000000", "no": "4000000000009995"}
PEOPLE = st.sampled_from(["alice", "bob", "carol"])
CENTS = st.sampled_from([1, 49, 50, 700, 1000, 2500, 3000])
NEWEST = st.integers(0, 3)
DOWN = Unavailable("no_answer")
CUTS: dict[str, tuple[str | Step, bool]] = {
    "open": ("checkout.open", False),
    "opened": ("checkout.open", True),
    "read": ("checkout.read", False),
    "close": ("checkout.close", False),
    "closed": ("checkout.close", True),
    "seen": (Step.AUTHORIZATION_RECORDED, True),
    "decided": (Step.DECISION_RECORDED, True),
    "void": ("payments.void", False),
    "voided": ("payments.void", True),
    "capture": ("payments.capture", False),
    "captured": ("payments.capture", True),
    "refund": ("payments.refund", False),
    "refunded": ("payments.refund", True),
    "refund_written": (Step.REFUND_WRITTEN, True),
    "refund_made": (Step.REFUND_MADE, True),
}
"""Where a look at a card payment is cut off: a call with no answer, before or after it did its
work, or a step at which the process dies."""
CUT = st.sampled_from([None, None, *(one for one in CUTS if not one.startswith("refund"))])


class Machine(RuleBasedStateMachine):
    """The bot, the model, and what both have to agree on."""

    def __init__(self, fresh: Callable[[], Store]) -> None:
        super().__init__()
        self.world = World(fresh(), POLICY)
        self.model = Model()
        self.ids: dict[str, int] = {}
        for handle, cents in (("bob", 6000), ("alice", 2000)):
            self._join(handle, cents)
            self.model.money.move("cards", handle, cents)
            self.model.filled[handle] = cents
        self.model.filled_at = self.now

    def _join(self, handle: str, cents: int = 0) -> None:
        self.ids[handle] = self.world.join(handle, cents=cents)
        self.model.wallets.add(handle)

    @property
    def now(self) -> datetime:
        """The present."""
        return self.world.clock.now()

    def one(self, back: int, *statuses: str) -> Transfer:
        """Return one of the newest transfers, of these statuses where there are any such."""
        some = [one for one in self.model.transfers if one.status in statuses]
        some = some or self.model.transfers
        return some[-1 - back % len(some)]

    def have(self, *statuses: str) -> bool:
        """Whether there is a transfer with one of these statuses."""
        return any(one.status in statuses for one in self.model.transfers)

    def try_to(self, action: Callable[[], object], *, goes: bool) -> bool:
        """Do what has to go, or to be refused."""
        refusal = None
        try:
            action()
        except Refusal as met:
            refusal = met
        assert (refusal is None) == goes, f"refusal: {refusal}, the model says {goes}"
        return goes

    def cut_off(self, cut: str | None, action: Callable[[], object]) -> None:
        """Do something while a call fails, or until the process dies."""
        where, after = CUTS[cut] if cut else (None, False)
        if isinstance(where, Step):
            self.world.die_at = where
        elif where:
            self.world.cards.fail(where, DOWN, after=after)
        try:
            action()
        except (Unavailable, ProcessDied):
            assert cut, "nothing was to fail"
        finally:
            self.world.die_at = None
            self.world.cards.heal()

    # --- what holds after each step ------------------------------------------------------------

    @invariant()
    def the_books_are_proven(self) -> None:
        """Every rule of the ledger holds."""
        assert prove(self.world.store).problems == []

    @invariant()
    def each_cent_is_where_the_model_has_it(self) -> None:
        """Wallets, what is held, what came in and what went out."""
        names = {f"wallet:{person_id}": handle for handle, person_id in self.ids.items()}
        shown = dict.fromkeys(self.model.money, 0)
        with self.world.store.read() as session:
            for name, cents in ledger.balances(session):
                place = names.get(name, name.partition(":")[0])
                turned = -cents if name in ("cards", "bank") else cents
                shown[place] = shown.get(place, 0) + turned
        wanted = {**dict.fromkeys(shown, 0), **self.model.money}
        assert shown == wanted, f"{shown}, the model says {wanted}"
        assert sum(shown.values()) == 0

    @invariant()
    def each_status_is_as_the_model_has_it(self) -> None:
        """Transfers and those that give them back, top-ups that brought money, payouts."""
        transfers, topups = orders.transfers, confirmations.topups
        reference = select(orders.orders.c.id, orders.orders.c.reference).subquery()
        shown: dict[str, list[str]] = {}
        with self.world.store.read() as session:
            for name, status in session.execute(
                select(reference.c.reference, transfers.c.status)
                .join(reference, reference.c.id == transfers.c.order_id)
                .order_by(transfers.c.id)
            ):
                shown.setdefault(name, []).append(status)
            brought = session.execute(
                select(reference.c.reference, topups.c.status)
                .join(reference, reference.c.id == topups.c.order_id)
                .where(topups.c.captured_at.is_not(None))
            ).all()
            out = session.execute(select(payouts.payouts.c.id, payouts.payouts.c.status)).all()
        every = self.model.transfers
        wanted = {
            one.reference: [one.status, *(["posted"] if one.is_back else [])] for one in every
        }
        assert shown == wanted, f"{shown}, the model says {wanted}"
        cards = {one.reference: one.topup for one in every if one.topup}
        assert dict(map(tuple, brought)) == cards, f"{brought}, the model says {cards}"
        paid_out = {one.id: one.status for one in self.model.payouts}
        assert dict(map(tuple, out)) == paid_out, f"{out}, the model says {paid_out}"


class OrderRules(Machine):
    """Ordering and paying from wallets; money that waits for its payee."""

    @rule(payer=PEOPLE, payee=PEOPLE, cents=CENTS, asks=st.booleans())
    def order(self, payer: str, payee: str, cents: int, asks: bool) -> None:
        """Somebody writes a post, as its payer or to ask for it."""
        if payer == payee:
            return
        owner, other = (payee, payer) if asks else (payer, payee)
        euros = f"{cents // 100}.{cents % 100:02}€"
        said = f"request {euros} from @{other}" if asks else f"pay @{other} {euros}"
        post_id = self.world.take_post(owner, f"@smoney {said}")
        receive.read_inbox(self.world.deps)
        deliver.deliver(self.world.deps)
        reply = self.world.answer_to(post_id)
        if asks and "/t/" not in str(reply):
            return  # one asks only so many strangers a day
        by = self.now + timedelta(hours=POLICY.confirm_within_h)
        one = Transfer(reference_in(reply), payer, payee, owner, cents, by)
        self.model.transfers.append(one)

    @precondition(lambda self: self.have("pending"))
    @rule(back=NEWEST, dies=st.booleans())
    def confirm_from_the_wallet(self, back: int, dies: bool) -> None:
        """Whoever has it pays at once; where the process dies it waits."""
        one = self.one(back, "pending")
        goes = self.model.may_pay(one, self.now) and self.model.money[one.payer] >= one.cents
        outcome = None
        self.world.die_at = Step.CONFIRMATION_WRITTEN if dies else None
        try:
            outcome = self.world.confirm(one.payer, one.reference)
        except Refusal:
            pass  # at once, or when it was its turn: the model says which
        except ProcessDied:
            assert goes
        self.world.die_at = None
        if not goes:
            assert outcome is None
            return
        one.paid_at = self.now
        self.model.waiting.append(one)
        if not dies:
            self.model.settle(self.now)
            assert (outcome == Settled(one.reference)) == (one.status in ("posted", "held"))

    @precondition(lambda self: self.have("held"))
    @rule(back=NEWEST, who=st.sampled_from(["claim", "take_back", "refuse"]))
    def end_what_is_held(self, back: int, who: str) -> None:
        """The payee claims or refuses it, or the payer takes it back."""
        one = self.one(back, "held")
        goes = one.status == "held" and (who != "claim" or self.model.takes(one))
        deed: Any = getattr(claim, who)
        party = self.world.x_id(one.payer if who == "take_back" else one.payee)
        if not self.try_to(lambda: deed(self.world.deps, one.reference, party), goes=goes):
            return
        if who == "claim":
            self.model.money.move("held", one.payee, one.cents)
            one.status = "posted"
        else:
            self.model.give_back(one)

    @precondition(lambda self: self.have("pending", "funding", "held"))
    @rule(back=NEWEST, cut=CUT)
    def cancel(self, back: int, cut: str | None) -> None:
        """Who ordered it takes it back, whatever is known of a card by then."""
        one = self.one(back, "pending", "funding", "held")
        covered = one in self.model.waiting
        goes = one.status == "funding" or (one.status == "pending" and not covered)
        goes = goes or (one.status == "held" and one.owner == one.payer)
        self._stop(one, cancel.cancel, one.owner, "cancelled", goes=goes, cut=cut)

    @precondition(lambda self: self.have("pending", "funding", "held"))
    @rule(back=NEWEST, cut=CUT)
    def decline(self, back: int, cut: str | None) -> None:
        """Who is asked says no; who is to have held money refuses it."""
        one = self.one(back, "pending", "funding", "held")
        covered = one in self.model.waiting
        asked = one.owner == one.payee and (
            one.status == "funding" or (one.status == "pending" and not covered)
        )
        who = one.payee if one.status == "held" else one.payer
        goes = one.status == "held" or asked
        self._stop(one, cancel.decline, who, "declined", goes=goes, cut=cut)

    def _stop(
        self, one: Transfer, deed: Any, who: str, end: str, *, goes: bool, cut: str | None
    ) -> None:
        stop = partial(deed, self.world.deps, one.reference, self.world.x_id(who))
        self.cut_off(cut, lambda: self.try_to(stop, goes=goes))
        if not goes:
            return
        if one.status == "pending":
            one.status = end
        elif one.status == "held":
            self.model.give_back(one)
        else:
            one.wish = one.wish or end
            self.model.look(one, self.now, cut)

    @precondition(lambda self: "carol" not in self.model.wallets)
    @rule()
    def carol_joins(self) -> None:
        """Somebody new has a wallet."""
        self._join("carol")

    @rule(who=PEOPLE)
    def lock_or_unlock(self, who: str) -> None:
        """An operator reviews a wallet, or has done so."""
        if who not in self.model.wallets:
            return
        if who in self.model.locked:
            self.world.unlock(who)
            self.model.locked.remove(who)
        else:
            self.world.lock(who)
            self.model.locked.add(who)

    @rule(hours=st.sampled_from([0.02, 0.6, 25, 73, 24 * 8, 24 * 31]))
    def pass_time(self, hours: float) -> None:
        """Time passes, and the jobs that watch it run; the driver has not looked yet."""
        self.world.pass_time(hours=hours)
        cancel.expire_due(self.world.deps)
        claim.return_due(self.world.deps)
        for one in self.model.transfers:
            covered = one in self.model.waiting
            if one.status == "pending" and not covered and self.now >= one.confirm_by:
                one.status = "expired"
            elif one.status == "held" and self.now >= one.claim_by:
                self.model.give_back(one)

    @rule(cut=CUT)
    def recover(self, cut: str | None) -> None:
        """The recovery job finishes what waits, one top-up after the other."""
        settle.settle_waiting(self.world.deps)
        self.model.settle(self.now)
        for _ in self.model.transfers:
            with self.world.store.read() as session:
                due = confirmations.due_topups(session, at=self.now, limit=1)
            one = next((one for one in self.model.transfers if self._is_of(one, due)), None)
            if one is None:
                return
            self.cut_off(cut, lambda: settle.recover(self.world.deps, limit=1))
            self.model.look(one, self.now, cut)

    def _is_of(self, one: Transfer, due: list[str]) -> bool:
        return bool(one.page and due) and self.world.topup(one.reference).id == due[0]

    def finish(self) -> None:
        """Whatever was cut off comes to its end by the jobs alone, and what is at a card too."""
        for _ in range(3):
            self.pass_time(1)
            self.recover(None)
        assert not any(one.page for one in self.model.transfers)

    def teardown(self) -> None:
        """Unless something failed before, nothing may be left half done."""
        if exc_info()[0] is None:
            self.finish()
            self.each_cent_is_where_the_model_has_it()
            self.each_status_is_as_the_model_has_it()
            self.the_books_are_proven()
