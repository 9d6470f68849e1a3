"""A donation's whole path: refused, verified by an operator, given, received."""

from collections.abc import Iterator

import pytest

from bot.language import Text, parse
from bot.services.check import prove
from bot.store.engine import Store
from tests.doors.far_side import door
from tests.world import World, reference_in


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    """A bot whose database the operator's door opens too."""
    store = Store(sqlite_url)
    made = World(store)
    made.x.person("secours")
    yield made
    assert prove(store).problems == []
    store.close()


@pytest.fixture
def settings(sqlite_url: str) -> dict[str, str]:
    """What the operator's door needs."""
    return {"ENVIRONMENT": "sandbox", "DATABASE_URL": sqlite_url}


@pytest.mark.parametrize(
    ("verb", "example"), [("donate", "pay €12.50 to {}"), ("don", "payer 12,50\u00a0€ à {}")]
)
def test_to_anybody_else_it_is_refused_and_a_payment_offered(
    world: World, verb: str, example: str
) -> None:
    """In the person's own words: by DM with `@`, to be sent as it is; in public without."""
    amount = "12.50€" if verb == "donate" else "12,50€"
    (said,) = world.dm("bob", f"{verb} {amount} @secours")
    assert said.endswith(example.format("@secours"))
    typed = parse(Text(example.format("@secours"), direct=True))
    assert (typed.people, typed.amount_cents) == (("secours",), 1250)  # type: ignore[union-attr]  # a Pay, else it fails
    posted = world.post("bob", f"@smoney {verb} {amount} @secours")
    assert posted is not None
    assert example.format("secours") in posted
    assert "@" not in posted
    assert "/t/" not in posted


def test_more_than_a_person_may_get_is_not_offered_as_a_payment(world: World) -> None:
    """An example that would be refused helps nobody: the answer says how far a payment goes."""
    (said,) = world.dm("bob", "donate 300€ @secours")
    assert "@secours" in said
    assert "€250" in said
    assert "pay €300" not in said


def test_an_operator_verifies_the_organisation_and_the_donation_arrives(
    world: World, settings: dict[str, str]
) -> None:
    """By `smoney person verify --organisation`; then up to its own limit, not to a person's."""
    world.join("bob", cents=5000)
    early = door("person", "verify", "@secours", "--organisation", settings=settings)
    assert early.returncode == 1
    assert "has no wallet" in early.stderr
    world.join("secours")
    assert "/t/" not in world.dm("bob", "donate 10€ @secours")[0]
    verified = door("person", "verify", "@secours", "--organisation", settings=settings)
    assert verified.returncode == 0, verified.stderr
    reference = reference_in(world.post("bob", "@smoney donate 10€ @secours for the winter"))
    world.confirm("bob", reference)
    assert world.statuses(reference) == ["posted"]
    assert (world.balance("bob"), world.balance("secours")) == (4000, 1000)
    assert reference_in(world.post("dave", "@smoney donate 500€ @secours"))
    refused = world.post("dave", "@smoney donate 500.01€ @secours")
    assert refused is not None
    assert "€500" in refused
