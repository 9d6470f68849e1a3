"""Every command: help with an example, exit codes, sentences on standard error, JSON."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from bot.app import open_books
from bot.cli import main
from bot.cli.common import No
from bot.cli.http import listen
from bot.config import VARIABLES, Needs, load
from bot.store.engine import Store
from tests import builders
from tests.doors.far_side import door, environment
from tests.settings import SANDBOX


def commands(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield every command, groups included, by the words that call it."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, *path, name)


@pytest.fixture
def settings(sqlite_url: str) -> dict[str, str]:
    """What the doors on the database need: nothing else."""
    return {"ENVIRONMENT": "sandbox", "DATABASE_URL": sqlite_url}


def write_order(url: str, reference: str = "4F7K2Q") -> None:
    """Write an order of two transfers from bob."""
    store = Store(url)
    with store.write() as session:
        builders.order(session, reference, "bob", "alice", 1000, 250)
    store.close()


def test_every_command_of_the_contract_is_there() -> None:
    """Those that issue 3 names, and no stub of a later one."""
    assert {" ".join(path) for path in commands(main)} == {
        "",
        "run",
        "worker",
        "web",
        "migrate",
        "sandbox",
        "parse",
        "doctor",
        "ledger",
        "ledger check",
        "ledger balances",
        "ledger export",
        "ledger reconcile",
        "ledger book",
        "transfer",
        "transfer list",
        "transfer show",
        "transfer cancel",
        "transfer refund",
        "case",
        "case list",
        "case show",
        "case close",
        "person lock",
        "person unlock",
        "person recover",
        "person export",
        "person erase",
        "payout",
        "payout export",
        "payout request",
        "payout cancel",
        "payout import",
        "outbox",
        "outbox list",
        "outbox retry",
        "inbox",
        "inbox list",
        "inbox retry",
        "person",
        "person list",
        "person show",
        "person verify",
    }


@pytest.mark.parametrize("path", list(commands(main)), ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    """`--help` says what it does, and shows a line to type."""
    shown = door(*path, "--help", settings={})
    assert shown.returncode == 0
    assert "Example: " in shown.stdout
    example = shown.stdout.split("Example: ")[1]
    assert f"smoney {' '.join(path)}".strip() in " ".join(example.split())


def test_what_the_handbook_says_to_type_is_there() -> None:
    """Every command of docs/operations.md, with its options, and every setting that it names."""
    handbook = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    typed = re.findall(r"`smoney ([^`]+)`", " ".join(handbook.split()))
    assert len(typed) > 20
    for line in typed:
        command: click.Command = main
        words = line.split()
        while isinstance(command, click.Group):
            below = command.get_command(click.Context(command), words.pop(0))
            assert below is not None, f"smoney {line}"
            command = below
        known = {name for option in command.params for name in option.opts}
        assert {word for word in words if word.startswith("--")} <= known, f"smoney {line}"
    assert set(re.findall(r"`([A-Z]+_[A-Z_]+)`", handbook)) <= set(VARIABLES)


def test_wrong_use_is_a_sentence_and_exit_2() -> None:
    """It names what is wrong and where to look."""
    beyond = str(2**63)
    for arguments in (
        [],
        ["nope"],
        ["parse"],
        ["parse", "\udcff"],
        ["parse", "--in-reply-to", "not a handle!", "help"],
        ["parse", "--bot", "", "help"],
        ["transfer"],
        ["transfer", "show"],
        ["transfer", "list", "--since", "0001-01-01T00:00+14:00"],
        ["transfer", "list", "--since", "9999-12-31T23:59-14:00"],
        ["ledger", "check", "--nope"],
        ["ledger", "book", "3"],
        ["ledger", "book", beyond, "--to", "fees"],
        ["case", "show", beyond],
        ["case", "close", beyond],
        ["outbox", "retry", beyond],
        ["inbox", "retry", "7", beyond],
        ["payout", "cancel", beyond],
        ["sandbox", "--port", "0"],
        ["sandbox", "--x-port", "65536"],
        ["sandbox", "--servers", "--card-port", "99999"],
    ):
        ended = door(*arguments, settings={})
        assert ended.returncode == 2, arguments
        assert ended.stdout == ""
        assert len(ended.stderr.splitlines()) == 1, ended.stderr
        assert "--help" in ended.stderr or "UTF-8" in ended.stderr


def test_an_output_that_takes_nothing_is_a_sentence(tmp_path: Path) -> None:
    """As a full disk, or a pipe whose reader has gone; Python's own end is quiet as well."""
    command = f"{sys.executable} -m bot parse"
    lines = f"yes '{json.dumps({'text': 'x'})}' | head -9000"  # more than a pipe holds
    for script, code, said in (
        (f"{command} x >/dev/full", 1, "The output cannot be written (No space left on device)"),
        (f"{command} x 1</dev/null", 1, "The output cannot be written (Bad file descriptor)"),
        (f"{lines} | {command} --jsonl | true; exit ${{PIPESTATUS[2]}}", 1, ""),
    ):
        ended = subprocess.run(
            ["bash", "-c", script],
            env=environment({}),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stderr.startswith(said)) == (code, True), ended.stderr
        assert len(ended.stderr.splitlines()) == bool(said)


