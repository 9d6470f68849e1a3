"""The seams to the outside: Protocols named for their role, and the values that cross them.

An adapter meets each Protocol against the real service, a fake in `tests/fakes` against nothing;
both pass the same contract tests. Every method raises only the errors of `bot.domain.errors`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from bot.domain.cards import (
    AcquirerLine,
    AcquirerPayout,
    CardDispute,
    CardEvent,
    CardFailure,
    CardRefund,
    CheckoutOrder,
    SavedCard,
)
from bot.domain.pace import Accepted
from bot.domain.payout import BankReport, PayoutFile
from bot.domain.said import Message, Post


class Clock(Protocol):
    """The one home of the time."""

    def now(self) -> datetime:
        """Return the present, aware, in UTC."""


class Chance(Protocol):
    """The one home of randomness; every value is unguessable."""

    def token(self) -> str:
        """Return a secret of 256 bits, URL-safe."""

    def reference(self) -> str:
        """Return 6 characters of the reference alphabet with a letter and a digit."""

    def digits(self, count: int) -> str:
        """Return a code of `count` decimal digits."""

    def uuid(self) -> str:
        """Return a new UUID as 32 hexadecimal digits, for the key of an outside effect."""


class Memory(Protocol):
    """One fact that an adapter learnt of the outside, and that outlives its process."""

    def recall(self) -> str | None:
        """Return what was kept last; None: nothing was."""

    def keep(self, fact: str) -> None:
        """Keep a fact in the place of the last."""


# --- X -----------------------------------------------------------------------------------------

Source = Literal["post", "dm", "stripe"]


@dataclass(frozen=True, slots=True)
class RawEvent:
    """Something that came in, as it came: what an inbox row is made of, not yet understood."""

    source: Source
    id: str
    body: str
    """The JSON text as the outside sent it."""
    happened_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class XUser:
    """An account on X. The id stays; handle and name are only shown."""

    id: str
    handle: str
    name: str = ""
    created_at: datetime | None = None
    protected: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """Something of ours that X holds."""

    id: str
    text: str
    sent_at: datetime | None = None


class Decoder(Protocol):
    """Reads what X sent. A body that cannot be read is `Rejected("undecodable")`."""

    def post(self, body: str) -> Post:
        """Decode a post (the stream's line, or a timeline's entry, each with `data`)."""

    def message(self, body: str) -> Message:
        """Decode a direct message event of type MessageCreate."""


class EventHooks(Protocol):
    """X's webhooks: what it asks of us, what it brings, and what keeps it bringing."""

    def answer(self, crc_token: str) -> str:
        """Return what proves that the address is ours; `Rejected("bad_token")` for an odd token."""

    def verify(self, body: bytes, signature: str) -> list[RawEvent]:
        """Check the signature, read what is new; `Rejected("bad_signature")` where it is wrong."""

    def keep(self, url: str) -> None:
        """Let X bring the account's mentions and messages to an address of ours."""


class MentionStream(Protocol):
    """The filtered stream of posts that mention the bot."""

    def listen(self, on_event: Callable[[RawEvent], None], on_byte: Callable[[], None]) -> None:
        """Keep the rule, connect, hand on every post until the connection ends or `close`.

        Raises `Unavailable` (with `retry_at` on 429) or `Rejected` (wrong credentials) where the
        connection is refused or lost; returns where `close` ended it. `on_byte` is called for
        every sign of life, keep-alives included.
        """

    def close(self) -> None:
        """End `listen` from another thread."""


