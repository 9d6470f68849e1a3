"""What a person may do who entered without X, and what becomes of an X account that was lost."""

from collections.abc import Callable
from functools import partial

import pytest

from bot.domain.errors import Refusal
from bot.domain.sca import Purpose
from bot.services import (
    blocks,
    cases,
    closing,
    first_time,
    guarded,
    history,
    lost,
    passkeys,
    pay_page,
    payouts,
    persons,
    sessions,
    statement,
    strong,
    wallet,
    without_x,
    wrong,
)
from bot.services.own_limits import own_limits
from bot.services.sessions import Visitor
from bot.services.strong import Asked
from bot.services.views import order_page
from tests.builders import CODE
from tests.fakes.bank import FakeBankFiles, camt
from tests.services.entering import BROWSER, code_in, enter, person, texts_to, type_in
from tests.services.paying_out import IBAN, export, read, rich, terms
from tests.world import World

Deed = Callable[[], object]


def may(deed: Deed) -> str | None:
    """Do something; return why it was refused, None where it was done."""
    try:
        deed()
    except Refusal as refusal:
        return refusal.reply.key
    return None


def pay_out(world: World, visitor: Visitor, cents: int) -> str:
    """Let whoever entered pay out, by both codes; return where it shows."""
    return do(world, visitor, guarded.to_pay_out(terms(cents)))


def do(world: World, visitor: Visitor, asked: Asked) -> str:
    """Let whoever entered do something by both codes; return where it shows."""
    challenge = strong.begin(world.deps, visitor, asked, lang="fr")
    page = strong.page(world.deps, visitor, challenge)
    assert page is not None
    text_code = code_in(world.sms.sent[-1].text)
    proof = strong.prove(
        world.deps, visitor, challenge, wallet_code_text=CODE, text_code_text=text_code
    )
    return guarded.do(world.deps, visitor, page, proof, lang="fr", address=None)


def test_what_the_session_may_do_and_what_takes_x(world: World) -> None:
    """It sees and protects, and changes nothing that proves who its owner is."""
    rich(world)
    for handle in ("alice", "carol"):
        world.join(handle, cents=1_000)
    pending = world.order("bob", "alice", "5€")
    held = world.order("bob", "dave", "6€")
    world.confirm("bob", held)
    got = world.order("carol", "bob", "7€")
    world.confirm("carol", got)
    visitor, deps = enter(world, "bob"), world.deps
    assert visitor.person_id is not None
    on = partial(strong.begin, deps, visitor, lang="fr")
    touch = partial(strong.begin_by_touch, deps, visitor)
    order = partial(
        pay_page.order,
        deps,
        visitor,
        payee_x_user_id=world.x_id("alice"),
        handle="alice",
        amount_cents=100,
        note_text="",
        form="form",
        lang="fr",
    )
    seen: list[tuple[str, Deed]] = [
        ("the wallet", lambda: wallet.wallet_page(deps, visitor)),
        ("the history", lambda: history.history(deps, visitor)),
        ("a statement", lambda: statement.statement(deps, visitor, "2026-11")),
        ("the limits", lambda: own_limits(deps, visitor)),
        ("the payouts", lambda: payouts.payout_page(deps, visitor)),
        ("its language", lambda: wallet.choose_lang(deps, visitor, "en")),
        ("no more by DM", lambda: wallet.switch_dm(deps, visitor, on=False)),
        ("a payout", lambda: on(guarded.to_pay_out(terms(100)))),
        ("a payout by touch", lambda: touch(guarded.to_pay_out(terms(100)))),
    ]
    refused: list[tuple[str, Deed]] = [
        ("an order", order),
        ("a look-up", lambda: pay_page.payee_of(deps, "alice", visitor)),
        ("an order's page", lambda: order_page(deps, pending, visitor)),
        (
            "a claim to the bank",
            lambda: guarded.to_claim_out(deps, visitor, got, iban_text=IBAN, holder_text="Bob"),
        ),
        (
            "another phone",
            lambda: first_time.send_phone_code(
                deps, visitor, "+33612345678", consent=True, lang="fr"
            ),
        ),
        ("joining a wallet", lambda: first_time.link(deps, visitor, CODE)),
        ("a new wallet code", lambda: guarded.to_change_code(deps, visitor, "270936", "270936")),
        ("a passkey", lambda: passkeys.add(deps, visitor, "{}")),
    ]
    for purpose in set(Purpose) - strong.WITHOUT_X:
        refused.append((f"to ask for {purpose}", lambda p=purpose: on(Asked(p, {}))))  # type: ignore[misc]  # mypy infers no default
        refused.append((f"to touch for {purpose}", lambda p=purpose: touch(Asked(p, {}))))  # type: ignore[misc]  # the same
    assert {name: may(deed) for name, deed in seen} == {name: None for name, _ in seen}
    assert {name: may(deed) for name, deed in refused} == {
        name: "refusal.needs_x" for name, _ in refused
    }
    assert world.statuses(pending) == ["pending"]


