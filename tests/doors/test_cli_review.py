"""`smoney case`, `person lock|unlock|recover` and `transfer refund`: an operator's review."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.domain.sca import Authenticated, Basis
from bot.services import closing, disputes, settle
from bot.store.engine import Store
from tests.doors.far_side import door
from tests.services.paying_out import IBAN
from tests.world import World

GOOD = "4242424242424242"


@pytest.fixture
def settings(kept_sqlite_url: str) -> dict[str, str]:
    """What the doors on the database need: nothing else."""
    return {"ENVIRONMENT": "sandbox", "DATABASE_URL": kept_sqlite_url}


@pytest.fixture
def world(store: Store) -> World:
    """A bot on the same database."""
    return World(store)


@pytest.fixture
def database_url(kept_sqlite_url: str) -> str:
    """SQLite alone: what is tried here are the doors."""
    return kept_sqlite_url


def asked(settings: dict[str, str], *words: str) -> Any:
    """Call a door with `--json`; return the objects that it prints."""
    ended = door(*words, "--json", settings=settings)
    assert (ended.returncode, ended.stderr) == (0, "")
    return [json.loads(line) for line in ended.stdout.splitlines()]


def paid_by_card(world: World) -> str:
    """Let bob pay alice 10 € by card; return the reference."""
    world.join("bob")
    world.join("alice")
    reference = world.order("bob", "alice")
    world.confirm("bob", reference, funding="card")
    world.cards.submit(world.topup(reference).session_id, GOOD)
    settle.drive(world.deps, world.topup(reference).id)
    return reference


def test_a_dispute_is_reviewed_from_the_doors(world: World, settings: dict[str, str]) -> None:
    """The case, the lock, what is recovered, the end; each a no where nothing is to be done."""
    reference = paid_by_card(world)
    dispute_id = world.cards.dispute(world.topup(reference).payment_id)
    disputes.read(world.deps, dispute_id)
    (case,) = asked(settings, "case", "list")
    assert (case["about"], case["closed_at"]) == (f"dispute:{dispute_id}", None)
    assert "fee of 2000 cents" in door("case", "show", "1", settings=settings).stdout
    ended = door("person", "recover", "@bob", settings=settings)
    assert (ended.returncode, ended.stderr) == (
        1,
        "The wallet of @bob is empty: nothing was taken.\n",
    )
    ended = door("case", "close", "1", settings=settings)
    assert (ended.returncode, "is still locked" in ended.stderr) == (1, True)
    (bob,) = asked(settings, "person", "unlock", "@bob")
    assert bob["locked_at"] is None
    ended = door("case", "close", "1", settings=settings)
    assert (ended.returncode, "is not recovered" in ended.stderr) == (1, True)
    (bob,) = asked(settings, "person", "lock", "@bob", "--reason", "looking again")
    assert bob["locked_reason"] == "looking again"
    assert asked(settings, "case", "close", "1", "--anyway")[0]["closed_at"] is not None
    assert asked(settings, "case", "list", "--all")[0]["case"] == 1
    for words in (("case", "show", "9"), ("person", "recover", "@alice"), ("person", "lock", "@x")):
        ended = door(*words, settings=settings)
        assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1)
    assert door("ledger", "check", settings=settings).returncode == 0


def test_a_refund_to_the_card_is_written_here_and_sent_by_the_worker(
    world: World, settings: dict[str, str]
) -> None:
    """The door reaches no acquirer: the row waits, and the books are whole meanwhile."""
    reference = paid_by_card(world)
    rows = asked(settings, "transfer", "refund", reference, "--to", "card")
    assert [(row["refund_of"], row["to_card"]) for row in rows] == [
        (None, None),
        (f"{reference}-1", "created"),
    ]
    assert door("ledger", "check", settings=settings).returncode == 0
    ended = door("transfer", "refund", reference, settings=settings)
    assert ended.returncode == 1
    assert "left to refund" in ended.stderr
    assert door("transfer", "refund", reference, "--to", "moon", settings=settings).returncode == 2


def test_who_closed_their_account_is_found_exported_and_erased(
    world: World, settings: dict[str, str], tmp_path: Path
) -> None:
    """With the X accounts that were theirs; money that is to go back goes to the card alone."""
    reference = paid_by_card(world)
    proof = Authenticated("closing", closing.asked().hash, Basis.PASSKEY)
    closing.close(world.deps, world.visitor("bob"), proof)
    bob, alice = door("person", "list", settings=settings).stdout.splitlines()
    assert ("@bob" in bob, bob.endswith("closed")) == (True, True)
    assert alice.endswith("€")
    ended = door("transfer", "refund", reference, settings=settings)
    assert ended.returncode == 1
    assert "closed their account" in ended.stderr
    file = tmp_path / "bob.json"
    for code in (0, 1):  # never another's file in its place
        ended = door("person", "export", "person:1", "--to", str(file), settings=settings)
        assert ended.returncode == code, ended.stderr
    assert (json.loads(file.read_text())["person"][0]["id"], file.stat().st_mode & 0o77) == (1, 0)
    printed = door("person", "export", "@alice", settings=settings).stdout
    assert json.loads(printed)["x_accounts"][0]["handle"] == "alice"
    (erased,) = asked(settings, "person", "erase", "person:1")
    assert (erased["person"], len(erased["kept"])) == (1, 2)
    assert "L.123-22" in door("person", "erase", "@bob", settings=settings).stdout
    account = ("--iban", IBAN, "--holder", "Bob Martin")
    for words, said in (
        (("person", "erase", "@alice"), "`--close`"),
        (("person", "erase", "@alice", "--close"), "person:N alone"),
        (("person", "erase", "person:2", "--close"), "€10 are left"),
        (("person", "export", "person:9"), "no wallet"),
        (("person", "unlock", "person:1"), "no wallet"),
        (("payout", "request", "@alice", *account), "is open"),
        (("payout", "request", "person:1", *account), "is empty"),
        (("payout", "cancel", "1"), "closed wallet"),
    ):
        ended = door(*words, settings=settings)
        assert (ended.returncode, len(ended.stderr.splitlines())) == (1, 1), words
        assert said in ended.stderr, words
