"""Books to measure on, filled by whole sets: people with money, their past, what they confirmed.

Whatever is filled balances and has its facts: `prove` finds nothing in it. Transfers of the past
are of one cent, ten an order, round in a circle, so that every wallet keeps what it had.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Final

from sqlalchemy import event, text
from sqlmodel import Session

from bot import migrations
from bot.app import open_books_and_figures
from bot.config import Needs, load
from bot.services import whoami
from bot.services.deps import Deps
from bot.store import inbox

CENTS: Final = 5
"""What a transfer that waits is of: a thousand of them fit under every limit."""
FILLED_CENTS: Final = 10_000
"""What a top-up brought into each wallet."""
AN_ORDER: Final = 10
"""Transfers in an order of the past."""


class Books:
    """A migrated database, with what the service functions need to work on it."""

    def __init__(self, url: str) -> None:
        migrations.upgrade(url)
        given = {
            "ENVIRONMENT": "sandbox",
            "DATABASE_URL": url,
            "PUBLIC_URL": "http://localhost:8000",
        }
        self.deps: Deps = open_books_and_figures(load(Needs.FIGURES, given))
        self.people = 0
        self.last_transfer = 0
        self.is_sqlite = self.deps.store.is_sqlite
        if self.is_sqlite:
            event.listen(self.deps.store.engine, "connect", _teach)
        with self.deps.store.write() as session:
            if not self.is_sqlite:
                session.execute(text(_HASH_IN_POSTGRESQL))
            at = self.deps.clock.now()
            inbox.set_cursor(session, whoami.BOT_ACCOUNT, '{"id": "1", "handle": "smoney"}', at=at)

    def join(self, count: int) -> None:
        """Let people have wallets with money in them; half of them wrote a direct message."""
        self._run(_PEOPLE, first=1, last=count, cents=FILLED_CENTS)
        self.people = count

    def live(self, transfers: int, *, among: int) -> None:
        """Let some of the people have a past of two years, of so many transfers together."""
        assert transfers % (AN_ORDER * among) == 0, "in a circle everybody gets what they pay"
        past = {"count": transfers, "among": among, "entries": self.people}
        with self._light():
            self._run(_PAST, first=1, last=transfers // AN_ORDER, **past)
        self.last_transfer = transfers
        if not self.is_sqlite:
            with self.deps.store.write() as session:
                session.execute(text(_RENUMBER))

    @contextmanager
    def _light(self) -> Iterator[None]:
        """Take PostgreSQL's indexes away while much is filled, and build them afterwards."""
        if self.is_sqlite:
            yield
            return
        with self.deps.store.write() as session:
            indexes = session.execute(text(_INDEXES)).all()
            for name, _definition in indexes:
                session.execute(text(f"DROP INDEX {name}"))
            session.execute(text("ALTER TABLE journal_entry DROP CONSTRAINT uq_journal_entry_key"))
        yield
        with self.deps.store.write() as session:
            for _name, definition in indexes:
                session.execute(text(definition))
            session.execute(
                text("ALTER TABLE journal_entry ADD CONSTRAINT uq_journal_entry_key UNIQUE (key)")
            )

    def organise(self) -> int:
        """Make an organisation; return its person's id."""
        self.people += 1
        self._run(_PEOPLE, first=self.people, last=self.people, cents=1)
        with self.deps.store.write() as session:
            session.execute(
                text("UPDATE person SET is_organisation = TRUE WHERE id = :id"), {"id": self.people}
            )
        return self.people

    def confirm(self, count: int, *, payers: int, payees: int, payee: int | None = None) -> range:
        """Let payers confirm a transfer each, again and again; return the confirmations' ids.

        They pay `payees` others in turn, or all of them one `payee`.
        """
        first = self.last_transfer + 1
        self.last_transfer += count
        values = {"payers": payers, "payees": payees, "payee": payee or 0, "cents": CENTS}
        self._run(_WAITING, first=first, last=self.last_transfer, **values)
        return range(first, self.last_transfer + 1)

    def settle_down(self) -> None:
        """Let the database know what is in it, as its own upkeep does after a while."""
        with self.deps.store.engine.connect() as connection:
            if not self.is_sqlite:
                by_itself = connection.execution_options(isolation_level="AUTOCOMMIT")
                by_itself.execute(text("VACUUM (ANALYZE)"))
            else:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _run(self, statements: tuple[str, ...], **values: object) -> None:
        at = self.deps.clock.now()
        with self.deps.store.write() as session:
            if not self.is_sqlite:
                # What the rules would say of each row the proof says of all of them.
                session.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                _execute(session, statement, at=at, **values)


def _execute(session: Session, statement: str, **values: object) -> None:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    for name, (on_sqlite, on_postgresql) in _WORDS.items():
        said = on_sqlite if is_sqlite else on_postgresql
        statement = re.sub(rf"\b{name}\b", said.replace("\\", r"\\"), statement)
    query = text(statement)
    named = query.compile().params
    session.execute(query, {name: value for name, value in values.items() if name in named})


