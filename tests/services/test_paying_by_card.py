"""By card: the hosted page, what the driver makes of its outcome, and what the payer reads."""

import pytest

from bot.domain.errors import Refusal, Rejected, Unavailable
from bot.services import cancel, receive, settle, topup
from bot.services.confirm import GoToCard, UnderWay
from bot.services.steps import Step
from bot.services.views import OrderView
from bot.store import cards
from tests.world import World

GOOD = "4242424242424242"
ASKS_3DS = "4000002760003184"
DECLINED = "4000000000000002"
BRITISH = "4000008260000000"


def _on_the_page(world: World, amount: str = "10€", *, payee: str = "alice") -> tuple[str, str]:
    """Let bob confirm by card; return the order's reference and the hosted page's session."""
    world.join("bob")
    reference = world.order("bob", payee, amount)
    outcome = world.confirm("bob", reference, funding="card")
    assert isinstance(outcome, GoToCard)
    assert world.statuses(reference) == ["funding"]
    return reference, world.topup(reference).session_id


def _come_back(world: World, reference: str, *, abandoned: bool = False) -> None:
    settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=abandoned)


def test_a_card_pays_exactly_the_total_and_the_payee_has_it(world: World) -> None:
    """The money passes through the payer's wallet and leaves nothing in it."""
    world.join("alice")
    reference, session_id = _on_the_page(world)
    world.cards.submit(session_id, GOOD)
    _come_back(world, reference)
    assert world.statuses(reference) == ["posted"]
    assert world.topup(reference).status == "captured"
    assert (world.balance("bob"), world.balance("alice")) == (0, 1000)
    assert world.reasons(reference) == ["ordered", "confirmed_by_card", "card_captured"]


@pytest.mark.parametrize("messenger", ["return page", "webhook", "recovery job"])
def test_each_messenger_brings_the_same_end(world: World, messenger: str) -> None:
    """The return page, the webhook and the job go through one driver."""
    world.join("alice")
    reference, session_id = _on_the_page(world)
    world.cards.submit(session_id, GOOD)
    match messenger:
        case "return page":
            _come_back(world, reference)
        case "webhook":
            for body, signature in world.cards.events:
                event = world.deps.webhooks.verify(body, signature)
                assert receive.take_in(world.deps, [event, event]) == 1
            receive.read_inbox(world.deps)
        case _:
            world.pass_time(minutes=2)
            settle.recover(world.deps)
    assert world.statuses(reference) == ["posted"]
    _come_back(world, reference)
    settle.recover(world.deps)
    assert world.balance("alice") == 1000


def test_a_newcomers_card_payment_is_held(world: World) -> None:
    """The top-up is captured, and the money waits for its payee."""
    reference, session_id = _on_the_page(world, payee="carol")
    world.cards.submit(session_id, GOOD)
    _come_back(world, reference)
    assert world.statuses(reference) == ["held"]


def test_a_declined_card_leaves_the_order_pending_and_another_may_be_tried(world: World) -> None:
    """On the hosted page itself, and with a new page after that."""
    world.join("alice")
    reference, session_id = _on_the_page(world)
    world.cards.submit(session_id, DECLINED)
    _come_back(world, reference)
    assert world.statuses(reference) == ["funding"]
    world.cards.submit(session_id, GOOD)
    _come_back(world, reference)
    assert world.statuses(reference) == ["posted"]


def test_three_failures_on_a_page_close_it_and_close_cards_for_the_day(world: World) -> None:
    """Against card testing: counted from the acquirer, by person."""
    reference, session_id = _on_the_page(world)
    for _ in range(3):
        world.cards.submit(session_id, DECLINED)
    _come_back(world, reference)
    assert world.statuses(reference) == ["pending"]
    assert world.topup(reference).status == "declined"
    view = world.page("bob", reference)
    assert isinstance(view, OrderView)
    assert view.last_refusal == "refusal.card_declined"
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", reference, funding="card")
    assert refused.value.reply.key == "refusal.cards_closed"


def test_coming_back_without_paying_closes_the_page_and_frees_the_order(world: World) -> None:
    """The session is closed at the acquirer before the next begins."""
    reference, session_id = _on_the_page(world)
    _come_back(world, reference, abandoned=True)
    assert world.statuses(reference) == ["pending"]
    assert world.deps.checkout.read(session_id).status == "expired"
    assert isinstance(world.confirm("bob", reference, funding="card"), GoToCard)
    assert world.topup(reference).session_id != session_id


