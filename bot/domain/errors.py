"""Everything that can go wrong, in four branches, each with its one way to be met.

    BotError
    ├─ Refusal(reply)        an expected no                       → say it
    ├─ Unavailable(retry_at) the outside is down or limits us     → wait; safe to repeat
    ├─ OutcomeUnknown(key)   we cannot tell whether it happened   → look it up before anything else
    └─ Rejected(code)        the outside says no for good         → stop, mark dead, say so
    AssertionError           our own mistake                      → roll back

A time-out after sending is `OutcomeUnknown`, unless the call is keyed or only reads: then it is
`Unavailable`, since it may be repeated. Vendor errors die in the adapter.
"""

from datetime import datetime
from typing import Final

from bot.domain.replies import Reply

UNAUTHORIZED: Final = "unauthorized"
"""The code of a `Rejected` that is about our keys, not about what was asked for."""


class BotError(Exception):
    """The root of what is expected to go wrong."""


class Refusal(BotError):
    """An expected no, explained to the person by `reply`."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.key)
        self.reply = reply


class Unavailable(BotError):
    """The outside is down or limits us; the call may be repeated at `retry_at` (None: at will)."""

    def __init__(self, reason: str, retry_at: datetime | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_at = retry_at


class OutcomeUnknown(BotError):
    """The call went out and no answer came back: look `key` up before anything else.

    `is_odd`: one came that cannot be read, which no wait for an outage to end will mend.
    """

    def __init__(self, key: str, reason: str = "no answer", *, is_odd: bool = False) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason
        self.is_odd = is_odd


class Rejected(BotError):
    """The outside says no for good; `code` is its word for why, safe to show to an operator."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
