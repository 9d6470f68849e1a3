"""What proves the books, as statements over all of them; `services.check` says what they find.

Nearly every entry moves an amount from one account to another for a transfer or a top-up, and is
right. `ODD` reads them all at once, in one pass over the postings, and names those that are not
exactly what their fact asks for. What can be said about an entry is then asked of these alone, and
of the entries of other facts, which are few. So the work grows with the books by little more than
reading them, and memory does not.
"""

from typing import Final

from bot.store.sets import Statement

AT_MOST: Final = 50
"""Problems named for each rule: enough to see what is wrong."""

_SOME: Final = """(e.key = ANY(:keys text)
            OR e.key NOT LIKE 'transfer:%' AND e.key NOT LIKE 'topup:%')"""
"""The entries in question: those that `ODD` named, and those of other facts."""


def _pairs(was_held: str, *, joined: str = "", of_transfers: str = "", of_topups: str = "") -> str:
    """Return the tables `fact` and `pair`: what each transfer and top-up asks for.

    That is an amount from one account to another, under a key: of all of them, or of some.
    """
    return rf"""fact AS (
        SELECT t.id, t.status, t.amount_cents AS cents, {was_held} AS was_held,
            'wallet:' || t.payer_person_id AS payer, 'wallet:' || t.payee_person_id AS payee
        FROM transfer t {joined}
        WHERE {of_transfers} t.status IN ('posted', 'held', 'returned')
    ), pair AS (
        SELECT CASE WHEN was_held THEN 'transfer:' || id || '\:hold'
                ELSE 'transfer:' || id || '\:post' END AS key, payer AS source,
            CASE WHEN was_held THEN 'held:' || id ELSE payee END AS target, cents
            FROM fact WHERE was_held OR status = 'posted'
        UNION ALL SELECT 'transfer:' || id || '\:claim', 'held:' || id, payee, cents
            FROM fact WHERE status = 'posted' AND was_held
        UNION ALL SELECT 'transfer:' || id || '\:return', 'held:' || id, payer, cents
            FROM fact WHERE status = 'returned'
        UNION ALL SELECT 'topup:' || id || '\:capture', 'cards', 'wallet:' || person_id,
            amount_cents FROM topup
            WHERE {of_topups} status IN ('captured', 'disputed', 'refunded')
    )"""


_ALL_PAIRS: Final = """
    WITH was_held AS (
        SELECT DISTINCT transfer_id FROM transfer_event WHERE status = 'held'
    ), """ + _pairs(
    "w.transfer_id IS NOT NULL", joined="LEFT JOIN was_held w ON w.transfer_id = t.id"
)
"""Of every transfer and top-up: those that were held are found in one pass."""

_SOME_PAIRS: Final = "WITH " + _pairs(
    """EXISTS (SELECT 1 FROM transfer_event v
        WHERE v.transfer_id = t.id AND v.status = 'held')""",
    of_transfers="t.id = ANY(:transfers bigint) AND",
    of_topups="id = ANY(:topups text) AND",
)
"""Of those behind the entries in question."""

ODD: Final = Statement(
    _ALL_PAIRS
    + r""", legs AS (
        SELECT entry_id, COUNT(*) AS legs, SUM(amount_cents) AS cents, MAX(amount_cents) AS moved,
            MIN(account_id) FILTER (WHERE amount_cents < 0) AS source_id,
            MIN(account_id) FILTER (WHERE amount_cents > 0) AS target_id
        FROM posting GROUP BY entry_id
    ), line AS (
        SELECT e.id, e.key, e.hash, legs.legs, legs.cents, legs.moved,
            s.name AS source, t.name AS target, s.name || '|-' || legs.moved AS took,
            t.name || '|' || legs.moved AS gave
        FROM legs WIDE JOIN journal_entry e ON e.id = legs.entry_id
        LEFT JOIN account s ON s.id = legs.source_id LEFT JOIN account t ON t.id = legs.target_id
    ), said AS (
        SELECT line.*, CASE WHEN took BYTES < gave THEN took || NEWLINE || gave
            ELSE gave || NEWLINE || took END AS words FROM line
    ), odd AS MATERIALIZED (
    SELECT COALESCE(said.key, pair.key) AS key FROM said WIDE JOIN pair ON pair.key = said.key
    WHERE NOT COALESCE(said.legs = 2 AND said.cents = 0 AND pair.source = said.source
            AND pair.target = said.target AND pair.cents = said.moved
            AND said.hash = SHA256(words), FALSE)
        AND (said.key IS NULL OR said.key LIKE 'transfer:%' OR said.key LIKE 'topup:%')
    )
    SELECT key FROM odd LIMIT 50
    """
)
"""Keys of entries that are not what a transfer or top-up asks for, or not there; None for a
posting without an entry. Materialized, so that it is planned for all rows, not for the first."""

