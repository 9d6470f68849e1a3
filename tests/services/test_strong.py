"""Strong authentication: two factors, bound to amount and payee, once, within minutes."""

from dataclasses import replace

import pytest
from sqlalchemy import Row, text

from bot.domain.errors import Refusal
from bot.domain.sca import CHALLENGE_LASTS, FAILURES_AT_MOST, Authenticated, Basis
from bot.services import guarded, new_phone, payouts, settle, strong, texts
from bot.services.confirm import GoToCard, Will
from bot.services.strong import Asked
from bot.store import confirmations, people
from tests.builders import CODE, browser_of
from tests.services.paying_out import rich, terms
from tests.world import World, reference_in

NO_3DS = "4242424242424242"


def will(world: World, reference: str) -> Will:
    """What bob sees on an order's page, from his wallet."""
    return Will(
        reference=reference,
        x_user_id=world.x_id("bob"),
        terms_hash=world.terms("bob", reference),
        funding="wallet",
        method="page",
    )


def begin(world: World, asked: Asked) -> str:
    """Let bob ask for something that takes two factors."""
    return strong.begin(world.deps, world.visitor("bob"), asked, lang="fr")


def prove(
    world: World, challenge: str, *, code: str = CODE, text_code: str | None = None
) -> Authenticated:
    """Let bob type both codes."""
    return strong.prove(
        world.deps,
        world.visitor("bob"),
        challenge,
        wallet_code_text=code,
        text_code_text=world.newest_code("bob") if text_code is None else text_code,
        opens=browser_of("bob"),
    )


def finish(world: World, challenge: str) -> str:
    """Let bob type both codes, and what he asked for be done; return where it shows."""
    page = strong.page(world.deps, world.visitor("bob"), challenge)
    assert page is not None
    proof = prove(world, challenge)
    return guarded.do(world.deps, world.visitor("bob"), page, proof, lang="fr", address=None)


def bob(world: World) -> Row[tuple[object]]:
    """Return bob's row."""
    with world.store.read() as session:
        found = people.person_of(session, world.x_id("bob"))
    assert found is not None
    return found


def test_above_the_exemption_the_wallet_pays_after_two_factors(world: World) -> None:
    """The text names amount and payee; the basis is recorded, and art. 16 counts anew."""
    world.join("bob", cents=20_000)
    world.join("alice")
    world.confirm("bob", world.order("bob", "alice", "30€"))
    assert bob(world).since_sca_cents == 3_000
    reference = world.order("bob", "alice", "45€")
    with pytest.raises(Refusal, match="needs_sca"):
        world.confirm("bob", reference)
    challenge = begin(world, guarded.to_pay(world.deps, will(world, reference)))
    said = world.sms.texts_to(world.phone("bob"))[-1]
    assert "45\u00a0€ à @alice" in said
    assert finish(world, challenge) == f"/t/{reference}"
    assert world.statuses(reference) == ["posted"]
    assert (bob(world).since_sca_cents, bob(world).sca_at) == (0, world.clock.now())
    with world.store.read() as session:
        bases = session.execute(text("SELECT sca_basis FROM confirmation ORDER BY id")).scalars()
        assert list(bases) == ["low_value", "code"]


def test_what_was_authenticated_is_all_that_is_confirmed(world: World) -> None:
    """An edit of the amount, or another order, voids it: nothing is paid (art. 5)."""
    world.join("bob", cents=20_000)
    post_id = world.take_post("bob", "@smoney pay @alice 45€")
    world.react()
    reference = reference_in(world.answer_to(post_id))
    asked = guarded.to_pay(world.deps, will(world, reference))
    challenge = begin(world, asked)
    world.edit(post_id, "@smoney pay @alice 145€")
    with pytest.raises(Refusal, match=r"refusal\.edited"):
        finish(world, challenge)
    proof = Authenticated("challenge-x", asked.hash, Basis.CODE)
    with pytest.raises(Refusal, match=r"refusal\.changed"):
        world.confirm("bob", reference, proof=proof)
    assert world.balance("bob") == 20_000


def _basis(world: World, reference: str) -> str | None:
    """Return the basis of the law that is recorded with an order's newest top-up."""
    confirmation_id = world.topup(reference).confirmation_id
    with world.store.read() as session:
        return confirmations.bases(session, [confirmation_id])[confirmation_id]


def test_where_the_switch_is_off_a_card_funds_what_two_factors_confirmed(world: World) -> None:
    """Their text names amount and payee, the card's page comes next, and 3-D Secure is not needed.

    Art. 16 counts anew from the factors: what was paid while the card's page was open counts.
    """
    world.join("bob", cents=2_500)
    world.join("alice")
    world.confirm("bob", world.order("bob", "alice", "20€"))
    reference = world.order("bob", "alice", "245€")
    wanted = replace(will(world, reference), funding="card")
    challenge = begin(world, guarded.to_pay(world.deps, wanted))
    assert "245\u00a0€ à @alice" in world.sms.texts_to(world.phone("bob"))[-1]
    card_page = finish(world, challenge)
    assert (card_page, world.statuses(reference)) == (world.topup(reference).url, ["funding"])
    world.confirm("bob", world.order("bob", "alice", "5€"))
    proven_at = bob(world).sca_at
    world.pass_time(minutes=1)
    world.cards.submit(world.topup(reference).session_id, NO_3DS)
    settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=False)
    assert (world.statuses(reference), world.balance("alice")) == (["posted"], 27_000)
    assert _basis(world, reference) == "code"
    person = bob(world)
    assert (person.since_sca_cents, person.sca_at) == (500, proven_at)


