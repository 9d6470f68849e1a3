"""The local card network's Checkout: sessions, the hosted page, 3-D Secure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import stripe

from tests.sandbox.card_world import (
    CANCEL_URL,
    DECLINED,
    PLAIN,
    SECURE,
    CardWorld,
    card_world,
)


@pytest.fixture(scope="module")
def world() -> Iterator[CardWorld]:
    """One network for the module: each test uses objects of its own."""
    with card_world() as world:
        yield world


def test_a_session_has_no_payment_intent_until_its_page_is_submitted(world: CardWorld) -> None:
    """Opening and looking at the page makes nothing."""
    session = world.open_session()
    page = world.browser.get(f"/pay/{session.id}")
    assert page.status_code == 200
    assert "€12.00" in page.text
    assert CANCEL_URL in page.text
    read = world.session(session.id)
    assert (read.status, read.payment_status, read.payment_intent) == ("open", "unpaid", None)
    assert read.url == f"{world.url}/pay/{session.id}"


def test_the_plain_card_is_authorized_and_goes_to_the_success_url(world: CardWorld) -> None:
    """The session is complete but unpaid: with manual capture nothing was taken yet."""
    session = world.open_session()
    answer = world.pay(session)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{CANCEL_URL}?session={session.id}"
    read = world.session(
        session.id, "payment_intent.latest_charge", "payment_intent.payment_method"
    )
    intent = read.payment_intent
    assert (read.status, read.payment_status, read.url) == ("complete", "unpaid", None)
    assert (intent.status, intent.amount_capturable) == ("requires_capture", 1200)
    assert intent.metadata["topup_id"] == "t1"
    assert intent.payment_method.card.country == "FR"
    card = intent.latest_charge.payment_method_details.card
    assert card.three_d_secure.result == "attempt_acknowledged"


def test_a_session_that_captures_by_itself_is_paid(world: CardWorld) -> None:
    """Automatic capture takes the money when the page is submitted."""
    session = world.open_session(payment_intent_data={})
    world.pay(session)
    read = world.session(session.id, "payment_intent")
    assert (read.payment_status, read.payment_intent.status) == ("paid", "succeeded")


def test_capturing_makes_the_session_paid(world: CardWorld) -> None:
    """The session follows its payment."""
    session = world.open_session()
    world.pay(session)
    world.stripe.v1.payment_intents.capture(world.session(session.id).payment_intent)
    assert world.session(session.id).payment_status == "paid"


def test_after_a_decline_another_card_can_be_tried(world: CardWorld) -> None:
    """The page says why, the intent remembers it, and the next card pays."""
    session = world.open_session()
    answer = world.pay(session, DECLINED)
    assert answer.headers["location"] == f"/pay/{session.id}"
    assert "The card was declined" in world.browser.get(f"/pay/{session.id}").text
    read = world.session(session.id, "payment_intent")
    assert read.status == "open"
    assert read.payment_intent.status == "requires_payment_method"
    assert read.payment_intent.last_payment_error.decline_code == "generic_decline"
    world.pay(session, PLAIN)
    again = world.session(session.id, "payment_intent")
    assert again.payment_intent.id == read.payment_intent.id
    assert again.payment_intent.last_payment_error is None
    charges = world.stripe.v1.charges.list({"payment_intent": read.payment_intent.id})
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


@pytest.mark.parametrize(
    ("number", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000000341", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000009987", "card_declined", "lost_card"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
        ("4111111111111111", "card_declined", "test_mode_live_card"),
    ],
)
def test_each_declining_card_says_why(
    world: CardWorld, number: str, code: str, decline_code: str
) -> None:
    """The reason stands on the intent and on the failed charge."""
    session = world.open_session()
    world.pay(session, number)
    intent = world.session(session.id, "payment_intent.latest_charge").payment_intent
    error = intent.last_payment_error
    assert (error.code, error.decline_code) == (code, decline_code)
    assert intent.latest_charge.failure_code == code
    assert not intent.latest_charge.paid


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"number": "4242 4242 4242 4241"}, "number is not valid"),
        ({"number": "hello"}, "number is not valid"),
        ({"expiry": "12 / 20"}, "expiry date is not valid"),
        ({"expiry": "13 / 34"}, "expiry date is not valid"),
        ({"cvc": "12"}, "CVC is not valid"),
    ],
)
def test_a_mistyped_card_is_no_attempt(
    world: CardWorld, fields: dict[str, str], sentence: str
) -> None:
    """What is wrong in the form is said on the page, before anything is made."""
    session = world.open_session()
    answer = world.pay(session, **fields)
    assert answer.status_code == 200
    assert sentence in answer.text
    assert world.session(session.id).payment_intent is None


@pytest.mark.parametrize(
    ("number", "chosen", "country"),
    [
        (PLAIN, "FR", "FR"),
        (PLAIN, "US", "US"),
        (PLAIN, "", "FR"),
        ("4000008260000000", "", "GB"),
        ("4000002760000016", "", "DE"),
        ("4000002500000003", "", "FR"),
    ],
)
def test_the_page_says_which_country_issued_the_card(
    world: CardWorld, number: str, chosen: str, country: str
) -> None:
    """The field counts; without it the test card's own country, FR for the plain ones."""
    session = world.open_session()
    world.pay(session, number, country=chosen)
    intent = world.session(session.id, "payment_intent.payment_method").payment_intent
    assert intent.payment_method.card.country == country