UNWRITTEN: Final = Statement(
    _ALL_PAIRS
    + """
    SELECT key FROM pair WHERE NOT EXISTS (SELECT 1 FROM journal_entry e WHERE e.key = pair.key)
    UNION ALL
    SELECT e.key FROM journal_entry e WHERE NOT EXISTS (
        SELECT 1 FROM posting p WHERE p.entry_id = e.id)
    LIMIT 50
    """
)
"""Keys that `ODD` finds by itself, save on SQLite, whose older versions know no full join."""

_EXPECTED: Final = (
    _SOME_PAIRS
    + r""", payout_move AS (
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
        SELECT key, source AS name, -cents AS cents, 1 AS legs FROM pair
        UNION ALL SELECT key, target, cents, 1 FROM pair
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
        JOIN account a ON a.id = p.account_id
        WHERE SOME GROUP BY e.key, a.name
    )
"""
)
"""Every leg that the facts ask for, and every leg that is there, of the entries in question."""

_QUERIES: Final = tuple(
    (sentence, query.replace("SOME", _SOME))
    for sentence, query in (
        (
            "entry {0} does not sum to zero but to {1} cents",
            """
        SELECT e.key, SUM(p.amount_cents)
        FROM posting p JOIN journal_entry e ON e.id = p.entry_id
        WHERE SOME GROUP BY e.id, e.key HAVING SUM(p.amount_cents) <> 0
        """,
        ),
        (
            "entry {0} has fewer than two postings",
            """
        SELECT e.key FROM journal_entry e LEFT JOIN posting p ON p.entry_id = e.id
        WHERE SOME GROUP BY e.id, e.key HAVING COUNT(p.id) < 2
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
        WHERE t.status = 'held' AND COALESCE(a.balance_cents, 0) <> t.amount_cents
        UNION ALL SELECT t.id, t.status, a.balance_cents, t.amount_cents
        FROM account a JOIN transfer t ON a.name = 'held:' || t.id
        WHERE a.name LIKE 'held:%' AND a.balance_cents <> 0 AND t.status <> 'held'
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
        (  # "… lacks its 5 cents on …", or "… has 5 cents on … that no fact explains"
            "entry {0} {4} {2} cents on {1}{5}",
            _EXPECTED
            + """
        SELECT missing.*, 'lacks its', ''
            FROM (SELECT * FROM expected EXCEPT SELECT * FROM actual) AS missing
        UNION ALL SELECT unexplained.*, 'has', ' that no fact explains'
            FROM (SELECT * FROM actual EXCEPT SELECT * FROM expected) AS unexplained
        """,
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
            "top-up {0} is called refunded but only {1} of its {2} cents are",
            """
        SELECT id, refunded_cents, amount_cents FROM topup
        WHERE status = 'refunded' AND refunded_cents <> amount_cents
        """,
        ),
        (
            "key {0} stands on {1} entries",
            "SELECT key, COUNT(*) FROM journal_entry GROUP BY key HAVING COUNT(*) > 1",
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
        (
            "posting {0} of {1} cents belongs to no entry or to no account",
            """
        SELECT p.id, p.amount_cents FROM posting p
        WHERE :doubted = 1 AND (
            NOT EXISTS (SELECT 1 FROM journal_entry e WHERE e.id = p.entry_id)
            OR NOT EXISTS (SELECT 1 FROM account a WHERE a.id = p.account_id))
        """,
        ),
    )
)

RULES: Final = tuple(
    (sentence, Statement(f"{query} LIMIT {AT_MOST}")) for sentence, query in _QUERIES
)
"""Each rule: the sentence for a row that breaks it, and the query that finds such rows.

The last is asked where something is wrong: such a posting makes an entry or a balance wrong too.
"""

BROKEN: Final = Statement(
    " UNION ALL ".join(
        f"SELECT 1 WHERE (SELECT COUNT(*) FROM ({query}) AS found) > 0" for _, query in _QUERIES
    )
)
"""A row for each rule that is broken, in one trip: for books that are short.

Counted, so that PostgreSQL plans for all rows: what `EXISTS` asks it plans for the first, and in
good books none comes.
"""

LEGS: Final = Statement(
    f"""
    SELECT e.key, e.hash, a.name, p.amount_cents
    FROM journal_entry e JOIN posting p ON p.entry_id = e.id JOIN account a ON a.id = p.account_id
    WHERE {_SOME} ORDER BY e.id
    """
)
"""The legs of the entries in question, entry by entry."""
