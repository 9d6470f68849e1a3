"""What people do, each deed as the pages and posts do it: the deeds, and how often each is done.

A deed says how it ended, raises `Refusal` as the services do, or `NothingToDo`. Whoever does it may
be killed anywhere in it; nobody remembers anything but the database and the far side.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from bot.domain.cards import permission
from bot.domain.errors import Refusal
from bot.domain.order import OrderKind
from bot.domain.payout import PayoutTerms
from bot.domain.sca import Authenticated, Basis
from bot.services import cancel, claim, confirm, payouts, settle, topup
from bot.services.sessions import Visitor
from bot.store import cards, orders, people
from bot.store.orders import NewOrder, NewTransfer
from tests.chaos import far_side
from tests.chaos.scene import NothingToDo, Scene, handle, newcomer

MANDATE_CENTS: Final = 10_000
FIRST_CENTS: Final = (3_000, 9_000)
"""What a wallet begins with, from a saved card (cents)."""
AMOUNTS_CENTS: Final = (50, 450)
"""What people pay each other: little, so that the limits of 30 days stop few (cents)."""
LARGE_CENTS: Final = (3_100, 6_000)
"""What needs a card with 3-D Secure (cents)."""
LEFT_ALONE: Final = 25
"""One in so many orders is left to expire, and held transfers to be returned."""
CARDS: Final = (
    *(far_side.GOOD,) * 11,
    *(far_side.ASKED,) * 5,
    *(far_side.DECLINED,) * 2,
    far_side.FAILED,
    far_side.FOREIGN,
    far_side.REFUND_FAILS,
)
IBAN: Final = "FR1420041010050500013M02606"


# --- a wallet ----------------------------------------------------------------------------------


def move_in(scene: Scene, number: int) -> str:
    """Somebody opens a wallet, keeps a card, and charges it; what is done already stays done."""
    name = handle(number)
    if scene.rows(
        "SELECT 1 FROM topup t JOIN x_account x ON x.person_id = t.person_id "
        "WHERE x.handle = :name LIMIT 1",
        name=name,
    ):
        return "was there already"
    _join(scene, name, f"+336{number:08}")
    person_id = _person(scene, name)
    if not scene.rows("SELECT 1 FROM saved_card WHERE person_id = :id", id=person_id):
        _keep_card(scene, person_id)
    _charge(scene, person_id)
    return "moved in"


def _join(scene: Scene, name: str, phone: str) -> None:
    x_user_id = scene.x.person(name)
    at = scene.deps.clock.now()
    with scene.deps.store.write() as session:
        people.see(session, x_user_id, at=at, handle=name)
        if people.person_of(session, x_user_id) is None:
            person_id = people.make_person(
                session, phone=phone, x_user_id=x_user_id, terms_version="1", at=at
            )
            assert person_id is not None, "each has a phone of their own"
            people.change_person(session, person_id, level="declared")


def _person(scene: Scene, name: str) -> int:
    (row,) = scene.rows("SELECT person_id FROM x_account WHERE handle = :name", name=name)
    return int(row.person_id)


def _keep_card(scene: Scene, person_id: int) -> None:
    vault, chance = scene.deps.vault, scene.deps.chance
    customer = vault.customer(person_id=str(person_id), key=f"customer-{chance.uuid()}")
    card = vault.keep(
        customer_id=customer, payment_method="pm_card_fr", key=f"card-{chance.uuid()}"
    )
    at = scene.deps.clock.now()
    with scene.deps.store.write() as session:
        people.lock_persons(session, [person_id])
        if cards.same_card(session, person_id, card):
            return  # they did so on another device at the same moment
        card_id = cards.keep(session, person_id, card, at=at)
        cards.permit(session, permission(MANDATE_CENTS, at), saved_card_id=card_id, at=at)


def _card_of(scene: Scene, person_id: int) -> int:
    return int(
        scene.pick(
            "SELECT id FROM saved_card WHERE person_id = :id AND removed_at IS NULL", id=person_id
        ).id
    )


def _charge(scene: Scene, person_id: int) -> None:
    cents = scene.random.randint(*FIRST_CENTS)
    topup.charge_saved_card(scene.deps, person_id, _card_of(scene, person_id), cents)


def fill(scene: Scene) -> str:
    """Somebody whose wallet is low charges their card, or keeps a new one where it is out."""
    row = scene.pick(
        "SELECT p.id FROM person p JOIN account a ON a.name = 'wallet:' || p.id "
        "JOIN saved_card c ON c.person_id = p.id WHERE a.balance_cents < 1000 LIMIT 20"
    )
    try:
        _charge(scene, row.id)
    except NothingToDo:
        _keep_card(scene, row.id)
        return "kept a card"
    return "charged"


def take_card_out(scene: Scene) -> str:
    """Somebody takes their card out of the wallet."""
    row = scene.pick("SELECT id, person_id FROM saved_card WHERE removed_at IS NULL")
    topup.remove_card(scene.deps, row.person_id, row.id)
    return "taken out"


# --- orders ------------------------------------------------------------------------------------


def post_order(scene: Scene) -> str:
    """Somebody posts a command."""
    payer = scene.random.randrange(scene.plan.people)
    others = [one for one in range(scene.plan.people) if one != payer]
    one, two = scene.random.sample(others, 2)
    cents = scene.random.randint(*AMOUNTS_CENTS)
    which = scene.random.random()
    if which < 0.6:
        text = f"pay @{handle(one)} {_euros(cents)}"
    elif which < 0.78:
        someone = newcomer(scene.random.randrange(scene.plan.newcomers))
        text = f"pay @{someone} {_euros(cents)}"
    elif which < 0.88:
        text = f"pay @{handle(one)} @{handle(two)} {_euros(cents)} each"
    elif which < 0.97:
        text = f"request {_euros(cents)} from @{handle(one)}"
    else:
        text = f"pay @{handle(one)} {_euros(scene.random.randint(*LARGE_CENTS))}"
    scene.x.post(handle(payer), f"@smoney {text}")
    scene.posted()
    return "posted"


def order_on_page(scene: Scene) -> str:
    """Somebody orders on a pay page: the same rows as a command's, without its text and reply."""
    accounts = scene.rows(
        "SELECT x_user_id, person_id, handle FROM x_account WHERE handle LIKE 'payer%' "
        "OR handle LIKE 'newcomer%'"
    )
    if not accounts:
        raise NothingToDo  # nobody has signed in yet
    payer = scene.random.choice([one for one in accounts if one.person_id] or accounts)
    payee = scene.random.choice([one for one in accounts if one is not payer] or accounts)
    if payer is payee or payer.person_id is None:
        raise NothingToDo
    at, reference = scene.deps.clock.now(), scene.deps.chance.reference()
    made = NewOrder(
        kind=OrderKind.PAY,
        source="page",
        source_id=reference,
        conversation_id=None,
        owner_x_user_id=payer.x_user_id,
        lang="fr",
    )
    transfer = NewTransfer(
        payer_x_user_id=payer.x_user_id,
        payee_x_user_id=payee.x_user_id,
        payee_handle=payee.handle,
        amount_cents=scene.random.randint(*AMOUNTS_CENTS),
        note=None,
    )
    with scene.deps.store.write() as session:
        order = orders.insert_order(session, made, reference, at=at)
        if order is None:
            raise NothingToDo  # the reference is taken
        until = at + timedelta(hours=scene.deps.policy.confirm_within_h)
        orders.insert_transfers(session, order.id, [transfer], confirm_by=until, at=at)
    return "ordered"


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}€"


