"""The books prove themselves: every rule of the ledger, checked by statements over all of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlmodel import Session

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
        "transfer {0} is {1} but the journal has no entry that says so",
        r"""
        SELECT t.id, t.status FROM transfer t
        WHERE t.status IN ('posted', 'held', 'returned') AND NOT EXISTS (
            SELECT 1 FROM journal_entry e
            WHERE (t.status = 'posted' AND e.key IN
                    ('transfer:' || t.id || '\:post', 'transfer:' || t.id || '\:claim'))
                OR (t.status = 'held' AND e.key = 'transfer:' || t.id || '\:hold')
                OR (t.status = 'returned' AND e.key = 'transfer:' || t.id || '\:return'))
        """,
    ),
    (
        "transfer {0} is {1} but the journal has entries for it",
        r"""
        SELECT t.id, t.status FROM transfer t
        WHERE t.status NOT IN ('posted', 'held', 'returned') AND EXISTS (
            SELECT 1 FROM journal_entry e WHERE e.key IN
                ('transfer:' || t.id || '\:post', 'transfer:' || t.id || '\:hold'))
        """,
    ),
    (
        "top-up {0} is {1} but the journal says otherwise",
        r"""
        SELECT u.id, u.status FROM topup u
        WHERE (CASE WHEN u.status IN ('captured', 'disputed', 'refunded') THEN 1 ELSE 0 END)
            <> (SELECT COUNT(*) FROM journal_entry e
                WHERE e.key = 'topup:' || u.id || '\:capture')
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
        if not store.is_sqlite:
            session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        entries, postings, accounts = ledger.counts(session)
        problems = list(_problems(session))
    return Report(not problems, entries, postings, accounts, problems)


def _problems(session: Session) -> Iterator[str]:
    for sentence, query in _RULES:
        for row in session.execute(text(query)).fetchmany(PROBLEMS_AT_MOST):
            yield sentence.format(*row)


def balances(deps: Deps) -> list[tuple[str, int]]:
    """Return every account with its balance in cents, as it is shown."""
    with deps.store.read() as session:
        return ledger.balances(session)
