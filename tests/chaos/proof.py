"""What has to hold at the end: the books, every state, and the card network's books beside ours.

Each check returns sentences; none means that it holds.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from bot.services.check import prove
from bot.services.reconcile import reconcile_books
from tests.chaos.far_side import Network, Obj
from tests.chaos.house import House
from tests.chaos.paying import PayingHouse

SHOWN: Final = 10
"""Offences of one kind that are named."""

_ENDS: Final = {
    "transfer": ("posted", "returned", "cancelled", "declined", "expired"),
    "topup": ("captured", "declined", "voided", "expired", "disputed", "refunded"),
    "card_refund": ("succeeded", "failed"),
    "payout": ("settled", "cancelled", "returned"),
    "inbox": ("done", "ignored"),
    "outbox": ("sent", "dropped"),
}
"""The statuses in which nothing waits any more."""

_NOTHING_IS_LEFT: Final = (
    ("confirmation {0} is not settled", "SELECT id FROM confirmation WHERE settled_at IS NULL"),
    ("wish {0} is not answered", "SELECT id FROM wish WHERE done_at IS NULL"),
    (
        "card {0} is out here and not at the network",
        "SELECT id FROM saved_card WHERE removed_at IS NOT NULL AND forgotten_at IS NULL",
    ),
    ("file {0} was not written", "SELECT id FROM payout_file WHERE written_at IS NULL"),
    (
        "post {0} made {1} orders",
        """
        SELECT source_id, count(*) FROM orders WHERE source = 'post'
        GROUP BY source_id HAVING count(*) > 1
        """,
    ),
    (
        "payment {0} is of {1} top-ups",
        """
        SELECT payment_id, count(*) FROM topup WHERE payment_id IS NOT NULL
        GROUP BY payment_id HAVING count(*) > 1
        """,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Both sides' figures, in cents."""

    captured_cents: int
    refunded_cents: int
    disputed_cents: int
    """Amounts and fees, less what was won back."""
    cards_cents: int
    paid_out_cents: int
    fees_cents: int

    @property
    def network_cents(self) -> int:
        """Captures less refunds less disputes at the network."""
        return self.captured_cents - self.refunded_cents - self.disputed_cents

    @property
    def ours_cents(self) -> int:
        """What our books say came from cards and is there, or was paid out, or went for fees."""
        return self.cards_cents + self.paid_out_cents + self.fees_cents


def problems(house: PayingHouse) -> Iterator[str]:
    """Yield whatever does not hold."""
    yield from prove(house.deps.store).problems
    yield from states(house)
    yield from _payments(house)
    yield from _reversals(house)
    yield from _replies(house)
    both = totals(house)
    if both.network_cents != both.ours_cents:
        yield f"the network has {both.network_cents} cents where our books have {both.ours_cents}"
    yield from few([f"difference: {one.detail}" for one in reconcile_books(house.deps).differences])


def few(found: list[str]) -> Iterator[str]:
    """Yield some of what was found, and how much more there is."""
    yield from found[:SHOWN]
    if len(found) > SHOWN:
        yield f"… and {len(found) - SHOWN} more of these"


def states(house: House) -> Iterator[str]:
    """Everything has come to an end."""
    for table, ends in _ENDS.items():
        known = ", ".join(f"'{one}'" for one in ends)
        rows = house.figures(
            f"SELECT status, count(*), min(id) FROM {table} "
            f"WHERE status NOT IN ({known}) GROUP BY status"
        )
        yield from (
            f"{n} rows of {table} are still {status} ({first})" for status, n, first in rows
        )
    for sentence, query in _NOTHING_IS_LEFT:
        yield from few([sentence.format(*row) for row in house.figures(query)])


