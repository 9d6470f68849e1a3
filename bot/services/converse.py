"""The conversation: a command becomes rows and at most one answer, in the caller's transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from zlib import crc32

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books, sca
from bot.domain.commands import (
    Balance,
    Cancel,
    Claim,
    Command,
    Confirm,
    Decline,
    Donate,
    Help,
    History,
    Lang,
    Misread,
    Nothing,
    Pay,
    Request,
    Split,
    Start,
    Stop,
)
from bot.domain.errors import Refusal
from bot.domain.replies import Reply, misread_reply
from bot.domain.transfer import TransferStatus
from bot.i18n.length import POST_AT_MOST, weighted_length
from bot.i18n.texts import say
from bot.services import ask, cancel, confirm
from bot.services.deps import Deps
from bot.store import ledger, orders, outbox, people
from bot.store.outbox import Letter

LINK_PRIORITY: Final = 0
"""A wallet holder's confirmation link goes first."""
NEWCOMER_PRIORITY: Final = 1
"""Then a newcomer's."""
HINT_PRIORITY: Final = 6
"""Then what is wrong with a command."""
HELP_PRIORITY: Final = 8
"""Help goes last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A post or a direct message, with everybody whom it names known by X id."""

    source: Literal["post", "dm"]
    id: str
    author_x_user_id: str
    conversation_id: str | None
    in_reply_to_post_id: str | None
    bystanders: tuple[str, ...]
    """Everybody else whom a reply would notify."""
    is_late: bool
    """Read so long after it was written that it gets no answer; it stands in the wallet."""
    lang: Lang
    people: Mapping[str, str] = field(default_factory=dict)
    """X user ids by handle."""

    @property
    def is_public(self) -> bool:
        """Whether everybody can read it, and its answer."""
        return self.source == "post"

    @property
    def seed(self) -> int:
        """A number of this message's own, which picks a wording and makes a link unlike others."""
        return crc32(self.id.encode())

    def own(self, url: str) -> str:
        """Make a public answer's link its own: X refuses a text that was just posted."""
        return f"{url}#{self.seed:x}" if self.is_public else url


def converse(
    session: Session, deps: Deps, incoming: Incoming, command: Command, at: datetime
) -> bool:
    """Do what a command asks; return whether a confirmation now waits to be settled."""
    _meet(session, incoming, at)
    account = people.account(session, incoming.author_x_user_id)
    assert account is not None, "the writer was just met"
    match command:
        case Stop():
            people.change_account(session, account.x_user_id, opted_out_at=at)
            return False
        case Start():
            people.change_account(session, account.x_user_id, opted_out_at=None)
            answer(session, deps, incoming, Reply.of("start"), at=at, priority=HELP_PRIORITY)
            return False
        case _ if account.opted_out_at is not None:
            return False
    try:
        with session.begin_nested():
            return _do(session, deps, incoming, command, at)
    except Refusal as refusal:
        refuse(session, deps, incoming, refusal.reply, at)
        return False


def refuse(session: Session, deps: Deps, incoming: Incoming, reply: Reply, at: datetime) -> None:
    """Answer with a refusal, unless its reader opted out."""
    _meet(session, incoming, at)
    account = people.account(session, incoming.author_x_user_id)
    if account is not None and account.opted_out_at is None:
        answer(session, deps, incoming, reply, at=at, priority=HINT_PRIORITY)


def _meet(session: Session, incoming: Incoming, at: datetime) -> None:
    handles: dict[str, str | None] = {incoming.author_x_user_id: None}
    handles |= {x_user_id: handle for handle, x_user_id in incoming.people.items()}
    for x_user_id in sorted(handles):  # in one order, so that two messages never wait in a circle
        people.see(session, x_user_id, at=at, handle=handles[x_user_id])
    if incoming.source == "dm":
        people.change_account(session, incoming.author_x_user_id, wrote_dm_at=at)


def _do(session: Session, deps: Deps, incoming: Incoming, command: Command, at: datetime) -> bool:
    match command:
        case Nothing() | Stop() | Start():
            return False
        case Pay() | Donate() | Request():
            order = ask.order(session, deps, incoming, command, at)
            _answer_order(session, deps, incoming, order, at)
        case Split():
            raise Refusal(Reply.of("refusal.no_split"))
        case Cancel(reference):
            _cancel(session, deps, incoming, reference, at)
        case Decline(reference):
            _decline(session, deps, incoming, reference, at)
        case Confirm(code):
            return _confirm(session, deps, incoming, code, at)
        case Claim():
            _point_to_wallet(session, deps, incoming, "claim", at)
        case Balance():
            _balance(session, deps, incoming, at)
        case History():
            _point_to_wallet(session, deps, incoming, "history", at)
        case Help():
            reply = Reply.of("help", url=incoming.own(f"{deps.public_url}/help"))
            answer(session, deps, incoming, reply, at=at, priority=HELP_PRIORITY)
        case Misread():
            answer(session, deps, incoming, misread_reply(command), at=at, priority=HINT_PRIORITY)
    return False


