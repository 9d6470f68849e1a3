"""A payer's proof of will: what may be confirmed, how, by whom, and only once."""

import threading

import pytest
from sqlalchemy import text

from bot.domain.errors import Refusal
from bot.domain.limits import Policy
from bot.services import settle
from bot.services.confirm import Settled
from bot.services.steps import Step
from bot.services.views import NotYours, OrderView, SignInFirst, Unknown, order_page
from bot.store.engine import Store
from tests.world import ProcessDied, World, reference_in, wordings


def test_money_moves_from_wallet_to_wallet_once_the_payer_confirms(world: World) -> None:
    """The main job, from the wallet."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice", "10€")
    assert world.confirm("bob", reference) == Settled(reference)
    assert world.statuses(reference) == ["posted"]
    assert (world.balance("bob"), world.balance("alice")) == (4000, 1000)
    assert world.reasons(reference) == ["ordered", "confirmed_from_wallet"]


def test_confirming_twice_moves_the_money_once(world: World) -> None:
    """A replayed form is told that it is paid already."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice", "10€")
    terms = world.terms("bob", reference)
    world.confirm("bob", reference, terms_hash=terms)
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", reference, terms_hash=terms)
    assert refused.value.reply.key == "refusal.already_paid"
    assert world.balance("alice") == 1000


def test_two_browsers_at_once_have_one_effect(world: World) -> None:
    """Eight confirmations of the same terms at the same moment: one is settled."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice", "10€")
    terms = world.terms("bob", reference)
    outcomes: list[str] = []

    def tap() -> None:
        try:
            world.confirm("bob", reference, terms_hash=terms)
            outcomes.append("paid")
        except Refusal as refusal:
            outcomes.append(refusal.reply.key)

    threads = [threading.Thread(target=tap) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("paid") == 1, outcomes
    assert (world.balance("bob"), world.balance("alice")) == (4000, 1000)


def test_two_orders_at_once_never_spend_the_same_cent(world: World) -> None:
    """Ten orders of 10 € and 50 € in the wallet: five are paid, whatever the order of things."""
    world.join("bob", cents=5000)
    world.join("alice")
    references = [world.order("bob", "alice", f"10.{number:02}€") for number in range(10)]
    terms = {one: world.terms("bob", one) for one in references}

    def tap(reference: str) -> None:
        try:
            world.confirm("bob", reference, terms_hash=terms[reference])
        except Refusal:
            return

    threads = [threading.Thread(target=tap, args=(one,)) for one in references]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    paid = sum(world.statuses(one) == ["posted"] for one in references)
    assert paid == 4
    assert world.balance("bob") + world.balance("alice") == 5000


def test_one_confirmation_that_cannot_be_settled_holds_up_no_other(database_url: str) -> None:
    """A row that somebody broke fails by itself; the rest of the batch is settled."""
    broken = Store(database_url)
    world = World(broken)
    world.join("bob", cents=5000)
    world.join("alice")
    first, second = world.order("bob", "alice", "10€"), world.order("bob", "alice", "11€")
    for reference in (first, second):
        world.die_at = Step.CONFIRMATION_WRITTEN
        with pytest.raises(ProcessDied):
            world.confirm("bob", reference)
    with broken.write() as session:
        session.execute(text("UPDATE confirmation SET total_cents = 999 WHERE total_cents = 1000"))
    assert settle.settle_waiting(world.deps) == 1
    assert (world.statuses(first), world.statuses(second)) == (["pending"], ["posted"])
    broken.close()


@pytest.mark.parametrize(
    ("cents", "amount", "key"),
    [
        (999, "10€", "refusal.not_enough"),
        (10_000, "30.01€", "refusal.needs_sca"),
    ],
)
def test_a_wallet_pays_what_it_holds_and_what_the_law_exempts(
    world: World, cents: int, amount: str, key: str
) -> None:
    """Otherwise nothing moves, and the order goes on waiting."""
    world.join("bob", cents=cents)
    world.join("alice")
    reference = world.order("bob", "alice", amount)
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", reference)
    assert refused.value.reply.key == key
    assert world.statuses(reference) == ["pending"]
    assert world.balance("bob") == cents


def test_after_a_hundred_euros_without_authentication_the_law_asks_for_it(world: World) -> None:
    """RTS 2018/389 art. 16 (b): 4 times 25 € go, a cent more does not."""
    world.join("bob", cents=20_000)
    world.join("alice")
    for number in range(4):
        world.confirm("bob", world.order("bob", "alice", f"25€ #{'abcd'[number]}x"))
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", world.order("bob", "alice", "0.01€"))
    assert refused.value.reply.key == "refusal.needs_sca_total"


def test_other_terms_than_those_shown_are_not_confirmed(world: World) -> None:
    """Dynamic linking, art. 5: another hash is another agreement."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice", "10€")
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", reference, terms_hash="0" * 64)
    assert refused.value.reply.key == "refusal.changed"


