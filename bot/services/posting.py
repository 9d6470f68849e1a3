"""Settlement: confirmed transfers move in the ledger, one or a thousand in the caller's commit.

The wallet's path and the card's path are this one. What was checked when the command was read and
when it was confirmed is checked again here, under locks: transfers, then persons, then accounts,
each in the order of their ids, so that two settlements can never wait for each other in a circle.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, select
from sqlmodel import Session

from bot.domain import books, levels, limits, sca
from bot.domain.books import Entry
from bot.domain.errors import Refusal
from bot.domain.limits import Policy
from bot.domain.replies import Reply
from bot.domain.transfer import Reason, Terms, TransferStatus, confirmation_hash
from bot.services.tell import News, shown, tell
from bot.store import confirmations, ledger, orders, people
from bot.store.orders import transfers
from bot.store.people import x_accounts

PAID: Final = "paid"
"""Outcome of a confirmation whose transfers are posted or held."""


@dataclass(slots=True)
class _Books:
    """What the walk over the confirmations knows, and what it decides."""

    at: datetime
    policy: Policy
    bot_x_user_id: str | None
    orders: Mapping[int, Row[Any]]
    payers: Mapping[int, Row[Any]]
    payees: Mapping[str, Row[Any]]
    balances: dict[str, int]
    paid: dict[int, int]
    since_sca: dict[int, int]
    entries: list[Entry] = field(default_factory=list)
    posted: list[int] = field(default_factory=list)
    held: dict[Reason, list[int]] = field(default_factory=lambda: defaultdict(list))
    stopped: list[int] = field(default_factory=list)
    outcomes: dict[int, str] = field(default_factory=dict)
    bases: dict[int, sca.Basis] = field(default_factory=dict)


def settle(
    session: Session,
    batch: Sequence[Row[Any]],
    *,
    topup: Row[Any] | None,
    policy: Policy,
    public_url: str,
    at: datetime,
    bot_x_user_id: str | None,
) -> dict[int, str]:
    """Post or hold what the locked, unsettled confirmations cover; return each one's outcome.

    With `topup` the batch is the one confirmation that it funds, whose money has been captured: it
    is issued into the payer's wallet first, and stays there where a transfer can no longer be made.
    """
    assert topup is None or [one.id for one in batch] == [topup.confirmation_id]
    old = TransferStatus.PENDING if topup is None else TransferStatus.FUNDING
    # All of an order's, not those alone that are covered: what was unticked moves as well.
    orders.transfers_of(session, {one.order_id for one in batch}, lock=True)
    rows: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in confirmations.covered(session, [one.id for one in batch]):
        rows[row.confirmation_id].append(row)
    state = _load(session, batch, rows, policy=policy, at=at, bot_x_user_id=bot_x_user_id)
    if topup is not None:
        _issue(state, topup)
    for confirmation in batch:
        _walk(state, confirmation, rows[confirmation.id], topup)
    _write(session, state, batch, old=old, funding="wallet" if topup is None else "card")
    _tell(session, state, batch, rows, public_url=public_url)
    return state.outcomes


def _load(
    session: Session,
    batch: Sequence[Row[Any]],
    rows: Mapping[int, Sequence[Row[Any]]],
    *,
    policy: Policy,
    at: datetime,
    bot_x_user_id: str | None,
) -> _Books:
    every = [row for some in rows.values() for row in some]
    behind = people.persons_by_account(session, {row.payee_x_user_id for row in every})
    payer_ids = {one.person_id for one in batch}
    locked = people.lock_persons(session, payer_ids | {row.id for row in behind.values()})
    payers = {person_id: locked[person_id] for person_id in payer_ids}
    payees = {x_user_id: locked[row.id] for x_user_id, row in behind.items()}
    wallets = [books.wallet(person_id) for person_id in payers]
    wallets += [books.wallet(row.id) for row in payees.values()]
    window = at - timedelta(days=limits.ROLLING_DAYS)
    paid = orders.paid_since(session, list(payers), since=window)
    for row in every:
        if row.status == TransferStatus.FUNDING.value:  # it counts already: not twice
            paid[row.payer_person_id] = paid.get(row.payer_person_id, 0) - row.amount_cents
    return _Books(
        at=at,
        policy=policy,
        bot_x_user_id=bot_x_user_id,
        orders=orders.by_ids(session, {one.order_id for one in batch}),
        payers=payers,
        payees=payees,
        balances=ledger.lock_balances(session, [*wallets, books.CARDS]),
        paid=paid,
        since_sca={person_id: row.since_sca_cents for person_id, row in payers.items()},
    )


def _issue(state: _Books, topup: Row[Any]) -> None:
    state.entries.append(books.capture(topup.id, topup.person_id, topup.amount_cents))
    state.balances[books.wallet(topup.person_id)] += topup.amount_cents


def _walk(
    state: _Books,
    confirmation: Row[Any],
    rows: Sequence[Row[Any]],
    topup: Row[Any] | None,
) -> None:
    """Decide on one confirmation: all of its transfers go, or none."""
    hashes = [(row.number, Terms(row.amount_cents, row.payee_x_user_id).hash) for row in rows]
    reference = state.orders[confirmation.order_id].reference
    assert confirmation_hash(reference, hashes) == confirmation.terms_hash, "terms changed"
    assert sum(row.amount_cents for row in rows) == confirmation.total_cents, "terms changed"
    try:
        basis = _check(state, confirmation, rows, topup)
    except Refusal as refusal:
        state.outcomes[confirmation.id] = refusal.reply.key
        state.stopped += [row.id for row in rows]
        return
    payer = state.payers[confirmation.person_id]
    state.outcomes[confirmation.id] = PAID
    state.bases[confirmation.id] = basis
    state.paid[payer.id] = state.paid.get(payer.id, 0) + confirmation.total_cents
    state.balances[books.wallet(payer.id)] -= confirmation.total_cents
    if not basis.is_strong:
        state.since_sca[payer.id] += confirmation.total_cents
    else:
        state.since_sca[payer.id] = 0
    for row in rows:
        _move(state, row, payer.id)


def _check(
    state: _Books,
    confirmation: Row[Any],
    rows: Sequence[Row[Any]],
    topup: Row[Any] | None,
) -> sca.Basis:
    payer = state.payers[confirmation.person_id]
    if payer.locked_at is not None:
        raise Refusal(Reply.of("refusal.locked"))
    for row in rows:
        check_payee(
            state.payees.get(row.payee_x_user_id),
            row.payee_x_user_id,
            payer.id,
            bot_x_user_id=state.bot_x_user_id,
        )
        payee = state.payees.get(row.payee_x_user_id)
        limits.check_amount(
            row.amount_cents,
            to_organisation=payee is not None and payee.is_organisation,
            policy=state.policy,
        )
    total = confirmation.total_cents
    paid = state.paid.get(payer.id, 0)
    limits.check_30_days(paid, total, state.policy)
    largest = max(row.amount_cents for row in rows)
    rights = state.policy.rights(payer.level)
    levels.check_pay(rights, largest, paid_30_days_cents=paid, total_cents=total)
    if state.balances[books.wallet(payer.id)] < total:
        raise Refusal(Reply.of("refusal.not_enough"))
    since = state.since_sca[payer.id]
    verdict = (
        sca.of_settled(confirmation.sca_basis, total, since, state.policy)
        if topup is None
        else sca.by_card(total, since, three_d_secure=topup.three_d_secure, policy=state.policy)
    )
    match verdict:
        case sca.Allowed(basis):
            return basis
        case sca.NeedsSca() as needed:
            raise Refusal(limits.explain(needed.refusal, state.policy))


def check_payee(
    payee: Row[Any] | None, payee_x_user_id: str, payer_id: int | None, *, bot_x_user_id: str | None
) -> None:
    """Refuse the bot, and the payer under any of their X accounts, as payee."""
    if payee_x_user_id == bot_x_user_id:
        raise Refusal(Reply.of("refusal.to_bot"))
    if payee is not None and payee.id == payer_id:
        raise Refusal(Reply.of("refusal.to_self"))


def _move(state: _Books, row: Row[Any], payer_id: int) -> None:
    """Post one transfer, or hold it where its payee cannot take it yet."""
    payee = state.payees.get(row.payee_x_user_id)
    reason = why_not_yet(payee, row.amount_cents, state.balances, state.policy)
    if reason is not None:
        state.held[reason].append(row.id)
        state.entries.append(books.hold(row.id, payer_id, row.amount_cents))
        return
    assert payee is not None
    state.balances[books.wallet(payee.id)] += row.amount_cents
    state.posted.append(row.id)
    state.entries.append(books.post(row.id, payer_id, payee.id, row.amount_cents))


def why_not_yet(
    payee: Row[Any] | None, amount_cents: int, balances: Mapping[str, int], policy: Policy
) -> Reason | None:
    """Say why a payee cannot take an amount yet; None where they can."""
    if payee is None:
        return Reason.PAYEE_HAS_NO_WALLET
    if payee.locked_at is not None:
        return Reason.PAYEE_IS_LOCKED
    receive_cents = policy.rights(payee.level).receive_cents
    if receive_cents == 0:
        return Reason.PAYEE_NOT_DECLARED
    would_hold = balances[books.wallet(payee.id)] + amount_cents
    if amount_cents > receive_cents or would_hold > policy.may_hold_cents(payee.level):
        return Reason.PAYEE_AT_CEILING
    return None


def _write(
    session: Session,
    state: _Books,
    batch: Sequence[Row[Any]],
    *,
    old: TransferStatus,
    funding: str,
) -> None:
    at = state.at
    payee_person = (
        select(x_accounts.c.person_id)
        .where(x_accounts.c.x_user_id == transfers.c.payee_x_user_id)
        .scalar_subquery()
    )
    why = Reason.CONFIRMED_FROM_WALLET if funding == "wallet" else Reason.CARD_CAPTURED
    moved = orders.advance(
        session,
        state.posted,
        old=old,
        new=TransferStatus.POSTED,
        reason=why,
        at=at,
        posted_at=at,
        funding=funding,
        payee_person_id=payee_person,
    )
    assert len(moved) == len(state.posted), "a locked transfer moves"
    claim_by = at + timedelta(days=state.policy.claim_within_days)
    for reason, ids in state.held.items():
        moved = orders.advance(
            session,
            ids,
            old=old,
            new=TransferStatus.HELD,
            reason=reason,
            at=at,
            claim_by=claim_by,
            funding=funding,
        )
        assert len(moved) == len(ids), "a locked transfer moves"
    if old is TransferStatus.FUNDING and state.stopped:
        orders.advance(
            session,
            state.stopped,
            old=old,
            new=TransferStatus.CANCELLED,
            reason=Reason.NO_LONGER_POSSIBLE,
            at=at,
        )
    ledger.record(session, state.entries, at=at)
    _close(session, state, batch)


def _close(session: Session, state: _Books, batch: Sequence[Row[Any]]) -> None:
    """Settle the confirmations, count what went without authentication, drop what was unticked."""
    groups: dict[tuple[str, sca.Basis | None], list[int]] = defaultdict(list)
    for one in batch:
        basis = state.bases.get(one.id)
        groups[(state.outcomes[one.id], basis)].append(one.id)
    for (outcome, basis), ids in groups.items():
        confirmations.settle(session, ids, outcome=outcome, at=state.at, sca_basis=basis)
        if outcome != PAID:
            confirmations.release(session, ids)
    authenticated = {
        one.person_id for one in batch if one.id in state.bases and state.bases[one.id].is_strong
    }
    for person_id, cents in state.since_sca.items():
        if person_id in authenticated:
            people.change_person(session, person_id, since_sca_cents=cents, sca_at=state.at)
        elif cents != state.payers[person_id].since_sca_cents:
            people.change_person(session, person_id, since_sca_cents=cents)
    paid = [one for one in batch if state.outcomes[one.id] == PAID]
    _drop_unticked(session, paid, at=state.at)


def _drop_unticked(session: Session, paid: Sequence[Row[Any]], *, at: datetime) -> None:
    payer_of = {(one.order_id, one.payer_x_user_id) for one in paid}
    left = [
        row.id
        for row in orders.transfers_of(session, {one.order_id for one in paid})
        if row.status == TransferStatus.PENDING.value
        and row.confirmation_id is None
        and (row.order_id, row.payer_x_user_id) in payer_of
    ]
    orders.advance(
        session,
        left,
        old=TransferStatus.PENDING,
        new=TransferStatus.CANCELLED,
        reason=Reason.UNTICKED,
        at=at,
        also=[transfers.c.confirmation_id.is_(None)],
    )


def _tell(
    session: Session,
    state: _Books,
    batch: Sequence[Row[Any]],
    rows: Mapping[int, Sequence[Row[Any]]],
    *,
    public_url: str,
) -> None:
    every = [row for some in rows.values() for row in some]
    accounts = people.accounts_by_id(
        session, {row.payee_x_user_id for row in every} | {row.payer_x_user_id for row in every}
    )
    held = {one for ids in state.held.values() for one in ids}
    news: list[News] = []
    for confirmation in batch:
        order = state.orders[confirmation.order_id]
        url = f"{public_url}/t/{order.reference}"
        if state.outcomes[confirmation.id] != PAID:
            by_card = confirmation.funding == "card"
            key = "news.kept_in_wallet" if by_card else "news.not_paid"
            why = limits.explain(state.outcomes[confirmation.id], state.policy)
            reply = Reply.of(key, reference=order.reference, why=why, url=url)
            news.append(
                News(
                    f"confirmation:{confirmation.id}:not_paid",
                    confirmation.payer_x_user_id,
                    reply,
                    order.id,
                )
            )
            continue
        for row in rows[confirmation.id]:
            kind = "held" if row.id in held else "posted"
            payee = shown(accounts.get(row.payee_x_user_id), row.payee_handle)
            payer = shown(accounts.get(row.payer_x_user_id))
            values = {"amount_cents": row.amount_cents, "reference": order.reference, "url": url}
            to_payer = Reply.of(f"news.payer.{kind}", handle=payee, **values)
            to_payee = Reply.of(f"news.payee.{kind}", handle=payer, **values)
            key = f"transfer:{row.id}:{kind}"
            news.append(News(f"{key}:payer", row.payer_x_user_id, to_payer, order.id))
            news.append(News(f"{key}:payee", row.payee_x_user_id, to_payee, order.id))
    tell(session, news, at=state.at)