# --- answers -----------------------------------------------------------------------------------


def answer(
    session: Session,
    deps: Deps,
    incoming: Incoming,
    reply: Reply,
    *,
    at: datetime,
    priority: int,
    order_id: int | None = None,
    states_hash: str | None = None,
) -> None:
    """Put the one answer to a message into the outbox: a reply to a post, a DM to a DM."""
    if incoming.is_late:
        return
    person = people.person_of(session, incoming.author_x_user_id)
    lang: Lang = person.lang if person is not None and person.lang else incoming.lang
    text = say(reply, lang, public=incoming.is_public, seed=incoming.seed)
    if incoming.is_public:
        text = _made_unlike_others(text, incoming.own(f"{deps.public_url}/help"))
        letter = Letter(
            key=f"reply:{incoming.id}",
            channel="reply",
            text=text,
            priority=priority,
            to_post_id=incoming.id,
            to_x_user_id=incoming.author_x_user_id,
            exclude_x_user_ids=",".join(incoming.bystanders),
            order_id=order_id,
        )
    else:
        letter = Letter(
            key=f"dm:answer:{incoming.id}",
            channel="dm",
            text=text,
            priority=priority,
            to_x_user_id=incoming.author_x_user_id,
            order_id=order_id,
            states_hash=states_hash,
        )
    outbox.put(session, [letter], at=at)


def _made_unlike_others(text: str, link: str) -> str:
    """Add a link to the help page, of this answer's own, where there is room.

    X refuses a text that the same account has just posted; the help serves whoever reads it.
    """
    longer = f"{text} {link}"
    return text if "://" in text or weighted_length(longer) > POST_AT_MOST else longer


def _answer_order(
    session: Session, deps: Deps, incoming: Incoming, order: Row[Any], at: datetime
) -> None:
    """Answer with the order's one link; in public it names no amount and nobody."""
    person = people.person_of(session, incoming.author_x_user_id)
    priority = LINK_PRIORITY if person is not None else NEWCOMER_PRIORITY
    url = f"{deps.public_url}/t/{order.reference}"
    if incoming.is_public:
        key = "order.request.public" if order.kind == "request" else "order.pay.public"
        reply, states_hash = Reply.of(key, url=url), None
    else:
        reply, states_hash = _stated(session, deps, order, incoming, url)
    answer(
        session,
        deps,
        incoming,
        reply,
        at=at,
        priority=priority,
        order_id=order.id,
        states_hash=states_hash,
    )


def _by_dm(person: Row[Any] | None) -> bool:
    return person is not None and bool(person.confirms_by_dm)


def _stated(
    session: Session, deps: Deps, order: Row[Any], incoming: Incoming, url: str
) -> tuple[Reply, str | None]:
    """State what an order asks of the reader, for a direct message, with the hash of its terms.

    An answer by DM is asked for only where it would do: switched on, and within the exemption.
    """
    rows = [
        row
        for row in orders.transfers_of(session, [order.id])
        if row.status == TransferStatus.PENDING.value
    ]
    mine = [row for row in rows if row.payer_x_user_id == incoming.author_x_user_id]
    shown = mine or rows
    values: dict[str, object] = {
        "amount_cents": sum(row.amount_cents for row in shown),
        "reference": order.reference,
        "url": url,
    }
    if not mine:
        return Reply.of("order.request.direct", **values), None
    accounts = people.accounts_by_id(session, {row.payee_x_user_id for row in mine})
    payees = [row.payee_handle or accounts[row.payee_x_user_id].handle for row in mine]
    if None in payees:
        # Nobody agrees to pay somebody who cannot be named: the page is for that.
        return Reply.of("confirm.on_the_page", url=url), None
    person = people.person_of(session, incoming.author_x_user_id)
    total = sum(row.amount_cents for row in mine)
    would_do = person is not None and sca.is_low_value(total, person.since_sca_cents, deps.policy)
    key = "order.pay.direct" if _by_dm(person) and would_do else "order.pay.direct_link"
    return Reply.of(key, people=payees, **values), confirm.terms_of(order.reference, mine)


def _point_to_wallet(
    session: Session, deps: Deps, incoming: Incoming, what: str, at: datetime
) -> None:
    reply = Reply.of(f"wallet.{what}", url=incoming.own(f"{deps.public_url}/wallet"))
    answer(session, deps, incoming, reply, at=at, priority=HINT_PRIORITY)


