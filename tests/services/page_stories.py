"""Stories of pages: one asks for what a post left out, one ends an account (see `stories`)."""

from bot.domain.sca import Authenticated, Basis
from bot.services import closing, mend, pay_page, topup
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


def an_account_closed(stage: Stage) -> None:
    """What is held comes back and is paid away; then the account is closed, its card forgotten."""
    world = stage.world
    bob = world.join("bob", cents=1000)
    world.join("alice")
    world.save_card(bob, "pm_card_fr", limit_cents=3000)
    held = world.order("bob", "carol")
    world.confirm("bob", held)
    who = world.visitor("bob")
    stage.once(lambda: closing.clear(world.deps, who))
    assert (world.statuses(held), world.balance("bob")) == (["returned"], 1000)
    world.confirm("bob", world.order("bob", "alice"))
    proof = Authenticated("close-bob", closing.asked().hash, Basis.PASSKEY)
    stage.once(lambda: closing.close(world.deps, who, proof))
    stage.until_done(lambda: topup.forget_removed(world.deps))
    assert world.visitor("bob").person_id is None
    assert [owner for owner, _card in world.cards.kept.values()] == [None]
    assert world.balance("alice") == 1000
