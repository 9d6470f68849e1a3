"""The acquirer's own books: what each charge, refund, dispute and payout did to our balance there.

Every movement is a balance transaction with its fee; a payout takes all that is available and
names, by its list of transactions, what it was made of.
"""

from typing import Final

from bot.sandbox.card_network.errors import ApiError
from bot.sandbox.card_network.network import DAY_S, Network
from bot.sandbox.card_network.params import Params
from bot.sandbox.card_network.shapes import CURRENCY, Obj

FEE_PER_MILLE: Final = 15
"""The acquirer's part of a charge (thousandths): 1.5 % for cards of the EEA."""

FEE_FIXED_CENTS: Final = 25
"""The acquirer's fixed fee for a charge (cents)."""

DISPUTE_FEE_CENTS: Final = 2000
"""The acquirer's fee for a dispute (cents), kept by it whatever the outcome."""


def charge_fee_cents(amount_cents: int) -> int:
    """Return the fee of a charge: 1.5 % rounded half up to the cent, and 0.25 €."""
    return (amount_cents * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED_CENTS


def record(
    net: Network, *, kind: str, amount_cents: int, fee_cents: int, source: str, category: str = ""
) -> Obj:
    """Write a movement down."""
    store = net.store
    created = store.timestamp()
    fees = [
        {
            "amount": fee_cents,
            "application": None,
            "currency": CURRENCY,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    return store.add(
        "balance_transaction",
        amount=amount_cents,
        available_on=created + int(net.settlement_delay.total_seconds()),
        fee=fee_cents,
        fee_details=fees if fee_cents else [],
        net=amount_cents - fee_cents,
        reporting_category=category or kind,
        source=source,
        status="pending" if net.settlement_delay else "available",
        type=kind,
    )


def refresh(net: Network) -> None:
    """Let what is pending become available by the clock."""
    now = net.store.timestamp()
    for transaction in net.store.every("balance_transaction"):
        if transaction["status"] == "pending" and transaction["available_on"] <= now:
            transaction["status"] = "available"


def _unpaid(net: Network) -> list[Obj]:
    """Return what no payout has taken yet."""
    return [
        transaction
        for transaction in net.store.every("balance_transaction")
        if "payout" not in net.store.note(transaction["id"])
    ]


def balance(net: Network, params: Params) -> Obj:
    """`GET /v1/balance`."""
    params.end()
    refresh(net)
    sums = {"available": 0, "pending": 0}
    for transaction in _unpaid(net):
        sums[transaction["status"]] += transaction["net"]
    parts = {
        name: [{"amount": cents, "currency": CURRENCY, "source_types": {"card": cents}}]
        for name, cents in sums.items()
    }
    return {"object": "balance", "livemode": False, "connect_reserved": [], **parts}


def transaction(net: Network, params: Params, transaction_id: str) -> Obj:
    """`GET /v1/balance_transactions/{id}`."""
    params.end()
    refresh(net)
    return net.store.get("balance_transaction", transaction_id)


def transactions(net: Network, params: Params) -> Obj:
    """`GET /v1/balance_transactions`, by payout, type or source where asked."""
    refresh(net)
    payout, kind, source = params.text("payout"), params.text("type"), params.text("source")
    if payout:
        net.store.get("payout", payout, param="payout", status=400)
    found = [
        item
        for item in net.store.every("balance_transaction")
        if (payout is None or net.store.note(item["id"]).get("payout") == payout)
        and (kind is None or item["type"] == kind)
        and (source is None or item["source"] == source)
    ]
    return net.store.page(
        "balance_transaction", params, url="/v1/balance_transactions", items=found
    )


def payout(net: Network, params: Params, payout_id: str) -> Obj:
    """`GET /v1/payouts/{id}`."""
    params.end()
    return net.store.get("payout", payout_id)


def payouts(net: Network, params: Params) -> Obj:
    """`GET /v1/payouts`, by status where asked."""
    status = params.text("status")
    found = [p for p in net.store.every("payout") if status is None or p["status"] == status]
    return net.store.page("payout", params, url="/v1/payouts", items=found)


def make_payout(net: Network) -> Obj:
    """Pay out all that is available, at once; 400 where nothing is."""
    refresh(net)
    taken = [item for item in _unpaid(net) if item["status"] == "available"]
    amount_cents = _net_cents(taken)
    if amount_cents <= 0:
        raise ApiError(
            400,
            f"There is nothing to pay out: {amount_cents} cents are available.",
            code="balance_insufficient",
        )
    return _pay_out(net, taken)


def sweep(net: Network) -> None:
    """Pay out by itself, as the acquirer does each day, what the day that has passed left.

    What is available by a day's end goes out then; a clock that was moved over several days at
    once leaves one payout. Where nothing is there, or less, it stays for a later day.
    """
    now = net.store.timestamp()
    if now < net.day_ends_at:
        return
    ended_at = now - (now - net.day_ends_at) % DAY_S
    net.day_ends_at = ended_at + DAY_S
    refresh(net)
    taken = [item for item in _unpaid(net) if item["available_on"] < ended_at]
    if _net_cents(taken) > 0:
        _pay_out(net, taken)


def _net_cents(items: list[Obj]) -> int:
    return sum(item["net"] for item in items)


def _pay_out(net: Network, taken: list[Obj]) -> Obj:
    """Make a payout of some movements, and tell of it."""
    now = net.store.timestamp()
    amount_cents = _net_cents(taken)
    made = net.store.add(
        "payout",
        amount=amount_cents,
        arrival_date=now,
        automatic=True,
        balance_transaction=None,
        description="STRIPE PAYOUT",
        status="in_transit",
    )
    own = record(net, kind="payout", amount_cents=-amount_cents, fee_cents=0, source=made["id"])
    own["status"], own["available_on"] = "available", now
    made["balance_transaction"] = own["id"]
    for item in [own, *taken]:
        net.store.note(item["id"])["payout"] = made["id"]
    net.emit("payout.created", made)
    made["status"] = "paid"
    net.emit("payout.paid", made)
    net.emit("payout.reconciliation_completed", made)
    return made