def test_who_did_not_order_it_can_neither_see_nor_confirm_it(world: World) -> None:
    """A link proves nothing: the page shows a stranger nothing, whoever they are."""
    world.join("bob", cents=5000)
    world.join("alice")
    world.join("mallory", cents=5000)
    reference = world.order("bob", "alice", "10€")
    terms = world.terms("bob", reference)
    with pytest.raises(Refusal) as refused:
        world.confirm("mallory", reference, terms_hash=terms)
    assert refused.value.reply.key == "refusal.unknown_reference"
    assert world.page("mallory", reference) == NotYours(reference)
    assert world.page("alice", reference) == NotYours(reference)
    assert order_page(world.deps, reference, None) == SignInFirst(reference)
    assert order_page(world.deps, "ZZZZZ9", None) == Unknown("ZZZZZ9")


def test_the_page_shows_the_payer_the_terms_and_the_ways_to_pay(world: World) -> None:
    """Amount, payee, note, the balance, and which of wallet and card are offered."""
    world.join("bob", cents=5000)
    reference = reference_in(world.post("bob", "@smoney pay @alice 10€ for pizza"))
    view = world.page("bob", reference)
    assert isinstance(view, OrderView)
    assert view.to_confirm is not None
    (transfer,) = view.to_confirm.transfers
    assert (transfer.amount_cents, transfer.other_handle, transfer.note) == (1000, "alice", "pizza")
    assert view.to_confirm.wallet.offered
    assert view.to_confirm.card.offered
    assert view.may_cancel
    assert not view.needs_wallet


def test_who_has_no_wallet_yet_makes_one_before_confirming(world: World) -> None:
    """The page says so; a confirmation without one is refused."""
    reference = world.order("bob", "alice", "10€")
    view = world.page("bob", reference)
    assert isinstance(view, OrderView)
    assert view.needs_wallet
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", reference)
    assert refused.value.reply.key == "refusal.no_wallet"


