"""The end of an account: at zero, with nothing held, in one commit; phone and X begin anew."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import func, select

from bot.domain.errors import Refusal
from bot.domain.replies import Reply
from bot.domain.sca import Authenticated, Basis, Purpose
from bot.services import claim, closing, disputes, first_time, persons, prune, settle, texts
from bot.services.history import history
from bot.services.prune import IDENTITY_KEPT_YEARS
from bot.store import cases, people
from bot.store.engine import Store
from bot.store.tables import OpenedBrowser, Passkey, WebSession, core
from tests.fakes.bank import FakeBankFiles
from tests.services.at_once import all_at_once
from tests.services.paying_out import ask, export, rich
from tests.services.proving import open_wallet, person
from tests.world import World

PROOF = Authenticated("closing", closing.asked().hash, Basis.PASSKEY)


def close(world: World, handle: str) -> None:
    """Let somebody close their account, authenticated."""
    closing.close(world.deps, world.visitor(handle), PROOF)


def ways(world: World, handle: str) -> list[str]:
    """Return what stands in the way, as the page says it."""
    return [one.key for one in closing.page(world.deps, world.visitor(handle)).ways]


def refused(world: World, handle: str) -> str:
    """Close an account that is not to be closed; return why not."""
    with pytest.raises(Refusal) as caught:
        close(world, handle)
    return caught.value.reply.key


def by_card(world: World, payer: str, payee: str) -> str:
    """Let somebody pay 10 € by card; return the reference."""
    reference = world.order(payer, payee)
    world.confirm(payer, reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, "4242424242424242")
    settle.drive(world.deps, world.topup(reference).id)
    return reference


def rows_of(world: World, model: type[OpenedBrowser | Passkey | WebSession]) -> int:
    """Count the rows of a table."""
    with world.store.read() as session:
        return int(session.execute(select(func.count()).select_from(core(model))).scalar_one())


def signed_in_with_passkey(world: World, handle: str, person_id: int) -> None:
    """Give somebody a session and a passkey."""
    with world.store.write() as session:
        at = world.clock.now()
        session.execute(
            core(Passkey)
            .insert()
            .values(
                person_id=person_id,
                x_user_id=world.x_id(handle),
                credential_id="c",
                public_key="k",
                sign_count=0,
                created_at=at,
            )
        )
        session.execute(
            core(WebSession)
            .insert()
            .values(
                token_hash="t",
                x_user_id=world.x_id(handle),
                csrf="x",
                created_at=at,
                seen_at=at,
            )
        )


def test_a_closed_account_leaves_its_books_and_nothing_that_opens_it(world: World) -> None:
    """Cards, passkeys, browsers, code, blocks and X accounts go; the phone is told once."""
    bob = world.join("bob", cents=1000)
    world.join("alice")
    world.link("bob2", to="bob")
    world.save_card(bob, "pm_card_fr", limit_cents=3000)
    signed_in_with_passkey(world, "bob", bob)
    world.confirm("bob", world.order("bob", "alice"))
    waits, phone = world.order("bob", "carol", "3€"), world.phone("bob")
    asked = world.order("bob", "alice", "4€", kind="request")
    owed = world.order("alice", "bob", "5€", kind="request")
    draft = world.order("bob", "alice", "10")
    with world.store.write() as session:
        people.block(session, world.x_id("bob2"), world.x_id("alice"), at=world.clock.now())
    assert ways(world, "bob") == []
    close(world, "bob")
    for reference, status in ((waits, "cancelled"), (asked, "cancelled"), (owed, "declined")):
        assert world.statuses(reference) == [status], reference
    assert world.statuses(draft) == []
    assert [owner for owner, _card in world.cards.kept.values()] == [None]
    assert (rows_of(world, Passkey), rows_of(world, WebSession)) == (0, 0)
    assert rows_of(world, OpenedBrowser) == 1, "alice's"
    assert [world.visitor(one).person_id for one in ("bob", "bob2")] == [None, None]
    with world.store.write() as session:
        row = people.lock_persons(session, [bob])[bob]
        assert people.blocked_by(session, [world.x_id("bob2")]) == {}
    assert (row.code_hash, row.phone, row.closed_at) == (None, phone, world.clock.now())
    texts.send_notices(world.deps)
    assert "your account is closed" in world.sms.texts_to(phone)[-1]
    (shown,) = [one for one in persons.list_persons(world.deps) if one["person"] == bob]
    assert shown["closed_at"] is not None
    assert {one["handle"] for one in shown["accounts"]} == {"bob", "bob2"}
    assert refused(world, "bob") == "refusal.no_wallet"


def test_phone_and_x_account_begin_anew_as_somebody_else(world: World) -> None:
    """With none of the history, whose rows keep their person; what came meanwhile is claimed."""
    bob = world.join("bob", cents=1000)
    world.join("alice", cents=5000)
    paid = world.order("bob", "alice")
    world.confirm("bob", paid)
    phone = world.phone("bob")
    close(world, "bob")
    waits = world.order("alice", "bob", "7€")
    world.confirm("alice", waits)
    assert (world.statuses(waits), world.reasons(waits)[-1]) == (["held"], "payee_has_no_wallet")
    assert first_time.next_step(world.deps, world.visitor("bob")) == "phone"
    open_wallet(world, "bob", phone)
    again = person(world, "bob")
    assert (again.id != bob, again.phone) == (True, phone)
    assert history(world.deps, world.visitor("bob")).lines == ()
    assert world.transfers(paid)[0].payer_person_id == bob
    claim.claim(world.deps, waits, world.x_id("bob"))
    assert world.balance("bob") == 700
    assert [one.amount_cents for one in history(world.deps, world.visitor("bob")).lines] == [700]


def test_what_stands_in_the_way_is_said_and_nothing_changes(world: World) -> None:
    """Money in the wallet, held or on its way, a lock, a dispute, a case: each by its name."""
    world.join("payee", cents=100)
    bank = FakeBankFiles()

    def locked(who: str) -> None:
        world.join(who)
        world.lock(who)

    def disputed(who: str) -> str:
        world.join(who)
        made = world.cards.dispute(world.topup(by_card(world, who, "payee")).payment_id)
        disputes.read(world.deps, made)
        return made

    def lost(who: str) -> None:
        made = disputed(who)
        world.cards.decide(made, "lost")
        disputes.read(world.deps, made)
        world.unlock(who)

    def paying(who: str) -> None:
        world.join(who, cents=1000)
        world.confirm_only(who, world.order(who, "payee"))

    def at_the_card(who: str) -> None:
        world.join(who)
        world.confirm(who, world.order(who, "payee"), funding="card")

    def held(who: str) -> None:
        world.join(who, cents=1000)
        world.confirm(who, world.order(who, "nobody"))

    def asked_for(who: str) -> None:
        rich(world, who, 1000)
        ask(world, who, 1000, key=f"passkey-{who}")

    def at_the_bank(who: str) -> None:
        asked_for(who)
        export(world, bank)

    def looked_at(who: str) -> None:
        person_id = world.join(who)
        at = world.clock.now()
        with world.store.write() as session:
            cases.open_case(
                session, kind="x", key=who, person_id=person_id, detail="", opened_at=at, due_at=at
            )

    table: list[tuple[Callable[[str], object], list[str]]] = [
        (locked, ["locked"]),
        (disputed, ["locked", "dispute", "case"]),
        (lost, ["debt", "case"]),
        (paying, ["payment", "balance"]),
        (at_the_card, ["card"]),
        (held, ["held"]),
        (partial(world.join, cents=1000), ["balance"]),
        (asked_for, ["payout"]),
        (at_the_bank, ["payout"]),
        (looked_at, ["case"]),
    ]
    for number, (story, said) in enumerate(table):
        who = f"who{number}"
        story(who)
        expected = [f"refusal.close_{one}" for one in said]
        assert ways(world, who) == expected, said
        assert refused(world, who) == expected[0], said
        assert world.visitor(who).person_id is not None, said


def test_all_that_is_held_comes_back_and_all_that_waits_is_stopped(world: World) -> None:
    """Twice changes nothing; what another person holds or ordered stays as it was."""
    world.join("bob", cents=3000)
    world.join("alice", cents=2000)
    held = [world.order("bob", f"new{number}", "10€") for number in range(2)]
    theirs = world.order("alice", "carol", "5€")
    for who, reference in (("bob", held[0]), ("bob", held[1]), ("alice", theirs)):
        world.confirm(who, reference)
    waits = world.order("bob", "alice", "2€")
    page = closing.page(world.deps, world.visitor("bob"))
    assert (page.balance_cents, page.held_cents) == (1000, 2000)
    assert page.open_orders == (Reply.of("page.close.open.payment", count=1),), (
        "what is held is not"
    )
    for _ in range(2):
        closing.clear(world.deps, world.visitor("bob"))
        assert [world.statuses(one)[0] for one in held] == ["returned", "returned"]
        assert (world.statuses(waits), world.statuses(theirs)) == (["cancelled"], ["held"])
        assert (world.balance("bob"), world.balance("alice")) == (3000, 1500)
    assert ways(world, "bob") == ["refusal.close_balance"]


def test_a_card_payment_is_stopped_by_its_wish(world: World) -> None:
    """The acquirer's page is closed by the driver; then nothing stands in the way."""
    world.join("bob")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card")
    closing.clear(world.deps, world.visitor("bob"))
    world.react()
    assert world.statuses(reference) == ["cancelled"]
    assert ways(world, "bob") == []


