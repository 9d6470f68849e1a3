"""The sandbox's people, made by the same services and over the same wires as anybody's.

X ids are looked up on the local X, phones prove themselves by a code that is sent to them, @bob's
card is kept and charged by the local card network. Nothing is written past a service that a real
person goes through, but for what an operator does (an organisation is verified by one) and for the
card and its mandate, which a page keeps only with a payment.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from bot.domain.cards import permission
from bot.domain.errors import Rejected
from bot.ports import SmsSender, XUser
from bot.services import first_time, mandates, persons, topup, wallet
from bot.services.deps import Deps
from bot.services.sessions import Visitor
from bot.store import cards, confirmations, people

BALANCE_CENTS: Final = 10_000
"""What @bob has in his wallet (CONTRACT.md, "The sandbox"): 100 €."""
CARD: Final = "pm_card_fr"
"""Stripe's test card of a French issuer: `CARD_COUNTRIES` is FR."""


@dataclass(frozen=True, slots=True)
class Role:
    """Somebody in the sandbox, with a phone number that no operator hands out (ARCEP)."""

    handle: str
    phone: str
    first_names: str
    last_name: str


BOB: Final = Role("bob", "+33639980001", "Bob", "Martin")
ALICE: Final = Role("alice", "+33639980002", "Alice", "Bernard")
ORGANISATION: Final = Role("secours_demo", "+33639980003", "Claire", "Dubois")
BORN: Final = "14/07/1990"
"""When each of them was."""
CODE: Final = "493817"
"""The wallet code of each of them; the sandbox says it at its start."""
IBAN: Final = "FR76 3000 6000 0112 3456 7890 189"
"""Nobody's: the specimen that French banks print."""


class _Overheard:
    """Sends text messages on, and remembers the last to each phone: a demo person reads it."""

    def __init__(self, sender: SmsSender) -> None:
        self._sender = sender
        self.texts: dict[str, str] = {}

    def send(self, *, to_phone: str, text: str, key: str) -> None:
        """Send a text, and keep it."""
        self._sender.send(to_phone=to_phone, text=text, key=key)
        self.texts[to_phone] = text


def make_people(deps: Deps, environment: Literal["sandbox", "production"]) -> bool:
    """Make @bob, @alice and @secours_demo with their wallets. Refused outside the sandbox.

    Returns False, with nothing changed, where all of them are there; what is missing is made.
    """
    if environment != "sandbox":
        raise Rejected("not_a_sandbox", "demo people are made where ENVIRONMENT is sandbox")
    handles = [role.handle for role in (BOB, ALICE, ORGANISATION)]
    accounts = deps.directory.by_handle(handles)
    if len(accounts) < len(handles):
        raise Rejected("no_such_account", "X knows no @bob, @alice or @secours_demo")
    if _are_there(deps, accounts):
        return False
    bob = _join(deps, accounts[BOB.handle], BOB)
    _join(deps, accounts[ALICE.handle], ALICE)
    _join(deps, accounts[ORGANISATION.handle], ORGANISATION)
    persons.verify(deps, ORGANISATION.handle, level="verified", is_organisation=True)
    wallet.switch_dm(deps, bob, on=True)
    _fill(deps, bob)
    return True


def _are_there(deps: Deps, accounts: Mapping[str, XUser]) -> bool:
    """Whether each has a wallet and @bob's card was charged, which is what is done last."""
    with deps.store.read() as session:
        there = people.persons_by_account(session, [one.id for one in accounts.values()])
        bob = there.get(accounts[BOB.handle].id)
        charged = bob is not None and confirmations.has_charged_card(session, bob.id)
    return charged and len(there) == len(accounts)


def _join(deps: Deps, account: XUser, role: Role) -> Visitor:
    """Open a wallet as on the pages: consent, a phone number, a name, a wallet code."""
    handle = account.handle.lower()
    with deps.store.write() as session:
        people.see(session, account.id, at=deps.clock.now(), handle=handle, name=account.name)
        known = people.person_of(session, account.id)
    if known is not None and people.is_ready(known):
        return Visitor(account.id, handle, known.id, "", "fr", is_ready=True)
    phone = _Overheard(deps.sms)
    there = replace(deps, sms=phone)
    visitor = Visitor(account.id, handle, known.id if known is not None else None, "", "fr")
    first_time.send_phone_code(there, visitor, role.phone, consent=True, lang="fr")
    code = re.search(r"\b[0-9]{6}\b", phone.texts[role.phone])
    assert code is not None, "the text message holds the code"
    first_time.check_phone_code(there, visitor, code[0])
    first_time.declare(
        there, visitor, first_names=role.first_names, last_name=role.last_name, born_text=BORN
    )
    first_time.choose_code(there, visitor, CODE, CODE)
    with deps.store.read() as session:
        person = people.person_of(session, account.id)
    assert person is not None, "who proved a phone has a wallet"
    return replace(visitor, person_id=person.id, is_ready=True)


def _fill(deps: Deps, bob: Visitor) -> None:
    """Keep a card with a mandate, and charge it once."""
    assert bob.person_id is not None, "bob has a wallet"
    with deps.store.read() as session:
        if confirmations.has_charged_card(session, bob.person_id):
            return
    at = deps.clock.now()
    with deps.store.write() as session:
        cards.want_customer(session, bob.person_id, key=deps.chance.uuid(), at=at)
    card = deps.vault.keep(
        customer_id=mandates.customer_of(deps, bob.person_id),
        payment_method=CARD,
        key=f"card-{deps.chance.uuid()}",
    )
    with deps.store.write() as session:
        card_id = mandates.save(session, bob.person_id, card, at=at)
        assert card_id is not None, "a new payment method was never taken out"
        cards.permit(session, permission(BALANCE_CENTS, at), saved_card_id=card_id, at=at)
    topup.charge_saved_card(deps, bob.person_id, card_id, BALANCE_CENTS)
    with deps.store.write() as session:  # from here on what a page offers, and no more
        cards.permit(session, mandates.offered(deps.policy, at), saved_card_id=card_id, at=at)
