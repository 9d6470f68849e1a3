"""The process dies at every step of the registry; recovery ends the order, each cent in one place.

By an exception, at each step alone; and by SIGKILL, in a real process for each deed, which dies at
one step after the other. A story goes through every step by itself: one where a step is announced
nowhere fails here.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event

from bot.services import settle
from bot.services.steps import Step
from tests.crash_child import Processes, Stage
from tests.services import bank_stories, stories
from tests.services.stories import STEPS_OF
from tests.world import World

Story = Callable[[Stage], None]

CASES = [
    *(("sqlite", story, {step}) for story, steps in STEPS_OF.items() for step in steps),
    *(("postgresql", story, set(steps)) for story, steps in STEPS_OF.items()),
]
"""Each step alone on the quicker of the two; on the other one after the other, in one story."""
KILLED_ON_POSTGRESQL = (
    stories.by_wallet,
    stories.by_card,
    stories.by_card_as_a_webhook_tells,
    stories.by_a_foreign_card_then_abandoned,
    stories.by_saved_card,
    bank_stories.paid_out,
)
"""Settle, void, charge, payout and webhook: a server does the same with any other dead client."""
KILLED = [
    *(("sqlite", story) for story in STEPS_OF),
    *(("postgresql", story) for story in KILLED_ON_POSTGRESQL),
]
forks = pytest.mark.filterwarnings("ignore:This process.*multi-threaded")
"""The process that is forked goes on with one thread, and holds nothing that another had."""


@pytest.mark.parametrize(
    ("database_url", "story", "steps"),
    CASES,
    ids=[f"{where}-{story.__name__}-{'-'.join(sorted(steps))}" for where, story, steps in CASES],
    indirect=["database_url"],
)
def test_dying_at_a_step_loses_and_doubles_nothing(
    world: World, tmp_path: Path, story: Story, steps: set[Step]
) -> None:
    """A story whose process dies at a step ends as if nothing had happened."""
    stage = Stage(world, tmp_path, set(steps))
    story(stage)
    assert not stage.die_at, "the story does not pass these"


@forks
@pytest.mark.parametrize(
    ("database_url", "story"),
    KILLED,
    ids=[f"{where}-{story.__name__}" for where, story in KILLED],
    indirect=["database_url"],
)
def test_killed_at_each_step_in_turn_a_story_still_ends_well(
    world: World, tmp_path: Path, story: Story
) -> None:
    """Each deed is a process, killed by SIGKILL at the first step that no other died at."""
    stage = Processes(world, tmp_path, set(STEPS_OF[story]))
    story(stage)
    assert not stage.die_at, "the story does not pass these"


@forks
def test_what_was_not_committed_when_the_process_was_killed_never_was(
    world: World, tmp_path: Path
) -> None:
    """A settlement is killed with all of it written and nothing committed; the next one does it."""
    world.join("bob", cents=5000)
    world.join("alice")
    stage = Processes(world, tmp_path, {Step.CONFIRMATION_WRITTEN, Step.WALLET_SETTLED})
    reference = world.order("bob", "alice")
    stage.once(lambda: world.confirm("bob", reference))

    def settle_and_die() -> None:
        event.listen(world.store.engine, "commit", lambda _: stage.die(Step.WALLET_SETTLED))
        settle.settle_waiting(world.deps)

    stage.once(settle_and_die)
    assert not stage.die_at
    assert (world.statuses(reference), world.balance("bob")) == (["pending"], 5000)
    stage.once(lambda: settle.settle_waiting(world.deps))
    assert (world.statuses(reference), world.balance("bob")) == (["posted"], 4000)


def test_every_step_of_the_registry_has_its_story() -> None:
    """A crash point that nobody tries is none; each is tried by an exception and by SIGKILL."""
    tried = {step for _where, _story, steps in CASES for step in steps}
    killed = {step for _where, story in KILLED for step in STEPS_OF[story]}
    assert tried == killed == set(Step)
