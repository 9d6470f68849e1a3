"""What takes two factors, and what is done once they were given.

Each wish becomes a challenge with everything that was shown; `do` carries it out with the
`Authenticated` that met it, by the same services that refuse it without.
"""

from dataclasses import replace
from typing import Final

from bot.domain import declared
from bot.domain.commands import Lang
from bot.domain.errors import Refusal
from bot.domain.payout import PayoutTerms
from bot.domain.replies import Reply
from bot.domain.sca import Authenticated, Purpose
from bot.services import (
    changes,
    claim,
    closing,
    confirm,
    first_time,
    mandates,
    new_phone,
    passkeys,
    payouts,
    wallet,
    wallet_code,
)
from bot.services.confirm import GoToCard, Will
from bot.services.deps import Deps
from bot.services.sessions import Visitor
from bot.services.strong import Asked, ChallengePage, Facts
from bot.services.tell import shown
from bot.store import browsers, people

NEEDS_PROOF = frozenset(
    {
        "refusal.needs_sca",
        "refusal.needs_sca_total",
        "refusal.needs_card",
        "refusal.needs_card_total",
    }
)
"""Refusals of a payment that two factors lift, from the wallet or on the card's page."""


def to_pay(deps: Deps, will: Will) -> Asked:
    """Return what a payer ticked, to be authenticated. Raises `Refusal`."""
    with deps.store.write() as session:
        order, rows = confirm.ticked(session, will, deps.clock.now())
        accounts = people.accounts_by_id(session, {row.payee_x_user_id for row in rows})
        payees = [shown(accounts.get(row.payee_x_user_id), row.payee_handle) for row in rows]
    facts = {
        "amount_cents": sum(row.amount_cents for row in rows),
        "people": payees,
        "reference": order.reference,
        "funding": will.funding,
        "numbers": [row.number for row in rows],
        "shown_hash": will.terms_hash,
    }
    return Asked(Purpose.PAY, facts, confirm.terms_of(order.reference, rows))


def to_keep_card(deps: Deps, will: Will) -> Asked:
    """Return a payment by card together with the mandate that is given with it.

    Raises `Refusal`.
    """
    assert will.keep is not None, "who keeps a card says under which permission"
    paid = to_pay(deps, will)
    assert paid.terms_hash is not None, "a payment has terms"
    given = mandates.read(will.keep, deps.policy, deps.clock.now())
    facts = {
        **paid.facts,
        "keep": will.keep,
        "most_cents": given.limit_cents,
        "ends_at": given.ends_at.isoformat(),
    }
    return Asked(Purpose.MANDATE, facts, given.agreed_with(paid.terms_hash))


def to_pay_out(terms: PayoutTerms) -> Asked:
    """Return a payout, to be authenticated."""
    facts = {
        "amount_cents": terms.amount_cents,
        "iban": payouts.ends_of(terms.iban),
        "whole_iban": terms.iban,
        "holder": terms.holder_name,
    }
    return Asked(Purpose.PAYOUT, facts, terms.hash)


def to_claim_out(
    deps: Deps, visitor: Visitor, reference: str, *, iban_text: str, holder_text: str
) -> Asked:
    """Take what waits by an order into the wallet, and return its payout, to be authenticated.

    What can be known before is checked before: an account that is misread leaves the money where it
    waits. Whoever then gives no two factors has it in the wallet. Raises `Refusal`.
    """
    iban, holder = payouts.read_account(deps, visitor, iban_text=iban_text, holder_text=holder_text)
    waiting = claim.waiting_cents(deps, reference, visitor.account)
    claim.claim(deps, reference, visitor.account)
    terms = payouts.terms_of(deps, visitor, iban, holder, amount_cents=waiting)
    asked = to_pay_out(terms)
    return replace(asked, facts={**asked.facts, "reference": reference.upper()})


_OF_AN_ORDER: Final = (Purpose.PAY, Purpose.MANDATE, Purpose.PAYOUT)
_HOMES: Final = {
    Purpose.PAYOUT: "/wallet/payout",
    Purpose.DATA: "/wallet/data",
    Purpose.CLOSE: "/wallet/close",
    Purpose.DM: "/wallet?open=dm#dm",
    Purpose.PHONE: "/wallet?open=safety#safety",
    Purpose.CODE: "/wallet?open=safety#safety",
    Purpose.PASSKEY: "/wallet?open=safety#safety",
}
"""Where it is wished for, with the part of the wallet's page that shows it."""


def home_of(asked: ChallengePage) -> str:
    """Return the path of ours where a wish came from, and where it is dropped."""
    if asked.purpose in _OF_AN_ORDER and "reference" in asked.facts:
        return f"/t/{asked.facts['reference']}"
    return _HOMES.get(asked.purpose, "/wallet")


_PAID: Final = frozenset({"amount_cents", "people", "reference", "numbers", "shown_hash"})
_FACTS: Final = {
    Purpose.PAY: _PAID,
    Purpose.MANDATE: _PAID | {"keep", "most_cents", "ends_at"},
    Purpose.PAYOUT: frozenset({"amount_cents", "iban", "whole_iban", "holder"}),
    Purpose.PHONE: frozenset({"phone", "digits"}),
    Purpose.CODE: frozenset({"code_hash"}),
}
"""What is read of the facts of each purpose."""