def test_a_page_that_nobody_finishes_ends_by_itself(world: World) -> None:
    """After half an hour the recovery job frees the order."""
    reference, _session_id = _on_the_page(world)
    world.pass_time(minutes=32)
    settle.recover(world.deps)
    assert world.statuses(reference) == ["pending"]
    assert world.topup(reference).status == "expired"


def test_one_payer_of_an_order_has_three_attempts(world: World) -> None:
    """Each is a row of its own with its own keys; the fourth is refused."""
    reference, _session_id = _on_the_page(world)
    for _ in range(2):
        _come_back(world, reference, abandoned=True)
        world.confirm("bob", reference, funding="card")
    _come_back(world, reference, abandoned=True)
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", reference, funding="card")
    assert refused.value.reply.key == "refusal.too_many_attempts"


def test_a_card_from_abroad_is_voided_before_anything_is_taken(world: World) -> None:
    """CARD_COUNTRIES, read from the card, not from what anybody typed."""
    reference, session_id = _on_the_page(world)
    world.cards.submit(session_id, BRITISH)
    _come_back(world, reference)
    assert world.statuses(reference) == ["pending"]
    assert world.topup(reference).status == "voided"
    payment = world.deps.payments.read(world.topup(reference).payment_id)
    assert (payment.status, payment.captured_cents) == ("voided", 0)


@pytest.mark.parametrize(("card", "ends"), [(ASKS_3DS, "posted"), (GOOD, "pending")])
def test_above_the_exemption_a_card_pays_with_3d_secure_alone(
    sca_world: World, card: str, ends: str
) -> None:
    """With the operator's switch on; a card whose issuer did not check the payer is voided."""
    sca_world.join("alice")
    reference, session_id = _on_the_page(sca_world, "45€")
    sca_world.cards.submit(session_id, card)
    if card == ASKS_3DS:
        sca_world.cards.secure(session_id, passed=True)
    _come_back(sca_world, reference)
    assert sca_world.statuses(reference) == [ends]
    if ends == "pending":
        assert sca_world.topup(reference).refusal == "refusal.card_without_3ds"


def test_a_small_payment_above_the_total_is_voided_with_its_own_sentence(sca_world: World) -> None:
    """Five euros are not above 30: what is passed is the 100 since the bank last checked."""
    sca_world.join("bob", cents=20_000)
    sca_world.join("alice")
    for number in range(4):
        sca_world.confirm("bob", sca_world.order("bob", "alice", f"25€ #{'abcd'[number]}x"))
    reference = sca_world.order("bob", "alice", "5€")
    with pytest.raises(Refusal) as refused:
        sca_world.confirm("bob", reference)
    assert refused.value.reply.key == "refusal.needs_card_total"
    assert isinstance(sca_world.confirm("bob", reference, funding="card"), GoToCard)
    sca_world.cards.submit(sca_world.topup(reference).session_id, GOOD)
    _come_back(sca_world, reference)
    assert sca_world.statuses(reference) == ["pending"]
    assert sca_world.topup(reference).refusal == "refusal.card_without_3ds_total"
    page = sca_world.page("bob", reference)
    assert isinstance(page, OrderView)
    assert page.last_refusal == "refusal.card_without_3ds_total"


def test_above_the_exemption_no_card_is_asked_for_where_the_switch_is_off(world: World) -> None:
    """Refused with a sentence, before any page is opened."""
    world.join("bob")
    reference = world.order("bob", "alice", "45€")
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", reference, funding="card")
    assert refused.value.reply.key == "refusal.needs_sca"


def test_the_cards_authentication_starts_the_exemptions_count_anew(sca_world: World) -> None:
    """RTS art. 16 (b): since the last application of strong authentication."""
    sca_world.join("bob", cents=20_000)
    sca_world.join("alice")
    for number in range(4):
        sca_world.confirm("bob", sca_world.order("bob", "alice", f"25€ #{'abcd'[number]}x"))
    reference = sca_world.order("bob", "alice", "26€")
    sca_world.confirm("bob", reference, funding="card")
    session_id = sca_world.topup(reference).session_id
    sca_world.cards.submit(session_id, ASKS_3DS)
    sca_world.cards.secure(session_id, passed=True)
    _come_back(sca_world, reference)
    sca_world.confirm("bob", sca_world.order("bob", "alice", "27€"))
    assert sca_world.balance("alice") == 10_000 + 2600 + 2700


