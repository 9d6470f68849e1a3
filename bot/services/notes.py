"""Notes as their readers see them: whoever made an order wrote its note, and it may be anybody.

A stranger's is folded: somebody's with whom the reader had exchanged no money before. One that its
reader reported is not shown to them any more, whatever became of the case.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Row
from sqlmodel import Session

from bot.store import cases, payees, people

Manner = Literal["own", "open", "folded", "reported"]
"""How a note is shown: `folded` behind a line that says so, `reported` not at all."""
AT_ONCE: Final = 500
"""Keys that are looked up by one statement; databases bear no list of any length."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What there is to know about one person to show them notes."""

    mine: frozenset[str] = frozenset()
    known_since: Mapping[str, int] = field(default_factory=dict)
    """By X account: the first order by which money went between its person and the reader."""
    reported: frozenset[int] = frozenset()
    """Transfers whose notes the reader reported."""

    def manner(self, transfer: Row[Any], writer: str) -> Manner:
        """Return how a transfer's note is shown, which that X account wrote."""
        if writer in self.mine:
            return "own"
        if transfer.id in self.reported:
            return "reported"
        first = self.known_since.get(writer)
        return "open" if first is not None and first < transfer.order_id else "folded"

    def note(self, transfer: Row[Any], writer: str) -> str | None:
        """Return a transfer's note as far as it is shown."""
        hidden = self.manner(transfer, writer) == "reported"
        return None if hidden else transfer.note


def reader(
    session: Session,
    person_id: int | None,
    mine: Collection[str],
    noted: Sequence[tuple[Row[Any], str]],
) -> Reader:
    """Return somebody as the reader of some transfers' notes, each with the account that wrote it.

    `mine`: the X accounts of that person, or the one of who has no wallet. What has no note, or one
    of the reader's own, costs no query.
    """
    others = [(row, writer) for row, writer in noted if row.note and writer not in mine]
    if not others:
        return Reader(frozenset(mine))
    since: dict[str, int] = {}
    if person_id is not None:  # without a wallet nobody has exchanged money
        for writers in _parts(sorted({writer for _row, writer in others})):
            since |= _known_since(session, person_id, writers)
    return Reader(frozenset(mine), since, reported(session, [row.id for row, _writer in others]))


def _known_since(session: Session, person_id: int, writers: Sequence[str]) -> dict[str, int]:
    groups = people.groups(session, writers)
    theirs = {one for some in groups.values() for one in some}
    first = payees.first_orders(session, person_id, theirs)
    return {
        writer: min(orders)
        for writer, some in groups.items()
        if (orders := [first[one] for one in some if one in first])
    }


def reported(session: Session, transfer_ids: Sequence[int]) -> frozenset[int]:
    """Return which transfers' notes were reported, however many are asked about."""
    keys = {key_of(one): one for one in transfer_ids}
    return frozenset(
        keys[row.key] for some in _parts(list(keys)) for row in cases.by_keys(session, some)
    )


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), AT_ONCE):
        yield keys[start : start + AT_ONCE]


def key_of(transfer_id: int) -> str:
    """Return the key of the case about a transfer's note: it has one reader beside its writer."""
    return f"note:{transfer_id}"
