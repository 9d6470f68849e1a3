"""Decline and block: what it ends, whom it keeps away, and what it leaves open."""

import pytest

from bot.domain.errors import Refusal
from bot.services import blocks
from bot.services.views import OrderView
from bot.store import asked, people
from tests.services.test_asking import AtOnce, a_request, message
from tests.world import World, reference_in, wordings


def is_refused(world: World, asker: str, other: str) -> bool:
    """Whether somebody may not ask another, by a direct message; else they have asked now."""
    (said,) = world.dm(asker, f"request 10€ from @{other}")
    if said in wordings("refusal.cannot_ask"):
        return True
    reference_in(said)
    return False


def is_turned_away(world: World, payer: str, payee: str) -> bool:
    """Whether somebody may not pay another, by a post; the answer names nobody."""
    said = str(world.post(payer, f"@smoney pay @{payee} 12€")).partition(" http")[0]
    return said in wordings("refusal.cannot_pay", public=True)


def block(world: World, handle: str, reference: str) -> None:
    """Let somebody decline a request and block who asks."""
    blocks.decline_and_block(world.deps, reference, world.x_id(handle))
    world.react()


def test_what_the_asker_asks_is_declined_and_nothing_else(world: World) -> None:
    """All that waits on the blocker; not what others ask, nor what the asker asks of others."""
    world.join("bob", cents=5000)
    first = world.order("alice", "bob", "10€", kind="request")
    second = world.order("alice", "bob", "11€", kind="request")
    both = reference_in(world.post("dave", "@smoney request 12€ each from @bob @carol"))
    of_another = world.order("alice", "carol", "13€", kind="request")
    paying = world.order("alice", "bob", "14€")
    block(world, "bob", first)
    assert [world.statuses(one) for one in (first, second)] == [["declined"]] * 2
    assert world.reasons(second)[-1] == "declined_by_payer"
    assert world.statuses(both) == ["pending", "pending"]
    assert [world.statuses(one) for one in (of_another, paying)] == [["pending"]] * 2
    block(world, "bob", both)
    assert world.statuses(both) == ["declined", "pending"]


@pytest.mark.in_turn
@pytest.mark.parametrize("asker", ["alice", "alice_pro"])
@pytest.mark.parametrize("other", ["bob", "bob_pro"])
def test_the_asker_is_refused_under_any_account_of_either(
    world: World, asker: str, other: str
) -> None:
    """Blocks count by person, for one that was written under other accounts too."""
    for handle in ("alice", "bob"):
        world.join(handle)
        world.link(f"{handle}_pro", to=handle)
    elsewhere = world.order("alice_pro", "bob_pro", "9€", kind="request")
    block(world, "bob", world.order("alice", "bob", "10€", kind="request"))
    assert world.statuses(elsewhere) == ["declined"]
    assert is_refused(world, asker, other)
    assert not is_refused(world, "dave", other)
    assert not is_refused(world, other, asker)


def test_a_block_of_an_account_holds_when_a_wallet_comes_later(world: World) -> None:
    """Written between X accounts without a wallet, it is between persons once they have one."""
    block(world, "bob", world.order("alice", "bob", "10€", kind="request"))
    for handle in ("alice", "bob"):
        world.join(handle)
        world.link(f"{handle}_pro", to=handle)
    assert is_refused(world, "alice_pro", "bob_pro")


def test_the_asker_is_told_that_it_was_declined_and_no_more(world: World) -> None:
    """By direct message and on the page, as by any other no."""
    for handle in ("alice", "bob"):
        world.join(handle)
        world.dm(handle, "help")
    plain = world.order("alice", "bob", "10€", kind="request")
    world.dm("bob", f"decline {plain}")
    blocking = world.order("alice", "bob", "11€", kind="request")
    block(world, "bob", blocking)
    *_, first, second = world.messages_to("alice")
    assert first.replace(plain, "") == second.replace(blocking, "")
    seen = [world.page("alice", one) for one in (plain, blocking)]
    assert all(isinstance(one, OrderView) and not one.has_blocked for one in seen)
    histories = [
        [line.reason for line in one.asked[0].history] for one in seen if isinstance(one, OrderView)
    ]
    assert histories[0] == histories[1]


