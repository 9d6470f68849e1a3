"""`smoney sandbox`, as a person starts it, in a folder of its own and on free ports."""

import json
import re
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.doors.far_side import Process, door, program, smoney
from tests.servers import free_port, free_ports

WITHIN_S = 20
"""How long a test waits for the bot (seconds); it answers within one."""


@dataclass
class Sandbox:
    """A running sandbox."""

    process: Process
    folder: Path
    x_url: str
    url: str
    cards_url: str
    newest_post: str = ""
    """The id of the post that `order` made."""

    @property
    def books(self) -> dict[str, str]:
        """What an operator's commands need."""
        return {"ENVIRONMENT": "sandbox", "DATABASE_URL": f"sqlite:///{self.folder}/sandbox.db"}

    def read(self, what: str) -> list[dict[str, Any]]:
        """Return the posts, messages or texts of the local X, oldest first."""
        answer = httpx.get(f"{self.x_url}/_sandbox/{what}", trust_env=False, verify=False)
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return found

    def say(self, what: str, **said: str) -> dict[str, Any]:
        """Post, or send a direct message, on the local X."""
        answer = httpx.post(
            f"{self.x_url}/_sandbox/{what}", json=said, trust_env=False, verify=False
        )
        made: dict[str, Any] = answer.raise_for_status().json()
        return made

    def order(self, text: str, *, by: str = "bob") -> str:
        """Post as somebody; return the reference in the bot's reply."""
        post = self.say("posts", **{"as": by, "text": text})
        self.newest_post = post["id"]
        reply = until(
            lambda: next(
                (
                    one["text"]
                    for one in self.read("posts")
                    for parent in one.get("referenced_tweets", [])
                    if parent["id"] == post["id"]
                ),
                None,
            )
        )
        found = re.search(rf"{re.escape(self.url)}/t/(\w{{6}})", reply)
        assert found is not None, reply
        return found[1]

    def fail_cards(self, fault: str, **where: object) -> None:
        """Let the local card network err where it is called next."""
        url = f"{self.cards_url}/_sandbox/faults"
        answer = httpx.post(url, json={"fault": fault, **where}, trust_env=False)
        answer.raise_for_status()

    def show(self, reference: str) -> dict[str, Any]:
        """Return an order's one transfer as an operator sees it."""
        (shown,) = self.transfers(reference)
        return shown

    def transfers(self, reference: str) -> list[dict[str, Any]]:
        """Return an order's transfers as an operator sees them."""
        ended = door("transfer", "show", reference, "--json", settings=self.books)
        return [json.loads(line) for line in ended.stdout.splitlines()]

    def wallets(self) -> dict[str, int]:
        """Return what everybody's wallet holds whom an X account leads to, in cents."""
        people = door("person", "list", "--json", settings=self.books)
        rows = [json.loads(line) for line in people.stdout.splitlines()]
        return {
            row["accounts"][0]["handle"]: row["balance_cents"] for row in rows if row["accounts"]
        }

    def end(self) -> None:
        """Prove the books, ask X what it objects to, and end by Ctrl-C."""
        check = door("ledger", "check", settings=self.books)
        assert check.returncode == 0, check.stdout
        assert self.read("violations") == []
        ports = [urlsplit(url).port for url in (self.url, self.x_url, self.cards_url)]
        end_by_ctrl_c(self.process, *[port for port in ports if port])


def replied_to(sandbox: Sandbox) -> set[str]:
    """Return the posts that were answered."""
    posts = sandbox.read("posts")
    return {parent["id"] for one in posts for parent in one.get("referenced_tweets", [])}


def end_by_ctrl_c(process: Process, *ports: int) -> None:
    """End it: in good order, with no process left, and its ports are there for the next one."""
    assert process.living()
    assert not any(map(is_free, ports))
    process.signal(signal.SIGINT)
    assert process.end() == 0
    assert "Traceback" not in process.said
    assert process.living() == []
    until(lambda: all(map(is_free, ports)))  # somebody's call may go out by one for a moment