_PENDING: Final = f"""
    SELECT t.id, t.order_id, t.payer_x_user_id, t.payee_x_user_id, t.payer_x_user_id AS who,
        o.reference, o.owner_x_user_id, o.source_id, t.amount_cents
    FROM transfer t JOIN orders o ON o.id = t.order_id
    WHERE t.status = 'pending' AND t.confirmation_id IS NULL AND o.id % {LEFT_ALONE} <> 0
    ORDER BY t.id LIMIT 150
"""


def pay(scene: Scene) -> str:
    """A payer confirms, from the wallet, by card or by a saved card, or thinks better of it."""
    row = scene.pick(_PENDING)
    which = scene.random.random()
    if which < 0.17:
        return _stop(scene, row.reference, row.owner_x_user_id, row.payer_x_user_id)
    large = row.amount_cents >= LARGE_CENTS[0]
    funding = "card" if large or which > 0.9 else "wallet"
    person = scene.rows(
        "SELECT person_id FROM x_account WHERE x_user_id = :id", id=row.payer_x_user_id
    )
    saved = None
    if funding == "card" and not large and which > 0.96 and person[0].person_id is not None:
        saved = _card_of(scene, person[0].person_id)
    try:
        with scene.deps.store.read() as session:
            rows = orders.transfers_of(session, [row.order_id])
        mine = [
            one
            for one in rows
            if one.status == "pending" and one.payer_x_user_id == row.payer_x_user_id
        ]
        if not mine:
            raise NothingToDo  # somebody was quicker
        outcome = confirm.confirm(
            scene.deps,
            confirm.Will(
                reference=row.reference,
                x_user_id=row.payer_x_user_id,
                terms_hash=confirm.terms_of(row.reference, mine),
                funding="card" if funding == "card" else "wallet",
                method="page",
                saved_card_id=saved,
                address=f"10.0.{row.id % 250}.{row.order_id % 250}",
            ),
        )
    except Refusal as refusal:
        # Who cannot pay gives up, as long as nobody else is at it.
        if refusal.reply.key not in ("refusal.under_way", "refusal.already_paid"):
            _stop(scene, row.reference, row.owner_x_user_id, row.payer_x_user_id)
        raise
    return type(outcome).__name__.lower()


def _stop(scene: Scene, reference: str, owner: str, payer: str) -> str:
    """The owner cancels, or who was asked declines."""
    if owner == payer:
        cancel.cancel(scene.deps, reference, owner)
        return "cancelled"
    cancel.decline(scene.deps, reference, payer)
    return "declined"


