"""A served card network for tests, with the real `stripe` package, a browser, and a clock to move.

The sink stands for the bot's webhook address: it keeps what reaches it and answers as it is told.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import stripe

from bot.sandbox.card_network import create_app
from bot.sandbox.serve import serve

# The package would write an id of the machine into the home folder and send our latencies along.
stripe.enable_telemetry = False

API_KEY = "sk_test_sandbox"
WEBHOOK_SECRET = "whsec_sandbox"
SUCCESS_URL = "http://localhost:8000/t/4F7K2Q?session={CHECKOUT_SESSION_ID}"
CANCEL_URL = "http://localhost:8000/t/4F7K2Q"

PLAIN = "4242 4242 4242 4242"
SECURE = "4000 0027 6000 3184"
DECLINED = "4000 0000 0000 0002"


def error_body(error: stripe.StripeError) -> Any:
    """Return the error's JSON as it came over the wire."""
    body: Any = error.json_body
    return body["error"]


class MovableClock:
    """The present, and as far on as a test wants."""

    def __init__(self) -> None:
        self._offset = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def advance(self, **by: float) -> None:
        """Move on."""
        self._offset += timedelta(**by)


class CardWorld:
    """The network, how to call it, and what a person does on its pages."""

    def __init__(self, url: str, clock: MovableClock) -> None:
        self.url = url
        self.clock = clock
        # The package's types make every id "a text or an object or None"; a test wants neither.
        self.stripe: Any = stripe.StripeClient(
            API_KEY, base_addresses={"api": url}, max_network_retries=0
        )
        self.browser = httpx.Client(base_url=url, trust_env=False, verify=False, timeout=10)

    def open_session(self, **fields: Any) -> Any:
        """Open a page for 12 €, manual capture."""
        params: dict[str, Any] = {
            "mode": "payment",
            "line_items": [
                {
                    "price_data": {
                        "currency": "eur",
                        "unit_amount": 1200,
                        "product_data": {"name": "Top-up"},
                    },
                    "quantity": 1,
                }
            ],
            "payment_intent_data": {"capture_method": "manual", "metadata": {"topup_id": "t1"}},
            "payment_method_options": {"card": {"request_three_d_secure": "any"}},
            "success_url": SUCCESS_URL,
            "cancel_url": CANCEL_URL,
            "locale": "en",
        }
        return self.stripe.v1.checkout.sessions.create({**params, **fields})

    def pay(self, session: Any, number: str = PLAIN, **fields: str) -> httpx.Response:
        """Submit a page; the answer is a redirect, or the page with what is wrong."""
        form = {"number": number, "expiry": "12 / 34", "cvc": "123", **fields}
        return self.browser.post(f"/pay/{session.id}", data=form)

    def decide(self, submitted: httpx.Response, result: str) -> httpx.Response:
        """Answer the 3-D Secure page that a submitted page led to."""
        where = submitted.headers["location"]
        assert where.startswith("/3ds/"), where
        return self.browser.post(where, data={"result": result})

    def authorized(self, number: str = PLAIN, **fields: Any) -> Any:
        """Return the PaymentIntent of a page that was paid."""
        session = self.open_session(**fields)
        answer = self.pay(session, number)
        assert "session=" in answer.headers["location"], answer.text
        return self.stripe.v1.payment_intents.retrieve(self.session(session.id).payment_intent)

    def captured(self, number: str = PLAIN, **fields: Any) -> Any:
        """Return a captured PaymentIntent."""
        return self.stripe.v1.payment_intents.capture(self.authorized(number, **fields).id)

    def session(self, session_id: str, *expand: str) -> Any:
        """Read a session."""
        return self.stripe.v1.checkout.sessions.retrieve(session_id, {"expand": list(expand)})

    def control(self, path: str, body: Any = None) -> Any:
        """Call test control; return its JSON."""
        answer = self.browser.post(f"/_sandbox/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, fault: str, **fields: Any) -> None:
        """Ask for a fault."""
        self.control("faults", {"fault": fault, **fields})

    def event_types(self) -> list[str]:
        """The types of all events, oldest first."""
        events = self.stripe.v1.events.list({"limit": 100})
        return [event.type for event in reversed(events.data)]


class Sink:
    """Keeps the webhooks that reach it; `answers` are the statuses it gives, then 200."""

    def __init__(self) -> None:
        self.arrived = threading.Condition()
        self.received: list[tuple[bytes, str]] = []
        self.answers: list[int] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with sink.arrived:
                    sink.received.append((body, self.headers["Stripe-Signature"]))
                    status = sink.answers.pop(0) if sink.answers else 200
                    sink.arrived.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks/stripe"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_for(self, count: int, event_type: str = "") -> list[stripe.Event]:
        """Return the first `count` events of a type, verified; fail where they do not come."""
        with self.arrived:
            came = self.arrived.wait_for(lambda: len(self._of(event_type)) >= count, timeout=10)
        assert came, [event.type for event in self._of("")]
        return self._of(event_type)

    def _of(self, event_type: str) -> list[stripe.Event]:
        events = [
            stripe.Webhook.construct_event(body, signature, WEBHOOK_SECRET)
            for body, signature in self.received
        ]
        return [event for event in events if event.type.startswith(event_type)]


@contextmanager
def card_world(**options: Any) -> Iterator[CardWorld]:
    """Serve a card network of its own."""
    clock = MovableClock()
    app = create_app(
        api_key=API_KEY,
        webhook_secret=WEBHOOK_SECRET,
        now=clock,
        **{"retry_delays_s": (0.02, 0.02, 0.02), **options},
    )
    with serve(app) as server:
        world = CardWorld(server.url, clock)
        yield world
        world.browser.close()
