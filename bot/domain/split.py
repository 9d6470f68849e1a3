"""Splitting a total: equal shares to the cent, and what the asker saw of them before they asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from bot.domain.errors import Refusal
from bot.domain.replies import Reply


@dataclass(frozen=True, slots=True)
class Shares:
    """What each of the others is asked for, and what is left to the asker (cents).

    `own_cents` is the asker's share, or, where they have none, the cents that do not divide.
    """

    each_cents: int
    own_cents: int

    def hash(self, reference: str, x_user_ids: Sequence[str]) -> str:
        """Return the hash of what an asker agrees to: who is asked for how much, in which order."""
        text = f"{reference}|{self.each_cents}|{self.own_cents}|{','.join(x_user_ids)}"
        return sha256(text.encode()).hexdigest()


def share(total_cents: int, others: int, *, with_own: bool) -> Shares:
    """Divide a total among `others`, and the asker too where `with_own`.

    Every share but the asker's is the same; the cents that do not divide are the asker's. Raises
    `Refusal` where there is not a cent for each.

    >>> share(1000, 2, with_own=True), share(1000, 3, with_own=False)
    (Shares(each_cents=333, own_cents=334), Shares(each_cents=333, own_cents=1))
    """
    assert total_cents > 0, "a total is of at least one cent"
    assert others > 0, "somebody is asked"
    each_cents = total_cents // (others + 1 if with_own else others)
    if each_cents == 0:
        raise Refusal(Reply.of("refusal.split_too_small", amount_cents=total_cents))
    return Shares(each_cents, total_cents - each_cents * others)
