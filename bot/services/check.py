"""The books prove themselves: every rule of the ledger, checked by statements over all of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from sqlalchemy import text
from sqlmodel import Session

from bot.domain import books
from bot.services.deps import Deps
from bot.store import ledger
from bot.store.engine import Store

PROBLEMS_AT_MOST: Final = 50
"""Problems named for each rule: enough to see what is wrong."""


@dataclass(frozen=True, slots=True)
class Report:
    """What the check found; `problems` are sentences that name the entry, account or transfer."""

    balanced: bool
    entries: int
    postings: int
    accounts: int
    problems: list[str]


_EXPECTED: Final = r"""
    WITH fact AS (
        SELECT t.id, t.status, t.amount_cents AS cents,
            'wallet:' || t.payer_person_id AS payer, 'wallet:' || t.payee_person_id AS payee,
            'held:' || t.id AS held, EXISTS (SELECT 1 FROM transfer_event v
                WHERE v.transfer_id = t.id AND v.status = 'held') AS was_held
        FROM transfer t WHERE t.status IN ('posted', 'held', 'returned')
    ), payout_move AS (
        SELECT id, '\:request' AS suffix, 'wallet:' || person_id AS source, 'payouts' AS target
            FROM payout
        UNION ALL SELECT id, '\:cancel', 'payouts', 'wallet:' || person_id
            FROM payout WHERE status = 'cancelled'
        UNION ALL SELECT id, '\:settle', 'payouts', 'bank' FROM payout WHERE settled_at IS NOT NULL
        UNION ALL SELECT id, '\:return',
            CASE WHEN settled_at IS NULL THEN 'payouts' ELSE 'bank' END, 'wallet:' || person_id
            FROM payout WHERE status = 'returned'
    ), outside AS (
        SELECT 'acquirer_payout:' || id || '\:paid' AS key, 'bank' AS name, -amount_cents AS cents
            FROM acquirer_payout
        UNION ALL SELECT 'acquirer_payout:' || id || '\:paid', 'cards', amount_cents + fee_cents
            FROM acquirer_payout
        UNION ALL SELECT 'acquirer_payout:' || id || '\:paid', 'own:costs', -fee_cents
            FROM acquirer_payout
        UNION ALL SELECT 'acquirer_payout:' || id || '\:topup', 'bank', -topup_cents
            FROM acquirer_payout
        UNION ALL SELECT 'acquirer_payout:' || id || '\:topup', 'own:funds', topup_cents
            FROM acquirer_payout
        UNION ALL SELECT 'difference:' || id || '\:book', account, -amount_cents
            FROM difference WHERE booked_at IS NOT NULL
        UNION ALL SELECT 'difference:' || id || '\:book', 'own:' || booked_to, amount_cents
            FROM difference WHERE booked_at IS NOT NULL
    ), expected AS (
        SELECT 'transfer:' || id || '\:post' AS key, payer AS name, -cents AS cents, 1 AS legs
            FROM fact WHERE status = 'posted' AND NOT was_held
        UNION ALL SELECT 'transfer:' || id || '\:post', payee, cents, 1
            FROM fact WHERE status = 'posted' AND NOT was_held
        UNION ALL SELECT 'transfer:' || id || '\:hold', payer, -cents, 1 FROM fact WHERE was_held
        UNION ALL SELECT 'transfer:' || id || '\:hold', held, cents, 1 FROM fact WHERE was_held
        UNION ALL SELECT 'transfer:' || id || '\:claim', held, -cents, 1
            FROM fact WHERE status = 'posted' AND was_held
        UNION ALL SELECT 'transfer:' || id || '\:claim', payee, cents, 1
            FROM fact WHERE status = 'posted' AND was_held
        UNION ALL SELECT 'transfer:' || id || '\:return', held, -cents, 1
            FROM fact WHERE status = 'returned'
        UNION ALL SELECT 'transfer:' || id || '\:return', payer, cents, 1
            FROM fact WHERE status = 'returned'
        UNION ALL SELECT 'topup:' || id || '\:capture', 'cards', -amount_cents, 1
            FROM topup WHERE status IN ('captured', 'disputed', 'refunded')
        UNION ALL SELECT 'topup:' || id || '\:capture', 'wallet:' || person_id, amount_cents, 1
            FROM topup WHERE status IN ('captured', 'disputed', 'refunded')
        UNION ALL SELECT 'dispute:' || id || '\:taken', 'cards', amount_cents + fee_cents, 1
            FROM dispute
        UNION ALL SELECT 'dispute:' || id || '\:taken', 'own:losses', -amount_cents, 1
            FROM dispute
        UNION ALL SELECT 'dispute:' || id || '\:taken', 'own:costs', -fee_cents, 1
            FROM dispute WHERE fee_cents > 0
        UNION ALL SELECT 'dispute:' || id || '\:won', 'cards', -amount_cents, 1
            FROM dispute WHERE status = 'won'
        UNION ALL SELECT 'dispute:' || id || '\:won', 'own:losses', amount_cents - restored_cents, 1
            FROM dispute WHERE status = 'won' AND amount_cents > restored_cents
        UNION ALL SELECT 'dispute:' || id || '\:won', 'wallet:' || person_id, restored_cents, 1
            FROM dispute WHERE status = 'won' AND restored_cents > 0
        UNION ALL SELECT 'recovery:' || id || '\:take', 'wallet:' || person_id, -amount_cents, 1
            FROM recovery
        UNION ALL SELECT 'recovery:' || id || '\:take', 'own:losses', amount_cents, 1 FROM recovery
        UNION ALL SELECT 'refund:' || id || '\:card', 'wallet:' || person_id, -amount_cents, 1
            FROM card_refund
        UNION ALL SELECT 'refund:' || id || '\:card', 'cards', amount_cents, 1 FROM card_refund
        UNION ALL SELECT 'refund:' || id || '\:failed', 'cards', -amount_cents, 1
            FROM card_refund WHERE status = 'failed'
        UNION ALL SELECT 'refund:' || id || '\:failed', 'wallet:' || person_id, amount_cents, 1
            FROM card_refund WHERE status = 'failed'
        UNION ALL SELECT 'payout:' || p.id || m.suffix, m.source, -p.amount_cents, 1
            FROM payout_move m JOIN payout p ON p.id = m.id
        UNION ALL SELECT 'payout:' || p.id || m.suffix, m.target, p.amount_cents, 1
            FROM payout_move m JOIN payout p ON p.id = m.id
        UNION ALL SELECT key, name, cents, 1 FROM outside WHERE cents <> 0
    ), actual AS (
        SELECT e.key, a.name, SUM(p.amount_cents) AS cents, COUNT(*) AS legs
        FROM posting p JOIN journal_entry e ON e.id = p.entry_id
        JOIN account a ON a.id = p.account_id GROUP BY e.key, a.name
    )
