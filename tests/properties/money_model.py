"""What everybody should have: a small model of the money that knows nothing of the bot's code.

`Money` is the whole arithmetic: a cent is in one place, and leaves it only to be in another. What
follows says in a few lines when it moves.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

CEILING = 9_000
"""What a wallet of the model holds at most, in cents: small, so that it is met."""
PAID_AT_MOST = 12_000
"""What a person of the model pays in 30 days, in cents."""
LEAST_BY_CARD = 50
"""The acquirer's least charge, in cents."""
DAY = timedelta(days=1)
NEVER = datetime.max.replace(tzinfo=UTC)
OUTSIDE = ("cards", "bank", "own")
"""Places below zero: what they brought in is in other hands."""


class Money(Counter[str]):
    """Where each cent is: a handle, `held`, `payouts`, or one of the places outside."""

    def move(self, source: str, target: str, cents: int) -> None:
        """Move money; nobody can have less than nothing."""
        self[source] -= cents
        self[target] += cents
        assert source in OUTSIDE or self[source] >= 0, f"{source} spends what is not there"


@dataclass(eq=False)
class Transfer:
    """An order of one transfer, as it should be; `page` is where its card payment stands."""

    reference: str
    payer: str
    payee: str
    owner: str
    cents: int
    confirm_by: datetime
    status: str = "pending"
    paid_at: datetime | None = None
    claim_by: datetime = NEVER
    wish: str | None = None
    attempts: int = 0
    topup_id: str = ""  # of its newest attempt by card
    page: str | None = None  # unopened, open, then authorized or foreign, then capture or void
    page_ends: datetime = NEVER
    is_abandoned: bool = False
    failed: int = 0  # cards that were refused on this page
    counted: int = 0  # of these, those that the bot has seen
    authorized_at: datetime = NEVER
    is_seen: bool = False  # the bot knows that the card was authorized
    is_taken: bool = False  # the acquirer has the money, whether or not the bot knows
    topup: str | None = None  # captured, disputed, refunded
    captured_at: datetime | None = None
    is_back: bool = False  # an operator gave it back to its payer
    refund: str | None = None  # to the card: asked, made, failed
    refund_ids: set[str] = field(default_factory=set)  # as the acquirer names it
    is_sent_back: bool = False  # the issuer did not take it


@dataclass(eq=False)
class Dispute:
    """A dispute, as the acquirer decides it and as the bot has heard of it."""

    id: str
    of: Transfer
    cents: int
    fee: int
    decided: str = "open"
    heard: str | None = None
    heard_at: datetime = NEVER
    recovered: int = 0


@dataclass(eq=False)
class Payout:
    """Money on its way to a bank account."""

    id: int
    owner: str
    cents: int
    status: str = "requested"


