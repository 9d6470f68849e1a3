"""The journal's entries, case by case: which accounts move, by how much, under which key.

Credits are positive: wallets, held, payouts and own stand as they are; `cards` and `bank` are kept
below zero. Postings of an entry sum to zero, and so do all balances together.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

CARDS: Final = "cards"
BANK: Final = "bank"
LOSSES: Final = "own:losses"
COSTS: Final = "own:costs"
FUNDS: Final = "own:funds"
PAYOUTS: Final = "payouts"
OWN: Final = ("own:costs", "own:fees", "own:funds", "own:losses")

SIGN_TURNED: Final = (CARDS, BANK)
"""Accounts that are shown and exported with their sign turned."""


def wallet(person_id: int) -> str:
    """Name a person's wallet."""
    return f"wallet:{person_id}"


def held(transfer_id: int) -> str:
    """Name the account of a held transfer."""
    return f"held:{transfer_id}"


class Posting(NamedTuple):
    """One signed leg of an entry, in cents; credits are positive."""

    account: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An immutable journal entry; the same key with other postings is a bug."""

    key: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        """Refuse an entry that would break the books."""
        assert self.key, "an entry has a key"
        assert len(self.postings) > 1, "an entry has at least two legs"
        total = 0
        for _account, amount_cents in self.postings:
            assert type(amount_cents) is int, "cents are integers"
            assert amount_cents, "no leg is zero"
            total += amount_cents
        assert total == 0, "an entry sums to zero"

    @property
    def hash(self) -> str:
        """SHA-256 of the postings, hexadecimal."""
        return hash_of(self.postings)


def hash_of(legs: Iterable[tuple[str, int]]) -> str:
    """Return the hash of an entry's legs: SHA-256, hexadecimal, whatever their order."""
    lines = sorted([f"{account}|{amount_cents}" for account, amount_cents in legs])
    return sha256("\n".join(lines).encode()).hexdigest()


def _move(key: str, amount_cents: int, *, source: str, target: str) -> Entry:
    assert amount_cents > 0, "money moves by at least one cent"
    return Entry(key, (Posting(source, -amount_cents), Posting(target, amount_cents)))


def capture(topup_id: str, person_id: int, amount_cents: int) -> Entry:
    """A card's money is captured: e-money is issued into the payer's own wallet."""
    key = f"topup:{topup_id}:capture"
    return _move(key, amount_cents, source=CARDS, target=wallet(person_id))


def post(transfer_id: int, payer_id: int, payee_id: int, amount_cents: int) -> Entry:
    """A transfer is posted from wallet to wallet."""
    key = f"transfer:{transfer_id}:post"
    return _move(key, amount_cents, source=wallet(payer_id), target=wallet(payee_id))


def hold(transfer_id: int, payer_id: int, amount_cents: int) -> Entry:
    """A transfer's money leaves the payer and waits for a payee who cannot take it yet."""
    key = f"transfer:{transfer_id}:hold"
    return _move(key, amount_cents, source=wallet(payer_id), target=held(transfer_id))


def claim(transfer_id: int, payee_id: int, amount_cents: int) -> Entry:
    """The payee takes what was held."""
    key = f"transfer:{transfer_id}:claim"
    return _move(key, amount_cents, source=held(transfer_id), target=wallet(payee_id))


def give_back(transfer_id: int, payer_id: int, amount_cents: int) -> Entry:
    """What was held goes back to the payer's wallet."""
    key = f"transfer:{transfer_id}:return"
    return _move(key, amount_cents, source=held(transfer_id), target=wallet(payer_id))


def dispute_taken(dispute_id: str, amount_cents: int, fee_cents: int) -> Entry:
    """The acquirer took a disputed payment back, and its fee: our loss and our cost."""
    legs = [Posting(CARDS, amount_cents + fee_cents), Posting(LOSSES, -amount_cents)]
    if fee_cents:
        legs.append(Posting(COSTS, -fee_cents))
    return Entry(f"dispute:{dispute_id}:taken", tuple(legs))


