"""What the clock does by itself: sessions end, authorizations lapse, refunds fail, days pay out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bot.sandbox.card_network import balance, intents, refunds, sessions
from bot.sandbox.card_network.network import Network

AUTHORIZED_FOR_S: Final = 7 * 24 * 3600
"""Seconds after which an authorization that was not captured lapses (Stripe: 7 days)."""

EVERY_S: Final = 1.0
"""Seconds between two looks at the clock where nobody calls."""


def sweep(net: Network) -> None:
    """Bring everything up to the present; once a second of the clock is enough."""
    now = net.store.timestamp()
    if now == net.swept_at:
        return
    net.swept_at = now
    for session in net.store.every("checkout.session"):
        if session["status"] == "open" and session["expires_at"] <= now:
            sessions.close(net, session)
    for intent in net.store.every("payment_intent"):
        if intent["status"] == "requires_capture":
            charge = net.store.get("charge", intent["latest_charge"])
            if charge["created"] + AUTHORIZED_FOR_S <= now:
                intents.void(net, intent, "automatic")
    refunds.sweep(net)
    balance.sweep(net)


@contextmanager
def turn(net: Network) -> Iterator[None]:
    """Hold the lock, with everything up to the present."""
    with net.lock:
        sweep(net)
        yield


def keep_sweeping(net: Network) -> None:
    """Look at the clock until the network stops."""
    while not net.stopping.wait(EVERY_S):
        with turn(net):
            pass
