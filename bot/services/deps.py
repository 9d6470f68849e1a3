"""What the use cases need from the outside, handed in: ports, the database, the operator's figures.

`app.py` makes it from the settings; tests make it from fakes. There is no other way to the outside.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Final

from bot.domain.limits import Policy
from bot.ports import (
    Acquirer,
    CardVault,
    Chance,
    Checkout,
    Clock,
    Decoder,
    Directory,
    EventHooks,
    MentionReader,
    MessageReader,
    Payments,
    Publisher,
    Reversals,
    SignIn,
    SmsSender,
    Webhooks,
)
from bot.services.steps import Step
from bot.services.together import Together
from bot.store.engine import Store
from bot.telemetry import Tally

LEFT_TO_WORKER: Final = "left_to_the_worker"
"""Why a port of a door is unavailable that reaches nobody: the worker will do what it is for."""


@dataclass(frozen=True, slots=True)
class Bells:
    """In-process events that wake a worker's loops at once; a tick catches what was missed.

    Each wakes one loop: of two at one bell the first to wake would silence it for the other.
    """

    inbox: Event = field(default_factory=Event)
    cards: Event = field(default_factory=Event)
    outbox: Event = field(default_factory=Event)


def _pass(_step: Step) -> None:
    """Do nothing: in production no crash point fires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deps:
    """The ports, the database and the figures of one process."""

    store: Store
    clock: Clock
    chance: Chance
    decoder: Decoder
    directory: Directory
    mentions: MentionReader
    messages: MessageReader
    publisher: Publisher
    sign_in: SignIn
    checkout: Checkout
    payments: Payments
    reversals: Reversals
    acquirer: Acquirer
    vault: CardVault
    webhooks: Webhooks
    x_hooks: EventHooks | None = None
    """None where X's events are not taken by webhook."""
    sms: SmsSender
    policy: Policy
    public_url: str
    """Without a slash at its end."""
    contact: str = ""
    """Where people write to the operator: an e-mail address or a page; empty where nobody said."""
    secret_key: str
    """Keys the hashes of short secrets (phone codes), so that a stolen table is no list of them."""
    code_cost: int = 2**14
    """Of scrypt, for wallet codes: 16 MiB and some 40 ms a try. Tests have less."""
    bells: Bells = field(default_factory=Bells)
    together: Together = field(default_factory=Together)
    tally: Tally = field(default_factory=Tally)
    """What this process uses of X, until it is written down."""
    x_budget_mills: int | None = None
    """What may be spent on X in a UTC day, in thousandths of a US dollar; None: no ceiling."""
    step: Callable[[Step], None] = _pass