def test_it_shows_what_waits_by_any_account_and_what_happened(world: World) -> None:
    """Who sent or asked can be blocked from there, and a payment disowned."""
    world.join("bob", cents=5_000)
    world.join("alice", cents=1_000)
    world.link("bob_pro", to="bob")
    held = world.order("bob", "dave", "6€")
    world.confirm("bob", held)
    asked = world.order("alice", "bob_pro", "7€", kind="request")
    got = world.order("alice", "bob", "3€")
    world.confirm("alice", got)
    strangers = world.order("alice", "dave", "1€")
    visitor = enter(world, "bob")
    page = wallet.wallet_page(world.deps, visitor)
    assert {one.reference: one.what for one in page.waits} == {held: "held", asked: "to_pay"}
    assert [one.reference for one in page.history] == [got]
    assert set(page.handles) == {"bob", "bob_pro"}
    assert without_x.order_of(world.deps, visitor, strangers) is None
    views = {one: without_x.order_of(world.deps, visitor, one) for one in (held, asked, got)}
    assert {
        one: (view.may_disown, view.asker_handle, view.payer_handle, view.lines[0].amount_cents)
        for one, view in views.items()
        if view is not None
    } == {
        held: (True, None, None, -600),
        asked: (True, "alice", None, -700),
        got: (False, None, "alice", 300),
    }
    blocks.refuse_and_block(world.deps, got, without_x.account_in(world.deps, visitor, got))
    assert wallet.wallet_page(world.deps, visitor).blocked[0].handle == "alice"
    wrong.disown(world.deps, held, without_x.account_in(world.deps, visitor, held))
    assert world.statuses(held) == ["returned"]
    assert person(world, "bob").locked_at is not None
    with pytest.raises(Refusal, match="unknown_reference"):
        without_x.account_in(world.deps, visitor, strangers)


def test_a_wallet_that_its_owner_locks_pays_nothing_and_is_looked_at(world: World) -> None:
    """Once, however often they say so; who signed in with X locks by a payment alone."""
    rich(world)
    visitor = enter(world, "bob")
    for _ in range(2):
        without_x.lock(world.deps, visitor)
    (case,) = cases.list_cases(world.deps)
    assert case["kind"] == without_x.LOCKED
    said = texts_to(world, world.phone("bob"))
    assert sum("est verrouillé" in one for one in said) == 1
    assert may(lambda: pay_out(world, visitor, 100)) == "refusal.locked_by_you"
    world.unlock("bob")
    assert may(lambda: without_x.lock(world.deps, world.visitor("bob"))) == "refusal.needs_phone"


def test_a_payout_takes_both_factors_and_is_told_to_the_phone(world: World) -> None:
    """As ever; it opens nothing to X, and no account is there to be told."""
    rich(world)
    visitor = enter(world, "bob")
    challenge = strong.begin(world.deps, visitor, guarded.to_pay_out(terms(100)), lang="fr")
    with pytest.raises(Refusal, match="sca_wrong"):
        strong.prove(world.deps, visitor, challenge, wallet_code_text="1", text_code_text="1")
    assert strong.page(world.deps, world.visitor("bob"), challenge) is None, "it is this session's"
    assert pay_out(world, visitor, 2_500) == "/wallet/payout"
    assert world.balance("bob") == 7_500
    assert not strong.may_look(world.deps, world.visitor("bob"))
    (line,) = payouts.payout_page(world.deps, visitor).lines
    assert line.may_be_cancelled
    payouts.cancel(world.deps, visitor, line.payout_id)
    assert world.balance("bob") == 10_000
    pay_out(world, visitor, 3_000)
    bank = FakeBankFiles()
    export(world, bank)
    read(world, bank, camt(bank.transfers()))
    assert "30\u00a0€" in texts_to(world, world.phone("bob"))[-1]


def test_the_account_is_closed_without_x_once_all_money_is_out(world: World) -> None:
    """What is held for others comes back first; then all of it goes to the bank."""
    rich(world)
    held = world.order("bob", "dave", "8€")
    world.confirm("bob", held)
    visitor = enter(world, "bob")
    ways = [one.key for one in closing.page(world.deps, visitor).ways]
    assert ways == ["refusal.close_held", "refusal.close_balance"]
    closing.clear(world.deps, visitor)
    assert world.statuses(held) == ["returned"]
    assert may(lambda: do(world, visitor, closing.asked())) == "refusal.close_balance"
    pay_out(world, visitor, 10_000)
    bank = FakeBankFiles()
    export(world, bank)
    read(world, bank, camt(bank.transfers()))
    assert do(world, visitor, closing.asked()) == "/closed"
    assert persons.show_person(world.deps, "bob")["closed_at"] is not None


def test_a_change_ends_what_was_entered_by_what_it_changes(world: World) -> None:
    """A thief with phone and code is out once the owner has another code."""
    world.join("bob")
    phone = world.phone("bob")
    type_in(world, phone)
    token = lost.check(world.deps, BROWSER, code_in(world.sms.texts_to(phone)[-1])).token
    assert sessions.visitor(world.deps, token) is not None
    type_in(world, phone, browser="another")
    persons.forget_code(world.deps, "bob")
    assert sessions.visitor(world.deps, token) is None
    with pytest.raises(Refusal):
        lost.check(world.deps, "another", code_in(world.sms.texts_to(phone)[-1]))
