"""The whole history of a wallet: what one looks for is found, page by page, on both databases."""

import pytest

from bot.services.history import history
from tests.world import World


def found(world: World, handle: str, text: str = "") -> list[str]:
    """Return what somebody finds: the other's handle and the cents, the newest first."""
    page = history(world.deps, world.visitor(handle), text=text)
    return [f"{one.other_handle} {one.amount_cents}" for one in page.lines]


def paid(world: World, payer: str, payee: str, what: str) -> str:
    """Let somebody pay; return the reference."""
    reference = world.order(payer, payee, what)
    world.confirm(payer, reference)
    return reference


@pytest.fixture
def busy(world: World) -> World:
    """Bob has paid Alice twice and Carol once, and got something from Alice."""
    for handle in ("alice", "carol"):
        world.join(handle, cents=5000)
    world.join("bob", cents=20_000)
    paid(world, "bob", "alice", "10€ for Pizza & 100% wine")
    paid(world, "bob", "carol", "12,34€ for the taxi_home")
    paid(world, "alice", "bob", "5€ for lunch")
    paid(world, "bob", "alice", "1€")
    return world


FOUND: tuple[tuple[str, list[str]], ...] = (
    ("", ["alice -100", "alice 500", "carol -1234", "alice -1000"]),
    ("alice", ["alice -100", "alice 500", "alice -1000"]),
    ("@ALICE", ["alice -100", "alice 500", "alice -1000"]),
    ("  PIZZA ", ["alice -1000"]),
    ("12,34", ["carol -1234"]),
    ("€5", ["alice 500"]),
    ("100%", ["alice -1000"]),
    ("taxi_home", ["carol -1234"]),
    ("taxi-home", []),
    ("%", ["alice -1000"]),
    ("_", ["carol -1234"]),
    ("bob", []),
    ("mallory", []),
    ("dinars", []),
)
"""What bob looks for, and what he finds."""


def test_what_is_looked_for_is_found(busy: World) -> None:
    """A handle, a word, an amount; a pattern's signs are letters; one's own handle finds none."""
    for text, expected in FOUND:
        assert found(busy, "bob", text) == expected, text


def test_accents_and_capitals_change_nothing(busy: World) -> None:
    """Whatever letters the database knows."""
    paid(busy, "bob", "carol", "3€ for un Été à Évian")
    for text in ("Été", "ÉTÉ", "ete", "évian", "EVIAN"):
        assert found(busy, "bob", text) == ["carol -300"], text


def test_a_reference_finds_its_order_alone(busy: World) -> None:
    """In small letters too."""
    reference = paid(busy, "bob", "carol", "2€")
    assert found(busy, "bob", reference.lower()) == ["carol -200"]


def test_nobody_finds_what_is_anothers(busy: World) -> None:
    """Whatever is looked for: Carol sees her one payment, somebody without a wallet nothing."""
    assert found(busy, "carol") == ["bob 1234"]
    assert found(busy, "carol", "alice") == []
    assert found(busy, "mallory", "bob") == []


def test_pages_hold_each_line_once(busy: World) -> None:
    """What is older goes on where the page ended; the last has nothing older."""
    who, seen, before = busy.visitor("bob"), [], None
    for expected in (2, 2):
        page = history(busy.deps, who, before=before, lines=2)
        assert len(page.lines) == expected
        seen += [one.amount_cents for one in page.lines]
        before = page.older_than
    assert (seen, before) == ([-100, 500, -1234, -1000], None)
