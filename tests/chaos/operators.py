"""What operators, the bank and the network do: refunds, disputes, files, reconciliation."""

from collections.abc import Callable
from typing import Final, Literal

from bot.adapters.sepa_payouts import SepaFiles
from bot.domain.payout import end_to_end_id
from bot.services import operate, payout_files, persons, reconcile
from tests.chaos.scene import Scene
from tests.fakes.bank import DEBTOR, Movement, camt


def refund(scene: Scene) -> str:
    """An operator gives back what was posted, to the wallet or on to the card."""
    row = scene.pick(
        "SELECT o.reference, t.number, t.funding FROM transfer t JOIN orders o "
        "ON o.id = t.order_id WHERE t.status = 'posted' ORDER BY t.id DESC LIMIT 200"
    )
    by_card = row.funding == "card" and scene.chance(0.8)
    to: Literal["wallet", "card"] = "card" if by_card else "wallet"
    operate.refund_order(scene.deps, f"{row.reference}-{row.number}", to=to)
    return f"to the {to}"


def refund_to_card(scene: Scene) -> str:
    """An operator gives back to the card what it paid for."""
    row = scene.pick(
        "SELECT o.reference, t.number FROM transfer t JOIN orders o ON o.id = t.order_id "
        "WHERE t.status = 'posted' AND t.funding = 'card' ORDER BY t.id DESC LIMIT 40"
    )
    operate.refund_order(scene.deps, f"{row.reference}-{row.number}", to="card")
    return "to the card"


def send_back(scene: Scene) -> str:
    """An issuer sends a refund back after it had gone through."""
    row = scene.pick("SELECT refund_id FROM card_refund WHERE status = 'succeeded'")
    sent = scene.network.control("refunds", {"refund": row.refund_id})
    return "sent back" if sent else "the network says no"


def dispute(scene: Scene) -> str:
    """A card's holder disputes a payment."""
    row = scene.pick(
        "SELECT payment_id FROM topup WHERE status = 'captured' AND payment_id IS NOT NULL "
        "ORDER BY created_at DESC LIMIT 100"
    )
    opened = scene.network.control("disputes", {"payment_intent": row.payment_id})
    return "disputed" if opened else "the network says no"


def decide(scene: Scene) -> str:
    """The network decides a dispute."""
    row = scene.pick("SELECT id FROM dispute WHERE status = 'open'")
    outcome = scene.random.choice(("won", "lost"))
    closed = scene.network.control("disputes", {"dispute": row.id, "outcome": outcome})
    return outcome if closed else "the network says no"


def review(scene: Scene) -> str:
    """An operator takes what a dispute cost, as far as it is there, and unlocks the wallet."""
    row = scene.pick(
        "SELECT x.x_user_id FROM person p JOIN x_account x ON x.person_id = p.id "
        "WHERE p.locked_at IS NOT NULL"
    )
    persons.unlock(scene.deps, row.x_user_id)
    persons.recover(scene.deps, row.x_user_id)
    return "recovered"


def make_files(scene: Scene) -> str:
    """An operator writes the files for the bank."""
    files = payout_files.export_payouts(scene.deps, SepaFiles(scene.folder / "sepa"), DEBTOR)
    return f"{len(files)} files"


def hear_bank(scene: Scene) -> str:
    """The bank tells what left, and what came back; the operator reads its report twice."""
    row = scene.pick(
        "SELECT p.id, p.amount_cents FROM payout p JOIN payout_file f ON f.id = p.file_id "
        "WHERE p.status = 'exported' AND f.written_at IS NOT NULL"
    )
    name = end_to_end_id(row.id)
    moved = [Movement(name, row.amount_cents)]
    if scene.chance(0.2):
        moved.append(Movement(name, row.amount_cents, credit=True, reason="AC04"))
    report = camt(moved, report_id=f"REPORT-{row.id}-{scene.deps.chance.uuid()[:8]}")
    for _ in range(2):
        payout_files.import_reports(
            scene.deps, SepaFiles(scene.folder / "sepa"), DEBTOR.iban, report
        )
    return "returned" if len(moved) > 1 else "settled"


def settle_with_network(scene: Scene) -> str:
    """The network pays out what it has for us, and an operator reconciles."""
    scene.network.control("payouts")
    found = reconcile.reconcile_books(scene.deps)
    return f"{found.payouts} payouts booked"


OPERATORS: Final[dict[str, tuple[float, Callable[[Scene], str]]]] = {
    "refunds": (0.15, refund),
    "refunds to the card": (0.25, refund_to_card),
    "sends a refund back": (0.05, send_back),
    "disputes": (0.15, dispute),
    "decides a dispute": (0.1, decide),
    "reviews a wallet": (0.4, review),
    "writes files for the bank": (0.1, make_files),
    "reads the bank's report": (0.5, hear_bank),
    "reconciles": (0.03, settle_with_network),
}
