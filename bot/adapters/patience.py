"""How patient an adapter is: how long a call may take and how often it is made.

DESIGN.md, rule 18: the same for every outside service, so that no caller waits longer for one than
for another.
"""

from collections.abc import Callable
from typing import Final

from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from bot.domain.errors import Unavailable

TRIES: Final = 3
"""How often a call is made at most."""
BUDGET_S: Final = 10.0
"""How long a call may take with its repetitions (seconds)."""
CONNECT_TIMEOUT_S: Final = 2.0
"""How long a connection may take (seconds)."""
READ_TIMEOUT_S: Final = 6.0
"""How long an answer may take (seconds): X and issuers of cards answer within two or three."""
FIRST_WAIT_S: Final = 0.25
"""The wait before the second try at most (seconds), doubled before the third."""


def retrying(may_help: Callable[[Unavailable], bool], *, tries: int, slowest_s: float) -> Retrying:
    """Repeat what was `Unavailable` for a reason that passes; `tries=1` turns repetition off.

    No try begins that could end beyond the budget: one lasts `slowest_s` at most.
    """
    return Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, Unavailable) and may_help(error)),
        stop=stop_after_attempt(tries) | stop_before_delay(BUDGET_S - slowest_s),
        wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=BUDGET_S),
        reraise=True,
    )
