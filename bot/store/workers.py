"""The workers' own rows: signs of life, and the lease of the one that leads.

A lease is taken and kept by guarded statements alone, never by a session's lock, so that PgBouncer
in transaction mode serves. Its fence grows with each change of holder; whether a holder is dead its
rivals decide, since no two machines' clocks need agree (ADR 36).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, or_, select, update
from sqlmodel import Session

from bot.store.engine import dialect_insert
from bot.store.tables import Heartbeat, Lease, core

heartbeats = core(Heartbeat)
leases = core(Lease)

NOBODY: Final = ""
"""The holder of a lease that was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """A worker's sign of life, with the state of its stream."""

    worker: str
    started_at: datetime
    beat_at: datetime
    stream_connected_at: datetime | None = None
    stream_byte_at: datetime | None = None
    stream_post_at: datetime | None = None
    reconnects: int = 0


def write_beat(session: Session, beat: Beat) -> None:
    """Write a worker's sign of life over its last one."""
    values = {name: getattr(beat, name) for name in Beat.__slots__}
    news = {name: value for name, value in values.items() if name != "worker"}
    insert = dialect_insert(session)(heartbeats).values(**values)
    session.execute(insert.on_conflict_do_update(index_elements=["worker"], set_=news))


def beats(session: Session) -> Sequence[Row[Any]]:
    """Return every worker's last sign of life, the newest first."""
    return session.execute(select(heartbeats).order_by(heartbeats.c.beat_at.desc())).all()


def forget_beats(
    session: Session, *, worker: str | None = None, before: datetime | None = None
) -> int:
    """Drop the rows of one worker, or of those whose last sign of life is older than `before`."""
    wanted = []
    if worker is not None:
        wanted.append(heartbeats.c.worker == worker)
    if before is not None:
        wanted.append(heartbeats.c.beat_at < before)
    assert wanted, "not every worker at once"
    return session.connection().execute(delete(heartbeats).where(or_(*wanted))).rowcount


def read_lease(session: Session, name: str) -> Row[Any] | None:
    """Return who holds a lease, by which fence and until when by the holder's own clock."""
    return session.execute(select(leases).where(leases.c.name == name)).one_or_none()


def keep_lease(session: Session, name: str, holder: str, *, fence: int, until: datetime) -> bool:
    """Keep a lease of one's own; False where another has taken it since."""
    kept = (
        update(leases)
        .where(leases.c.name == name, leases.c.holder == holder, leases.c.fence == fence)
        .values(until_at=until)
    )
    return session.connection().execute(kept).rowcount == 1


def take_lease(
    session: Session, name: str, holder: str, *, seen: Row[Any] | None, until: datetime
) -> int | None:
    """Take a lease that stands as it was `seen` (None: nobody ever held it); return its fence.

    None where its holder gave a sign of life since, or another was quicker.
    """
    if seen is None:
        new = dialect_insert(session)(leases).values(
            name=name, holder=holder, fence=1, until_at=until
        )
        made = session.execute(new.on_conflict_do_nothing().returning(leases.c.fence))
        return made.scalar_one_or_none()
    taken = session.execute(
        update(leases)
        .where(
            leases.c.name == name,
            leases.c.holder == seen.holder,
            leases.c.fence == seen.fence,
            leases.c.until_at == seen.until_at,
        )
        .values(holder=holder, until_at=until, fence=leases.c.fence + 1)
        .returning(leases.c.fence)
    )
    return taken.scalar_one_or_none()


def give_up_lease(session: Session, name: str, holder: str) -> None:
    """Let go of a lease of one's own, so that another worker need not wait for its end."""
    session.execute(
        update(leases).where(leases.c.name == name, leases.c.holder == holder).values(holder=NOBODY)
    )