def stop_at_the_card(scene: Scene) -> str:
    """Somebody wants back what is with the card."""
    row = scene.pick(
        "SELECT o.reference, o.owner_x_user_id, t.payer_x_user_id FROM transfer t "
        "JOIN orders o ON o.id = t.order_id WHERE t.status = 'funding' LIMIT 20"
    )
    return _stop(scene, row.reference, row.owner_x_user_id, row.payer_x_user_id)


def edit(scene: Scene) -> str:
    """Somebody edits a post of theirs whose order is open."""
    row = scene.pick(
        "SELECT o.source_id, x.handle FROM orders o JOIN transfer t ON t.order_id = o.id "
        "JOIN x_account x ON x.x_user_id = t.payee_x_user_id "
        "WHERE t.status IN ('pending', 'funding') AND o.kind = 'pay' AND o.source = 'post' "
        "AND x.handle IS NOT NULL "
        "ORDER BY t.id DESC LIMIT 20"
    )
    cents = scene.random.randint(*AMOUNTS_CENTS)
    if not scene.x.edit(row.source_id, f"@smoney pay @{row.handle} {_euros(cents)}"):
        return "X let no edit"
    scene.posted()
    return "edited"


# --- the card's page ---------------------------------------------------------------------------


def visit_page(scene: Scene) -> str:
    """Somebody is on the hosted page: types a card, turns away, comes back, or does not."""
    row = scene.pick(
        "SELECT u.id, u.url, o.reference, c.payer_x_user_id FROM topup u "
        "JOIN orders o ON o.id = u.order_id JOIN confirmation c ON c.id = u.confirmation_id "
        "WHERE u.status = 'created' AND u.url IS NOT NULL AND u.id > '1' "
        "ORDER BY u.created_at LIMIT 30"
    )
    which = scene.random.random()
    if which < 0.1:
        settle.came_back(scene.deps, row.reference, row.payer_x_user_id, abandoned=True)
        return "turned away"
    number = scene.random.choice(CARDS)
    if scene.chance(0.01):
        number = far_side.DISPUTED
    scene.network.try_card(row.url, number, passes=number != far_side.FAILED)
    if which < 0.6:
        settle.came_back(scene.deps, row.reference, row.payer_x_user_id, abandoned=False)
        return "tried a card, came back"
    return "tried a card, did not come back"


# --- what is held, and what leaves -------------------------------------------------------------


def answer_held(scene: Scene) -> str:
    """A payee claims or refuses what waits, or its payer takes it back."""
    row = scene.pick(
        "SELECT t.id, o.reference, t.payer_x_user_id, t.payee_x_user_id, x.handle, x.person_id "
        "FROM transfer t JOIN orders o ON o.id = t.order_id "
        "JOIN x_account x ON x.x_user_id = t.payee_x_user_id "
        "WHERE t.status = 'held' AND t.id % 5 <> 0 ORDER BY t.id LIMIT 40"
    )
    which = scene.random.random()
    if which < 0.2:
        claim.take_back(scene.deps, row.reference, row.payer_x_user_id)
        return "taken back"
    if which < 0.4:
        cancel.decline(scene.deps, row.reference, row.payee_x_user_id)
        return "refused"
    if row.person_id is None and row.handle is not None:
        _join(scene, row.handle, f"+337{int(row.handle.removeprefix('newcomer')):08}")
    claim.claim(scene.deps, row.reference, row.payee_x_user_id)
    return "claimed"


def _as(x_user_id: str) -> Visitor:
    """Return somebody who signed in with X."""
    return Visitor(x_user_id, x_user_id, None, "", None)


def pay_out(scene: Scene) -> str:
    """Somebody asks for a payout, sometimes twice with one proof."""
    x_user_id = scene.pick("SELECT x_user_id FROM x_account WHERE person_id IS NOT NULL").x_user_id
    terms = PayoutTerms(scene.random.randint(100, 600), IBAN, "Camille Martin")
    proof = Authenticated(f"passkey-{scene.deps.chance.uuid()}", terms.hash, Basis.PASSKEY)
    for _ in range(scene.random.choice((1, 2))):
        payouts.request(scene.deps, _as(x_user_id), terms, proof)
    return "asked for"


def cancel_payout(scene: Scene) -> str:
    """Somebody cancels a payout that is in no file yet."""
    row = scene.pick("SELECT id, x_user_id FROM payout WHERE status = 'requested' LIMIT 20")
    payouts.cancel(scene.deps, _as(row.x_user_id), row.id)
    return "cancelled"


ORDERING: Final = frozenset({"posts an order", "orders on a page"})
"""What is no longer done once there are enough orders, nor where the bot is behind."""
PEOPLE: Final[dict[str, tuple[float, Callable[[Scene], str]]]] = {
    "posts an order": (1.4, post_order),
    "orders on a page": (9.1, order_on_page),
    "pays": (12.0, pay),
    "is at the card's page": (3.0, visit_page),
    "answers what is held": (1.5, answer_held),
    "stops what is with the card": (0.25, stop_at_the_card),
    "edits a post": (0.4, edit),
    "fills the wallet": (0.4, fill),
    "takes a card out": (0.03, take_card_out),
    "asks for a payout": (0.6, pay_out),
    "cancels a payout": (0.1, cancel_payout),
}
