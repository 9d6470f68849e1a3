"""What `stop` and `start` do in a message, for the pages: whether the bot speaks to somebody.

X's rule is about the account, so that each of a person's has its own choice.
"""

from bot.services.answers import hush
from bot.services.deps import Deps
from bot.services.sessions import Visitor
from bot.store import people


def is_quiet(deps: Deps, visitor: Visitor) -> bool:
    """Whether the account that signed in wants to hear nothing. Raises `Refusal` without one."""
    with deps.store.read() as session:
        account = people.account(session, visitor.account)
    return account is not None and account.opted_out_at is not None


def choose(deps: Deps, visitor: Visitor, *, quiet: bool) -> None:
    """Say nothing more to the account that signed in, or speak to it again. Raises `Refusal`."""
    with deps.store.write() as session:
        if quiet:
            hush(session, visitor.account, deps.clock.now())
        else:
            people.change_account(session, visitor.account, opted_out_at=None)
