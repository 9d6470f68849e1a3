"""All my data: every table that names somebody is in it, no secret is, and nobody else's name."""

import json
import re
from typing import Any

import pytest
from sqlalchemy import Column, Table, select
from sqlalchemy.sql import visitors

from bot.domain.errors import Refusal
from bot.services import disputes, own_data, sessions, settle
from bot.store import factors, people, tokens
from bot.store import own_data as kept
from bot.store.tables import metadata
from tests.services.paying_out import ask
from tests.services.proving import open_wallet
from tests.world import World

NAMES = re.compile(r"person_id|x_user_id|phone|handle")
"""Columns that name a person, an X account or a number."""
SECRETS = re.compile(
    r"hash|token|csrf|verifier|credential_id|public_key|customer_id|payment_method_id|session_id"
    r"|payment_id|fingerprint|^url$"
)
"""Columns that nobody is shown, whosever they are."""


def names_somebody(table: Table) -> bool:
    """Whether a table says who somebody is, or points at who does."""
    points = {key.column.table.name for key in table.foreign_keys} & {"person", "x_account"}
    return bool(points) or any(NAMES.search(column.name) for column in table.columns)


def shown_columns() -> set[tuple[str, str]]:
    """Return the columns that the file is made of: table and name."""
    found = set()
    for part in kept.PARTS:
        for shown in part.shown.selected_columns:
            for one in visitors.iterate(shown):
                if isinstance(one, Column):
                    found.add((getattr(one.table, "element", one.table).name, one.name))
    return found


def test_every_table_that_names_somebody_is_in_the_file_or_says_why_not() -> None:
    """A new one fails here: put it into the file, or into the exceptions with its reason."""
    naming = {table.name for table in metadata.sorted_tables if names_somebody(table)}
    assert len(naming) > 25
    in_file = {table for table, _column in shown_columns()}
    assert naming - in_file - set(kept.LEFT_OUT) == set()
    assert set(kept.LEFT_OUT) <= naming - in_file, "these exceptions are needed no more"
    assert all(len(reason) > 20 for reason in kept.LEFT_OUT.values())


def test_no_column_of_the_file_is_a_secret() -> None:
    """By its name; what the columns hold is looked for below."""
    assert {one for one in shown_columns() if SECRETS.search(one[1])} == set()


def lived(world: World) -> None:
    """Let bob have done everything that leaves a row."""
    open_wallet(world, "bob")
    world.join("alice", cents=50_000)
    for number in range(2):
        world.confirm("alice", world.order("alice", "bob", f"2{number}€ for rent"))
    bob = world.visitor("bob").person_id
    assert bob is not None
    world.save_card(bob, "pm_card_fr", limit_cents=3000)
    paid = world.order("bob", "alice", "10€ for pizza")
    world.confirm("bob", paid, funding="card", keep=True)
    world.cards.submit(world.topup(paid).session_id, "4242424242424242")
    settle.drive(world.deps, world.topup(paid).id)
    disputed = world.order("bob", "carol", "11€")
    world.confirm("bob", disputed, funding="card")
    world.cards.submit(world.topup(disputed).session_id, "4242424242424242")
    settle.drive(world.deps, world.topup(disputed).id)
    world.pass_time(hours=80)
    ask(world, "bob", 500)
    disputes.read(world.deps, world.cards.dispute(world.topup(disputed).payment_id))
    world.dm("bob", "solde")
    world.order("bob", "alice", "10")
    with world.store.write() as session:
        at = world.clock.now()
        people.block(session, world.x_id("bob"), world.x_id("alice"), at=at)
        people.see(session, world.x_id("bob"), at=at, handle="bobby")
        people.see(session, world.x_id("bob"), at=at, handle="bob")
    start = sessions.begin_sign_in(world.deps, "/wallet")
    with world.store.write() as session:
        tokens.open_session(
            session,
            token_hash="hash-of-a-token",
            x_user_id=world.x_id("bob"),
            csrf=start.browser_token,
            at=at,
        )


def file_of(world: World, handle: str) -> tuple[str, dict[str, Any]]:
    """Return somebody's file, as text and as it is read."""
    text = "".join(own_data.written(world.deps, world.visitor(handle)))
    return text, json.loads(text)


def secrets_in(world: World) -> set[str]:
    """Return what stands in columns that nobody is shown."""
    found = set()
    with world.store.read() as session:
        for table in metadata.sorted_tables:
            for column in table.columns:
                if SECRETS.search(column.name):
                    found |= set(session.execute(select(column)).scalars())
    return {one for one in found if isinstance(one, str) and len(one) > 6}


def test_the_file_says_everything_about_its_owner_and_nothing_secret(world: World) -> None:
    """In cents and in UTC, with a sentence in both languages; of alice no more than her handle."""
    lived(world)
    text, file = file_of(world, "bob")
    assert set(file["about"]) == {"fr", "en"}
    assert file["made_at"].endswith("Z")
    assert [one["last_name"] for one in file["person"]] == ["Petit"]
    assert file["person"][0]["phone"] == world.phone("bob")
    assert file["person"][0]["born_on"] == "1990-02-03"
    empty = {name for name, rows in file.items() if rows == []}
    assert empty == {"first_time", "passkeys", "strong_authentications", "card_failures"} | {
        "recoveries",
        "browsers_where_the_wallet_is_open",
        "card_refunds",
        "former_accounts",
        "wishes",
    }
    pizza = next(one for one in file["transfers"] if one["note"] == "pizza")
    assert (pizza["payer_handle"], pizza["payee_handle"]) == ("bob", "alice")
    assert (pizza["amount_cents"], pizza["status"]) == (1000, "posted")
    assert {one["sca_basis"] for one in file["confirmations"]} == {"low_value"}
    assert file["saved_cards"][0]["last4"] == "0003"
    assert (
        sum(one["amount_cents"] for one in file["wallet_entries"])
        == (file["wallet"][0]["balance_cents"])
    )
    secrets = secrets_in(world)
    assert len(secrets) > 10
    assert {one for one in secrets if one in text} == set()
    assert world.phone("alice") not in text
    assert f'"{world.x_id("alice")}"' not in text


def test_nobody_finds_anothers_rows_in_theirs(world: World) -> None:
    """Carol, who was paid and has nothing else, has that one transfer, and not what led to it."""
    lived(world)
    open_wallet(world, "carol", "+33612345679")
    _text, file = file_of(world, "carol")
    assert [one["payer_handle"] for one in file["transfers"]] == ["bob"]
    assert {one["status"] for one in file["transfer_events"]} <= {"held", "posted", "returned"}
    for name in ("orders", "topups", "confirmations", "payouts", "cases", "blocks", "disputes"):
        assert file[name] == [], name
    with pytest.raises(Refusal, match=r"refusal\.no_wallet"):
        own_data.written(world.deps, world.visitor("mallory"))


def test_a_long_list_is_written_page_by_page(world: World) -> None:
    """Each row once, in its order; no piece holds more than a page."""
    world.join("bob")
    count = 2 * own_data.ROWS + 1
    with world.store.write() as session:
        for number in range(count):
            factors.insert_text(
                session, phone=f"n{number}", x_user_id=world.x_id("bob"), at=world.clock.now()
            )
    pieces = list(own_data.written(world.deps, world.visitor("bob")))
    assert max(piece.count("created_at") for piece in pieces) == own_data.ROWS
    rows = json.loads("".join(pieces))["text_messages"]
    assert [one["phone"] for one in rows] == [f"n{number}" for number in range(count)]