def _payments(house: PayingHouse) -> Iterator[str]:
    """Each captured payment is one captured top-up of its amount; nothing is left authorized."""
    ours = {
        row.payment_id: row
        for row in house.figures(
            "SELECT id, payment_id, amount_cents, refunded_cents, status FROM topup "
            "WHERE status IN ('captured', 'disputed', 'refunded')"
        )
    }
    found: list[str] = []
    for intent in house.network.every("payment_intents", **{"expand[]": "data.latest_charge"}):
        row = ours.pop(intent["id"], None)
        if intent["status"] == "succeeded":
            found += _compare(intent, row)
        elif row is not None:
            found.append(f"top-up {row.id} is {row.status}, its payment {intent['status']}")
        if intent["status"] in ("requires_capture", "requires_action"):
            found.append(f"payment {intent['id']} is left {intent['status']}")
    found += [
        f"top-up {row.id} is {row.status} but the network has no payment" for row in ours.values()
    ]
    shown = {row.session_id for row in house.figures("SELECT session_id FROM topup")}
    for page in house.network.every("checkout/sessions", status="open"):
        if page["id"] in shown:  # one that nobody was shown ends by itself
            found.append(f"page {page['id']} is left open")
    yield from few(found)


def _compare(intent: Obj, row: Any) -> Iterator[str]:
    if row is None:
        yield f"payment {intent['id']} was captured but is no top-up of ours"
        return
    if intent["metadata"]["topup_id"] != row.id:
        yield f"payment {intent['id']} is for another top-up than {row.id}"
    if intent["amount_received"] != row.amount_cents:
        yield f"top-up {row.id} is of {row.amount_cents}, captured {intent['amount_received']}"
    if intent["latest_charge"]["amount_refunded"] != row.refunded_cents:
        refunded = intent["latest_charge"]["amount_refunded"]
        yield f"top-up {row.id} has {row.refunded_cents} refunded, the network {refunded}"


def _reversals(house: PayingHouse) -> Iterator[str]:
    """Refunds and disputes are the network's, one by one."""
    for path, table, key in (
        ("refunds", "card_refund WHERE refund_id IS NOT NULL", "refund_id"),
        ("disputes", "dispute", "id"),
    ):
        ours = {
            getattr(row, key): (row.amount_cents, row.status)
            for row in house.figures(f"SELECT {key}, amount_cents, status FROM {table}")
        }
        theirs = {
            one["id"]: (one["amount"], _STATUS.get(one["status"], one["status"]))
            for one in house.network.every(path)
        }
        found = [
            f"{path}: {name} is {theirs.get(name)} at the network and {ours.get(name)} here"
            for name in sorted(ours.keys() | theirs.keys())
            if ours.get(name) != theirs.get(name)
        ]
        yield from few(found)


_STATUS: Final = {"needs_response": "open", "under_review": "open"}


def _replies(house: House) -> Iterator[str]:
    """No mention has two replies, and each that asked for something was read."""
    answers: dict[str, int] = defaultdict(int)
    mentions = []
    bot = house.deps.directory.me().id
    for post in house.x.posts():
        if post["author_id"] != bot:
            mentions.append(post["id"])
            continue
        for parent in post.get("referenced_tweets", []):
            answers[parent["id"]] += 1
    yield from few([f"post {one} has {n} replies" for one, n in answers.items() if n > 1])
    read = {row.source_id for row in house.figures("SELECT source_id FROM inbox")}
    yield from few([f"post {one} was never read" for one in mentions if one not in read])


def totals(house: PayingHouse) -> Totals:
    """Add up both sides."""
    sums = _moved(house.network)
    ours = house.figures(
        "SELECT (SELECT -balance_cents FROM account WHERE name = 'cards') AS cards, "
        "(SELECT COALESCE(sum(amount_cents), 0) FROM acquirer_payout) AS paid_out, "
        "(SELECT COALESCE(sum(fee_cents), 0) FROM acquirer_payout) AS fees"
    )[0]
    return Totals(
        captured_cents=sums["charge"],
        refunded_cents=-sums["refund"] - sums["refund_failure"],
        disputed_cents=sums["dispute_fees"] - sums["dispute"] - sums["dispute_reversal"],
        cards_cents=int(ours.cards or 0),
        paid_out_cents=int(ours.paid_out),
        fees_cents=int(ours.fees),
    )


def _moved(network: Network) -> dict[str, int]:
    """Add up the movements of our balance at the network, by what they were."""
    sums: dict[str, int] = defaultdict(int)
    for one in network.every("balance_transactions"):
        sums[one["reporting_category"]] += one["amount"]
        if one["reporting_category"] == "dispute":
            sums["dispute_fees"] += one["fee"]
    return sums