def test_cancelling_while_the_card_is_asked_closes_the_page_first(world: World) -> None:
    """A wish in funding is applied by the driver: session closed, pending, cancelled."""
    reference, session_id = _on_the_page(world)
    cancel.cancel(world.deps, reference, world.x_id("bob"))
    assert world.statuses(reference) == ["cancelled"]
    assert world.deps.checkout.read(session_id).status == "expired"


def test_cancelling_after_the_card_was_authorized_voids_it(world: World) -> None:
    """The payer paid on the page, then wrote `cancel` before anybody looked: nothing is taken."""
    reference, session_id = _on_the_page(world)
    world.cards.submit(session_id, GOOD)
    assert world.post("bob", f"@smoney cancel #{reference}") is not None
    world.react()
    assert world.statuses(reference) == ["cancelled"]
    assert world.topup(reference).status == "voided"


def test_what_can_no_longer_be_made_after_the_capture_stays_in_the_wallet(world: World) -> None:
    """The wallet was locked between decision and posting: the card's money is its owner's."""
    world.join("alice")
    reference, session_id = _on_the_page(world)
    world.cards.submit(session_id, GOOD)
    world.on_step = (Step.DECISION_RECORDED, lambda: world.lock("bob"))
    _come_back(world, reference)
    assert world.statuses(reference) == ["cancelled"]
    assert world.topup(reference).status == "captured"
    assert world.balance("bob") == 1000


def test_an_acquirer_that_is_down_delays_and_loses_nothing(world: World) -> None:
    """The page opens later; the recovery job sees to it, and the payer finds the link."""
    world.join("bob")
    reference = world.order("bob", "alice", "10€")
    world.cards.fail("checkout.open", Unavailable("down"))
    assert world.confirm("bob", reference, funding="card") == UnderWay(reference)
    world.pass_time(minutes=1)
    settle.recover(world.deps)
    view = world.page("bob", reference)
    assert isinstance(view, OrderView)
    assert view.card_url is not None


@pytest.mark.in_turn
@pytest.mark.parametrize("call", ["checkout.open", "checkout.read", "payments.capture"])
@pytest.mark.parametrize("after", [False, True])
def test_a_lost_answer_of_the_acquirer_is_asked_for_again(
    world: World, call: str, after: bool
) -> None:
    """Every call is keyed or only reads: repeating it is safe, and charges once."""
    world.join("alice")
    world.join("bob")
    reference = world.order("bob", "alice", "10€")
    if call == "checkout.open":
        world.cards.fail(call, Unavailable("no answer"), after=after)
    world.confirm("bob", reference, funding="card")
    world.pass_time(minutes=2)
    settle.recover(world.deps)
    if call != "checkout.open":
        world.cards.fail(call, Unavailable("no answer"), after=after)
    world.cards.submit(world.topup(reference).session_id, GOOD)
    for _ in range(3):
        world.pass_time(minutes=2)
        settle.recover(world.deps)
    assert world.statuses(reference) == ["posted"]
    assert world.balance("alice") == 1000
    assert len(world.cards.paid) == 1


def test_a_page_is_asked_for_again_in_the_language_of_the_first_time(world: World) -> None:
    """The key is the same: with another language the acquirer would refuse it for good."""
    world.join("alice")
    world.join("bob")
    reference = world.order("bob", "alice", "10€")
    world.cards.fail("checkout.open", Unavailable("no answer"), after=True)
    world.confirm("bob", reference, funding="card")
    world.post("bob", "@smoney envoyer 3€ à @alice")  # in French from now on
    world.pass_time(minutes=2)
    settle.recover(world.deps)
    world.cards.submit(world.topup(reference).session_id, GOOD)
    world.pass_time(minutes=2)
    settle.recover(world.deps)
    assert world.statuses(reference) == ["posted"]