def test_whoever_is_blocked_may_still_pay(world: World) -> None:
    """Money that comes in harms nobody; the other way too."""
    world.join("alice", cents=5000)
    world.join("bob", cents=5000)
    block(world, "bob", world.order("alice", "bob", "10€", kind="request"))
    world.confirm("alice", world.order("alice", "bob", "3€"))
    world.confirm("bob", world.order("bob", "alice", "1€"))
    assert (world.balance("alice"), world.balance("bob")) == (4800, 5200)


def test_unblocking_lets_the_person_ask_again(world: World) -> None:
    """From the wallet, by any account that they blocked; declined stays declined."""
    for handle in ("alice", "bob"):
        world.join(handle)
        world.link(f"{handle}_pro", to=handle)
    reference = world.order("alice", "bob", "10€", kind="request")
    block(world, "bob", reference)
    blocks.unblock(world.deps, world.x_id("bob_pro"), world.x_id("alice_pro"))
    assert world.statuses(reference) == ["declined"]
    assert not is_refused(world, "alice", "bob")
    with world.store.read() as session:
        assert not people.blocked_by(session, people.own_accounts(session, world.x_id("bob")))


def test_only_who_is_asked_can_block_by_an_order(world: World) -> None:
    """Not its asker, not a stranger, not the payee of a payment; and a guess learns nothing."""
    asking = world.order("alice", "bob", "10€", kind="request")
    paying = world.order("alice", "bob", "11€")
    for handle, reference in (
        ("alice", asking), ("mallory", asking), ("bob", paying), ("bob", "4F7K2Q"),
    ):  # fmt: skip
        for deed in (blocks.decline_and_block, blocks.unblock_asker):
            with pytest.raises(Refusal) as refused:
                deed(world.deps, reference, world.x_id(handle))
            assert refused.value.reply.key == "refusal.unknown_reference"
        assert blocks.asker_of(world.deps, reference, world.x_id(handle)) is None
    assert not is_refused(world, "alice", "bob")


def test_a_request_that_is_over_can_still_be_the_reason(world: World) -> None:
    """Paid, declined or expired: what was asked once shows who asks. Twice is once."""
    reference = world.order("alice", "bob", "10€", kind="request")
    world.pass_time(hours=31)
    world.expire()
    block(world, "bob", reference)
    block(world, "bob", reference)
    assert world.statuses(reference) == ["expired"]
    assert is_refused(world, "alice", "bob")


def test_a_request_that_is_at_the_card_is_stopped(sca_world: World) -> None:
    """Then the driver brings it back and declines it; no card is charged."""
    world = sca_world
    world.join("alice")
    world.join("bob")
    reference = world.order("alice", "bob", "40€", kind="request")
    world.confirm("bob", reference, funding="card")
    assert world.statuses(reference) == ["funding"]
    block(world, "bob", reference)
    assert world.statuses(reference) == ["declined"]
    assert world.topup(reference).status == "expired"
    assert is_refused(world, "alice", "bob")


def test_a_request_that_is_read_just_before_its_asker_is_blocked_is_declined(world: World) -> None:
    """The block waits for its commit, and finds it."""
    reference = world.order("alice", "bob", "10€", kind="request")
    heard = message(world, "alice", "bob")
    at_once = AtOnce(world)
    at_once.run(
        lambda: at_once.order(heard, a_request("bob")), lambda: block(world, "bob", reference)
    )
    with world.store.read() as session:
        assert asked.orders_between(session, [world.x_id("alice")], [world.x_id("bob")]) == []
    made = [one.status for one in world.involving("bob")]
    assert made == ["declined", "declined"]


def test_a_request_that_is_read_just_after_its_asker_is_blocked_is_refused(world: World) -> None:
    """It waits for the block's commit, and finds it."""
    world.order("alice", "bob", "10€", kind="request")
    alice, bob = world.x_id("alice"), world.x_id("bob")
    refused: list[bool] = []
    at_once = AtOnce(world)

    def blocking() -> None:
        people.lock_accounts(at_once.session, [bob])
        people.block(at_once.session, bob, alice, at=world.clock.now())

    at_once.run(blocking, lambda: refused.append(is_refused(world, "alice", "bob")))
    assert refused == [True]