def test_three_d_secure_succeeds(world: CardWorld) -> None:
    """The person confirms at the issuer, and is authenticated by it."""
    session = world.open_session()
    submitted = world.pay(session, SECURE)
    waiting = world.session(session.id, "payment_intent").payment_intent
    assert waiting.status == "requires_action"
    assert world.browser.get(submitted.headers["location"]).status_code == 200
    done = world.decide(submitted, "succeed")
    assert done.headers["location"].endswith(session.id)
    intent = world.session(session.id, "payment_intent.latest_charge").payment_intent
    assert intent.status == "requires_capture"
    secure = intent.latest_charge.payment_method_details.card.three_d_secure
    assert (secure.result, secure.authentication_flow) == ("authenticated", "challenge")


def test_three_d_secure_fails(world: CardWorld) -> None:
    """Without the issuer's word no charge is tried; another card can be."""
    session = world.open_session()
    failed = world.decide(world.pay(session, SECURE), "fail")
    assert failed.headers["location"] == f"/pay/{session.id}"
    assert "did not confirm" in world.browser.get(f"/pay/{session.id}").text
    intent = world.session(session.id, "payment_intent").payment_intent
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"
    assert intent.latest_charge is None


def test_three_d_secure_is_answered_once(world: CardWorld) -> None:
    """Sending the bank's page twice changes nothing."""
    session = world.open_session()
    submitted = world.pay(session, SECURE)
    world.decide(submitted, "succeed")
    world.decide(submitted, "fail")
    assert world.session(session.id, "payment_intent").payment_intent.status == "requires_capture"


def test_a_supported_card_is_challenged_where_the_caller_asks(world: CardWorld) -> None:
    """`request_three_d_secure=any` asks for it; `automatic` leaves it."""
    asked = world.pay(world.open_session(), "4000000000003055")
    assert asked.headers["location"].startswith("/3ds/")
    automatic = {"card": {"request_three_d_secure": "automatic"}}
    left = world.pay(world.open_session(payment_method_options=automatic), "4000000000003055")
    assert "session=" in left.headers["location"]


def test_an_expired_session_takes_no_card(world: CardWorld) -> None:
    """The call closes it, with its PaymentIntent; the page says so."""
    session = world.open_session()
    world.pay(session, DECLINED)
    closed = world.stripe.v1.checkout.sessions.expire(session.id)
    assert (closed.status, closed.url) == ("expired", None)
    assert world.pay(session).status_code == 410
    page = world.browser.get(f"/pay/{session.id}")
    assert page.status_code == 410
    assert CANCEL_URL in page.text
    intent = world.stripe.v1.payment_intents.retrieve(closed.payment_intent)
    assert intent.status == "canceled"


def test_a_session_that_has_ended_cannot_be_expired(world: CardWorld) -> None:
    """Only an open one can be."""
    session = world.open_session()
    world.pay(session)
    with pytest.raises(stripe.InvalidRequestError, match=r"has a status of complete"):
        world.stripe.v1.checkout.sessions.expire(session.id)


def test_paying_twice_pays_once(world: CardWorld) -> None:
    """A second submission of a paid page goes on to where the first went."""
    session = world.open_session()
    first, second = world.pay(session), world.pay(session)
    assert first.headers["location"] == second.headers["location"]
    charges = world.stripe.v1.charges.list(
        {"payment_intent": world.session(session.id).payment_intent}
    )
    assert len(charges.data) == 1
    assert "Already paid" in world.browser.get(f"/pay/{session.id}").text


def test_the_intent_of_an_open_session_is_cancelled_by_expiring_the_session(
    world: CardWorld,
) -> None:
    """As at Stripe, cancelling it directly is refused."""
    session = world.open_session()
    world.pay(session, DECLINED)
    intent_id = world.session(session.id).payment_intent
    with pytest.raises(stripe.InvalidRequestError, match="Expire the"):
        world.stripe.v1.payment_intents.cancel(intent_id)


