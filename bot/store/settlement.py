"""What a settlement locks and writes of transfers and persons: whole sets, the columns that count.

The other parts are the ledger's (`recording`), the confirmations' (`settling`) and the outbox's
(`putting`). Whoever takes these locks takes them in this order: transfers, persons, accounts.
"""

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row
from sqlmodel import Session

from bot.domain.transfer import Reason, TransferStatus, may_go
from bot.store.orders import EVENTS
from bot.store.questions import Question
from bot.store.sets import Change, Statement

_LOCK_TRANSFERS: Final = Statement(
    """
    SELECT id, order_id, number, payer_x_user_id, payee_x_user_id, payee_handle, payer_person_id,
        amount_cents, status, sequence, confirmation_id
    FROM transfer WHERE order_id = SOME(:order_ids bigint) ORDER BY order_id, number FOR UPDATE
    """
)
_SETTLE: Final = Statement(
    """
    UPDATE transfer SET status = moves.status, sequence = moves.sequence, funding = :funding,
        payee_person_id = moves.payee, posted_at = CASE WHEN moves.status = 'posted' THEN :at END,
        claim_by = CASE WHEN moves.status = 'held' THEN :claim_by END
    FROM GIVEN moves(id bigint, sequence bigint, status text, reason text, payee bigint)
    WHERE transfer.id = moves.id AND UNINDEXED(transfer.status) = :old
        AND transfer.sequence = moves.sequence - 1
    """
)


@dataclass(slots=True)
class Moves:
    """Locked transfers that are settled together: posted each to its payee, or held for them."""

    ids: list[int] = field(default_factory=list)
    sequences: list[int] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    payees: list[int | None] = field(default_factory=list)

    def add(
        self, row: Row[Any], new: TransferStatus, reason: Reason, payee_person_id: int | None
    ) -> None:
        """Let one go."""
        self.ids.append(row.id)
        self.sequences.append(row.sequence + 1)
        self.statuses.append(new.value)
        self.reasons.append(reason.value)
        self.payees.append(payee_person_id)


def lock_transfers(session: Session, order_ids: Collection[int]) -> Sequence[Row[Any]]:
    """Lock every transfer of orders, in the order in which all lock them; the columns that count.

    All of an order's, not those alone that are covered: what was unticked moves as well.
    """
    return _LOCK_TRANSFERS.run(session, order_ids=order_ids)


def moving(
    moves: Moves, *, old: TransferStatus, funding: str, at: datetime, claim_by: datetime
) -> list[Change]:
    """Return what advances transfers, each guarded by its status, and writes their events."""
    for new in set(moves.statuses):
        assert may_go(old, TransferStatus(new)), f"no transfer goes from {old} to {new}"
    values = {
        "moves": {
            "id": moves.ids,
            "sequence": moves.sequences,
            "status": moves.statuses,
            "reason": moves.reasons,
            "payee": moves.payees,
        },
        "old": old.value,
        "funding": funding,
        "at": at,
        "claim_by": claim_by,
    }
    return [
        Change("transfer", _SETTLE, values, len(moves.ids)),
        Change("transfer_event", EVENTS, values, len(moves.ids)),
    ]


_PARTIES: Final = Statement(
    """
    WITH party AS (
        SELECT x_user_id, person_id, handle, lang, wrote_dm_at, opted_out_at
        FROM x_account WHERE x_user_id = ANY(:x_user_ids text)
    ), behind AS (
        SELECT id, lang AS chosen_lang, level, is_organisation, locked_at, closed_at,
            since_sca_cents
        FROM person
        WHERE LOCKED(id IN (SELECT person_id FROM party)) ORDER BY id FOR NO KEY UPDATE
    )
    SELECT * FROM party LEFT JOIN behind ON behind.id = party.person_id
    """
)
_TURNED_AWAY: Final = Statement(
    """
    SELECT payee.x_user_id AS payee, payer.person_id AS payer
    FROM x_account payee
    JOIN x_account own
        ON own.x_user_id = payee.x_user_id OR own.person_id = payee.person_id
    JOIN block ON block.x_user_id = own.x_user_id AND block.turns_money_away
    JOIN x_account payer ON payer.x_user_id = block.blocked_x_user_id
    WHERE payee.x_user_id = ANY(:payees text) AND payer.person_id = ANY(:payers bigint)
    """,
    columns="payee payer",
)
_COUNT: Final = Statement(
    """
    UPDATE person SET since_sca_cents = counted.cents,
        sca_at = CASE WHEN counted.authenticated = 1 THEN :at ELSE sca_at END
    FROM GIVEN counted(id bigint, cents bigint, authenticated bigint) WHERE person.id = counted.id
    """
)


def lock_parties(session: Session, x_user_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """Return X accounts by id, each with its person, who is locked as `lock_persons` does.

    The columns that a settlement needs; `id` is the person's, None where there is no wallet.
    """
    return {row.x_user_id: row for row in _PARTIES.run(session, x_user_ids=x_user_ids)}


def turning_away(
    payees: Collection[str], payers: Collection[int]
) -> Question[set[tuple[str, int]]]:
    """Return what asks which payees take no money from which persons, by any account of either."""
    return Question(_TURNED_AWAY, {"payees": payees, "payers": payers}, set)


def counting(
    since_sca: Mapping[int, int], authenticated: Container[int], *, at: datetime
) -> list[Change]:
    """Return what keeps how much persons paid since their last authentication, in cents."""
    counted = {
        "id": list(since_sca),
        "cents": list(since_sca.values()),
        "authenticated": [int(one in authenticated) for one in since_sca],
    }
    return [Change("person", _COUNT, {"counted": counted, "at": at}, len(since_sca))]
