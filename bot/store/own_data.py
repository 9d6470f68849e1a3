"""What is kept about one person, table by table: which columns they are given, and which rows.

Columns are named, so that a new one is shown only once somebody has thought of it: no hash, token
or key is among them. Of the other party of a payment it is the handle, as their pages show it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, and_, func, or_, select

from bot.domain import books
from bot.domain.transfer import TransferStatus
from bot.store.browsers import browsers
from bot.store.card_failures import failures
from bot.store.cards import customers, mandates, saved_cards
from bot.store.cases import cases
from bot.store.confirmations import confirmations, topup_events, topups
from bot.store.disputes import disputes, recoveries
from bot.store.drafts import drafts, named
from bot.store.factors import challenges, consents, first_times, texts
from bot.store.former import Who, former_accounts
from bot.store.inbox import inbox
from bot.store.ledger import accounts, entries, postings
from bot.store.orders import events, orders, transfers
from bot.store.outbox import outbox
from bot.store.passkeys import passkeys
from bot.store.payouts import events as payout_events
from bot.store.payouts import payouts
from bot.store.people import blocks, former_handles, persons, x_accounts
from bot.store.refunds import refunds
from bot.store.tokens import phone_codes, web_sessions
from bot.store.whose import heard_from, owned
from bot.store.wishes import wishes

_payer, _payee = x_accounts.alias("payer"), x_accounts.alias("payee")
_MOVED: Final = [
    one.value for one in (TransferStatus.POSTED, TransferStatus.HELD, TransferStatus.RETURNED)
]


@dataclass(frozen=True, slots=True)
class Part:
    """A list in the file: which columns of which rows."""

    name: str
    key: ColumnElement[Any]
    """Which orders the rows, and differs in each."""
    shown: Select[Any]
    mine: Callable[[Who], ColumnElement[bool]]


def _columns(table: FromClause, names: str) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in names.split()]


def _of_person(table: FromClause) -> Callable[[Who], ColumnElement[bool]]:
    return lambda who: table.c.person_id == who.person_id


def _of_account(table: FromClause, at: str) -> Callable[[Who], ColumnElement[bool]]:
    return lambda who: who.by(table.c.x_user_id, table.c[at])


def _pays(who: Who) -> ColumnElement[bool]:
    """Whether a transfer is theirs as its payer, or was before anybody had confirmed it."""
    person = transfers.c.payer_person_id
    nobodys = and_(person.is_(None), who.by(transfers.c.payer_x_user_id, transfers.c.created_at))
    return or_(person == who.person_id, nobodys)


def _gets(who: Who) -> ColumnElement[bool]:
    """Whether a transfer is theirs as its payee: they learn of it once it moves, or asked it."""
    person = transfers.c.payee_person_id
    nobodys = and_(person.is_(None), who.by(transfers.c.payee_x_user_id, transfers.c.created_at))
    is_known = or_(transfers.c.status.in_(_MOVED), owned(who))
    return and_(or_(person == who.person_id, nobodys), is_known)


def _transfers() -> Select[Any]:
    return (
        select(
            orders.c.reference,
            transfers.c.number,
            _payer.c.handle.label("payer_handle"),
            func.coalesce(_payee.c.handle, transfers.c.payee_handle).label("payee_handle"),
            *_columns(transfers, "amount_cents currency note status funding created_at confirm_by"),
            *_columns(transfers, "confirmed_at posted_at claim_by"),
            transfers.c.refund_of_id.is_not(None).label("is_refund"),
        )
        .join(orders, orders.c.id == transfers.c.order_id)
        .join(_payer, _payer.c.x_user_id == transfers.c.payer_x_user_id)
        .join(_payee, _payee.c.x_user_id == transfers.c.payee_x_user_id)
    )


def _with_reference(table: FromClause, names: str, *, outer: bool = False) -> Select[Any]:
    return select(orders.c.reference, *_columns(table, names)).join_from(
        table, orders, orders.c.id == table.c.order_id, isouter=outer
    )


_PERSON = (
    "id phone lang level first_names last_name born_on under_age_at under_age_born_on"
    " is_organisation confirms_by_dm since_sca_cents sca_at opened_at changed_at sca_failures"
    " sca_locks sca_locked_until consented_at terms_version created_at locked_at closed_at"
)
_ACCOUNT = (
    "x_user_id handle name lang opted_out_at looked_up_at x_created_at wrote_dm_at joined_at"
    " seen_at"
)

PARTS: Final = (
    Part(
        "person",
        persons.c.id,
        select(*_columns(persons, _PERSON)),
        lambda who: persons.c.id == who.person_id,
    ),
    Part(
        "x_accounts",
        x_accounts.c.x_user_id,
        select(*_columns(x_accounts, _ACCOUNT)),
        # Of an account that is another's by now there is what the next list says.
        lambda who: x_accounts.c.x_user_id.in_(
            [one for one, span in who.accounts.items() if not span.is_anothers]
        ),
    ),
    Part(
        "former_accounts",
        former_accounts.c.id,
        select(*_columns(former_accounts, "x_user_id joined_at left_at")),
        _of_person(former_accounts),
    ),
    Part(
        "former_handles",
        former_handles.c.id,
        select(*_columns(former_handles, "x_user_id handle until_at")),
        _of_account(former_handles, "until_at"),
    ),
    Part(
        "consents",
        consents.c.id,
        select(*_columns(consents, "x_user_id terms_version lang text at")),
        _of_account(consents, "at"),
    ),
    Part(
        "first_time",
        first_times.c.x_user_id,
        select(
            *_columns(first_times, "x_user_id phone has_consented first_names last_name born at")
        ),
        _of_account(first_times, "at"),
    ),
    Part(
        "passkeys",
        passkeys.c.id,
        select(*_columns(passkeys, "x_user_id created_at used_at removed_at")),
        _of_person(passkeys),
    ),
    Part(
        "sessions",
        web_sessions.c.token_hash,
        select(*_columns(web_sessions, "x_user_id created_at seen_at")),
        lambda who: or_(
            _of_account(web_sessions, "created_at")(who), _of_person(web_sessions)(who)
        ),
    ),
    Part(
        "browsers_where_the_wallet_is_open",
        browsers.c.token_hash,
        select(browsers.c.opened_at),
        _of_person(browsers),
    ),
    Part(
        "phone_codes",
        phone_codes.c.id,
        select(*_columns(phone_codes, "x_user_id phone failures created_at expires_at used_at")),
        _of_account(phone_codes, "created_at"),
    ),
    Part(
        "strong_authentications",
        challenges.c.id,
        select(*_columns(challenges, "x_user_id purpose failures created_at used_at basis")),
        _of_person(challenges),
    ),
    Part(
        "text_messages",
        texts.c.id,
        select(*_columns(texts, "phone text created_at sent_at")),
        lambda who: or_(
            who.by(texts.c.x_user_id, texts.c.created_at),
            texts.c.person_id == who.person_id,
        ),
    ),
    Part(
        "wallet",
        accounts.c.id,
        select(accounts.c.balance_cents),
        lambda who: accounts.c.name == books.wallet(who.person_id),
    ),
    Part(
        "wallet_entries",
        postings.c.id,
        select(entries.c.key.label("entry"), postings.c.amount_cents, entries.c.written_at)
        .join_from(postings, entries, entries.c.id == postings.c.entry_id)
        .join(accounts, accounts.c.id == postings.c.account_id),
        lambda who: accounts.c.name == books.wallet(who.person_id),
    ),
    Part(
        "orders",
        orders.c.id,
        select(
            *_columns(orders, "reference kind source source_id conversation_id lang created_at"),
            *_columns(orders, "replied_at reply_id edited_at"),
        ),
        owned,
    ),
    Part(
        "drafts",
        drafts.c.order_id,
        _with_reference(
            drafts, "amount_cents misread amount_text note confirm_by ended_at outcome"
        ),
        owned,
    ),
    Part(
        "people_named_in_drafts",
        named.c.order_id * 1000 + named.c.number,
        _with_reference(named, "number handle"),
        owned,
    ),
    Part(
        "transfers",
        transfers.c.id,
        _transfers(),
        lambda who: or_(_pays(who), _gets(who)),
    ),
    Part(
        "transfer_events",
        events.c.id,
        select(
            orders.c.reference, transfers.c.number, *_columns(events, "sequence status reason at")
        )
        .join_from(events, transfers, transfers.c.id == events.c.transfer_id)
        .join(orders, orders.c.id == transfers.c.order_id),
        lambda who: or_(_pays(who), and_(_gets(who), events.c.status.in_(_MOVED))),
    ),
    Part(
        "wishes",
        wishes.c.id,
        select(
            orders.c.reference,
            transfers.c.number,
            *_columns(wishes, "kind reason at done_at applied"),
        )
        .join_from(wishes, transfers, transfers.c.id == wishes.c.transfer_id)
        .join(orders, orders.c.id == transfers.c.order_id),
        lambda who: who.by(wishes.c.by_x_user_id, wishes.c.at),
    ),
    Part(
        "confirmations",
        confirmations.c.id,
        _with_reference(
            confirmations, "funding method total_cents sca_basis created_at settled_at outcome"
        ),
        _of_person(confirmations),
    ),
    Part(
        "topups",
        topups.c.id,
        _with_reference(
            topups,
            "amount_cents refunded_cents status card_last4 card_country three_d_secure refusal"
            " failed_attempts lang created_at expires_at captured_at",
            outer=True,
        ),
        _of_person(topups),
    ),
    Part(
        "topup_events",
        topup_events.c.id,
        select(
            topups.c.created_at.label("topup_created_at"),
            *_columns(topup_events, "sequence status at"),
        ).join_from(topup_events, topups, topups.c.id == topup_events.c.topup_id),
        _of_person(topups),
    ),
    Part("card_failures", failures.c.id, select(failures.c.at), _of_person(failures)),
    Part(
        "card_customers",
        customers.c.person_id,
        select(customers.c.created_at),
        _of_person(customers),
    ),
    Part(
        "saved_cards",
        saved_cards.c.id,
        select(
            *_columns(saved_cards, "brand last4 country exp_month exp_year created_at removed_at"),
            saved_cards.c.forgotten_at,
        ),
        _of_person(saved_cards),
    ),
    Part(
        "mandates",
        mandates.c.id,
        select(
            func.coalesce(saved_cards.c.last4, topups.c.card_last4).label("card_last4"),
            *_columns(mandates, "version limit_cents sca_basis consented_at ends_at revoked_at"),
        )
        .join_from(
            mandates, saved_cards, saved_cards.c.id == mandates.c.saved_card_id, isouter=True
        )
        .join(topups, topups.c.id == mandates.c.topup_id, isouter=True),
        lambda who: or_(
            saved_cards.c.person_id == who.person_id, topups.c.person_id == who.person_id
        ),
    ),
    Part(
        "payouts",
        payouts.c.id,
        select(
            *_columns(payouts, "id amount_cents iban holder_name sca_basis status requested_at"),
            payouts.c.settled_at,
        ),
        _of_person(payouts),
    ),
    Part(
        "payout_events",
        payout_events.c.id,
        select(*_columns(payout_events, "payout_id sequence status reason at")).join_from(
            payout_events, payouts, payouts.c.id == payout_events.c.payout_id
        ),
        _of_person(payouts),
    ),
    Part(
        "disputes",
        disputes.c.id,
        select(
            *_columns(disputes, "amount_cents fee_cents restored_cents status opened_at closed_at")
        ),
        _of_person(disputes),
    ),
    Part(
        "recoveries",
        recoveries.c.id,
        select(*_columns(recoveries, "amount_cents at")),
        _of_person(recoveries),
    ),
    Part(
        "card_refunds",
        refunds.c.id,
        select(*_columns(refunds, "amount_cents status reason created_at ended_at")),
        _of_person(refunds),
    ),
    Part(
        "cases",
        cases.c.id,
        _with_reference(cases, "kind opened_at due_at closed_at", outer=True),
        _of_person(cases),
    ),
    Part(
        "blocks",
        blocks.c.id,
        select(
            _payee.c.handle.label("blocked_handle"),
            *_columns(blocks, "turns_money_away created_at"),
        ).join_from(blocks, _payee, _payee.c.x_user_id == blocks.c.blocked_x_user_id),
        _of_account(blocks, "created_at"),
    ),
    Part(
        "messages_received",
        inbox.c.id,
        select(*_columns(inbox, "source source_id author_x_user_id body happened_at received_at")),
        heard_from,
    ),
    Part(
        "messages_sent",
        outbox.c.id,
        select(*_columns(outbox, "channel text status created_at sent_at")).join_from(
            outbox, orders, orders.c.id == outbox.c.order_id, isouter=True
        ),
        lambda who: or_(
            who.by(outbox.c.to_x_user_id, outbox.c.created_at),
            and_(outbox.c.channel == "reply", owned(who)),
        ),
    ),
)
"""The file, in its order."""

LEFT_OUT: Final = {
    "lost_door": "wrong tries by whoever knew the number; a lock is told to the phone",
    "lost_entry": "a way in of some minutes, right or wrong, by whoever typed the number",
}
"""Tables that name somebody and are not in the file, each with its reason."""