def test_the_sandboxs_ports_differ() -> None:
    """Two options that name one port are a sentence about both."""
    ended = door("sandbox", "--x-port", "8000", settings={})
    assert ended.returncode == 2
    assert "--port and --x-port are both 8000: each needs a port of its own." in ended.stderr


def test_a_port_that_is_taken_is_said_without_a_second_pair_of_brackets() -> None:
    """The address is named once."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(No) as said:
            listen("127.0.0.1", port)
    assert said.value.message == (
        f"Nothing can listen on 127.0.0.1:{port} (Address already in use): choose another with "
        "PORT, or stop what listens there."
    )


def test_what_needs_the_database_asks_for_the_environment_alone(settings: dict[str, str]) -> None:
    """Each door asks only for what it uses."""
    for arguments in (
        ["ledger", "check"],
        ["ledger", "balances"],
        ["ledger", "export"],
        ["transfer", "list"],
        ["outbox", "list"],
        ["inbox", "list"],
        ["person", "list"],
    ):
        ended = door(*arguments, settings=settings)
        assert ended.returncode == 0, ended.stderr
    ended = door("ledger", "check", settings={})
    assert ended.returncode == 2
    assert ended.stderr == "ENVIRONMENT is missing: say sandbox or production.\n"
    # What it does not use may be wrong; what may finish a payment by card uses the figures.
    wrong = {**settings, "PORT": "x", "MIN_CARD_CENTS": "99999", "LEVELS_FILE": "/nope"}
    assert door("ledger", "check", settings=wrong).returncode == 0
    for arguments in (["transfer", "cancel", "4F7K2Q"], ["person", "erase", "person:7"]):
        ended = door(*arguments, settings=wrong)
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 2)
    deps = open_books(load(Needs.DATABASE, wrong))
    with pytest.raises(AssertionError, match="min_card_cents asks for"):
        _ = deps.policy.min_card_cents  # no default stands in for what could not be read
    deps.store.close()


def test_the_database_is_made_by_migrate_and_by_nothing_else(tmp_path: Path) -> None:
    """A door on a file that is not there says so, and makes none."""
    address = f"sqlite:///{tmp_path}/new.db?timeout=30"
    settings = {"ENVIRONMENT": "sandbox", "DATABASE_URL": address}
    for arguments in (["ledger", "check"], ["web"]):
        ended = door(*arguments, settings=SANDBOX | settings)
        assert ended.returncode == 1
        assert "`smoney migrate`" in ended.stderr
        assert not (tmp_path / "new.db").exists()
    assert door("migrate", settings=settings).returncode == 0
    assert door("migrate", settings=settings).returncode == 0
    assert door("ledger", "check", settings=settings).returncode == 0


def test_a_database_without_a_schema_is_a_sentence(tmp_path: Path) -> None:
    """It says to migrate, without a traceback."""
    (tmp_path / "empty.db").touch()
    settings = {"ENVIRONMENT": "sandbox", "DATABASE_URL": f"sqlite:///{tmp_path}/empty.db"}
    ended = door("transfer", "list", settings=settings)
    assert ended.returncode == 1
    assert "run `smoney migrate`" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_database_of_a_newer_release_is_a_sentence(settings: dict[str, str]) -> None:
    """After a step back: nothing is changed, and nobody is sent to migrate in circles."""
    store = Store(settings["DATABASE_URL"])
    with store.write() as session:
        session.connection().exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    store.close()
    ended = door("migrate", settings=settings)
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "a newer release made it" in ended.stderr
    (schema,) = [
        line for line in door("doctor", settings=settings).stdout.splitlines() if "schema" in line
    ]
    assert schema.startswith("MEND")
    assert "smoney migrate" not in schema


def test_the_books_are_proved_as_json(settings: dict[str, str]) -> None:
    """Every key of the contract."""
    ended = door("ledger", "check", "--json", settings=settings)
    report = json.loads(ended.stdout)
    assert list(report) == ["balanced", "entries", "postings", "accounts", "problems"]
    assert (report["balanced"], report["problems"]) == (True, [])


def test_books_that_do_not_balance_are_a_no(settings: dict[str, str]) -> None:
    """Exit 1, and each problem in a sentence."""
    store = Store(settings["DATABASE_URL"])
    with store.write() as session:
        builders.person(session, "bob", cents=5000)
        session.connection().exec_driver_sql(
            "UPDATE account SET balance_cents = 7 WHERE name = 'cards'"
        )
    store.close()
    ended = door("ledger", "check", "--json", settings=settings)
    assert ended.returncode == 1
    report = json.loads(ended.stdout)
    assert not report["balanced"]
    assert any("cards" in problem for problem in report["problems"])
    assert door("ledger", "check", settings=settings).returncode == 1


def test_balances_show_cards_with_its_sign_turned(settings: dict[str, str]) -> None:
    """What stands in at the acquirer is shown as money there."""
    store = Store(settings["DATABASE_URL"])
    with store.write() as session:
        builders.person(session, "bob", cents=5000)
    store.close()
    ended = door("ledger", "balances", "--json", settings=settings)
    shown = {
        row["account"]: row["balance_cents"]
        for row in map(json.loads, ended.stdout.split("\n")[:-1])
    }
    assert shown["cards"] == 5000
    assert [cents for name, cents in shown.items() if name.startswith("wallet:")] == [5000]


def test_an_orders_transfers_are_shown_one_object_a_line(settings: dict[str, str]) -> None:
    """Also by a reference in small letters, or with its #."""
    write_order(settings["DATABASE_URL"])
    for written in ("4F7K2Q", "4f7k2q", "#4F7K2Q"):
        ended = door("transfer", "show", written, "--json", settings=settings)
        rows = [json.loads(line) for line in ended.stdout.splitlines()]
        assert [row["reference"] for row in rows] == ["4F7K2Q-1", "4F7K2Q-2"]
        assert [row["status"] for row in rows] == ["pending", "pending"]
    for_people = door("transfer", "show", "4F7K2Q", settings=settings)
    assert "@bob → @alice" in for_people.stdout
    assert "10.00 €" in for_people.stdout
    assert re.search(
        r"@alice  2026-11-23T12:00Z\n    2026-11-23T12:00:00Z  pending", for_people.stdout
    )


