"""Events: `/v1/events`."""

from bot.sandbox.card_network.network import Network
from bot.sandbox.card_network.params import Params
from bot.sandbox.card_network.shapes import Obj


def retrieve(net: Network, params: Params, event_id: str) -> Obj:
    """`GET /v1/events/{id}`."""
    params.end()
    return net.store.get("event", event_id)


def every(net: Network, params: Params) -> Obj:
    """`GET /v1/events`, by type (`charge.*` too) or types where asked."""
    kind, kinds = params.text("type"), params.texts("types")
    params.flag("delivery_success")
    found = [
        event
        for event in net.store.every("event")
        if (kind is None or _fits(event["type"], kind)) and (not kinds or event["type"] in kinds)
    ]
    return net.store.page("event", params, url="/v1/events", items=found)


def _fits(event_type: str, wanted: str) -> bool:
    """Compare a type with a name or a pattern that ends in `*`."""
    if wanted.endswith("*"):
        return event_type.startswith(wanted[:-1])
    return event_type == wanted