"""
"""Every leg that the facts ask for, and every leg that is there."""

_RULES: Final = (
    (
        "entry {0} does not sum to zero but to {1} cents",
        """
        SELECT e.key, SUM(p.amount_cents)
        FROM posting p JOIN journal_entry e ON e.id = p.entry_id
        GROUP BY e.id, e.key HAVING SUM(p.amount_cents) <> 0
        """,
    ),
    (
        "entry {0} has fewer than two postings",
        """
        SELECT e.key FROM journal_entry e LEFT JOIN posting p ON p.entry_id = e.id
        GROUP BY e.id, e.key HAVING COUNT(p.id) < 2
        """,
    ),
    (
        "account {0} shows {1} cents but its postings say {2}",
        """
        SELECT a.name, a.balance_cents, COALESCE(SUM(p.amount_cents), 0)
        FROM account a LEFT JOIN posting p ON p.account_id = a.id
        GROUP BY a.id, a.name, a.balance_cents
        HAVING a.balance_cents <> COALESCE(SUM(p.amount_cents), 0)
        """,
    ),
    (
        "account {0} is below zero: {1} cents",
        """
        SELECT name, balance_cents FROM account
        WHERE balance_cents < 0 AND (name LIKE 'wallet:%' OR name LIKE 'held:%')
        """,
    ),
    (
        "all balances together are {0} cents, not zero",
        """
        SELECT SUM(balance_cents) FROM account HAVING COALESCE(SUM(balance_cents), 0) <> 0
        """,
    ),
    (
        "transfer {0} is {1} but its account held:{0} has {2} cents of {3}",
        """
        SELECT t.id, t.status, COALESCE(a.balance_cents, 0), t.amount_cents
        FROM transfer t LEFT JOIN account a ON a.name = 'held:' || t.id
        WHERE COALESCE(a.balance_cents, 0)
            <> CASE WHEN t.status = 'held' THEN t.amount_cents ELSE 0 END
        """,
    ),
    (
        "account {0} holds money for no transfer",
        """
        SELECT a.name FROM account a
        WHERE a.name LIKE 'held:%' AND a.balance_cents <> 0
            AND NOT EXISTS (SELECT 1 FROM transfer t WHERE a.name = 'held:' || t.id)
        """,
    ),
    (
        "entry {0} lacks its {2} cents on {1}",
        _EXPECTED + "SELECT * FROM expected EXCEPT SELECT * FROM actual",  # noqa: S608 (our own text)
    ),
    (
        "entry {0} has {2} cents on {1} that no fact explains",
        _EXPECTED + "SELECT * FROM actual EXCEPT SELECT * FROM expected",  # noqa: S608 (our own text)
    ),
    (
        "top-up {0} says that {1} cents are refunded but its refunds say {2}",
        """
        SELECT t.id, t.refunded_cents, COALESCE(SUM(r.amount_cents), 0)
        FROM topup t LEFT JOIN card_refund r ON r.topup_id = t.id AND r.status = 'succeeded'
        GROUP BY t.id, t.refunded_cents
        HAVING t.refunded_cents <> COALESCE(SUM(r.amount_cents), 0)
        """,
    ),
    (
        "key {0} stands on {1} entries",
        "SELECT key, COUNT(*) FROM journal_entry GROUP BY key HAVING COUNT(*) > 1",
    ),
    (
        "posting {0} of {1} cents belongs to no entry or to no account",
        """
        SELECT p.id, p.amount_cents FROM posting p
        WHERE NOT EXISTS (SELECT 1 FROM journal_entry e WHERE e.id = p.entry_id)
            OR NOT EXISTS (SELECT 1 FROM account a WHERE a.id = p.account_id)
        """,
    ),
    (
        "top-up {0} is {1} but its latest event says {2}",
        """
        SELECT t.id, t.status, v.status
        FROM topup t LEFT JOIN topup_event v ON v.topup_id = t.id AND v.sequence = t.sequence
        WHERE v.status IS NULL OR v.status <> t.status
        """,
    ),
    (
        "payout {0} is {1} but its latest event says {2}",
        """
        SELECT p.id, p.status, v.status
        FROM payout p LEFT JOIN payout_event v ON v.payout_id = p.id AND v.sequence = p.sequence
        WHERE v.status IS NULL OR v.status <> p.status
        """,
    ),
    (
        "account payouts has {0} cents but the payouts under way are {1}",
        """
        SELECT held.cents, asked.cents FROM
            (SELECT COALESCE(SUM(balance_cents), 0) AS cents FROM account WHERE name = 'payouts')
            AS held,
            (SELECT COALESCE(SUM(amount_cents), 0) AS cents FROM payout
                WHERE status IN ('requested', 'exported')) AS asked
        WHERE held.cents <> asked.cents
        """,
    ),
    (
        "payout {0} is {1} but in no file",
        """
        SELECT id, status FROM payout
        WHERE file_id IS NULL AND status IN ('exported', 'settled', 'returned')
        """,
    ),
    (
        "acquirer payout {0} is of {1} cents but its movements say {2}",
        """
        SELECT p.id, p.amount_cents, COALESCE(SUM(l.amount_cents - l.fee_cents), 0)
        FROM acquirer_payout p LEFT JOIN acquirer_line l ON l.acquirer_payout_id = p.id
        GROUP BY p.id, p.amount_cents
        HAVING p.amount_cents <> COALESCE(SUM(l.amount_cents - l.fee_cents), 0)
        """,
    ),
    (
        "transfer {0} is {1} but its latest event says {2}",
        """
        SELECT t.id, t.status, v.status
        FROM transfer t
        LEFT JOIN transfer_event v ON v.transfer_id = t.id AND v.sequence = t.sequence
        WHERE v.status IS NULL OR v.status <> t.status
        """,
    ),
    (
        "transfer {0} is in funding but no unfinished top-up is behind it",
        """
        SELECT t.id FROM transfer t
        WHERE t.status = 'funding' AND NOT EXISTS (
            SELECT 1 FROM topup u WHERE u.confirmation_id = t.confirmation_id
                AND u.status IN ('created', 'authorized'))
        """,
    ),
)
"""Each rule: the sentence for a row that breaks it, and the query that finds such rows."""


def check_books(deps: Deps) -> Report:
    """Prove the books."""
    return prove(deps.store)


def prove(store: Store) -> Report:
    """Prove the books of a database, all in one state of it."""
    with store.read() as session:
        store.hold_still(session)
        entries, postings, accounts = ledger.counts(session)
        problems = [*_problems(session), *_broken_hashes(session)]
    return Report(not problems, entries, postings, accounts, problems)


def _problems(session: Session) -> Iterator[str]:
    for sentence, query in _RULES:
        for row in session.execute(text(query)).fetchmany(PROBLEMS_AT_MOST):
            yield sentence.format(*row)


def _broken_hashes(session: Session) -> Iterator[str]:
    """Find entries whose postings are no longer those that were written."""
    rows = session.execute(text(_LEGS).execution_options(yield_per=10_000))
    for (key, written), legs in groupby(rows, lambda row: (row.key, row.hash)):
        if books.hash_of((leg.name, leg.amount_cents) for leg in legs) != written:
            yield f"entry {key} is not as it was written: its postings have another hash"


_LEGS: Final = """
    SELECT e.key, e.hash, a.name, p.amount_cents
    FROM journal_entry e JOIN posting p ON p.entry_id = e.id JOIN account a ON a.id = p.account_id
    ORDER BY e.id
"""


def balances(deps: Deps) -> list[tuple[str, int]]:
    """Return every account with its balance in cents, as it is shown."""
    with deps.store.read() as session:
        return ledger.balances(session)
