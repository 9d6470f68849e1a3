"""What `smoney doctor` finds out about who hears X: workers, their stream, what came too late."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from bot.services.deps import Deps

BEAT_WITHIN: Final = timedelta(seconds=15)
"""A worker says every 2 seconds that it lives; one that was silent for so long does not."""
BYTE_WITHIN: Final = timedelta(seconds=90)
"""X sends a byte every 20 seconds; one that is away longer than a few tries is not well."""

State = Literal["ok", "note", "mend"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found: fine, worth knowing, or to be mended."""

    check: str
    state: State
    said: str


def worker(deps: "Deps") -> Finding:
    """Say whether a worker lives, and whether one of them hears X."""
    from bot.store import workers

    now = deps.clock.now()
    with deps.store.read() as session:
        beats = [row for row in workers.beats(session) if now - row.beat_at <= BEAT_WITHIN]
    if not beats:
        return Finding("worker", "mend", "No worker lives: start one with `smoney worker`.")
    heard = max((row.stream_byte_at for row in beats if row.stream_byte_at), default=None)
    lives = f"{len(beats)} worker{'' if len(beats) == 1 else 's'} alive"
    if heard is None or now - heard > BYTE_WITHIN:
        return Finding("worker", "mend", f"{lives}, but none hears X's stream: see its log.")
    since = max((row.stream_connected_at for row in beats if row.stream_connected_at), default=None)
    stands = "is being connected again" if since is None else f"stands since {_utc(since)}"
    posted = max((row.stream_post_at for row in beats if row.stream_post_at), default=None)
    again = sum(row.reconnects for row in beats)
    return Finding(
        "worker",
        "ok",
        f"{lives}; the stream {stands} (last byte {(now - heard).total_seconds():.0f} s ago, "
        f"last post {'none yet' if posted is None else _utc(posted)}, connected again {again} "
        f"time{'' if again == 1 else 's'}).",
    )


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def read_too_late(deps: "Deps") -> Iterator[Finding]:
    """Say how many posts were read too late to be answered, where any was."""
    from bot.services.hear import READ_TOO_LATE
    from bot.store import inbox

    with deps.store.read() as session:
        late = inbox.read_cursor(session, READ_TOO_LATE)
    if late is not None:
        commands = f"{late} command{'' if late == '1' else 's'}"
        yield Finding(
            "late_posts",
            "note",
            f"{commands} so far, older than ANSWER_WITHIN_H when read: without a reply, in their "
            "authors' wallets.",
        )
