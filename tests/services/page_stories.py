"""Stories in which a page asks for what a post left out (see `stories`)."""

from bot.services import mend, pay_page
from bot.services.drafted import DraftView
from tests.crash_child import Stage
from tests.world import reference_in


def chosen_on_pages(stage: Stage) -> None:
    """The amount of a misread post, then a payment without any post; each tap is made twice."""
    world = stage.world
    world.join("bob", cents=5000)
    world.join("alice")
    reference = reference_in(world.post("bob", "@smoney pay @alice 10"))
    page = world.page("bob", reference)
    assert isinstance(page, DraftView)
    for _ in range(2):
        stage.once(
            lambda: mend.choose(
                world.deps,
                reference,
                world.x_id("bob"),
                amount_cents=1000,
                note_text="",
                shown_hash=page.people_hash,
            )
        )
    assert world.statuses(reference) == ["pending"]
    payee = pay_page.payee_of(world.deps, "alice", world.visitor("bob"))
    for _ in range(2):
        stage.once(
            lambda: pay_page.order(
                world.deps,
                world.visitor("bob"),
                payee_x_user_id=payee.x_user_id,
                handle="alice",
                amount_cents=700,
                note_text="",
                form="form",
                lang="en",
            )
        )
    assert [row.amount_cents for row in world.involving("bob")] == [700, 1000]
