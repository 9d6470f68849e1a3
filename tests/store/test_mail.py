"""Inbox, outbox and people in the database: once each, taken by leases, told only where allowed."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, event, text
from sqlmodel import Session

from bot.domain.pace import Budget, Window
from bot.ports import RawEvent
from bot.store import budgets, inbox, outbox, people, sets
from bot.store.engine import Store
from bot.store.outbox import Letter
from bot.store.types import UtcDateTime
from tests import builders
from tests.builders import NOON, x_id

POST = RawEvent("post", "10", '{"data": {}}', NOON)
LETTER = Letter(key="reply:10", channel="reply", text="hello", to_post_id="10", to_x_user_id="7")


def test_what_comes_in_twice_is_one_row(store: Store) -> None:
    """Unique by source and that source's id; the same id of another source is another row."""
    with store.write() as session:
        assert inbox.write(session, [POST, POST], at=NOON) == 1
        assert inbox.write(session, [POST, RawEvent("dm", "10", "{}", NOON)], at=NOON) == 1


def test_what_comes_in_together_is_written_in_the_one_order_of_its_ids(store: Store) -> None:
    """By source, then as numbers: two writers never wait in a circle, the oldest is read first."""
    given = [RawEvent(source, one, "{}", NOON) for source in ("post", "dm") for one in ("10", "9")]
    with store.write() as session:
        inbox.write(session, given, at=NOON)
        rows = inbox.lease(session, at=NOON, leased_at=NOON, limit=5)
    read = [(row.source, row.source_id) for row in rows]
    assert read == [("dm", "9"), ("dm", "10"), ("post", "9"), ("post", "10")]


def test_a_row_is_read_by_one_reader_until_its_lease_runs_out(store: Store) -> None:
    """A second reader finds nothing; after the lease of a dead one it finds the row."""
    with store.write() as session:
        inbox.write(session, [POST], at=NOON)
        assert len(inbox.lease(session, at=NOON, leased_at=NOON, limit=5)) == 1
    with store.write() as session:
        assert inbox.lease(session, at=NOON, leased_at=NOON, limit=5) == []
        later = NOON + timedelta(seconds=inbox.LEASE_S + 1)
        (row,) = inbox.lease(session, at=later, leased_at=later, limit=5)
        assert row.attempts == 2
        assert inbox.finish(session, row.id, at=later, status="done")
        assert not inbox.finish(session, row.id, at=later, status="done")


def test_a_message_with_a_known_key_is_not_written_again(store: Store) -> None:
    """One reply to a post, whatever happens."""
    with store.write() as session:
        assert outbox.put(session, [LETTER], at=NOON) == 1
        assert outbox.put(session, [LETTER], at=NOON) == 0


def leased(session: Session, at: datetime = NOON) -> Row[Any] | None:
    """Return the message that a worker takes, which is alone."""
    taken = outbox.lease(session, at=at, leased_at=at, by_contract=False)
    assert not isinstance(taken, outbox.TryAgain)
    return taken


def test_a_message_that_was_taken_is_in_doubt_until_its_outcome_is_recorded(store: Store) -> None:
    """The first taker sees it certain, the taker after a crash sees it in doubt."""
    with store.write() as session:
        outbox.put(session, [LETTER], at=NOON)
        row = leased(session)
        assert row is not None
        assert not row.in_doubt
        assert leased(session) is None
        later = NOON + timedelta(seconds=outbox.LEASE_S + 1)
        again = leased(session, later)
        assert again is not None
        assert again.in_doubt
        assert outbox.record_sent(session, row.id, sent_id="11", at=later)
        assert not outbox.record_sent(session, row.id, sent_id="12", at=later)