def test_saving_a_card_on_the_page_keeps_it_with_a_customer(world: CardWorld) -> None:
    """`setup_future_usage` attaches the card, to a customer made for it where none was named."""
    session = world.open_session(
        payment_intent_data={"setup_future_usage": "off_session", "capture_method": "manual"}
    )
    world.decide(world.pay(session, "4000002500003155"), "succeed")
    read = world.session(session.id, "payment_intent.payment_method")
    method = read.payment_intent.payment_method
    assert method.customer == read.customer is not None
    charged = world.stripe.v1.payment_intents.create(
        {
            "amount": 500,
            "currency": "eur",
            "customer": read.customer,
            "payment_method": method.id,
            "off_session": True,
            "confirm": True,
        }
    )
    assert charged.status == "succeeded"


@pytest.mark.parametrize(
    ("minutes", "is_taken"), [(29, False), (30, True), (24 * 60, True), (25 * 60, False)]
)
def test_a_session_lives_between_30_minutes_and_24_hours(
    world: CardWorld, minutes: int, is_taken: bool
) -> None:
    """Stripe's limits of `expires_at`."""
    expires_at = int((datetime.now(UTC) + timedelta(minutes=minutes)).timestamp())
    if is_taken:
        assert world.open_session(expires_at=expires_at).expires_at == expires_at
    else:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            world.open_session(expires_at=expires_at)
        assert caught.value.param == "expires_at"


def test_a_session_expires_by_the_clock() -> None:
    """Nobody needs to call: the next look finds it expired, and its intent cancelled."""
    with card_world() as world:
        session = world.open_session()
        world.pay(session, DECLINED)
        world.clock.advance(hours=23, minutes=59)
        assert world.session(session.id).status == "open"
        world.clock.advance(minutes=2)
        read = world.session(session.id, "payment_intent")
        assert (read.status, read.payment_intent.status) == ("expired", "canceled")
        assert world.event_types()[-2:] == [
            "payment_intent.canceled",
            "checkout.session.expired",
        ]


def test_the_events_of_a_page_with_a_decline_and_a_payment() -> None:
    """Each failed attempt says so; the end says that the session is complete."""
    with card_world() as world:
        session = world.open_session()
        world.pay(session, DECLINED)
        world.pay(session, PLAIN)
        assert world.event_types() == [
            "payment_intent.created",
            "charge.failed",
            "payment_intent.payment_failed",
            "charge.succeeded",
            "payment_intent.amount_capturable_updated",
            "checkout.session.completed",
        ]


@pytest.mark.parametrize(
    ("locale", "accept", "word"),
    [
        ("fr", "en", "Numéro de carte"),
        ("en", "fr", "Card number"),
        ("auto", "fr-FR,fr;q=0.9", "Numéro de carte"),
        ("auto", "de", "Card number"),
    ],
)
def test_the_page_speaks_french_or_english(
    world: CardWorld, locale: str, accept: str, word: str
) -> None:
    """The session's locale comes first, then the browser's language."""
    session = world.open_session(locale=locale)
    page = world.browser.get(f"/pay/{session.id}", headers={"Accept-Language": accept})
    assert word in page.text


def test_the_pages_need_nothing_from_outside(world: CardWorld) -> None:
    """No address but the caller's own stands in them."""
    session = world.open_session()
    for page in (f"/pay/{session.id}", "/", "/pay/cs_test_nothing"):
        text = world.browser.get(page).text
        assert "http" not in text.replace(CANCEL_URL, "")


def test_an_unknown_page_is_a_404(world: CardWorld) -> None:
    """In the visitor's language."""
    for page in ("/pay/cs_test_nothing", "/3ds/pi_nothing"):
        answer = world.browser.get(page, headers={"Accept-Language": "fr"})
        assert answer.status_code == 404
        assert "n&#39;existe pas" in answer.text


def test_sessions_are_listed_with_their_line_items(world: CardWorld) -> None:
    """By status, and each with what is paid for."""
    session = world.open_session(client_reference_id="4F7K2Q", metadata={"a": "b"})
    listed = world.stripe.v1.checkout.sessions.list({"status": "open", "limit": 1})
    assert listed.data[0].id == session.id
    assert listed.data[0].client_reference_id == "4F7K2Q"
    items = world.stripe.v1.checkout.sessions.line_items.list(session.id)
    assert [(item.description, item.amount_total) for item in items] == [("Top-up", 1200)]


def test_a_home_page_lists_the_payments(world: CardWorld) -> None:
    """With amount, card and status."""
    intent = world.authorized()
    page = world.browser.get("/").text
    assert intent.id in page
    assert "requires_capture" in page
    assert "visa ···· 4242" in page