def test_an_authentication_for_something_else_closes_nothing(world: World) -> None:
    """The codes were for another sentence (RTS 2018/389 art. 5)."""
    world.join("bob")
    other = Authenticated("k", "another hash", Basis.CODE)
    with pytest.raises(Refusal, match=r"refusal\.changed"):
        closing.close(world.deps, world.visitor("bob"), other)
    assert world.visitor("bob").person_id is not None
    assert closing.asked().purpose is Purpose.CLOSE


@pytest.mark.parametrize("how", ["paid", "claimed"])
def test_money_that_comes_as_an_account_closes_is_in_one_place(store: Store, how: str) -> None:
    """In the wallet, which stays open, or held for a new one: never in a closed wallet."""
    world = World(store)
    world.join("alice", cents=50_000)
    for number in range(6):
        who = f"who{number}"
        if how == "paid":
            world.join(who)
            reference = world.order("alice", who, "2€")
            terms = world.terms("alice", reference)
            deed: Callable[[], object] = partial(
                world.confirm, "alice", reference, terms_hash=terms
            )
        else:
            reference = world.order("alice", who, "2€")
            world.confirm("alice", reference)
            world.join(who)
            deed = partial(claim.claim, world.deps, reference, world.x_id(who))
        visitor = world.visitor(who)
        all_at_once([deed, partial(closing.close, world.deps, visitor, PROOF)])
        settle.settle_waiting(world.deps)
        is_closed = world.visitor(who).person_id is None
        assert world.statuses(reference) == ["held" if is_closed else "posted"], number
        if not is_closed:
            assert world.balance(who) == 200


def test_who_it_was_is_forgotten_when_the_law_no_longer_wants_it(world: World) -> None:
    """Five years after the end, to the day; the row and the books stay."""
    open_wallet(world, "bob")
    bob = person(world, "bob").id
    close(world, "bob")
    ended = world.clock.now()
    world.clock.set(ended.replace(year=ended.year + IDENTITY_KEPT_YEARS))
    prune.prune(world.deps)
    with world.store.write() as session:
        assert people.lock_persons(session, [bob])[bob].last_name == "Petit"
    world.pass_time(seconds=1)
    prune.prune(world.deps)
    (shown,) = persons.list_persons(world.deps)
    assert (shown["last_name"], shown["born_on"], shown["accounts"]) == (None, None, [])
    assert shown["person"] == bob