def test_a_saved_card_is_charged_under_its_mandate_and_no_further(world: World) -> None:
    """Off-session, into its owner's wallet; above the mandate's limit it is refused."""
    person_id = world.join("bob")
    card_id = world.save_card(person_id, "pm_card_fr", limit_cents=10_000)
    topup.charge_saved_card(world.deps, person_id, card_id, 10_000)
    assert world.balance("bob") == 10_000
    with pytest.raises(Refusal) as refused:
        topup.charge_saved_card(world.deps, person_id, card_id, 10_001)
    assert refused.value.reply.key == "refusal.no_mandate"
    with world.store.read() as session:
        assert len(cards.cards_of(session, person_id)) == 1


def test_a_saved_card_whose_issuer_says_no_brings_nothing(world: World) -> None:
    """The top-up is declined; the wallet stays as it was."""
    person_id = world.join("bob")
    card_id = world.save_card(person_id, "pm_card_chargeCustomerFail", limit_cents=10_000)
    topup.charge_saved_card(world.deps, person_id, card_id, 1000)
    assert world.balance("bob") == 0


def test_a_cancellation_that_may_come_too_late_promises_nothing(world: World) -> None:
    """The answer says that it is tried; when the capture was quicker, its writer is told."""
    world.join("alice")
    world.join("bob", by_dm=True)
    world.dm("bob", "help")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card")
    session_id = world.topup(reference).session_id
    world.cards.submit(session_id, GOOD)

    def cancel_late() -> None:
        reply = world.dm("bob", f"annuler {reference}")
        assert any("banque" in text or "carte" in text for text in reply), reply

    world.on_step = (Step.DECISION_RECORDED, cancel_late)
    _come_back(world, reference)
    world.react()
    assert world.statuses(reference) == ["posted"]
    assert any("trop tard" in text for text in world.messages_to("bob"))


def test_one_top_up_that_cannot_be_driven_holds_up_no_other(world: World) -> None:
    """Whatever goes wrong with it is logged, and the next one is looked at."""
    world.join("alice")
    first, _session_id = _on_the_page(world)
    world.join("carol")
    second = world.order("carol", "alice", "11€")
    world.confirm("carol", second, funding="card")
    world.cards.submit(world.topup(second).session_id, GOOD)
    world.pass_time(minutes=2)
    world.cards.fail("checkout.read", Rejected("wrong_credentials"))
    settle.recover(world.deps)
    assert (world.statuses(first), world.statuses(second)) == (["funding"], ["posted"])


def test_what_the_acquirer_never_opens_ends_with_its_time(world: World) -> None:
    """Nobody was shown a page: the order is free again after half an hour."""
    world.join("bob")
    reference = world.order("bob", "alice")
    for _ in range(2):
        world.cards.fail("checkout.open", Unavailable("down"))
    world.confirm("bob", reference, funding="card")
    world.pass_time(minutes=32)
    settle.recover(world.deps)
    assert world.statuses(reference) == ["pending"]


def test_an_authorization_that_stands_is_never_booked_as_voided(world: World) -> None:
    """A refusal that is about us leaves the top-up open for an operator."""
    reference, session_id = _on_the_page(world)
    world.cards.submit(session_id, BRITISH)
    world.cards.fail("payments.void", Rejected("wrong_credentials"))
    _come_back(world, reference)
    assert world.topup(reference).status == "authorized"
    world.pass_time(minutes=20)
    settle.recover(world.deps)
    assert world.topup(reference).status == "voided"


def test_nobody_charges_the_card_of_somebody_else(world: World) -> None:
    """The card's owner is the wallet's."""
    bob, eve = world.join("bob"), world.join("eve")
    card_id = world.save_card(bob, "pm_card_fr", limit_cents=10_000)
    with pytest.raises(Refusal) as refused:
        topup.charge_saved_card(world.deps, eve, card_id, 1000)
    assert refused.value.reply.key == "refusal.no_mandate"
    assert world.balance("eve") == 0


def test_payments_under_way_count_against_the_exemption(world: World) -> None:
    """RTS art. 16 (b): what is with a card now is not free for another."""
    world.join("bob")
    references = [world.order("bob", "alice", f"25.0{number}€") for number in range(4)]
    for reference in references[:3]:
        world.confirm("bob", reference, funding="card")
    with pytest.raises(Refusal) as refused:
        world.confirm("bob", references[3], funding="card")
    assert refused.value.reply.key == "refusal.needs_sca_total"
