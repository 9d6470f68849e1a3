"""A worker that starts knows who the bot is: from X, or as it was kept for the keys it has."""

from dataclasses import replace

import pytest

from bot.domain.errors import Rejected, Unavailable
from bot.services.whoami import learn
from tests.fakes.x import FakeDirectory
from tests.world import World


def restart(world: World, *, keys: str = "fake") -> FakeDirectory:
    """Let another process go on, which remembers nothing; return who is asked there."""
    directory = FakeDirectory(x=world.x)
    directory.of_keys = keys
    world.deps = replace(world.deps, directory=directory)
    return directory


@pytest.mark.parametrize(("after_s", "asks"), [(0, False), (59, False), (60, True), (-3600, True)])
def test_x_is_asked_once_at_a_start_unless_it_said_so_just_now(
    world: World, after_s: int, asks: bool
) -> None:
    """Workers that die and start spend none of its calls; a clock put back says nothing."""
    world.clock.advance(after_s)
    directory = restart(world)
    learn(world.deps)
    assert directory.known is not None
    assert (directory.bot().handle, directory.users_read) == (world.x.bot.handle, asks)


@pytest.mark.parametrize("reason", ["rate_limited", "server_error"])
def test_where_x_does_not_say_the_bot_is_as_it_was_kept(world: World, reason: str) -> None:
    """For the same keys alone: of others the account is not known, and a wrong one is told."""
    world.pass_time(minutes=5)
    later = world.clock.now()
    directory = restart(world)
    directory.faults.add(Unavailable(reason, later))
    learn(world.deps)
    assert (directory.bot().id, directory.users_read) == (world.x.bot.id, 0)
    for keys, error in (("others", Unavailable(reason, later)), ("fake", Rejected("unauthorized"))):
        directory = restart(world, keys=keys)
        directory.faults.add(error)
        with pytest.raises(type(error)):
            learn(world.deps)
    assert restart(world, keys="others").known is None
    learn(world.deps)
    assert world.deps.directory.bot() == world.x.people[world.x.bot.id]