def is_free(port: int) -> bool:
    """Say whether somebody else can listen there."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def until(look: Callable[[], Any]) -> Any:
    """Look until there is something to see; return it."""
    for _ in range(WITHIN_S * 20):
        seen = look()
        if seen:
            return seen
        Event().wait(0.05)
    raise AssertionError("it never came")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with an `.env` beside it and an environment, neither of which it may read."""
    tmp_path = tmp_path_factory.mktemp("sandbox")
    (tmp_path / ".env").write_text("ENVIRONMENT=production\nDATABASE_URL=nonsense\n")
    port, x_port, card_port = free_ports(3)
    ports = [f"--port={port}", f"--x-port={x_port}", f"--card-port={card_port}"]
    stray = {"ENVIRONMENT": "production", "X_API_BASE_URL": "http://127.0.0.1:9", "PORT": "1"}
    with program("sandbox", *ports, settings=stray, folder=tmp_path) as running:
        x_url, cards_url = f"http://127.0.0.1:{x_port}", f"http://127.0.0.1:{card_port}"
        one = Sandbox(running, tmp_path, x_url, f"http://localhost:{port}", cards_url)
        until(lambda: not is_free(port))
        early = one.say("posts", **{"as": "bob", "text": "@smoney help"})["id"]
        running.wait_for("Ctrl-C ends it")
        (tmp_path / ".env").unlink()
        until(lambda: early in replied_to(one))  # the pages were up: it is no past
        assert one.wallets() == {"bob": 10_000, "alice": 0, "secours_demo": 0}
        yield one
        one.end()


def test_a_tweet_becomes_money_in_the_payees_wallet(sandbox: Sandbox) -> None:
    """Bob posts, one reply comes, he confirms by direct message, Alice has it."""
    reference = sandbox.order("@smoney pay @alice 10€ for pizza")
    stranger = httpx.get(f"{sandbox.url}/t/{reference}", trust_env=False, verify=False).text
    assert not re.search(r"alice|bob|pizza|10[ .,  ]?(00)?[ €]", stranger), "it names nobody"
    sandbox.say("dms", **{"as": "bob", "to": "smoney", "text": f"oui {reference}"})
    shown = until(lambda: one if (one := sandbox.show(reference))["status"] != "pending" else None)
    assert shown["status"] == "posted"
    assert shown["payer"]["handle"] == "bob"
    assert shown["payee"]["handle"] == "alice"
    assert (shown["amount_cents"], shown["note"], shown["funding"]) == (1000, "pizza", "wallet")
    assert [one["status"] for one in shown["history"]] == ["pending", "posted"]
    told = until(lambda: [one for one in sandbox.read("dms") if one["username"] == "smoney"])
    assert reference in told[0]["text"]
    assert sandbox.wallets() == {"bob": 9000, "alice": 1000, "secours_demo": 0}


def test_money_for_somebody_new_is_held_and_can_be_taken_back(sandbox: Sandbox) -> None:
    """Carol has no wallet: it waits for her, until bob cancels."""
    before = sandbox.wallets()
    reference = sandbox.order("@smoney envoyer 20€ à @carol")
    sandbox.say("dms", **{"as": "bob", "to": "smoney", "text": f"oui {reference}"})
    until(lambda: sandbox.show(reference)["status"] == "held")
    sandbox.say("dms", **{"as": "bob", "to": "smoney", "text": f"annuler #{reference}"})
    until(lambda: sandbox.show(reference)["status"] == "returned")
    assert sandbox.wallets() == before


def test_a_port_that_is_taken_is_a_sentence() -> None:
    """It says which, and how to choose another; nothing is left behind."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for option in ("--port", "--x-port", "--card-port"):
            ports = {"--port": free_port(), "--x-port": free_port(), "--card-port": free_port()}
            chosen = [f"{name}={number}" for name, number in {**ports, option: port}.items()]
            refused = door("sandbox", *chosen, settings={})
            assert refused.returncode == 1
            assert len(refused.stderr.splitlines()) == 1, refused.stderr
            assert f"127.0.0.1:{port}" in refused.stderr
            assert option in refused.stderr


def test_the_servers_alone_print_the_settings_to_use_them(tmp_path: Path) -> None:
    """As `.env` lines with which `smoney doctor` finds everything well."""
    port, x_port, card_port = free_ports(3)
    ports = [f"--port={port}", f"--x-port={x_port}", f"--card-port={card_port}"]
    with program("sandbox", "--servers", *ports, settings={}, folder=tmp_path) as servers:
        servers.wait_for("run until Ctrl-C")
        lines = [line for line in servers.said.splitlines() if re.match("[A-Z_]+=", line)]
        (tmp_path / ".env").write_text("\n".join(lines))
        assert smoney("migrate", settings={}, folder=tmp_path).returncode == 0
        doctor = smoney("doctor", "--json", settings={}, folder=tmp_path)
        assert doctor.returncode == 0, doctor.stdout
        end_by_ctrl_c(servers, x_port, card_port)