def _teach(connection: sqlite3.Connection, _record: object) -> None:
    connection.create_function(
        "sha256_hex", 1, lambda said: sha256(said.encode()).hexdigest(), deterministic=True
    )


_RENUMBER: Final = (
    "SELECT setval(pg_get_serial_sequence('journal_entry', 'id'), max(id)) FROM journal_entry"
)
_INDEXES: Final = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE NOT indisunique AND indrelid = ANY(CAST(
        '{transfer,posting,orders,confirmation}' AS regclass[]))
"""

_HASH_IN_POSTGRESQL: Final = """
    CREATE FUNCTION sha256_hex(said text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT encode(sha256(convert_to(said, 'UTF8')), 'hex') $$
"""

_WORDS: Final = {
    "NUMBERS": (
        """(WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last)
        SELECT i FROM n) AS n""",
        "generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n(i)",
    ),
    "TEN": (
        "(VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)) AS m",
        "generate_series(1, 10) AS m(column1)",
    ),
    "REFERENCE": ("printf('%06X', i)", "upper(lpad(to_hex(i), 6, '0'))"),
    "NOW": ("strftime('%Y-%m-%d %H:%M:%f', :at)", "CAST(:at AS timestamptz)"),
    "LONG_AGO": (
        """strftime('%Y-%m-%d %H:%M:%f', :at,
            '-' || ((:last - i) * 63072000 / :last) || ' seconds')""",
        """CAST(:at AS timestamptz) - (CAST(:last AS bigint) - i) * interval '2 years'
        / CAST(:last AS bigint)""",
    ),
    "INT": ("INTEGER", "bigint"),
}
"""What the two databases say differently."""

_PEOPLE: Final = (
    """
    INSERT INTO person (id, phone, level, is_organisation, confirms_by_dm, since_sca_cents,
        sca_failures, sca_locks, consented_at, terms_version, created_at)
    SELECT i, '+33' || (600000000 + i), 'declared', FALSE, FALSE, 0, 0, 0, NOW, '1', NOW
    FROM NUMBERS
    """,
    """
    INSERT INTO x_account (x_user_id, person_id, handle, name, lang, wrote_dm_at, seen_at)
    SELECT CAST(1000000 + i AS TEXT), i, 'p' || i, '', 'en', CASE WHEN i % 2 = 1 THEN NOW END, NOW
    FROM NUMBERS
    """,
    "INSERT INTO account (name, balance_cents) VALUES ('cards', 0) ON CONFLICT DO NOTHING",
    "INSERT INTO account (name, balance_cents) SELECT 'wallet:' || i, :cents FROM NUMBERS",
    """
    UPDATE account SET balance_cents = balance_cents - :cents * (:last - :first + 1)
    WHERE name = 'cards'
    """,
    """
    INSERT INTO topup (id, person_id, amount_cents, refunded_cents, status, sequence,
        failed_attempts, abandoned, three_d_secure, attempts, created_at, expires_at,
        next_attempt_at, captured_at)
    SELECT 'filled' || i, i, :cents, 0, 'captured', 1, 0, FALSE, TRUE, 0, NOW, NOW, NOW, NOW
    FROM NUMBERS
    """,
    """
    INSERT INTO topup_event (topup_id, sequence, status, reason, at)
    SELECT 'filled' || i, 1, 'captured', 'captured', NOW FROM NUMBERS
    """,
    """
    INSERT INTO journal_entry (key, hash, written_at)
    SELECT 'topup:filled' || i || '\\:capture',
        sha256_hex('cards|-' || CAST(:cents AS INT) || '\n' || 'wallet:' || i || '|'
            || CAST(:cents AS INT)), NOW
    FROM NUMBERS
    """,
    """
    INSERT INTO posting (entry_id, account_id, amount_cents)
    SELECT e.id, a.id, CASE WHEN a.name = 'cards' THEN -:cents ELSE :cents END
    FROM NUMBERS JOIN journal_entry e ON e.key = 'topup:filled' || i || '\\:capture'
    JOIN account a ON a.name IN ('cards', 'wallet:' || i)
    """,
)
"""People from `first` to `last`, each with a captured top-up."""

_PAST: Final = (
    """
    INSERT INTO orders (id, reference, kind, source, source_id, conversation_id, owner_x_user_id,
        lang, created_at)
    SELECT i, REFERENCE, 'pay', 'post', 'past' || i, 'past' || i,
        CAST(1000001 + i % :among AS TEXT), 'en', LONG_AGO FROM NUMBERS
    """,
    """
    INSERT INTO confirmation (id, order_id, person_id, payer_x_user_id, funding, method,
        terms_hash, total_cents, sca_basis, created_at, settled_at, outcome)
    SELECT i, i, 1 + i % :among, CAST(1000001 + i % :among AS TEXT), 'wallet', 'page', '-', 10,
        'low_value', LONG_AGO, LONG_AGO, 'paid' FROM NUMBERS
    """,
    """
    INSERT INTO transfer (id, order_id, number, payer_x_user_id, payee_x_user_id,
        payer_person_id, payee_person_id, amount_cents, currency, status, sequence, funding,
        terms_hash, confirmation_id, created_at, confirm_by, confirmed_at, posted_at)
    SELECT (i - 1) * 10 + column1, i, column1, CAST(1000001 + i % :among AS TEXT),
        CAST(1000001 + (i + column1) % :among AS TEXT), 1 + i % :among,
        1 + (i + column1) % :among, 1, 'EUR', 'posted', 2, 'wallet', '-', i,
        LONG_AGO, LONG_AGO, LONG_AGO, LONG_AGO
    FROM NUMBERS CROSS JOIN TEN
    """,
    """
    INSERT INTO transfer_event (transfer_id, sequence, status, reason, at)
    SELECT id, column1, CASE column1 WHEN 1 THEN 'pending' ELSE 'posted' END,
        CASE column1 WHEN 1 THEN 'ordered' ELSE 'confirmed_from_wallet' END, posted_at
    FROM transfer CROSS JOIN (VALUES (1), (2)) AS event WHERE id <= :count ORDER BY id, column1
    """,
    """
    INSERT INTO journal_entry (id, key, hash, written_at)
    SELECT :entries + id, 'transfer:' || id || '\\:post', sha256_hex(CASE WHEN payer < payee
        THEN payer || '\n' || payee ELSE payee || '\n' || payer END), posted_at
    FROM (SELECT id, posted_at, 'wallet:' || payer_person_id || '|-1' AS payer,
            'wallet:' || payee_person_id || '|1' AS payee
        FROM transfer WHERE id <= :count ORDER BY id) AS legs
    """,
    """
    INSERT INTO posting (entry_id, account_id, amount_cents)
    SELECT :entries + id, CASE column1 WHEN 1 THEN payer_person_id ELSE payee_person_id END + 1,
        CASE column1 WHEN 1 THEN -1 ELSE 1 END
    FROM transfer CROSS JOIN (VALUES (1), (2)) AS leg WHERE id <= :count ORDER BY id, column1
    """,
)
"""Orders from `first` to `last` with ten posted transfers each.