class MentionReader(Protocol):
    """The mentions timeline, to close the stream's gaps."""

    def mentions(self, *, since_id: str | None, since: datetime) -> Iterator[RawEvent]:
        """Every mention after `since_id` (where given) and after `since`, oldest page last."""

    def deleted(self, post_ids: Iterable[str]) -> set[str]:
        """Return which of at most 100 posts X has no more; one that is only hidden stands."""


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Direct messages as X shows them, newest first."""

    events: list[RawEvent]
    older: str | None
    """What names the page of older ones; None: there is none."""
    closed_until: datetime | None = None
    """When X takes such a call again, where this was the last of its window; None: at will."""


class MessageReader(Protocol):
    """Direct messages that reached the bot, its own among them."""

    def page(self, token: str | None) -> MessagePage:
        """Read the newest events, or those that `token` names.

        A token that X takes no more is `Rejected("bad_request")`.
        """


class Publisher(Protocol):
    """What the bot says on X. None of it can be keyed: an unknown outcome is looked up."""

    def reply(self, *, to_post_id: str, text: str, exclude_x_user_ids: Iterable[str]) -> Accepted:
        """Answer a post, notifying nobody but its author."""

    def replies_to(self, post_id: str, *, since: datetime, thoroughly: bool) -> list[Sent]:
        """Find our own replies to a post; `thoroughly`: also where it costs what was said since."""

    def message(self, *, to_x_user_id: str, text: str) -> Accepted:
        """Send a direct message; its id is its event's."""

    def messages_to(self, x_user_id: str, *, since: datetime) -> list[Sent]:
        """Find our own direct messages to an account."""

    def delete(self, post_id: str) -> None:
        """Delete a post of our own; one that is already gone is a success."""


class Directory(Protocol):
    """Who is who on X. Each user read is paid for."""

    def me(self) -> XUser:
        """Return the bot's own account, read anew: `bot` returns it from then on."""

    def bot(self) -> XUser:
        """Return the bot's own account as it was last read or told; X is asked where it never was.

        Of threads that ask at once one asks X.
        """

    def know(self, bot: XUser) -> None:
        """Be told who `bot` is, by somebody who kept it: nothing is read."""

    def keys(self) -> str:
        """Return what tells the keys apart that the account belongs to, and nothing of them."""

    def by_handle(self, handles: Iterable[str]) -> Mapping[str, XUser]:
        """Look handles up (without `@`, any case); those not found or suspended are absent."""

    def by_id(self, x_user_ids: Iterable[str]) -> Mapping[str, XUser]:
        """Look ids up; those not found or suspended are absent."""


class SignIn(Protocol):
    """Sign-in with X: OAuth 2.0 with PKCE (S256)."""

    def authorize_url(self, *, state: str, verifier: str, redirect_uri: str) -> str:
        """Return where the browser goes; the verifier itself never leaves us before `identify`."""

    def identify(self, *, code: str, verifier: str, redirect_uri: str) -> XUser:
        """Trade the code for who it is; the token is used once and thrown away."""


# --- cards -------------------------------------------------------------------------------------


PaymentStatus = Literal[
    "waiting",  # no card yet, or the last one was declined
    "action",  # 3-D Secure under way, or processing
    "authorized",  # waits for capture
    "captured",
    "voided",
]


@dataclass(frozen=True, slots=True)
class CardPayment:
    """A card payment at the acquirer (Stripe: PaymentIntent with its latest charge)."""

    id: str
    status: PaymentStatus
    amount_cents: int
    captured_cents: int = 0
    refunded_cents: int = 0
    card_country: str | None = None
    """Country of issue, ISO 3166-1 alpha-2."""
    card_fingerprint: str | None = None
    card_brand: str | None = None
    card_last4: str | None = None
    three_d_secure: bool = False
    """Whether the issuer authenticated the payer for this payment."""
    decline_code: str | None = None
    """Why the last attempt failed, in the acquirer's word."""
    topup_id: str | None = None
    """From the payment's metadata."""
    kept: SavedCard | None = None
    """The card, where the acquirer keeps it for its customer: from the authorization on."""


@dataclass(frozen=True, slots=True)
class CheckoutState:
    """A hosted page and what became of it."""

    session_id: str
    url: str | None
    status: Literal["open", "complete", "expired"]
    payment: CardPayment | None = None
    failures: tuple[CardFailure, ...] = ()
    """Failed charges on this page, oldest first, and a 3-D Secure that failed last: one that failed
    before leaves no trace at the acquirer, so who counts writes each down when it is seen."""

    @property
    def failed_attempts(self) -> int:
        """How many failures the acquirer tells of."""
        return len(self.failures)