def _balance(session: Session, deps: Deps, incoming: Incoming, at: datetime) -> None:
    """Say the balance by DM alone, and only to who switched that on; else point to the wallet."""
    person = people.person_of(session, incoming.author_x_user_id)
    if incoming.is_public or person is None or not person.confirms_by_dm:
        _point_to_wallet(session, deps, incoming, "balance", at)
        return
    cents = ledger.balance(session, books.wallet(person.id))
    reply = Reply.of("balance", balance_cents=cents, url=f"{deps.public_url}/wallet")
    answer(session, deps, incoming, reply, at=at, priority=HINT_PRIORITY)


# --- cancel, decline, confirm ------------------------------------------------------------------


def _in_thread(session: Session, incoming: Incoming) -> Row[Any] | None:
    """Return the order in whose thread a message stands."""
    if incoming.in_reply_to_post_id is None:
        return None
    order_id = outbox.order_of_reply(session, incoming.in_reply_to_post_id)
    if order_id is not None:
        return orders.by_id(session, order_id)
    order = orders.by_source(session, "post", incoming.in_reply_to_post_id)
    if order is not None or incoming.conversation_id is None:
        return order
    return orders.newest_in_conversation(session, incoming.conversation_id)


def _cancel(
    session: Session, deps: Deps, incoming: Incoming, reference: str | None, at: datetime
) -> None:
    me = incoming.author_x_user_id
    order = _meant(session, incoming, reference, orders.can_be_cancelled_by(me), "cancel")
    rows = cancel.lock(session, order)
    done = cancel.cancel_in(session, deps, order, rows, me, at)
    reply = Reply.of("cancelled" if done.is_sure else "stopping", reference=order.reference)
    answer(session, deps, incoming, reply, at=at, priority=HINT_PRIORITY)


def _decline(
    session: Session, deps: Deps, incoming: Incoming, reference: str | None, at: datetime
) -> None:
    me = incoming.author_x_user_id
    order = _meant(session, incoming, reference, orders.can_be_declined_by(me), "decline")
    rows = cancel.lock(session, order)
    done = cancel.decline_in(session, deps, order, rows, me, at)
    reply = Reply.of("declined" if done.is_sure else "stopping", reference=order.reference)
    answer(session, deps, incoming, reply, at=at, priority=HINT_PRIORITY)


def _meant(
    session: Session, incoming: Incoming, reference: str | None, condition: Any, verb: str
) -> Row[Any]:
    """Find the order that is meant: the one named, the thread's, or the newest that qualifies."""
    if reference is not None:
        order = orders.by_reference(session, reference)
        if order is None:
            raise Refusal(Reply.of("refusal.unknown_reference", reference=reference))
        return order
    order = _in_thread(session, incoming) or orders.newest_order_with(session, condition=condition)
    if order is None:
        raise Refusal(Reply.of(f"refusal.nothing_to_{verb}_at_all"))
    return order


def _confirm(session: Session, deps: Deps, incoming: Incoming, code: str, at: datetime) -> bool:
    """Confirm by DM, as far as that is allowed; in public a code moves nothing."""
    me = incoming.author_x_user_id
    order = orders.by_reference(session, code)
    rows = orders.transfers_of(session, [order.id]) if order is not None else []
    mine = [row for row in rows if row.payer_x_user_id == me]
    if order is None or not mine:
        if not incoming.is_public:
            raise Refusal(Reply.of("refusal.unknown_reference", reference=code))
        return False
    url = f"{deps.public_url}/t/{order.reference}"
    person = people.person_of(session, me)
    if incoming.is_public or not _by_dm(person):
        key = "confirm.public" if incoming.is_public else "confirm.switched_off"
        reply = Reply.of(key, url=incoming.own(url))
        answer(session, deps, incoming, reply, at=at, priority=LINK_PRIORITY)
        return False
    waiting = [row for row in mine if row.status == TransferStatus.PENDING.value]
    if waiting and not _knows_terms(session, order, waiting, me):
        reply, states_hash = _stated(session, deps, order, incoming, url)
        answer(
            session,
            deps,
            incoming,
            reply,
            at=at,
            priority=LINK_PRIORITY,
            order_id=order.id,
            states_hash=states_hash,
        )
        return False
    will = confirm.Will(
        reference=order.reference,
        x_user_id=me,
        terms_hash=confirm.terms_of(order.reference, waiting or mine),
        funding="wallet",
        method="dm",
    )
    try:
        confirm.write(session, deps, will, at)
    except Refusal as refusal:
        # What a DM may not do, the page may: the answer bears its link.
        raise Refusal(Reply.of("confirm.refused", why=refusal.reply, url=url)) from refusal
    return True


def _knows_terms(session: Session, order: Row[Any], waiting: list[Row[Any]], me: str) -> bool:
    """Whether a payer ordered these terms in their own words, or was told them by DM.

    Else anybody could post a request and a riddle whose answer is "DM oui 4F7K2Q".
    """
    if order.owner_x_user_id == me and order.kind in ("pay", "donate"):
        return True
    return outbox.was_told(session, order.id, me, confirm.terms_of(order.reference, waiting))
