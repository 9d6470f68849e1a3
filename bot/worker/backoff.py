"""How long to stay away from X's stream after it failed, by X's own rules.

Network errors: linearly, 0.25 s more each time, up to 16 s. HTTP errors: from 5 s, doubled, up to
320 s. Too many requests: until the reset that X named, else from 60 s, doubled.
"""

from typing import Final

NETWORK_STEP_S: Final = 0.25
NETWORK_AT_MOST_S: Final = 16.0
HTTP_FIRST_S: Final = 5.0
HTTP_AT_MOST_S: Final = 320.0
LIMIT_FIRST_S: Final = 60.0
LIMIT_AT_MOST_S: Final = 960.0
"""X's windows are of 15 minutes (seconds): a longer wait gains nothing."""


class BackOff:
    """Counts failures in a row, each kind for itself; `reset` once a connection held."""

    def __init__(self) -> None:
        self._network = 0
        self._http = 0
        self._limit = 0

    def reset(self) -> None:
        """Begin anew: the connection held."""
        self._network = self._http = self._limit = 0

    def network(self) -> float:
        """Return the wait after a network error (seconds)."""
        self._network += 1
        return min(NETWORK_AT_MOST_S, NETWORK_STEP_S * self._network)

    def http(self) -> float:
        """Return the wait after an HTTP error (seconds)."""
        self._http += 1
        return min(HTTP_AT_MOST_S, HTTP_FIRST_S * 2.0 ** min(self._http - 1, 10))

    def limit(self, reset_in_s: float | None = None) -> float:
        """Return the wait after a 429 (seconds): to the reset that X named, if that is to come.

        One that is over by our clock was named by another: to believe it would be to hammer X.
        """
        if reset_in_s is not None and reset_in_s > 0:
            return until_reset(reset_in_s)
        self._limit += 1
        return min(LIMIT_AT_MOST_S, LIMIT_FIRST_S * 2.0 ** min(self._limit - 1, 10))


def until_reset(reset_in_s: float) -> float:
    """Return the wait until X's window is over, as far as our clock can be believed (seconds)."""
    return min(LIMIT_AT_MOST_S, reset_in_s)
