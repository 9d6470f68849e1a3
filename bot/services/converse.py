"""The conversation: a command becomes rows and at most one answer, in the caller's transaction."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import sca
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
from bot.services import ask, cautions, confirm, edits, figures, meant, mend, split
from bot.services.answers import (
    HELP_PRIORITY,
    HINT_PRIORITY,
    LINK_PRIORITY,
    Incoming,
    answer,
    hush,
)
from bot.services.deps import Deps
from bot.store import drafts, orders, outbox, people, writers


def converse(
    session: Session,
    deps: Deps,
    incoming: Incoming,
    command: Command,
    at: datetime,
    *,
    impossible: Reply | None = None,
) -> bool:
    """Do what a command asks; return whether a confirmation now waits to be settled.

    `impossible` says why it cannot be done, where that was known before.
    """
    _meet(session, incoming, at, is_command=not isinstance(command, Nothing))
    account = writers.writer(session, incoming.author_x_user_id, at=at)
    if edits.is_superseded(session, incoming):
        return False
    incoming = _hushed(session, deps, incoming, command, account, at)
    if isinstance(command, Stop | Start):
        if isinstance(command, Stop):
            hush(session, account.x_user_id, at)
        else:
            people.change_account(session, account.x_user_id, opted_out_at=None)
            answer(session, deps, incoming, Reply.of("start"), at=at, priority=HELP_PRIORITY)
        if incoming.is_edit:
            edits.follow(session, deps, incoming, command, at)
        return False
    if account.opted_out_at is not None:
        if incoming.is_edit:  # what their post no longer says is not paid, and nothing is added
            edits.follow(session, deps, incoming, command, at)
        return False
    heard = edits.follow(session, deps, incoming, command, at) if incoming.is_edit else incoming
    if heard is None or (heard.is_hushed and not isinstance(command, Cancel | Decline)):
        return False
    try:
        return _try(session, deps, heard, command, at, impossible)
    except Refusal as refusal:
        answer(session, deps, heard, refusal.reply, at=at, priority=HINT_PRIORITY)
        return False


def _hushed(
    session: Session,
    deps: Deps,
    incoming: Incoming,
    command: Command,
    account: Row[Any],
    at: datetime,
) -> Incoming:
    """Answer nothing more to a person with too many commands in an hour, once that was said.

    What stops money and messages is done all the same.
    """
    most = deps.policy.commands_an_hour
    if account.commands_of_person <= most:
        return incoming
    is_first = account.commands_of_person == most + 1 and not isinstance(command, Nothing)
    if is_first and account.opted_out_at is None:
        url = incoming.own(f"{deps.public_url}/wallet")
        said = Reply.of("refusal.too_many_commands", most=most, url=url)
        answer(session, deps, incoming, said, at=at, priority=HINT_PRIORITY, is_last_word=True)
    return replace(incoming, is_hushed=True)


def _try(
    session: Session,
    deps: Deps,
    incoming: Incoming,
    command: Command,
    at: datetime,
    impossible: Reply | None,
) -> bool:
    """Do what a command asks, or nothing at all. Raises `Refusal`."""
    if impossible is not None:
        raise Refusal(impossible)
    with session.begin_nested():
        return _do(session, deps, incoming, command, at)


def _meet(session: Session, incoming: Incoming, at: datetime, *, is_command: bool) -> None:
    """Remember everybody named, and in which language the writer gives commands."""
    handles: dict[str, str | None] = {incoming.author_x_user_id: None}
    handles |= {x_user_id: handle for handle, x_user_id in incoming.people.items()}
    for x_user_id in sorted(handles):  # in one order, so that two messages never wait in a circle
        is_author = x_user_id == incoming.author_x_user_id
        people.see(
            session,
            x_user_id,
            at=at,
            handle=handles[x_user_id],
            lang=incoming.lang if is_author and is_command else None,
            wrote_dm_at=at if is_author and incoming.source == "dm" else None,
            gave_command=is_author and is_command,
        )


def _do(session: Session, deps: Deps, incoming: Incoming, command: Command, at: datetime) -> bool:
    match command:
        case Nothing() | Stop() | Start():
            return False
        case Pay() | Donate() | Request() | Split():
            order = ask.order(session, deps, incoming, command, at)
            _answer_order(session, deps, incoming, order, at)
        case Cancel(reference):
            meant.cancel_meant(session, deps, incoming, reference, at)
        case Decline(reference):
            meant.decline_meant(session, deps, incoming, reference, at)
        case Confirm(code):
            return _confirm(session, deps, incoming, code, at)
        case Claim():
            figures.point_to_wallet(session, deps, incoming, "claim", at)
        case Balance():
            figures.balance(session, deps, incoming, at)
        case History():
            figures.history(session, deps, incoming, at)
        case Help():
            reply = Reply.of("help", url=incoming.own(f"{deps.public_url}/help"))
            answer(session, deps, incoming, reply, at=at, priority=HELP_PRIORITY)
        case Misread():
            _mend(session, deps, incoming, command, at)
    return False


def _mend(session: Session, deps: Deps, incoming: Incoming, misread: Misread, at: datetime) -> None:
    """Say what is wrong with a command, with a link to its draft where a page can mend it."""
    order = mend.draft(session, deps, incoming, misread, at)
    answer(
        session,
        deps,
        incoming,
        misread_reply(misread, most_cents=deps.policy.to_person_cents),
        at=at,
        priority=HINT_PRIORITY,
        order_id=order.id if order is not None else None,
        mended_at=f"{deps.public_url}/t/{order.reference}" if order is not None else None,
    )


# --- answers -----------------------------------------------------------------------------------


def _answer_order(
    session: Session, deps: Deps, incoming: Incoming, order: Row[Any], at: datetime
) -> None:
    """Answer with the order's one link; in public it names no amount and nobody."""
    url = f"{deps.public_url}/t/{order.reference}"
    if incoming.is_public:
        kind = order.kind if order.kind in ("request", "split") else "pay"
        reply, states_hash = Reply.of(f"order.{kind}.public", url=url), None
    elif (draft := drafts.of(session, order.id)) is not None and draft.ended_at is None:
        misread = draft.misread is not None
        amount = Reply.of("draft.choose", url=url) if misread else _shares(session, order, url)
        reply, states_hash = amount, None
    else:
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