def test_factors_for_other_terms_open_no_card_page(world: World) -> None:
    """Art. 5; those for a card that is kept serve its payment, and no saved card goes by any."""
    person_id = world.join("bob")
    world.join("alice")
    reference, other = world.order("bob", "alice", "45€"), world.order("bob", "alice", "46€")
    card_id = world.save_card(person_id, "pm_card_fr", limit_cents=10_000)
    theirs, ours = (
        Authenticated("a-key", world.terms("bob", one), Basis.CODE) for one in (other, reference)
    )
    for proof, saved, why in (
        (theirs, None, "refusal.changed"),
        (ours, card_id, "refusal.needs_sca"),
    ):
        with pytest.raises(Refusal) as refused:
            world.confirm("bob", reference, funding="card", proof=proof, saved_card_id=saved)
        assert refused.value.reply.key == why
    assert world.statuses(reference) == ["pending"]
    assert isinstance(world.confirm("bob", reference, funding="card", keep=True), GoToCard)
    world.cards.submit(world.topup(reference).session_id, NO_3DS)
    settle.came_back(world.deps, reference, world.x_id("bob"), abandoned=False)
    assert (world.statuses(reference), _basis(world, reference)) == (["posted"], "passkey")


def test_a_challenge_is_met_once_by_its_owner_within_minutes(world: World) -> None:
    """Neither twice, nor by another person, nor late, nor by an older text."""
    for handle in ("bob", "alice"):
        world.join(handle)
    challenge = begin(world, guarded.to_open())
    old = world.newest_code("bob")
    assert strong.page(world.deps, world.visitor("alice"), challenge) is None
    with pytest.raises(Refusal, match="proof_over"):
        strong.prove(
            world.deps,
            world.visitor("alice"),
            challenge,
            wallet_code_text=CODE,
            text_code_text=old,
        )
    assert prove(world, challenge).basis is Basis.CODE
    with pytest.raises(Refusal, match="proof_over"):
        prove(world, challenge)
    newer = begin(world, guarded.to_open())
    with pytest.raises(Refusal, match="sca_wrong"):
        prove(world, newer, text_code=old)
    world.pass_time(seconds=CHALLENGE_LASTS.total_seconds())
    with pytest.raises(Refusal, match="proof_over"):
        prove(world, newer)


@pytest.mark.in_turn
@pytest.mark.parametrize("wrong", ["code", "text_code", "both"])
def test_nobody_learns_which_factor_was_wrong_and_the_fifth_locks(world: World, wrong: str) -> None:
    """The same sentences whichever it was; the right ones do not help for an hour then."""
    world.join("bob")
    challenge = begin(world, guarded.to_open())
    code = CODE if wrong == "text_code" else "111111"
    text_code = None if wrong == "code" else "999999"
    said = []
    for _ in range(FAILURES_AT_MOST + 1):
        with pytest.raises(Refusal) as caught:
            prove(world, challenge, code=code, text_code=text_code)
        said.append((caught.value.reply.key, caught.value.reply.values.get("left")))
    assert said == [
        *(("refusal.sca_wrong", left) for left in (4, 3, 2, 1)),
        ("refusal.sca_locked", None),
        ("refusal.sca_locked", None),
    ]
    with pytest.raises(Refusal, match="sca_locked"):
        begin(world, guarded.to_open())
    world.pass_time(hours=1)
    finish(world, begin(world, guarded.to_open()))
    assert bob(world).sca_locks == 0


def test_a_payout_is_asked_for_with_two_factors(world: World) -> None:
    """Bound to amount and account, which the text names."""
    rich(world)
    challenge = begin(world, guarded.to_pay_out(terms(2_500)))
    assert "25\u00a0€ sur le compte FR14 … 2606" in world.sms.texts_to(world.phone("bob"))[-1]
    finish(world, challenge)
    assert world.balance("bob") == 7_500


def test_a_changed_code_counts_at_once_and_payouts_wait_for_a_day(world: World) -> None:
    """The phone that was there is told, in the language of the page that it was changed on."""
    rich(world)
    world.dm("bob", "help")
    visitor = world.visitor("bob")
    finish(world, begin(world, guarded.to_change_code(world.deps, visitor, "270936", "270936")))
    texts.send_notices(world.deps)
    assert "code de votre portefeuille a changé" in world.sms.texts_to(world.phone("bob"))[-1]
    challenge = begin(world, guarded.to_pay_out(terms(2_500)))
    with pytest.raises(Refusal, match="sca_wrong"):
        prove(world, challenge)
    proof = prove(world, challenge, code="270936")
    with pytest.raises(Refusal, match="payouts_wait"):
        payouts.request(world.deps, visitor, terms(2_500), proof)
    world.pass_time(hours=24)
    assert payouts.request(world.deps, visitor, terms(2_500), proof)


def test_a_new_phone_proves_itself_after_the_old_one(world: World) -> None:
    """The old one is told; one that is somebody's is refused to who proved it."""
    for handle in ("bob", "alice"):
        world.join(handle)
    old, alices = world.phone("bob"), world.phone("alice")
    visitor = world.visitor("bob")

    def typed(phone: str) -> str:
        return world.sms.texts_to(phone)[-1].split("code est ")[1][:6]

    finish(world, begin(world, guarded.to_change_phone(world.deps, alices)))
    with pytest.raises(Refusal, match="phone_taken"):
        new_phone.check_code(world.deps, visitor, typed(alices))
    finish(world, begin(world, guarded.to_change_phone(world.deps, "07 51 23 45 67")))
    with pytest.raises(Refusal, match="code_wrong"):
        new_phone.check_code(world.deps, visitor, "999999")
    assert world.phone("bob") == old
    new_phone.check_code(world.deps, visitor, typed("+33751234567"))
    assert world.phone("bob") == "+33751234567"
    texts.send_notices(world.deps)
    assert "se termine par 67" in world.sms.texts_to(old)[-1]
