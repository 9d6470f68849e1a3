"""Orders and transfers in the database: guarded changes, histories without gaps, constraints."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from bot.domain.order import OrderKind
from bot.domain.transfer import Reason, TransferStatus
from bot.store import orders, payees
from bot.store.engine import Store
from tests import builders
from tests.builders import NOON, x_id


def _cancel(session: Session, *ids: int) -> list[int]:
    return orders.advance(
        session,
        ids,
        old=TransferStatus.PENDING,
        new=TransferStatus.CANCELLED,
        reason=Reason.CANCELLED_BY_OWNER,
        at=NOON,
    )


def test_a_change_happens_only_from_the_status_it_expects(store: Store) -> None:
    """The guard's row count says which transfers moved; the others stay, without an event."""
    with store.write() as session:
        first, second = builders.order(session, "4F7K2Q", "bob", "alice", 300, 400)
        assert _cancel(session, first) == [first]
        assert _cancel(session, first, second) == [second]
    with store.read() as session:
        history = orders.history_of(session, [first, second])
    assert [(row.transfer_id, row.sequence, row.status) for row in history] == [
        (first, 1, "pending"),
        (first, 2, "cancelled"),
        (second, 1, "pending"),
        (second, 2, "cancelled"),
    ]


def test_a_change_that_the_design_does_not_know_is_a_bug(store: Store) -> None:
    """What was posted cannot be cancelled, by nobody."""
    with store.write() as session, pytest.raises(AssertionError, match="no transfer goes"):
        orders.advance(
            session,
            [1],
            old=TransferStatus.POSTED,
            new=TransferStatus.CANCELLED,
            reason=Reason.CANCELLED_BY_OWNER,
            at=NOON,
        )


def test_a_reference_is_given_once(store: Store) -> None:
    """The second order that draws it gets none, and draws again."""
    new = orders.NewOrder(
        kind=OrderKind.PAY,
        source="post",
        source_id="other",
        conversation_id=None,
        owner_x_user_id=x_id("bob"),
        lang="fr",
    )
    with store.write() as session:
        builders.order(session, "4F7K2Q", "bob", "alice", 300)
        assert orders.insert_order(session, new, "4F7K2Q", at=NOON) is None
        assert orders.insert_order(session, new, "4F7K2R", at=NOON) is not None


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("amount_cents = 0", "ck_transfer_amount"),
        ("currency = 'USD'", "ck_transfer_currency"),
        ("payee_x_user_id = payer_x_user_id", "ck_transfer_two_parties"),
        ("status = 'lost'", "ck_transfer_status"),
        ("funding = 'gold'", "ck_transfer_funding"),
    ],
)
def test_the_database_repeats_the_rules_by_name(store: Store, change: str, constraint: str) -> None:
    """A program that is wrong, or a person with SQL, meets a named constraint."""
    with store.write() as session:
        builders.order(session, "4F7K2Q", "bob", "alice", 300)
    with pytest.raises(IntegrityError, match=constraint), store.write() as session:
        session.execute(text(f"UPDATE transfer SET {change}"))


def test_on_sqlite_what_a_person_paid_is_found_by_the_person(sqlite_url: str) -> None:
    """Not among all that is no refund, which is nearly every transfer there ever was."""
    store, said = Store(sqlite_url), list[str]()
    with store.read() as session:
        driver = session.connection().connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(said.append)
        orders.paid_since(session, [7], since=NOON)
        payees.paid(session, 7)
        driver.set_trace_callback(None)
        for asked in said:
            plan = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {asked}")]
            assert "INDEX ix_transfer_paid (payer_person_id=?" in plan[0], plan
    assert len(said) == 2
    store.close()