def test_unwanted_money_goes_back_and_no_more_comes(world: World) -> None:
    """All that waits, under any account of either; what arrived stays, what others send comes."""
    world.join("bob", cents=9000)
    world.link("bob_pro", to="bob")
    world.join("dave", cents=5000)
    held = [world.order(payer, "carol") for payer in ("bob", "bob_pro", "dave")]
    for payer, reference in zip(("bob", "bob_pro", "dave"), held, strict=True):
        world.confirm(payer, reference)
    pending = world.order("bob", "carol", "11€")
    assert blocks.refuse_and_block(world.deps, held[0], world.x_id("carol")) == 2
    assert [world.statuses(one) for one in held] == [["returned"], ["returned"], ["held"]]
    assert world.balance("bob") == 9000
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", pending)
    assert refused.value.reply.key == "refusal.cannot_pay"
    for payer in ("bob", "bob_pro"):
        assert is_turned_away(world, payer, "carol")
    assert is_refused(world, "bob", "carol")
    reference_in(world.post("dave", "@smoney pay @carol 13€"))
    asked_for = world.order("carol", "bob", "14€", kind="request")
    world.confirm("bob", asked_for)
    assert world.statuses(asked_for) == ["held"]
    blocks.unblock_payer(world.deps, held[0], world.x_id("carol"))
    reference_in(world.post("bob", "@smoney pay @carol 15€"))


def test_a_block_by_another_account_of_the_payee_counts_and_money_that_arrived_may_be_why(
    world: World,
) -> None:
    """A gift in the wallet is not taken from it; a block for asking alone turns no money away."""
    world.join("bob", cents=5000)
    world.join("alice")
    world.link("alice_pro", to="alice")
    block(world, "alice", world.order("bob", "alice", "10€", kind="request"))
    world.confirm("bob", reference := world.order("bob", "alice"))
    assert blocks.refuse_and_block(world.deps, reference, world.x_id("alice")) == 0
    assert world.balance("alice") == 1000
    assert is_turned_away(world, "bob", "alice_pro")
    with world.store.read() as session:
        (listed,) = blocks.blocked_by(session, [world.x_id("alice")])
    assert (listed.handle, listed.turns_money_away) == ("bob", True)


def test_only_who_was_sent_money_can_block_by_it(world: World) -> None:
    """Not its payer, not a stranger, not before it moves, not by what they asked for themselves."""
    world.join("bob", cents=5000)
    world.join("alice")
    pending = world.order("bob", "alice")
    paid = world.order("bob", "alice", "11€")
    asked_for = world.order("alice", "bob", kind="request")
    for reference in (paid, asked_for):
        world.confirm("bob", reference)
    tries = [("bob", paid), ("mallory", paid), ("alice", pending), ("alice", asked_for)]
    for handle, reference in tries:
        assert blocks.payer_of(world.deps, reference, world.x_id(handle)) is None
        with pytest.raises(Refusal) as refused:
            blocks.refuse_and_block(world.deps, reference, world.x_id(handle))
        assert refused.value.reply.key == "refusal.unknown_reference"


def test_a_handle_that_changes_hands_is_remembered(world: World) -> None:
    """Of the account that lost it and of the one that had another before."""
    old, new = world.x_id("alice"), world.x_id("newcomer")
    at = world.clock.now()
    with world.store.write() as session:
        for x_user_id, handle in ((old, "alice"), (old, None), (new, "newcomer"), (new, "alice")):
            people.see(session, x_user_id, at=at, handle=handle)
        assert people.bearers(session, ["alice", "newcomer"]) == {"alice": new}
        former = people.last_handles(session, [old, new])
        assert {one: row.handle for one, row in former.items()} == {old: "alice", new: "newcomer"}
        people.see(session, new, at=at, handle="alice")
        assert people.prune_handles(session, before=at) == 0