class Checkout(Protocol):
    """The acquirer's hosted page. Mutating calls are keyed: repeating one is safe."""

    def open(self, order: CheckoutOrder, *, key: str) -> CheckoutState:
        """Open a page for an order (manual capture, 3-D Secure asked for)."""

    def read(self, session_id: str) -> CheckoutState:
        """Read a page with its payment, the payment's card and its failures."""

    def close(self, session_id: str) -> CheckoutState:
        """Close an open page; one that has ended stays as it ended."""


class Payments(Protocol):
    """Card payments by their id. Mutating calls are keyed: repeating one is safe."""

    def read(self, payment_id: str) -> CardPayment:
        """Read a payment."""

    def capture(self, payment_id: str, *, amount_cents: int, key: str) -> CardPayment:
        """Take what was authorized; `Rejected` where the authorization has lapsed."""

    def void(self, payment_id: str, *, key: str) -> CardPayment:
        """Give an authorization back; a payment that is already voided is a success."""

    def charge(
        self,
        card: SavedCard,
        *,
        topup_id: str,
        amount_cents: int,
        key: str,
        look_first: bool = False,
    ) -> CardPayment:
        """Charge a saved card off-session under its mandate, captured at once.

        `look_first`: where it may have been made so long ago that the key is forgotten. A no of the
        card is a payment with status `waiting` and its `decline_code` (`authentication_required`
        where the issuer wants the person).
        """

    def refund(self, payment_id: str, *, amount_cents: int, key: str) -> str:
        """Give captured money back to the card; return the refund's id, also of one that failed.

        Whether it did is what `Reversals.refund` says.
        """


class Reversals(Protocol):
    """What takes a captured payment back, each read by its id."""

    def dispute(self, dispute_id: str) -> CardDispute:
        """Read a dispute."""

    def refund(self, refund_id: str) -> CardRefund:
        """Read a refund."""


class Acquirer(Protocol):
    """What the acquirer paid out to the safeguarding account."""

    def paid_out(self, is_known: Callable[[Iterable[str]], set[str]]) -> list[AcquirerPayout]:
        """Read payouts that are not known, newest first, paging on while any of a page is new."""

    def lines(self, payout_id: str) -> tuple[AcquirerLine, ...]:
        """Read what a payout was made of."""


class CardVault(Protocol):
    """Cards kept at the acquirer."""

    def customer(self, *, person_id: str, key: str) -> str:
        """Make a customer at the acquirer; return its id."""

    def keep(self, *, customer_id: str, payment_method: str, key: str) -> SavedCard:
        """Attach a payment method (a token or an id) to a customer."""

    def forget(self, payment_method_id: str) -> None:
        """Detach a card; one that is already gone is a success."""


class Webhooks(Protocol):
    """The acquirer's webhooks."""

    def verify(self, body: bytes, signature: str) -> RawEvent:
        """Check the signature; `Rejected("bad_signature")` where it does not hold."""

    def decode(self, body: str) -> CardEvent:
        """Read an event that was verified; an unknown object gives an event with no ids."""


# --- text messages -----------------------------------------------------------------------------


class SmsSender(Protocol):
    """Text messages to a phone."""

    def send(self, *, to_phone: str, text: str, key: str) -> None:
        """Send a text to a number in E.164."""


# --- the safeguarding bank ---------------------------------------------------------------------


class BankFiles(Protocol):
    """Files for the bank, and the reports that come from it; an operator carries both."""

    def render(self, file: PayoutFile) -> str:
        """Return the text of a file of payouts: the same for the same file, to the byte."""

    def write(self, name: str, content: str) -> str:
        """Write a file so that it is there whole or not at all; return where it is."""

    def read(self, content: bytes) -> tuple[BankReport, ...]:
        """Read a report; `Rejected("bad_report")` with a sentence where it cannot be taken."""
