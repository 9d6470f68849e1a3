"""How the local card network is spoken to: keys, errors, idempotency, faults, lists, shapes."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import stripe

import bot.sandbox.card_network as card_network
from tests.sandbox.card_world import API_KEY, CardWorld, card_world, error_body

NEW = {"amount": 1000, "currency": "eur"}


@pytest.fixture(scope="module")
def world() -> Iterator[CardWorld]:
    """One network for the module: each test uses objects and keys of its own."""
    with card_world() as world:
        yield world


def keyed(key: str) -> Any:
    """Options with an idempotency key."""
    return {"idempotency_key": key}


def impatient(world: CardWorld) -> Any:
    """A client that waits for 0.3 s."""
    return stripe.StripeClient(
        API_KEY,
        base_addresses={"api": world.url},
        http_client=stripe.RequestsClient(timeout=0.3),
    )


def test_a_wrong_key_is_refused(world: CardWorld) -> None:
    """401, and the key itself is not shown."""
    client = stripe.StripeClient("sk_test_somebody_else", base_addresses={"api": world.url})
    with pytest.raises(stripe.AuthenticationError) as caught:
        client.v1.balance.retrieve()
    assert caught.value.http_status == 401
    assert "somebody" not in str(caught.value)


def test_no_key_is_refused_and_basic_authentication_is_taken(world: CardWorld) -> None:
    """As Stripe takes it: the key is the user name."""
    assert world.browser.get("/v1/balance").status_code == 401
    assert world.browser.get("/v1/balance", auth=(API_KEY, "")).status_code == 200


def test_an_unknown_object_is_a_404(world: CardWorld) -> None:
    """With the code resource_missing."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.stripe.v1.payment_intents.retrieve("pi_nothing")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    assert caught.value.request_id


def test_an_unknown_path_is_a_404(world: CardWorld) -> None:
    """What this network does not do is said, not guessed."""
    answer = world.browser.get("/v1/invoices", auth=(API_KEY, ""))
    assert answer.status_code == 404
    assert "Unrecognized request URL" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": "eur"}, "parameter_missing", "amount"),
        ({"amount": 1000}, "parameter_missing", "currency"),
        ({**NEW, "amount": "ten"}, "parameter_invalid_integer", "amount"),
        ({**NEW, "amount": -5}, "parameter_invalid_integer", "amount"),
        ({**NEW, "colour": "red"}, "parameter_unknown", "colour"),
        ({**NEW, "payment_method_options": {"card": {"x": 1}}}, "parameter_unknown", None),
        ({**NEW, "capture_method": "never"}, None, "capture_method"),
        ({**NEW, "currency": "usd"}, None, "currency"),
        ({**NEW, "customer": "cus_nothing"}, "resource_missing", "customer"),
        ({**NEW, "payment_method": "pm_nothing"}, "resource_missing", "payment_method"),
        ({**NEW, "off_session": True}, None, "off_session"),
        ({**NEW, "expand": ["colour"]}, None, "expand"),
    ],
)
def test_wrong_parameters_are_a_400(
    world: CardWorld, params: Any, code: str | None, param: str | None
) -> None:
    """Each names the parameter."""
    with pytest.raises(stripe.InvalidRequestError) as caught:
        world.stripe.v1.payment_intents.create(params)
    assert (caught.value.http_status, caught.value.code) == (400, code)
    assert caught.value.param == (param or "payment_method_options[card][x]")


def test_the_same_key_again_gets_the_same_answer(world: CardWorld) -> None:
    """And makes nothing new; the answer says that it is a replay."""
    first = world.stripe.v1.payment_intents.create({**NEW}, keyed("same"))
    again = world.stripe.v1.payment_intents.create({**NEW}, keyed("same"))
    assert first.id == again.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers


def test_the_same_key_with_other_parameters_is_an_error(world: CardWorld) -> None:
    """idempotency_error, whether the parameters or the path differ."""
    world.stripe.v1.payment_intents.create({**NEW}, keyed("other"))
    with pytest.raises(stripe.IdempotencyError):
        world.stripe.v1.payment_intents.create({**NEW, "amount": 1001}, keyed("other"))
    with pytest.raises(stripe.IdempotencyError):
        world.stripe.v1.customers.create({}, keyed("other"))