def _shares(session: Session, order: Row[Any], url: str) -> Reply:
    """State the shares of a split to its asker, for a direct message."""
    shares = split.proposed(session, order)
    return Reply.of(
        "order.split.direct",
        amount_cents=shares.total_cents,
        people=[handle for _x_user_id, handle in shares.others],
        each_cents=shares.parts.each_cents,
        own_cents=shares.parts.own_cents,
        url=url,
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


# --- confirm -----------------------------------------------------------------------------------


def _confirm(session: Session, deps: Deps, incoming: Incoming, code: str, at: datetime) -> bool:
    """Confirm by DM, as far as that is allowed; in public a code moves nothing."""
    me = incoming.author_x_user_id
    order = orders.by_reference(session, code)
    rows = orders.transfers_of(session, [order.id]) if order is not None else []
    mine = [row for row in rows if row.payer_x_user_id == me]
    if order is not None and not incoming.is_public and _is_own_draft(session, order, me):
        _answer_order(session, deps, incoming, order, at)
        return False
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
    warned = cautions.of_each(session, waiting, person, at)
    if any(one.warns for one in warned.values()):
        # One word is too few where the payee may be another than whom the payer means.
        raise Refusal(Reply.of("confirm.look_first", url=url))
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


def _is_own_draft(session: Session, order: Row[Any], me: str) -> bool:
    """Whether an order is somebody's draft, of which nothing came yet: the page is for that."""
    draft = drafts.of(session, order.id)
    return draft is not None and draft.ended_at is None and order.owner_x_user_id == me


def _knows_terms(session: Session, order: Row[Any], waiting: list[Row[Any]], me: str) -> bool:
    """Whether a payer ordered these terms in their own words, or was told them by DM.

    Else anybody could post a request and a riddle whose answer is "DM oui 4F7K2Q". A message may
    be older than an edit that was read before it: what an edit ordered is told first.
    """
    is_own = order.owner_x_user_id == me and order.kind in ("pay", "donate")
    if is_own and order.edited_at is None:
        return True
    return outbox.was_told(session, order.id, me, confirm.terms_of(order.reference, waiting))
