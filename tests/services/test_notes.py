"""Notes: whose are folded, and what reporting one does, on both databases."""

import pytest

from bot.domain.errors import Refusal
from bot.services import cases, report_note, statement
from bot.services.history import history
from bot.services.notes import Manner
from bot.services.views import OrderView
from tests.world import World, reference_in


def manners(world: World, handle: str, reference: str) -> list[tuple[Manner, str | None]]:
    """Return how an order's page shows somebody its notes."""
    page = world.page(handle, reference)
    assert isinstance(page, OrderView)
    return [(one.note_is, one.note) for one in (*page.pays, *page.gets, *page.asked)]


def sent(world: World, payer: str, payee: str, note: str, amount: str = "1€") -> str:
    """Let somebody pay, with a note; return the reference."""
    reference = world.order(payer, payee, f"{amount} for {note}")
    world.confirm(payer, reference)
    return reference


def test_a_note_is_folded_until_money_has_gone_between_its_writer_and_its_reader(
    world: World,
) -> None:
    """By an earlier order, whoever of both paid, under any of their accounts; what waits is none.

    A stranger's first cent does not make them known, and what was folded stays so.
    """
    world.join("alice")
    world.join("bob", cents=5000)
    world.link("alice_pro", to="alice")
    held = sent(world, "bob", "carol", "first")
    assert manners(world, "carol", held) == [("folded", "first")]
    assert manners(world, "carol", sent(world, "bob", "carol", "second", "2€"))[0][0] == "folded"
    first = sent(world, "bob", "alice", "first")
    assert manners(world, "alice", first) == [("folded", "first")]
    assert manners(world, "bob", first) == [("own", "first")]
    for reader in ("alice", "alice_pro"):
        later = sent(world, "bob", reader, "again", "3€" if reader == "alice" else "4€")
        assert manners(world, reader, later) == [("open", "again")]
    assert manners(world, "alice", first) == [("folded", "first")]
    asked = reference_in(world.post("dave", "@smoney request 2€ from @bob for tea"))
    assert manners(world, "bob", asked) == [("folded", "tea")]
    assert manners(world, "dave", asked) == [("own", "tea")]
    asked = reference_in(world.post("alice", "@smoney request 2€ from @bob for tea"))
    assert manners(world, "bob", asked) == [("open", "tea")]
    lines = history(world.deps, world.visitor("alice")).lines
    assert [(one.note, one.note_is) for one in lines[-2:]] == [
        ("again", "open"),
        ("first", "folded"),
    ]


def test_a_reported_note_is_a_case_once_and_hidden_from_its_reader_alone(world: World) -> None:
    """On the page, in the history and its search, in the statement; though the case is closed."""
    world.join("alice")
    world.join("bob", cents=5000)
    reference = sent(world, "bob", "alice", "nasty words")
    for _ in range(2):
        report_note.report(world.deps, reference, 1, world.x_id("alice"))
    (case,) = cases.list_cases(world.deps)
    assert (case["kind"], case["about"]) == ("note", f"note:{world.transfers(reference)[0].id}")
    assert "nasty" not in case["detail"], "what it says stands in one place"
    assert world.x_id("bob") in case["detail"]
    cases.close_case(world.deps, case["case"])
    report_note.report(world.deps, reference, 1, world.x_id("alice"))
    assert cases.list_cases(world.deps) == []
    assert manners(world, "alice", reference) == [("reported", None)]
    assert manners(world, "bob", reference) == [("own", "nasty words")]
    for handle, note in (("alice", None), ("bob", "nasty words")):
        visitor = world.visitor(handle)
        assert [one.note for one in history(world.deps, visitor).lines] == [note]
        assert len(history(world.deps, visitor, text="nasty").lines) == (note is not None)
        month = statement.statement(world.deps, visitor, "2026-11")
        assert month is not None
        assert [one.note for one in month.lines if one.reference] == [note or ""]


def test_only_who_was_shown_a_note_of_another_reports_it(world: World) -> None:
    """Not its writer, not a stranger, not a payee who knows nothing of the order yet."""
    world.join("alice")
    world.join("bob", cents=5000)
    pending = world.order("bob", "alice", "1€ for tea")
    paid = sent(world, "bob", "alice", "cake", "2€")
    bare = world.order("bob", "alice", "3€")
    world.confirm("bob", bare)
    tries = [
        ("bob", paid, 1),
        ("mallory", paid, 1),
        ("alice", pending, 1),
        ("alice", paid, 2),
        ("alice", bare, 1),
        ("alice", "222222", 1),
    ]
    for handle, reference, number in tries:
        x_user_id = world.x_id(handle)
        assert report_note.read_note(world.deps, reference, number, x_user_id) is None, handle
        with pytest.raises(Refusal) as refused:
            report_note.report(world.deps, reference, number, x_user_id)
        assert refused.value.reply.key == "refusal.unknown_reference"
    assert cases.list_cases(world.deps) == []
    asked = reference_in(world.post("alice", "@smoney request 2€ from @dave for tea"))
    report_note.report(world.deps, asked, 1, world.x_id("dave"))
    (case,) = cases.list_cases(world.deps)
    assert (case["person"], manners(world, "dave", asked)) == (None, [("reported", None)])


def test_what_was_asked_for_is_added_up_as_it_is_answered(world: World) -> None:
    """Paid, still to come, and what was declined or is too late in neither."""
    for handle in ("alice", "carol", "dave"):
        world.join(handle, cents=5000)
    text = "@smoney request 3€ each from @alice @carol @dave @eve for pizza"
    reference = reference_in(world.post("bob", text))

    def sums() -> tuple[int, int, int, int]:
        page = world.page("bob", reference)
        assert isinstance(page, OrderView)
        far = page.gathered
        return far.paid, far.paid_cents, len(far.waiting), far.waiting_cents

    assert sums() == (0, 0, 4, 1200)
    world.confirm("alice", reference)
    world.dm("carol", f"decline {reference}")
    assert sums() == (1, 300, 2, 600)
    world.confirm("dave", reference, funding="card")
    world.pass_time(hours=25)
    assert sums() == (1, 300, 1, 300), "who is with the card network may finish"
    for handle in ("alice", "mallory"):
        page = world.page(handle, reference)
        assert not isinstance(page, OrderView) or page.gathered.asked == 0
