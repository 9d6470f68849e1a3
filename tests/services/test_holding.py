"""Money for somebody who cannot take it yet: held, claimed, refused, taken back, returned."""

import pytest

from bot.domain.errors import Refusal
from bot.domain.limits import Policy
from bot.services import cancel, claim
from bot.services.views import OrderView
from bot.store.engine import Store
from tests.world import World, reference_in


def _held(world: World, payee: str = "carol") -> str:
    world.join("bob", cents=5000)
    reference = world.order("bob", payee, "10€")
    world.confirm("bob", reference)
    assert world.statuses(reference) == ["held"]
    assert world.balance("bob") == 4000
    return reference


def test_a_newcomers_money_waits_until_they_claim_it(world: World) -> None:
    """It has left the payer's wallet; with a wallet of their own they take it."""
    reference = _held(world)
    with pytest.raises(Refusal) as refused:
        claim.claim(world.deps, reference, world.x_id("carol"))
    assert refused.value.reply.key == "refusal.no_wallet"
    world.join("carol")
    assert claim.claim(world.deps, reference, world.x_id("carol")) == 1
    assert world.statuses(reference) == ["posted"]
    assert world.balance("carol") == 1000
    with pytest.raises(Refusal):
        claim.claim(world.deps, reference, world.x_id("carol"))


def test_the_page_offers_the_payee_the_claim_and_the_payer_the_way_back(world: World) -> None:
    """Each sees what is theirs to do."""
    reference = _held(world)
    payee, payer = world.page("carol", reference), world.page("bob", reference)
    assert isinstance(payee, OrderView)
    assert isinstance(payer, OrderView)
    assert (payee.may_claim, payee.may_take_back) == (True, False)
    assert (payer.may_claim, payer.may_take_back) == (False, True)


@pytest.mark.in_turn
@pytest.mark.parametrize("way", ["page", "cancel", "dm"])
def test_the_payer_takes_it_back_as_long_as_it_is_held(world: World, way: str) -> None:
    """With one tap, by `cancel #REF`, or by DM; in one commit it is in their wallet again."""
    reference = _held(world, "dave")
    match way:
        case "page":
            claim.take_back(world.deps, reference, world.x_id("bob"))
        case "cancel":
            assert world.post("bob", f"@smoney cancel #{reference}") is not None
        case _:
            assert world.dm("bob", "annuler")
    assert world.statuses(reference) == ["returned"]
    assert world.balance("bob") == 5000
    with pytest.raises(Refusal):
        claim.take_back(world.deps, reference, world.x_id("bob"))


def test_the_payee_may_refuse_it(world: World) -> None:
    """On the page or by `refuse`; it goes back to the payer's wallet."""
    reference = _held(world)
    assert world.post("carol", f"@smoney refuse #{reference}") is not None
    assert world.statuses(reference) == ["returned"]
    assert world.reasons(reference)[-1] == "refused_by_payee"
    assert world.balance("bob") == 5000


def test_nobody_else_can_touch_it(world: World) -> None:
    """Neither claim nor take back nor refuse what is another's."""
    reference = _held(world)
    world.join("mallory")
    for action in (claim.claim, claim.take_back, claim.refuse, cancel.cancel, cancel.decline):
        with pytest.raises(Refusal) as refused:
            action(world.deps, reference, world.x_id("mallory"))
        assert refused.value.reply.key == "refusal.unknown_reference"
    assert world.statuses(reference) == ["held"]


def test_what_nobody_claims_in_thirty_days_goes_back(world: World) -> None:
    """By the job, and once."""
    reference = _held(world)
    world.pass_time(days=29, hours=23)
    assert claim.return_due(world.deps) == 0
    world.pass_time(hours=2)
    assert claim.return_due(world.deps) == 1
    assert claim.return_due(world.deps) == 0
    assert world.statuses(reference) == ["returned"]
    assert world.balance("bob") == 5000


def test_a_payee_at_their_ceiling_gets_it_when_there_is_room(store: Store) -> None:
    """It waits; a claim too early is refused with a sentence."""
    world = World(store, Policy(in_wallet_cents=6000))
    world.join("carol", cents=5500)
    reference = _held(world)
    with pytest.raises(Refusal) as refused:
        claim.claim(world.deps, reference, world.x_id("carol"))
    assert refused.value.reply.key == "refusal.payee_at_ceiling"


def test_money_goes_to_the_account_that_was_named_even_if_its_handle_changes_hands(
    world: World,
) -> None:
    """The X id is the payee; who bears the handle now gets nothing."""
    reference = _held(world)
    carol = world.x_id("carol")
    world.x.change("carol", new_handle="carol_old")
    world.join("carol")
    assert world.x_id("carol") != carol
    with pytest.raises(Refusal):
        claim.claim(world.deps, reference, world.x_id("carol"))
    assert world.statuses(reference) == ["held"]


def test_cancelling_a_pending_order_ends_it(world: World) -> None:
    """Bare `cancel` means the newest that can be cancelled; twice says so."""
    first = world.order("bob", "alice", "10€")
    second = world.order("bob", "alice", "11€")
    world.post("bob", "@smoney cancel")
    assert (world.statuses(first), world.statuses(second)) == (["pending"], ["cancelled"])
    assert world.post("bob", f"@smoney cancel #{second}") is not None
    assert world.statuses(first) == ["pending"]


def test_in_the_thread_of_an_order_cancel_means_that_order(world: World) -> None:
    """In reply to the bot's answer, the order that it answered."""
    post_id = world.take_post("bob", "@smoney pay @alice 10€")
    world.react()
    first = reference_in(world.answer_to(post_id))
    world.order("bob", "alice", "11€")
    (answer,) = world.x.answers(post_id)
    world.post("bob", "@smoney cancel", in_reply_to=answer.id)
    assert world.statuses(first) == ["cancelled"]


def test_who_is_asked_declines(world: World) -> None:
    """Bare `non` means the newest that waits for them; the asker's order is declined."""
    reference = world.order("alice", "bob", "10€", kind="request")
    assert world.dm("bob", "non")
    assert world.statuses(reference) == ["declined"]


def test_who_is_refused_is_told(world: World) -> None:
    """By DM, where they wrote one first: the payer of held money, and the asker of a request."""
    for handle in ("alice", "bob"):
        world.dm(handle, "help")
    reference = _held(world)
    world.post("carol", f"@smoney refuse #{reference}")
    assert any(reference in text for text in world.messages_to("bob"))
    asked = world.order("alice", "dave", "10€", kind="request")
    world.post("dave", f"@smoney no #{asked}")
    assert world.statuses(asked) == ["declined"]
    assert any(asked in text for text in world.messages_to("alice"))


def test_the_payee_reads_nothing_of_how_the_payer_came_to_pay(world: World) -> None:
    """Which cards failed is the payer's own business."""
    reference = _held(world)
    view = world.page("carol", reference)
    assert isinstance(view, OrderView)
    assert [line.status for line in view.gets[0].history] == ["held"]