def test_what_is_tried_anew_is_not_ended_by_who_had_it_before_it_died(store: Store) -> None:
    """A reader and a sender slept; meanwhile it died, an operator said the word, another has it."""
    span = timedelta(seconds=61)
    moments = [NOON + number * span for number in range(3)]
    with store.write() as session:
        inbox.write(session, [POST], at=NOON)
        outbox.put(session, [LETTER], at=NOON)
        (slow,) = inbox.lease(session, at=NOON, leased_at=NOON, limit=5)
        slow_sender = leased(session)
        assert slow_sender is not None
        (other,) = inbox.lease(session, at=moments[1], leased_at=moments[1], limit=5)
        other_sender = leased(session, moments[1])
        assert other_sender is not None
        assert outbox.record_dead(session, other_sender, reason="not_allowed")
        assert inbox.finish(session, other.id, at=NOON, status="dead", attempts=other.attempts)
        assert (outbox.revive(session, at=NOON), inbox.revive(session, at=NOON)) == (1, 1)
        assert inbox.lease(session, at=moments[2], leased_at=moments[2], limit=5)
        assert leased(session, moments[2]) is not None
        assert not outbox.record_dead(session, slow_sender, reason="not_allowed")
        assert not inbox.finish(session, slow.id, at=NOON, status="dead", attempts=slow.attempts)


def test_the_most_urgent_message_goes_first_and_closed_channels_wait(store: Store) -> None:
    """A confirmation link before a hint; what is of another channel stays."""
    hint = Letter(key="reply:1", channel="reply", text="hint", priority=6)
    link = Letter(key="reply:2", channel="reply", text="link", priority=0)
    message, other = (Letter(key=f"dm:{one}", channel="dm", text="dm") for one in "12")
    with store.write() as session:
        outbox.put(session, [hint, link, message, other], at=NOON)
        first, second = leased(session), leased(session)
        budgets.close(session, "dm", until=NOON + timedelta(seconds=1))
        third = leased(session)
        texts = [row.text for row in (first, second, third) if row is not None]
        assert texts == ["link", "dm", "hint"]
        assert leased(session) is None
        assert leased(session, NOON + timedelta(seconds=1)) is not None


def test_a_call_is_taken_of_the_budget_that_was_read_or_not_at_all(store: Store) -> None:
    """Whoever gave one back, or heard from X, since then is not written over."""
    said = Budget(Window(15, 3, NOON + timedelta(minutes=9)), None)
    with store.write() as session:
        outbox.put(session, [Letter(key="dm:1", channel="dm", text="dm")], at=NOON)
        leased(session)
        for what in ("nothing", "given back", "heard"):
            (row,) = budgets.every(session)
            call = budgets.taking(session, row, at=NOON, by_contract=False)
            if what == "given back":
                budgets.give_back(session, "dm")
            elif what == "heard":
                sets.write(session, budgets.hearing(row, said, at=NOON))
            assert sets.write(session, [call]) == [what == "nothing"], what


LONG_QUEUES = """
INSERT INTO inbox (source, source_id, body, received_at, status, attempts, next_attempt_at)
SELECT CASE WHEN n % 2 = 0 THEN 'post' ELSE 'dm' END, CAST(n AS text), '', :at,
    CASE WHEN n <= 6000 THEN 'done' ELSE 'waiting' END, 1, :at FROM (NUMBERS) AS numbers;
INSERT INTO outbox (key, channel, text, priority, exclude_x_user_ids, status, attempts, in_doubt,
    created_at, next_attempt_at)
SELECT CAST(n AS text), CASE WHEN n % 2 = 0 THEN 'reply' ELSE 'dm' END, '', n % 8, '',
    CASE WHEN n <= 6000 THEN 'sent' ELSE 'waiting' END, 0, FALSE, :at, :at
FROM (NUMBERS) AS numbers;
INSERT INTO x_budget (channel, taken, closed_until) VALUES ('reply', 0, :later), ('dm', 0, NULL)
"""
"""6,000 rows that are done and 3,000 that wait, of two kinds; of replies X takes none just now."""
NUMBERS = {
    "sqlite": "WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 9000)"
    " SELECT n FROM g",
    "postgresql": "SELECT n FROM generate_series(1, 9000) AS g(n)",
}
BY_INDEX = re.compile(
    r"SEARCH (inbox|outbox|other) USING (INTEGER PRIMARY KEY \(rowid=\?\)"
    r"|INDEX ix_(inbox|outbox)_queue \(status=\? AND (source|channel)=\?.*)"
)
"""How SQLite may look for rows: where they stand, or where those of a kind begin that wait."""