class Model:
    """Who has what, and what became of each transfer, each payout and each dispute."""

    def __init__(self) -> None:
        self.money = Money()
        self.filled = Counter[str]()
        self.filled_at = NEVER
        self.wallets: set[str] = set()
        self.locked: set[str] = set()
        self.transfers: list[Transfer] = []
        self.waiting: list[Transfer] = []
        self.payouts: list[Payout] = []
        self.disputes: list[Dispute] = []
        self.failures: dict[str, list[datetime]] = defaultdict(list)

    # --- between wallets ---------------------------------------------------------------------

    def may_pay(self, one: Transfer, at: datetime) -> bool:
        """Whether a payer may confirm, whatever with."""
        is_open = one.status == "pending" and at < one.confirm_by and one not in self.waiting
        able = one.payer in self.wallets - self.locked
        return is_open and able and self.paid(one.payer, at) + one.cents <= PAID_AT_MOST

    def paid(self, payer: str, at: datetime) -> int:
        """What somebody paid in 30 days; what came back does not count."""
        return sum(
            one.cents
            for one in self.transfers
            if one.payer == payer and one.status in ("posted", "held", "funding")
            if not one.is_back and one.paid_at and one.paid_at >= at - 30 * DAY
        )

    def takes(self, one: Transfer) -> bool:
        """Whether a payee can take a transfer now."""
        able = one.payee in self.wallets - self.locked
        return able and self.money[one.payee] + one.cents <= CEILING

    def pay(self, one: Transfer, at: datetime) -> None:
        """Money goes from the payer's wallet to the payee, or waits for them."""
        takes = self.takes(one)
        self.money.move(one.payer, one.payee if takes else "held", one.cents)
        one.status, one.claim_by = "posted" if takes else "held", at + 30 * DAY

    def give_back(self, one: Transfer) -> None:
        """What is held is its payer's again."""
        self.money.move("held", one.payer, one.cents)
        one.status = "returned"

    def settle(self, at: datetime) -> None:
        """Whoever confirmed from their wallet and waits is served, the oldest first."""
        for one in self.waiting:
            able = one.payer not in self.locked and self.money[one.payer] >= one.cents
            if able and self.paid(one.payer, at) + one.cents <= PAID_AT_MOST:
                self.pay(one, at)
            else:
                one.paid_at = None
        self.waiting = []

    # --- by card -----------------------------------------------------------------------------

    def cards_closed(self, person: str, at: datetime) -> bool:
        """Three failures in a day close cards for a day."""
        times = self.failures[person]
        threes = zip(times, times[2:], strict=False)
        return any(last - first <= DAY and at - last < DAY for first, last in threes)

    def free(self, one: Transfer) -> None:
        """A card came to nothing: the transfer is as it was, or as somebody wished meanwhile."""
        one.status, one.page, one.wish, one.paid_at = one.wish or "pending", None, None, None

    def look(self, one: Transfer, at: datetime, cut: str | None = None) -> None:
        """Bring a card payment as far as it goes, or to where the look is cut off."""
        if one.page in ("open", "authorized", "foreign") and not one.is_seen:
            if cut == "read":
                return
            self.failures[one.payer] += [at] * (one.failed - one.counted)
            one.counted = one.failed
        match one.page:
            case "unopened":
                self._open(one, at, cut)
            case "open":
                self._watch(one, at, cut)
            case "authorized" | "foreign":
                self._decide(one, at, cut)
            case "capture" | "void":
                self._end(one, at, cut)

    def _open(self, one: Transfer, at: datetime, cut: str | None) -> None:
        if one.wish or one.is_abandoned or at >= one.page_ends:
            self.free(one)
        elif cut not in ("open", "opened"):
            one.page = "open"

    def _watch(self, one: Transfer, at: datetime, cut: str | None) -> None:
        tired = one.is_abandoned or one.failed >= 3 or self.cards_closed(one.payer, at)
        if at >= one.page_ends:
            self.free(one)
        elif (one.wish or tired) and cut == "closed":
            one.page_ends = at
        elif (one.wish or tired) and cut != "close":
            self.free(one)

    def _decide(self, one: Transfer, at: datetime, cut: str | None) -> None:
        one.is_seen = True
        if cut == "seen":
            return
        barred = one.payer in self.locked or self.cards_closed(one.payer, at)
        one.page = "void" if one.wish or barred or one.page == "foreign" else "capture"
        if cut != "decided":
            self._end(one, at, cut)

    def _end(self, one: Transfer, at: datetime, cut: str | None) -> None:
        if cut == one.page or (cut, one.page) == ("voided", "void"):
            return
        if one.page == "void" or (not one.is_taken and at >= one.authorized_at + 7 * DAY):
            self.free(one)
            return
        one.is_taken = True
        if cut == "captured":
            return
        self.money.move("cards", one.payer, one.cents)
        one.topup, one.captured_at, one.page, one.wish = "captured", at, None, None
        if one.payer in self.locked:
            one.status = "cancelled"
        else:
            self.pay(one, at)

    # --- back --------------------------------------------------------------------------------

    def may_refund(self, one: Transfer, to: str) -> bool:
        """Whether an operator can give back what was posted."""
        if one.status != "posted" or (to == "wallet" and one.is_back):
            return False
        if not one.is_back and self.money[one.payee] < one.cents:
            return False
        if to == "wallet":
            return True
        there = self.money[one.payer] + (0 if one.is_back else one.cents)
        return one.topup == "captured" and one.refund is None and there >= one.cents

    def refund(self, one: Transfer, to: str) -> None:
        """Back to the payer's wallet, and from there to the card."""
        if not one.is_back:
            self.money.move(one.payee, one.payer, one.cents)
            one.is_back = True
        if to == "card":
            self.money.move(one.payer, "cards", one.cents)
            one.refund = "asked"

    def end_refund(self, one: Transfer, *, failed: bool) -> None:
        """The card took it, or it is in the wallet again."""
        if failed and one.refund != "failed":
            self.money.move("cards", one.payer, one.cents)
            stands = any(it.of is one and it.heard in ("open", "lost") for it in self.disputes)
            back = "disputed" if stands else "captured"
            one.topup = back if one.topup == "refunded" else one.topup
        if not failed and one.refund == "asked":
            one.topup = "refunded"
        one.refund = "failed" if failed else "made"

    def hear(self, one: Dispute, at: datetime) -> None:
        """The acquirer took money back, with a fee; won, it is there again."""
        paid = one.of
        if one.heard is None:
            one.heard, one.heard_at = "open", at
            self.money.move("own", "cards", one.cents + one.fee)
            self.locked.add(paid.payer)
            paid.topup = "disputed" if paid.topup == "captured" else paid.topup
            if paid.status == "held":
                self.give_back(paid)
        if one.heard == "open" and one.decided == "won":
            restored = min(one.cents, one.recovered)
            self.money.move("cards", paid.payer, restored)
            self.money.move("cards", "own", one.cents - restored)
            paid.topup = "captured" if paid.topup == "disputed" else paid.topup
        one.heard = one.decided

    def recover(self, person: str) -> int:
        """An operator takes what disputes cost, as far as it is there; return how much."""
        cost = [one for one in self.disputes if one.of.payer == person and one.heard]
        taken = 0
        for one in sorted(cost, key=lambda one: (one.heard_at, one.id)):
            if one.heard == "won":
                continue
            cents = min(self.money[person], one.cents + one.fee - one.recovered)
            self.money.move(person, "own", cents)
            one.recovered += cents
            taken += cents
        return taken

    # --- out ---------------------------------------------------------------------------------

    def most_out(self, person: str, at: datetime) -> int:
        """What a wallet may pay out: not what its cards brought in these 72 hours."""
        fresh = self.filled[person] if at - self.filled_at < 3 * DAY else 0
        fresh += sum(
            one.cents
            for one in self.transfers
            if one.payer == person and one.captured_at and at - one.captured_at < 3 * DAY
            if one.refund != "made"
        )
        return max(0, self.money[person] - fresh)

    def report(self, one: Payout, *, came_back: bool) -> None:
        """The bank says that a payout left, or that it came back."""
        if came_back and one.status in ("exported", "settled"):
            source = "bank" if one.status == "settled" else "payouts"
            self.money.move(source, one.owner, one.cents)
            one.status = "returned"
        elif not came_back and one.status == "exported":
            self.money.move("payouts", "bank", one.cents)
            one.status = "settled"
