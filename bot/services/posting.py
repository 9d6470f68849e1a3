"""Settlement: confirmed transfers move in the ledger, one or a thousand in the caller's commit.

The wallet's path and the card's path are this one. What was checked when the command was read and
when it was confirmed is checked again here, under locks: transfers, then persons, then accounts,
each in the order of their ids, so that two settlements can never wait for each other in a circle.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain import books, levels, limits, sca
from bot.domain.books import Entry
from bot.domain.errors import Refusal
from bot.domain.limits import Policy
from bot.domain.replies import Reply
from bot.domain.transfer import Reason, Terms, TransferStatus, confirmation_hash
from bot.services.tell import News, lang_for, letters, may_message, shown
from bot.store import confirmations, ledger, orders, outbox, settlement
from bot.store.orders import transfers
from bot.store.outbox import Letter
from bot.store.questions import ask
from bot.store.sets import write
from bot.store.settlement import Moves

PAID: Final = "paid"
"""Outcome of a confirmation whose transfers are posted or held."""


@dataclass(slots=True)
class _Books:
    """What the walk over the confirmations knows, and what it decides."""

    at: datetime
    policy: Policy
    bot_x_user_id: str | None
    accounts: Mapping[str, Row[Any]]
    """X accounts of payers and payees by X user id, each with the columns of its person."""
    payers: Mapping[int, Row[Any]]
    ledger_accounts: dict[str, Row[Any]]
    balances: dict[str, int]
    paid: dict[int, int]
    turned_away: Container[tuple[str, int]]
    """Payees, each with a person whose money they do not want."""
    since_sca: dict[int, int]
    entries: list[Entry] = field(default_factory=list)
    moves: Moves = field(default_factory=Moves)
    held: set[int] = field(default_factory=set)
    stopped: list[int] = field(default_factory=list)
    outcomes: dict[int, str] = field(default_factory=dict)
    bases: dict[int, sca.Basis] = field(default_factory=dict)
    authenticated: set[int] = field(default_factory=set)
    """Persons for whom art. 16 counts anew from here."""

    def person_behind(self, x_user_id: str) -> Row[Any] | None:
        """Return the person behind an X account; None where there is no wallet."""
        account = self.accounts[x_user_id]
        return account if account.id is not None else None


def settle(
    session: Session,
    batch: Sequence[Row[Any]],
    *,
    topup: Row[Any] | None,
    policy: Policy,
    public_url: str,
    now: Callable[[], datetime],
    bot_x_user_id: str | None,
) -> dict[int, str]:
    """Post or hold what the locked, unsettled confirmations cover; return each one's outcome.

    With `topup` the batch is the one confirmation that it funds, whose money has been captured: it
    is issued into the payer's wallet first, and stays there where a transfer can no longer be made.
    """
    assert topup is None or [one.id for one in batch] == [topup.confirmation_id]
    rows: dict[int | None, list[Row[Any]]] = defaultdict(list)
    locked = settlement.lock_transfers(session, {one.order_id for one in batch})
    for row in locked:
        rows[row.confirmation_id].append(row)
    covered = [row for one in batch for row in rows[one.id]]
    state = _load(
        session, batch, covered, topup, policy=policy, now=now, bot_x_user_id=bot_x_user_id
    )
    if topup is not None:
        _issue(state, topup)
    for confirmation in batch:
        _walk(state, confirmation, rows[confirmation.id], topup)
    told = _told(state, batch, rows, public_url=public_url)
    _write(session, state, batch, told, funding="wallet" if topup is None else "card")
    _drop_unticked(session, state, batch, locked)
    return state.outcomes


def _load(
    session: Session,
    batch: Sequence[Row[Any]],
    covered: Sequence[Row[Any]],
    topup: Row[Any] | None,
    *,
    policy: Policy,
    now: Callable[[], datetime],
    bot_x_user_id: str | None,
) -> _Books:
    x_user_ids = {row.payee_x_user_id for row in covered}
    x_user_ids.update(row.payer_x_user_id for row in covered)
    accounts = settlement.lock_parties(session, x_user_ids)
    persons = {row.id: row for row in accounts.values() if row.id is not None}
    payers = {one.person_id for one in batch}
    assert payers <= persons.keys(), "an X account keeps its person"
    names = [*map(books.wallet, persons), *([books.CARDS] if topup is not None else [])]
    locked, paid, turned_away = ask(
        session,
        ledger.locking(names),
        orders.paying(payers, since=now() - timedelta(days=limits.ROLLING_DAYS)),
        settlement.turning_away({row.payee_x_user_id for row in covered}, payers),
    )
    if len(locked) < len(names):  # the first card that ever pays opens `cards`
        locked = ledger.lock_accounts(session, names)
    at = now()  # once they are locked: an account's entries have their times in their order
    for row in covered:
        if row.status == TransferStatus.FUNDING.value:  # it counts already: not twice
            paid[row.payer_person_id] = paid.get(row.payer_person_id, 0) - row.amount_cents
    return _Books(
        at=at,
        policy=policy,
        bot_x_user_id=bot_x_user_id,
        accounts=accounts,
        payers={person_id: persons[person_id] for person_id in payers},
        ledger_accounts=locked,
        balances={name: row.balance_cents for name, row in locked.items()},
        paid=paid,
        turned_away=turned_away,
        since_sca={person_id: persons[person_id].since_sca_cents for person_id in payers},
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
    of_terms = confirmation_hash(confirmation.reference, hashes)
    assert of_terms == confirmation.terms_hash, "terms changed"
    amounts = [row.amount_cents for row in rows]
    assert sum(amounts) == confirmation.total_cents, "terms changed"
    try:
        basis = _check(state, confirmation, rows, topup, largest_cents=max(amounts))
    except Refusal as refusal:
        state.outcomes[confirmation.id] = refusal.reply.key
        state.stopped += [row.id for row in rows]
        return
    payer_id = confirmation.person_id
    state.outcomes[confirmation.id] = PAID
    state.bases[confirmation.id] = basis
    state.paid[payer_id] = state.paid.get(payer_id, 0) + confirmation.total_cents
    state.balances[books.wallet(payer_id)] -= confirmation.total_cents
    if not basis.is_strong:
        state.since_sca[payer_id] += confirmation.total_cents
    elif topup is None or basis is sca.Basis.CARD_3DS:
        state.since_sca[payer_id] = 0
        state.authenticated.add(payer_id)
    # Else the count began anew when the factors were given: what was paid since, while the card's
    # page was open, stays counted.
    for row in rows:
        _move(state, row, payer_id, topup)


def _check(
    state: _Books,
    confirmation: Row[Any],
    rows: Sequence[Row[Any]],
    topup: Row[Any] | None,
    *,
    largest_cents: int,
) -> sca.Basis:
    payer = state.payers[confirmation.person_id]
    if payer.locked_at is not None:
        raise Refusal(Reply.of("refusal.locked"))
    for row in rows:
        payee = state.person_behind(row.payee_x_user_id)
        check_payee(payee, row.payee_x_user_id, payer.id, bot_x_user_id=state.bot_x_user_id)
        if is_unwelcome(confirmation, row, state.turned_away):
            raise Refusal(Reply.of("refusal.cannot_pay"))
        limits.check_amount(
            row.amount_cents,
            to_organisation=payee is not None and payee.is_organisation,
            policy=state.policy,
        )
    total = confirmation.total_cents
    paid = state.paid.get(payer.id, 0)
    limits.check_30_days(paid, total, state.policy)
    rights = state.policy.rights(payer.level)
    levels.check_pay(rights, largest_cents, paid_30_days_cents=paid, total_cents=total)
    if state.balances[books.wallet(payer.id)] < total:
        raise Refusal(Reply.of("refusal.not_enough"))
    since = state.since_sca[payer.id]
    otherwise = (
        sca.from_wallet(total, since, state.policy)
        if topup is None
        else sca.by_card(total, since, three_d_secure=topup.three_d_secure, policy=state.policy)
    )
    match sca.recorded(confirmation.sca_basis, otherwise):
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


def is_unwelcome(
    confirmation: Row[Any], row: Row[Any], turned_away: Container[tuple[str, int]]
) -> bool:
    """Whether a payee blocked the payer since; what a payee asks for themselves is taken."""
    is_own = confirmation.owner_x_user_id == confirmation.payer_x_user_id
    return is_own and (row.payee_x_user_id, confirmation.person_id) in turned_away


def _move(state: _Books, row: Row[Any], payer_id: int, topup: Row[Any] | None) -> None:
    """Post one transfer, or hold it where its payee cannot take it yet."""
    payee = state.person_behind(row.payee_x_user_id)
    reason = why_not_yet(payee, row.amount_cents, state.balances, state.policy)
    if reason is not None:
        state.held.add(row.id)
        state.moves.add(row, TransferStatus.HELD, reason, None)
        state.entries.append(books.hold(row.id, payer_id, row.amount_cents))
        return
    assert payee is not None
    state.balances[books.wallet(payee.id)] += row.amount_cents
    why = Reason.CONFIRMED_FROM_WALLET if topup is None else Reason.CARD_CAPTURED
    state.moves.add(row, TransferStatus.POSTED, why, payee.id)
    state.entries.append(books.post(row.id, payer_id, payee.id, row.amount_cents))


def why_not_yet(
    payee: Row[Any] | None, amount_cents: int, balances: Mapping[str, int], policy: Policy
) -> Reason | None:
    """Say why a payee cannot take an amount yet; None where they can."""
    if payee is None or payee.closed_at is not None:
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
    told: Sequence[Letter],
    *,
    funding: str,
) -> None:
    """Write everything that was decided: few statements, and one trip where that saves time."""
    at = state.at
    old = TransferStatus.PENDING if funding == "wallet" else TransferStatus.FUNDING
    if state.held:
        names = [books.held(transfer_id) for transfer_id in state.held]
        state.ledger_accounts |= ledger.lock_accounts(session, names)
    counted = {
        person_id: cents
        for person_id, cents in state.since_sca.items()
        if cents != state.payers[person_id].since_sca_cents
    }
    counted |= {person_id: state.since_sca[person_id] for person_id in state.authenticated}
    claim_by = at + timedelta(days=state.policy.claim_within_days)
    write(
        session,
        [
            *settlement.moving(state.moves, old=old, funding=funding, at=at, claim_by=claim_by),
            *ledger.recording(state.entries, state.ledger_accounts, at=at),
            *confirmations.settling(state.outcomes, state.bases, at=at),
            *settlement.counting(counted, state.authenticated, at=at),
            *outbox.putting(told, at=at),
        ],
    )
    if state.stopped:
        _stop(session, state, batch, old=old)


def _stop(
    session: Session, state: _Books, batch: Sequence[Row[Any]], *, old: TransferStatus
) -> None:
    """Let go of what confirmations covered that came to nothing."""
    if old is TransferStatus.FUNDING:
        orders.advance(
            session,
            state.stopped,
            old=old,
            new=TransferStatus.CANCELLED,
            reason=Reason.NO_LONGER_POSSIBLE,
            at=state.at,
        )
    confirmations.release(session, [one.id for one in batch if state.outcomes[one.id] != PAID])


def _drop_unticked(
    session: Session, state: _Books, batch: Sequence[Row[Any]], locked: Sequence[Row[Any]]
) -> None:
    """Cancel what the payers of paid confirmations left out."""
    if len(locked) == len(state.moves.ids):
        return
    payer_of = {
        (one.order_id, one.payer_x_user_id) for one in batch if state.outcomes[one.id] == PAID
    }
    left = [
        row.id
        for row in locked
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
        at=state.at,
        also=[transfers.c.confirmation_id.is_(None)],
    )


def _told(
    state: _Books,
    batch: Sequence[Row[Any]],
    rows: Mapping[int | None, Sequence[Row[Any]]],
    *,
    public_url: str,
) -> list[Letter]:
    """Write to payers and payees what became of each confirmation, where they may be written to."""
    readers = {
        x_user_id: lang_for(row.chosen_lang, row.lang)
        for x_user_id, row in state.accounts.items()
        if may_message(row)
    }
    return list(letters(_news(state, batch, rows, readers, public_url=public_url), readers))


def _news(
    state: _Books,
    batch: Sequence[Row[Any]],
    rows: Mapping[int | None, Sequence[Row[Any]]],
    readers: Container[str],
    *,
    public_url: str,
) -> Iterator[News]:
    """Say what became of each confirmation, to its payer and its payees among the readers."""
    for confirmation in batch:
        order_id, reference = confirmation.order_id, confirmation.reference
        url = f"{public_url}/t/{reference}"
        outcome = state.outcomes[confirmation.id]
        if outcome != PAID:
            by_card = confirmation.funding == "card"
            kind = "news.kept_in_wallet" if by_card else "news.not_paid"
            why = limits.explain(outcome, state.policy)
            reply = Reply.of(kind, reference=reference, why=why, url=url)
            key = f"confirmation:{confirmation.id}:not_paid"
            yield News(key, confirmation.payer_x_user_id, reply, order_id)
            continue
        for row in rows[confirmation.id]:
            kind = "held" if row.id in state.held else "posted"
            values = {"amount_cents": row.amount_cents, "reference": reference, "url": url}
            key = f"transfer:{row.id}:{kind}"
            if row.payer_x_user_id in readers:
                payee = shown(state.accounts[row.payee_x_user_id], row.payee_handle)
                to_payer = Reply(f"news.payer.{kind}", values | {"handle": payee})
                yield News(f"{key}:payer", row.payer_x_user_id, to_payer, order_id)
            if row.payee_x_user_id in readers:
                payer = shown(state.accounts[row.payer_x_user_id])
                to_payee = Reply(f"news.payee.{kind}", values | {"handle": payer})
                yield News(f"{key}:payee", row.payee_x_user_id, to_payee, order_id)