def test_nobody_pays_themselves_under_another_account_of_theirs(world: World) -> None:
    """Refused when read, and again when settled: the second account may be linked in between."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "bobby", "10€")
    world.link("bobby", to="bob")
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", reference)
    assert refused.value.reply.key == "refusal.to_self"
    reply = world.post("bob", "@smoney pay @bobby 11€")
    assert reply is not None
    assert "/t/" not in reply


def test_an_order_that_nobody_confirms_expires_a_day_after_its_reply(world: World) -> None:
    """And then it can no longer be confirmed."""
    world.join("bob", cents=5000)
    reference = world.order("bob", "alice", "10€")
    world.pass_time(hours=23, minutes=59)
    world.expire()
    assert world.statuses(reference) == ["pending"]
    world.pass_time(minutes=2)
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", reference)
    assert refused.value.reply.key == "refusal.too_late"
    world.expire()
    assert world.statuses(reference) == ["expired"]


def test_thirty_days_are_counted_by_person(store: Store) -> None:
    """What was paid from one X account counts for the other; after 30 days it no longer does."""
    world = World(store, Policy(in_30_days_cents=3000, low_value_total_cents=100_000))
    world.join("bob", cents=10_000)
    world.join("alice")
    world.confirm("bob", world.order("bob", "alice", "20€"))
    reply = world.post("bob", "@smoney pay @alice 10.01€")
    assert reply is not None
    assert "/t/" not in reply
    world.pass_time(days=31)
    world.confirm("bob", world.order("bob", "alice", "20€ again"))
    assert world.balance("alice") == 4000


# --- by direct message -------------------------------------------------------------------------


def test_a_payer_confirms_their_own_words_by_direct_message(world: World) -> None:
    """`oui 4F7K2Q`, where it is switched on; the receipt comes by DM too."""
    world.join("bob", cents=5000, by_dm=True)
    world.join("alice")
    reference = world.order("bob", "alice", "10€")
    (receipt,) = world.dm("bob", f"oui {reference}")
    assert world.statuses(reference) == ["posted"]
    assert reference in receipt


def test_by_direct_message_nothing_is_confirmed_where_that_is_switched_off(world: World) -> None:
    """The answer is the link."""
    world.join("bob", cents=5000)
    world.join("alice")
    reference = world.order("bob", "alice", "10€")
    (answer,) = world.dm("bob", f"oui {reference}")
    assert reference_in(answer) == reference
    assert world.statuses(reference) == ["pending"]


def test_a_riddle_cannot_make_somebody_confirm_what_they_were_never_told(world: World) -> None:
    """A request whose code is tweeted as an answer: the bot states the terms and asks again."""
    world.join("bob", cents=5000, by_dm=True)
    world.join("mallory")
    reference = world.order("mallory", "bob", "25€", kind="request")
    (answer,) = world.dm("bob", f"oui {reference}")
    assert "@mallory" in answer or "25" in answer
    assert world.statuses(reference) == ["pending"]
    world.dm("bob", f"oui {reference}")
    assert world.statuses(reference) == ["posted"]


def test_by_direct_message_only_the_exemption_is_paid(world: World) -> None:
    """Above 30 € the answer says why, and nothing moves."""
    world.join("bob", cents=9000, by_dm=True)
    world.join("alice")
    reference = world.order("bob", "alice", "30.01€")
    (answer,) = world.dm("bob", f"oui {reference}")
    assert reference_in(answer) == reference
    assert world.statuses(reference) == ["pending"]


def test_an_answer_by_direct_message_is_not_asked_for_where_it_would_not_do(world: World) -> None:
    """Above the exemption the statement bears the link alone, not a riddle without an answer."""
    world.join("bob", cents=9000, by_dm=True)
    (small,) = world.dm("bob", "pay @alice 30€")
    (large,) = world.dm("bob", "pay @alice 30.01€")
    assert f"yes {reference_in(small)}" in small
    assert f"yes {reference_in(large)}" not in large


def test_a_public_yes_moves_nothing(world: World) -> None:
    """Its payer gets the link, anybody else silence."""
    world.join("bob", cents=5000, by_dm=True)
    world.join("alice")
    reference = world.order("bob", "alice", "10€")
    reply = world.post("bob", f"@smoney yes {reference}")
    assert reference_in(reply) == reference
    assert world.post("alice", f"@smoney yes {reference}") is None
    assert world.statuses(reference) == ["pending"]


def test_somebody_elses_code_by_direct_message_is_unknown(world: World) -> None:
    """The answer does not even say that it exists."""
    world.join("bob", cents=5000, by_dm=True)
    world.join("alice", cents=5000, by_dm=True)
    reference = world.order("bob", "alice", "10€")
    for code in (reference, "ZZZZZ9"):
        (said,) = world.dm("alice", f"yes {code}")
        assert said in wordings("refusal.unknown_reference", reference=code)
    assert world.statuses(reference) == ["pending"]


def test_nobody_confirms_by_direct_message_what_is_owed_to_a_nameless_account(world: World) -> None:
    """An asker whose handle is another's by now: the answer names nobody, so it is the page's."""
    world.join("bob", cents=5000, by_dm=True)
    reference = world.order("mallory", "bob", "20€", kind="request")
    world.x.change("mallory", new_handle="nobody")
    world.order("dave", "mallory", "1€")
    for _ in range(2):
        (answer,) = world.dm("bob", f"oui {reference}")
        assert "?" not in answer.split("http")[0].replace("\u00a0?", "")
        assert reference_in(answer) == reference
    assert world.statuses(reference) == ["pending"]


def test_terms_that_somebody_changed_behind_the_bot_are_not_paid(database_url: str) -> None:
    """A confirmation is bound to amount and payee: another payee by SQL is not its payee."""
    broken = Store(database_url)
    world = World(broken)
    world.join("bob", cents=5000)
    world.join("alice")
    world.join("eve")
    reference = world.order("bob", "alice", "10€")
    world.die_at = Step.CONFIRMATION_WRITTEN
    with pytest.raises(ProcessDied):
        world.confirm("bob", reference)
    with broken.write() as session:
        changed = text("UPDATE transfer SET payee_x_user_id = :eve")
        session.execute(changed, {"eve": world.x_id("eve")})
    assert settle.settle_waiting(world.deps) == 0
    assert world.balance("eve") == 0
    broken.close()
