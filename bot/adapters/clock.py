"""The one home of the time and of randomness.

Promises aware UTC datetimes, and values from the operating system's secure source alone.
"""

import secrets
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from bot.domain.order import REFERENCE_ALPHABET, REFERENCE_LENGTH, is_reference

TOKEN_BYTES: Final = 32
"""Bytes of a secret: 256 bits, beyond any guessing."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present, aware, in UTC."""
        return datetime.now(UTC)


class SystemChance:
    """The machine's secure randomness."""

    def token(self) -> str:
        """Return a secret of 256 bits, URL-safe."""
        return secrets.token_urlsafe(TOKEN_BYTES)

    def reference(self) -> str:
        """Return 6 characters of the reference alphabet with a letter and a digit."""
        while True:
            drawn = "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(REFERENCE_LENGTH))
            if is_reference(drawn):
                return drawn

    def digits(self, count: int) -> str:
        """Return a code of `count` decimal digits."""
        return "".join(secrets.choice("0123456789") for _ in range(count))

    def uuid(self) -> str:
        """Return a new UUID as 32 hexadecimal digits, for the key of an outside effect."""
        return uuid4().hex