def test_a_cards_no_is_replayed_under_its_key(world: CardWorld) -> None:
    """Errors are answers too: the card is not asked again."""
    customer = world.stripe.v1.customers.create()
    method = world.stripe.v1.payment_methods.attach(
        "pm_card_chargeCustomerFail", {"customer": customer.id}
    )
    params: Any = {
        **NEW,
        "customer": customer.id,
        "payment_method": method.id,
        "off_session": True,
        "confirm": True,
    }
    intents = set()
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            world.stripe.v1.payment_intents.create(params, keyed("no"))
        intents.add(error_body(caught.value)["payment_intent"]["id"])
    assert len(intents) == 1


def test_a_call_that_did_not_begin_leaves_its_key_free(world: CardWorld) -> None:
    """A missing parameter can be added under the same key."""
    wrong: Any = {"currency": "eur"}
    with pytest.raises(stripe.InvalidRequestError):
        world.stripe.v1.payment_intents.create(wrong, keyed("begun"))
    assert world.stripe.v1.payment_intents.create({**NEW}, keyed("begun")).id


def test_a_second_call_while_the_first_works_is_a_409(world: CardWorld) -> None:
    """idempotency_key_in_use; the first is not disturbed."""
    world.fault("slow", path="/v1/payment_intents", seconds=1.5)
    made: list[str] = []
    first = threading.Thread(
        target=lambda: made.append(
            world.stripe.v1.payment_intents.create({**NEW}, keyed("slow")).id
        )
    )
    first.start()
    while world.browser.get("/_sandbox/faults").json():
        pass  # the first call has met the fault once the fault is gone from the list
    with pytest.raises(stripe.APIError) as caught:
        world.stripe.v1.payment_intents.create({**NEW}, keyed("slow"))
    first.join()
    assert caught.value.http_status == 409
    assert error_body(caught.value)["code"] == "idempotency_key_in_use"
    assert [world.stripe.v1.payment_intents.create({**NEW}, keyed("slow")).id] == made


def test_a_key_is_forgotten_after_a_day() -> None:
    """Then it stands for a new call."""
    with card_world() as world:
        first = world.stripe.v1.payment_intents.create({**NEW}, keyed("day"))
        world.clock.advance(hours=25)
        assert world.stripe.v1.payment_intents.create({**NEW}, keyed("day")).id != first.id


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ("409", 409, stripe.APIError),
        ("429", 429, stripe.RateLimitError),
        ("500", 500, stripe.APIError),
    ],
)
def test_a_fault_before_the_work_leaves_nothing_done(
    world: CardWorld, fault: str, status: int, error: type[stripe.StripeError]
) -> None:
    """It strikes once, on its path only, and the same key then works."""
    intent = world.authorized()
    world.fault(fault, path=f"/v1/payment_intents/{intent.id}/capture")
    assert world.stripe.v1.payment_intents.retrieve(intent.id).status == "requires_capture"
    with pytest.raises(error) as caught:
        world.stripe.v1.payment_intents.capture(intent.id, {}, keyed(f"fault {fault}"))
    assert caught.value.http_status == status
    done = world.stripe.v1.payment_intents.capture(intent.id, {}, keyed(f"fault {fault}"))
    assert done.status == "succeeded"


def test_a_time_out_after_success_is_told_by_the_same_key(world: CardWorld) -> None:
    """The caller heard nothing, but it was done once."""
    intent = world.authorized()
    world.fault("timeout_after_success", path="/v1/payment_intents", method="POST")
    with pytest.raises(stripe.APIConnectionError, match="ReadTimeout"):
        impatient(world).v1.payment_intents.capture(intent.id, {}, keyed("late"))
    assert world.stripe.v1.payment_intents.retrieve(intent.id).status == "succeeded"
    assert world.stripe.v1.payment_intents.capture(intent.id, {}, keyed("late")).id == intent.id


def test_a_500_after_success_is_replayed(world: CardWorld) -> None:
    """As Stripe says: the outcome is unknown until the object is read."""
    intent = world.authorized()
    world.fault("500_after_success", path=f"/v1/payment_intents/{intent.id}")
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            world.stripe.v1.payment_intents.capture(intent.id, {}, keyed("500"))
        assert caught.value.http_status == 500
    assert world.stripe.v1.payment_intents.retrieve(intent.id).status == "succeeded"