def is_void(asked: ChallengePage) -> bool:
    """Whether its facts cannot be read: they were written under other names, before a deployment.

    Nothing is shown, and nothing done, of what cannot be read whole.
    """
    return not _FACTS.get(asked.purpose, frozenset()) <= asked.facts.keys()


def to_open() -> Asked:
    """Return the wish to look into the wallet."""
    return Asked(Purpose.OPEN, {})


def to_see_data() -> Asked:
    """Return the wish to have all that is kept about oneself."""
    return Asked(Purpose.DATA, {})


def to_close() -> Asked:
    """Return the wish to close one's account."""
    return closing.asked()


def to_confirm_by_dm() -> Asked:
    """Return the wish to confirm by direct message."""
    return Asked(Purpose.DM, {})


def to_make_passkey() -> Asked:
    """Return the wish for one more passkey."""
    return Asked(Purpose.PASSKEY, {})


def to_remove_passkey(passkey_id: int) -> Asked:
    """Return the wish for one passkey less."""
    return Asked(Purpose.PASSKEY, {"remove": passkey_id})


def to_change_code(deps: Deps, visitor: Visitor, code_text: str, again_text: str) -> Asked:
    """Return the wish for another wallet code, of which only its hash is kept. Raises `Refusal`."""
    code = declared.read_code(code_text)
    with deps.store.read() as session:
        person = people.person_of(session, visitor.account)
    if person is None:
        raise Refusal(Reply.of("refusal.no_wallet"))
    declared.check_code(code, born=person.born_on, phone=person.phone)
    if code != declared.read_code(again_text):
        raise Refusal(Reply.of("refusal.codes_differ"))
    return Asked(Purpose.CODE, {"code_hash": wallet_code.hashed(deps, code)})


def to_change_phone(deps: Deps, phone_text: str) -> Asked:
    """Return the wish for another phone number. Raises `Refusal`."""
    phone = first_time.read_phone(phone_text, deps.policy.sms_prefixes)
    if phone is None:
        raise Refusal(Reply.of("refusal.phone_not_read"))
    return Asked(Purpose.PHONE, {"phone": phone, "digits": phone[-2:]})


def do(
    deps: Deps,
    visitor: Visitor,
    asked: ChallengePage,
    proof: Authenticated,
    *,
    lang: Lang,
    address: str | None,
) -> str:
    """Do what was authenticated; return the path of ours where it shows, or the card's page.

    Raises `Refusal` and `Unavailable`.
    """
    facts, path = asked.facts, home_of(asked)
    match asked.purpose:
        case Purpose.PAY | Purpose.MANDATE:
            will = replace(_will(visitor, facts), lang=lang, address=address, proof=proof)
            outcome = confirm.confirm(deps, will)
            path = outcome.url if isinstance(outcome, GoToCard) else path
        case Purpose.PAYOUT:
            terms = PayoutTerms(facts["amount_cents"], facts["whole_iban"], facts["holder"])
            payouts.request(deps, visitor, terms, proof)
            path = "/wallet/payout"
        case Purpose.CLOSE:
            closing.close(deps, visitor, proof, page=lang)
            path = "/closed"
        case Purpose.OPEN | Purpose.DATA:
            pass  # it is open, or may be read: that is what the authentication is
        case Purpose.DM:
            wallet.switch_dm(deps, visitor, on=True)
        case Purpose.CODE:
            _change_code(deps, visitor, facts["code_hash"], lang)
        case Purpose.PASSKEY if "remove" in facts:
            passkeys.remove(deps, visitor, facts["remove"], page=lang)
        case Purpose.PASSKEY:
            path = "/wallet/passkey"
        case Purpose.PHONE:
            new_phone.send_code(deps, visitor, facts["phone"], lang=lang, address=address)
            path = "/wallet/new-phone/code"
    return path


def _will(visitor: Visitor, facts: Facts) -> Will:
    """Return what a payer wanted when they were asked for two factors."""
    return Will(
        reference=facts["reference"],
        x_user_id=visitor.account,
        terms_hash=facts["shown_hash"],
        numbers=tuple(facts["numbers"]),
        total_cents=facts["amount_cents"],
        # Not among the facts of what was begun before the bot knew more than these two.
        funding=facts.get("funding", "card" if "keep" in facts else "wallet"),
        method="page",
        keep=facts.get("keep"),
    )


def _change_code(deps: Deps, visitor: Visitor, code_hash: str, lang: Lang) -> None:
    """Take another wallet code, and tell the old channels.

    The wallet stays open in this browser alone, where two factors were just given.
    """
    at = deps.clock.now()
    with deps.store.write() as session:
        person = people.lock_person_of(session, visitor.account)
        assert person is not None, "who was authenticated has a wallet"
        changes.tell(session, person, Reply.of("changed.code"), key="code", at=at, page=lang)
        people.change_person(session, person.id, code_hash=code_hash)
        browsers.shut_elsewhere(session, person.id, visitor.browser)
    deps.bells.outbox.set()