`entries`: how many there are; accounts are numbered as persons are, after `cards`.
"""

_PAYER: Final = "(1 + 2 * (i * 7919 % :payers))"
_PAYEE: Final = "(CASE WHEN :payee > 0 THEN :payee ELSE 2 + 2 * (i * 7919 % :payees) END)"
# Scattered over all of them: 7919 is a prime that no number of people here has in it.
_WAITING: Final = tuple(
    statement.replace("PAYER", _PAYER).replace("PAYEE", _PAYEE)
    for statement in (
        """
        INSERT INTO orders (id, reference, kind, source, source_id, conversation_id,
            owner_x_user_id, lang, created_at)
        SELECT i, REFERENCE, 'pay', 'post', 'post' || i, 'post' || i,
            CAST(1000000 + PAYER AS TEXT), 'en', NOW FROM NUMBERS
        """,
        """
        INSERT INTO confirmation (id, order_id, person_id, payer_x_user_id, funding, method,
            terms_hash, total_cents, sca_basis, created_at)
        SELECT i, i, PAYER, CAST(1000000 + PAYER AS TEXT), 'wallet', 'page',
            sha256_hex(REFERENCE || '\n1\\:' || sha256_hex(
                CAST(:cents AS INT) || '|EUR|' || CAST(1000000 + PAYEE AS TEXT))),
            :cents, 'low_value', NOW FROM NUMBERS
        """,
        """
        INSERT INTO transfer (id, order_id, number, payer_x_user_id, payee_x_user_id,
            payee_handle, payer_person_id, amount_cents, currency, status, sequence, terms_hash,
            confirmation_id, created_at, confirm_by, confirmed_at)
        SELECT i, i, 1, CAST(1000000 + PAYER AS TEXT), CAST(1000000 + PAYEE AS TEXT),
            'p' || PAYEE, PAYER, :cents, 'EUR', 'pending', 1,
            sha256_hex(CAST(:cents AS INT) || '|EUR|' || CAST(1000000 + PAYEE AS TEXT)),
            i, NOW, NOW, NOW FROM NUMBERS
        """,
        """
        INSERT INTO transfer_event (transfer_id, sequence, status, reason, at)
        SELECT i, 1, 'pending', 'ordered', NOW FROM NUMBERS
        """,
    )
)
"""Confirmations from `first` to `last`, each of one transfer of an order of its own."""