@pytest.mark.parametrize("body", [{"fault": "earthquake"}, {"fault": "429", "when": "now"}, "429"])
def test_an_unknown_fault_is_refused(world: CardWorld, body: Any) -> None:
    """With the list of those that are known."""
    assert world.browser.post("/_sandbox/faults", json=body).status_code == 400


def test_faults_can_be_listed_and_forgotten(world: CardWorld) -> None:
    """Several at once, each with its count."""
    world.control("faults", [{"fault": "429", "times": 2, "path": "/v1/x"}, {"fault": "slow"}])
    assert [f["times"] for f in world.browser.get("/_sandbox/faults").json()] == [2, 1]
    assert world.browser.delete("/_sandbox/faults").json() == []


def test_lists_are_paged(world: CardWorld) -> None:
    """Newest first, by `starting_after`, as the package's own iterator walks them."""
    with card_world() as fresh:
        made = [fresh.stripe.v1.customers.create().id for _ in range(5)]
        page = fresh.stripe.v1.customers.list({"limit": 2})
        assert [customer.id for customer in page.data] == made[:2:-1]
        assert page.has_more
        assert [customer.id for customer in page.auto_paging_iter()] == made[::-1]
        back = fresh.stripe.v1.customers.list({"limit": 2, "ending_before": made[0]})
        assert [customer.id for customer in back.data] == [made[2], made[1]]


def test_expand_replaces_ids_by_objects(world: CardWorld) -> None:
    """Along a path, and within a list."""
    intent = world.authorized()
    listed = world.stripe.v1.payment_intents.list(
        {"limit": 1, "expand": ["data.latest_charge.payment_method"]}
    )
    charge = listed.data[0].latest_charge
    assert (charge.object, charge.payment_method.object) == ("charge", "payment_method")
    plain = world.stripe.v1.payment_intents.retrieve(intent.id)
    assert plain.latest_charge == charge.id


def test_events_are_listed_by_type(world: CardWorld) -> None:
    """With the call that made them, and the object as it was."""
    intent = world.authorized()
    world.stripe.v1.payment_intents.capture(intent.id, {}, keyed("event"))
    [event] = world.stripe.v1.events.list({"type": "payment_intent.succeeded", "limit": 1})
    assert event.request.idempotency_key == "event"
    assert event.data.object["id"] == intent.id
    assert event.data.object["status"] == "succeeded"
    assert world.stripe.v1.events.retrieve(event.id).type == "payment_intent.succeeded"
    assert all(
        e.type.startswith("charge.") for e in world.stripe.v1.events.list({"type": "charge.*"})
    )


def test_each_object_has_every_field_of_stripes(world: CardWorld) -> None:
    """The names in Stripe's own fixtures, and no field of our own beside them."""
    fixtures = json.loads(
        (Path(card_network.__file__).parent.parent / "data/stripe/fixtures.json").read_text()
    )
    intent = world.captured()
    refund = world.stripe.v1.refunds.create({"payment_intent": intent.id, "amount": 100})
    dispute = world.control("disputes", {"payment_intent": intent.id})
    world.captured(line_items=[{"amount": 50000, "currency": "eur", "name": "A lot"}])
    payout = world.control("payouts")
    session = world.open_session(customer=world.stripe.v1.customers.create().id)
    charge = world.stripe.v1.charges.retrieve(intent.latest_charge)
    v1 = world.stripe.v1
    shown = {
        "payment_intent": intent,
        "charge": charge,
        "refund": refund,
        "checkout.session": session,
        "customer": v1.customers.retrieve(session.customer),
        "payment_method": v1.payment_methods.retrieve(charge.payment_method),
        "dispute": v1.disputes.retrieve(dispute["id"]),
        "balance_transaction": v1.balance_transactions.retrieve(charge.balance_transaction),
        "payout": v1.payouts.retrieve(payout["id"]),
        "event": v1.events.list({"limit": 1}).data[0],
        "balance": v1.balance.retrieve(),
    }
    for kind, shown_object in shown.items():
        names = set(shown_object.to_dict().keys())
        assert shown_object.object == kind
        assert names == fixtures[kind].keys(), kind


def test_the_network_works_for_many_threads_at_once(world: CardWorld) -> None:
    """One capture wins, whoever else tries."""
    intent = world.authorized()
    statuses: list[int] = []

    def capture() -> None:
        answer = requests.post(
            f"{world.url}/v1/payment_intents/{intent.id}/capture", auth=(API_KEY, ""), timeout=10
        )
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=capture) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [400] * 7