def test_an_unknown_reference_is_a_sentence_and_exit_1(settings: dict[str, str]) -> None:
    """For showing and for cancelling."""
    for verb in ("show", "cancel"):
        ended = door("transfer", verb, "ABC234", settings=settings)
        assert ended.returncode == 1
        assert ended.stdout == ""
        assert "There is no order ABC234" in ended.stderr
        assert len(ended.stderr.splitlines()) == 1


def test_an_operator_cancels_with_the_database_alone(settings: dict[str, str]) -> None:
    """Both transfers end; the second time there is nothing left to cancel."""
    write_order(settings["DATABASE_URL"])
    ended = door("transfer", "cancel", "4F7K2Q", "--json", settings=settings)
    assert ended.returncode == 0, ended.stderr
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [row["status"] for row in rows] == ["cancelled", "cancelled"]
    again = door("transfer", "cancel", "4F7K2Q", settings=settings)
    assert again.returncode == 1
    assert "Nothing in 4F7K2Q waits any more" in again.stderr


def test_transfers_are_listed_by_status_and_time(settings: dict[str, str]) -> None:
    """A time that cannot be read is wrong use."""
    write_order(settings["DATABASE_URL"])

    def listed(*arguments: str) -> int:
        ended = door("transfer", "list", "--json", *arguments, settings=settings)
        assert ended.returncode == 0, ended.stderr
        return len(ended.stdout.splitlines())

    assert listed() == 2
    assert listed("--status", "posted") == 0
    assert listed("--since", "2020-01-01") == 2
    assert listed("--since", "2999-01-01T10:00+01:00") == 0
    bad = door("transfer", "list", "--since", "x", settings=settings)
    assert bad.returncode == 2


def test_a_row_that_is_not_dead_cannot_be_tried_again(settings: dict[str, str]) -> None:
    """Naming it is a no; naming none retries what there is."""
    for box in ("outbox", "inbox"):
        named = door(box, "retry", "17", settings=settings)
        assert named.returncode == 1
        assert "0 of 1 can be tried again" in named.stderr
        everything = door(box, "retry", "--json", settings=settings)
        assert json.loads(everything.stdout) == {"retried": 0}


def test_a_person_without_a_wallet_is_a_sentence(settings: dict[str, str]) -> None:
    """And one with a wallet is verified by handle."""
    store = Store(settings["DATABASE_URL"])
    with store.write() as session:
        builders.person(session, "secours_demo")
    store.close()
    nobody = door("person", "show", "@nobody", settings=settings)
    assert (nobody.returncode, "has no wallet here" in nobody.stderr) == (1, True)
    verified = door(
        "person",
        "verify",
        "@secours_demo",
        "--organisation",
        "--json",
        settings=settings,
    )
    shown = json.loads(verified.stdout)
    assert (shown["level"], shown["organisation"]) == ("verified", True)