def plan_of(session: Session, read: Callable[[], object]) -> list[Any]:
    """Return how the database does the first statement of a function, a step a row."""
    said: list[tuple[str, Any]] = []

    def note(_1: Any, _2: Any, sql: str, values: Any, _3: Any, _4: Any) -> None:
        said.append((sql, values))

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    read()
    event.remove(connection, "before_cursor_execute", note)
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {said[0][0]}", said[0][1])
        return [row.detail for row in rows]
    options = "ANALYZE, FORMAT JSON, TIMING OFF"
    told = connection.exec_driver_sql(f"EXPLAIN ({options}) {said[0][0]}", said[0][1])
    steps = [told.scalar_one()[0]["Plan"]]
    for step in steps:
        steps += step.get("Plans", [])
    return steps


def test_a_queue_is_read_as_fast_however_long_it_is(store: Store) -> None:
    """No lease looks at more rows than it may take: not at what waits behind, nor at what X keeps.

    By the database's own plan: SQLite's names the index, PostgreSQL's counts the rows.
    """
    kind = "sqlite" if store.is_sqlite else "postgresql"
    with store.write() as session:
        for statement in LONG_QUEUES.replace("NUMBERS", NUMBERS[kind]).split(";"):
            values = {"at": NOON - timedelta(days=1), "later": NOON + timedelta(days=1)}
            typed = [bindparam(one, type_=UtcDateTime) for one in values if f":{one}" in statement]
            session.execute(text(statement).bindparams(*typed), values)
        if kind == "postgresql":
            session.execute(text("ANALYZE inbox, outbox"))
    for read in (
        lambda: inbox.lease(session, at=NOON, leased_at=NOON, limit=10),
        lambda: inbox.lease(session, at=NOON, leased_at=NOON, limit=10, sources=("stripe",)),
        lambda: outbox.lease(session, at=NOON, leased_at=NOON, by_contract=False),
    ):
        with store.write() as session:
            if kind == "postgresql":  # as everywhere but in tests
                session.execute(text("SET LOCAL plan_cache_mode = auto"))
            for step in plan_of(session, read):
                if kind == "postgresql":
                    looked = step["Actual Rows"] + step.get("Rows Removed by Filter", 0)
                    assert looked <= 3 * 10, step
                elif re.search(r"\b(inbox|outbox|other)\b", step):
                    assert BY_INDEX.fullmatch(step), step


def test_a_handle_that_changes_hands_is_taken_from_who_had_it(store: Store) -> None:
    """The id stays; the handle is only shown."""
    with store.write() as session:
        people.see(session, "1", at=NOON, handle="alice")
        people.see(session, "2", at=NOON, handle="alice")
        accounts = people.accounts_by_id(session, ["1", "2"])
    assert (accounts["1"].handle, accounts["2"].handle) == (None, "alice")


def test_one_phone_is_one_person(store: Store) -> None:
    """No second one is made of a phone; another X account names the wallet once it is linked."""
    with store.write() as session:
        bob = builders.person(session, "bob")
        phone = people.lock_persons(session, [bob])[bob].phone
        people.see(session, x_id("bobby"), at=NOON, handle="bobby")
        again = people.make_person(
            session, phone=phone, x_user_id=x_id("bobby"), terms_version="1", at=NOON
        )
        assert again is None
        assert people.account_ids_of(session, bob) == [x_id("bob")]
        people.link_account(session, x_id("bobby"), bob, at=NOON)
        assert people.account_ids_of(session, bob) == sorted([x_id("bob"), x_id("bobby")])