def dispute_won(dispute_id: str, person_id: int, amount_cents: int, restored_cents: int) -> Entry:
    """The acquirer gave it again: the reverse, and what was recovered goes back to its wallet."""
    legs = [
        Posting(CARDS, -amount_cents),
        Posting(LOSSES, amount_cents - restored_cents),
        Posting(wallet(person_id), restored_cents),
    ]
    return Entry(f"dispute:{dispute_id}:won", tuple(leg for leg in legs if leg.amount_cents))


def recover(recovery_id: int, person_id: int, amount_cents: int) -> Entry:
    """An operator takes from a wallet what a dispute cost."""
    key = f"recovery:{recovery_id}:take"
    return _move(key, amount_cents, source=wallet(person_id), target=LOSSES)


def card_refund(refund_id: str, person_id: int, amount_cents: int) -> Entry:
    """Money leaves a wallet for the card that brought it."""
    key = f"refund:{refund_id}:card"
    return _move(key, amount_cents, source=wallet(person_id), target=CARDS)


def card_refund_failed(refund_id: str, person_id: int, amount_cents: int) -> Entry:
    """The card did not take it: it is in the wallet again."""
    key = f"refund:{refund_id}:failed"
    return _move(key, amount_cents, source=CARDS, target=wallet(person_id))


def payout_request(payout_id: int, person_id: int, amount_cents: int) -> Entry:
    """A payout is asked for: its money leaves the wallet at once."""
    key = f"payout:{payout_id}:request"
    return _move(key, amount_cents, source=wallet(person_id), target=PAYOUTS)


def payout_cancel(payout_id: int, person_id: int, amount_cents: int) -> Entry:
    """A payout is cancelled before its file: back to its owner."""
    key = f"payout:{payout_id}:cancel"
    return _move(key, amount_cents, source=PAYOUTS, target=wallet(person_id))


def payout_settle(payout_id: int, amount_cents: int) -> Entry:
    """A payout has left the safeguarding account: e-money is redeemed."""
    return _move(f"payout:{payout_id}:settle", amount_cents, source=PAYOUTS, target=BANK)


def payout_return(payout_id: int, person_id: int, amount_cents: int) -> Entry:
    """A payout that had not left comes back to its owner."""
    key = f"payout:{payout_id}:return"
    return _move(key, amount_cents, source=PAYOUTS, target=wallet(person_id))


def payout_return_from_bank(payout_id: int, person_id: int, amount_cents: int) -> Entry:
    """A payout that had left comes back from the other bank, to its owner."""
    key = f"payout:{payout_id}:return"
    return _move(key, amount_cents, source=BANK, target=wallet(person_id))


def acquirer_paid(acquirer_payout_id: int, amount_cents: int, fee_cents: int) -> Entry:
    """The acquirer paid out to the safeguarding account, less its fees for the charges."""
    legs = [
        Posting(BANK, -amount_cents),
        Posting(CARDS, amount_cents + fee_cents),
        Posting(COSTS, -fee_cents),
    ]
    key = f"acquirer_payout:{acquirer_payout_id}:paid"
    return Entry(key, tuple(leg for leg in legs if leg.amount_cents))


def safeguard(acquirer_payout_id: int, amount_cents: int) -> Entry:
    """The operator's own funds go to the safeguarding account for what costs and losses took."""
    key = f"acquirer_payout:{acquirer_payout_id}:topup"
    return _move(key, amount_cents, source=BANK, target=FUNDS)


def book_cards_difference(difference_id: int, to: str, amount_cents: int) -> Entry:
    """An operator books what the acquirer moved and no fact of ours explains; less is negative."""
    key = f"difference:{difference_id}:book"
    return Entry(key, (Posting(CARDS, -amount_cents), Posting(f"own:{to}", amount_cents)))


def book_bank_difference(difference_id: int, to: str, amount_cents: int) -> Entry:
    """An operator books what a statement has more than the books; less is negative."""
    key = f"difference:{difference_id}:book"
    return Entry(key, (Posting(BANK, -amount_cents), Posting(f"own:{to}", amount_cents)))
