"""A clock that tests set, and a chance that comes out the same each time."""

from datetime import UTC, datetime, timedelta
from typing import Final

from bot.domain.order import REFERENCE_ALPHABET, REFERENCE_LENGTH, is_reference

START: Final = datetime(2026, 8, 3, 10, 0, tzinfo=UTC)
"""A Monday morning in summer."""


class FakeClock:
    """Stands still until it is told to go on."""

    def __init__(self, at: datetime = START) -> None:
        self._at = at

    def now(self) -> datetime:
        """Return the present, as it was set."""
        return self._at

    def set(self, at: datetime) -> None:
        """Let it be then, also earlier."""
        assert at.tzinfo is not None, "an aware datetime is wanted"
        self._at = at.astimezone(UTC)

    def advance(self, seconds: float = 0, **span: float) -> datetime:
        """Let time pass: seconds, or `minutes=`, `hours=`, `days=`; return the new present."""
        self._at += timedelta(seconds=seconds, **span)
        return self._at


class FakeChance:
    """Counts where the real one draws: every value is new, and the same in each run."""

    def __init__(self) -> None:
        self._drawn = 0

    def _next(self) -> int:
        self._drawn += 1
        return self._drawn

    def token(self) -> str:
        """Return a text as long as a secret of 256 bits."""
        return f"{'token':-<33}{self._next():010d}"

    def reference(self) -> str:
        """Return the next reference: 222AAB, 222AAC and so on, whatever is one."""
        while True:
            number, drawn = self._next(), ""
            for _ in range(REFERENCE_LENGTH):
                number, digit = divmod(number, len(REFERENCE_ALPHABET))
                drawn = REFERENCE_ALPHABET[digit] + drawn
            if is_reference(drawn):
                return drawn

    def digits(self, count: int) -> str:
        """Return the next number, in `count` digits."""
        return f"{self._next() % 10**count:0{count}d}"

    def uuid(self) -> str:
        """Return the next number, in 32 hexadecimal digits."""
        return f"{self._next():032x}"
