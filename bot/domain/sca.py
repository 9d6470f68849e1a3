"""Strong customer authentication: when a payment may go without it, and what counts as it.

Delegated Regulation (EU) 2018/389 (RTS). Art. 16 exempts remote payments of low value: up to 30 €
each, and up to 100 € in total since the last strong authentication (of the article's two counters
a provider picks one, EBA Q&A 2018_4225). Art. 4 (3) (b) locks after five failures. Art. 5 binds
what is confirmed to its amount and its payee: if either changes the confirmation is void
(`bot.domain.transfer.Terms`, whose hash every confirmation holds). Whether the card's 3-D Secure
counts for the transfer as well as for the top-up is one switch, `Policy.card_sca_covers_transfer`,
off by default: then the transfer has its own authentication before the card funds it (ADR 43).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from bot.domain.limits import Policy

FAILURES_AT_MOST: Final = 5
"""Wrong tries at one code before it is void, and at a person's factors before they are locked
(RTS 2018/389 art. 4 (3) (b))."""
LOCK_LASTS: Final = timedelta(hours=1)
"""How long a lock lasts, which art. 4 (4) lets a provider choose: five guesses an hour, and after
`LOCKS_AT_MOST` none, come to one in 66 000."""
LOCKS_AT_MOST: Final = 3
"""Locks in a row, without a right try between them, after which only an operator opens."""
LOOK_LASTS: Final = timedelta(days=180)
"""How long the wallet is shown after a strong authentication (RTS 2018/389 art. 10, as amended by
2022/2360)."""
CHALLENGE_LASTS: Final = timedelta(minutes=5)
"""How long an authentication may take, from the text to the last figure."""
SHUT_LOOKED_AT_WITHIN: Final = timedelta(days=1)
"""How soon an operator has to look at such a person: somebody waits for their own money."""


@dataclass(frozen=True, slots=True)
class Tries:
    """The counters after a wrong try."""

    failures: int
    locks: int
    locks_now: bool


def after_failure(failures: int, locks: int) -> Tries:
    """Count a wrong try: the fifth locks, and the count begins anew.

    >>> after_failure(0, 0), after_failure(4, 2)
    (Tries(failures=1, locks=0, locks_now=False), Tries(failures=0, locks=3, locks_now=True))
    """
    if failures + 1 < FAILURES_AT_MOST:
        return Tries(failures + 1, locks, locks_now=False)
    return Tries(0, locks + 1, locks_now=True)


def is_shut(locks: int) -> bool:
    """Whether only an operator opens a person's factors again (art. 4 (4), second sentence)."""
    return locks >= LOCKS_AT_MOST


class Basis(StrEnum):
    """Why a payment was allowed; recorded with its confirmation."""

    LOW_VALUE = "low_value"  # RTS 2018/389 art. 16
    CARD_3DS = "card_3ds"  # the issuer's authentication, art. 4 and 5, by the operator's switch
    CODE = "code"  # the wallet code with a code by text, bound to amount and payee, art. 4 to 7
    PASSKEY = "passkey"  # a device that knows its owner, bound to amount and payee, art. 4 to 8

    @property
    def is_strong(self) -> bool:
        """Whether it is a strong authentication: art. 16 counts anew from it."""
        return self is not Basis.LOW_VALUE


class Purpose(StrEnum):
    """What a strong authentication is asked for (directive 2015/2366 art. 97)."""

    PAY = "pay"
    PAYOUT = "payout"
    OPEN = "open"  # look into the wallet
    PHONE = "phone"  # another phone number
    CODE = "code"  # another wallet code
    DM = "dm"  # confirmation by direct message
    PASSKEY = "passkey"  # one more, or one less
    MANDATE = "mandate"  # a card that is kept, to be charged unseen later
    DATA = "data"  # everything that is kept about them, as a file
    CLOSE = "close"  # the end of their account


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A strong authentication of a person, bound to what was shown, that serves once.

    `key` names it: the same one again is the same wish (art. 4 (1): a code is taken once).
    """

    key: str
    terms_hash: str
    """Of amount and payee as they were shown: nothing of another hash is confirmed (art. 5)."""
    basis: Basis


@dataclass(frozen=True, slots=True)
class Allowed:
    """A payment may go, on this basis."""

    basis: Basis


@dataclass(frozen=True, slots=True)
class NeedsSca:
    """A payment needs strong authentication; `card_would_do` where 3-D Secure is it."""

    card_would_do: bool
    bites: Literal["amount", "total"]
    """Which figure of art. 16 is passed: the amount's own, or the total's since the last SCA."""

    @property
    def refusal(self) -> str:
        """The key of the sentence for who wants to pay: it names the figure that is passed."""
        return self._named("needs_card" if self.card_would_do else "needs_sca")

    @property
    def refusal_of_card(self) -> str:
        """The same for whose card was authorized without 3-D Secure."""
        return self._named("card_without_3ds" if self.card_would_do else "needs_sca")

    def _named(self, name: str) -> str:
        return f"refusal.{name}" if self.bites == "amount" else f"refusal.{name}_total"


_EXEMPT: Final = Allowed(Basis.LOW_VALUE)
_OURS: Final[Mapping[str, Allowed]] = {
    one.value: Allowed(one) for one in (Basis.CODE, Basis.PASSKEY)
}


def is_low_value(amount_cents: int, since_sca_cents: int, policy: Policy) -> bool:
    """Whether art. 16 exempts an amount, given what was paid since the last authentication."""
    return (
        amount_cents <= policy.low_value_cents
        and since_sca_cents + amount_cents <= policy.low_value_total_cents
    )


def from_wallet(amount_cents: int, since_sca_cents: int, policy: Policy) -> Allowed | NeedsSca:
    """Decide on a payment from the wallet."""
    if is_low_value(amount_cents, since_sca_cents, policy):
        return _EXEMPT
    return NeedsSca(
        card_would_do=policy.card_sca_covers_transfer,
        bites="amount" if amount_cents > policy.low_value_cents else "total",
    )


def bound(
    proof: Authenticated | None, terms_hash: str, otherwise: Allowed | NeedsSca
) -> Allowed | NeedsSca | None:
    """Decide by a strong authentication, where there is one; None where it is of other terms."""
    if proof is None:
        return otherwise
    return Allowed(proof.basis) if proof.terms_hash == terms_hash else None


def recorded(basis: str | None, otherwise: Allowed | NeedsSca) -> Allowed | NeedsSca:
    """Decide by the factors of ours that a confirmation recorded, where it did."""
    return otherwise if basis is None else _OURS.get(basis, otherwise)


def may_look(opened_at: datetime | None, at: datetime) -> bool:
    """Whether a wallet is shown without asking again: art. 10, for 180 days."""
    return opened_at is not None and at - opened_at < LOOK_LASTS


def by_card_may_begin(
    amount_cents: int, since_sca_cents: int, policy: Policy
) -> Allowed | NeedsSca:
    """Decide whether a payment by card may begin; its outcome is judged by `by_card`."""
    if policy.card_sca_covers_transfer:
        return Allowed(Basis.CARD_3DS)
    return from_wallet(amount_cents, since_sca_cents, policy)


def by_card(
    amount_cents: int, since_sca_cents: int, *, three_d_secure: bool, policy: Policy
) -> Allowed | NeedsSca:
    """Decide on a payment by card, once it is known whether the issuer authenticated the payer."""
    if three_d_secure and policy.card_sca_covers_transfer:
        return Allowed(Basis.CARD_3DS)
    return from_wallet(amount_cents, since_sca_cents, policy)
