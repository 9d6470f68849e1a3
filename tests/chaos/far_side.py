"""The far side of the wire: the local X and the local card network, each a process of its own."""

import os
import signal
import sys
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, Literal

import httpx

from bot.sandbox.card_network.app import create_app as card_network
from bot.sandbox.serve import serve
from bot.sandbox.x_server.app import create_app as local_x
from bot.sandbox.x_server.app import make_site
from bot.sandbox.x_server.credentials import Credentials
from tests.servers import START_TIMEOUT_S

STRIPE_KEY: Final = "sk_test_chaos"
WEBHOOK_SECRET: Final = "whsec_chaos"
RETRY_DELAYS_S: Final = (0.5, 1.0, 2.0, 4.0, 4.0, 4.0)
"""When the network sends a webhook again (seconds): Stripe's hours, scaled to a run's minutes."""
PAGE: Final = 100

Obj = dict[str, Any]
Kind = Literal["x", "cards"]


def leave(out: Path) -> None:
    """Leave the parent's session: Ctrl-C is for the parent alone. Write to a file."""
    os.setsid()
    file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())


def run(kind: Kind, port: int, webhook_url: str, out: Path) -> None:
    """Serve until told to end: the body of a process."""
    leave(out)
    app = (
        local_x(make_site(people=()))
        if kind == "x"
        else card_network(
            api_key=STRIPE_KEY,
            webhook_secret=WEBHOOK_SECRET,
            webhook_url=webhook_url,
            retry_delays_s=RETRY_DELAYS_S,
        )
    )
    with serve(app, port=port):
        signal.sigwait({signal.SIGTERM})


def start(
    context: ForkServerContext,
    kind: Kind,
    port: int,
    folder: Path,
    webhook_url: str = "",
) -> BaseProcess:
    """Start a server; return once it answers."""
    arguments = (kind, port, webhook_url, folder / f"{kind}.out")
    process = context.Process(target=run, args=arguments, name=kind, daemon=True)
    process.start()
    transport = httpx.HTTPTransport(retries=8)  # it waits longer from try to try, 30 s in all
    with httpx.Client(
        transport=transport, trust_env=False, verify=False, timeout=START_TIMEOUT_S
    ) as client:
        client.get(f"http://127.0.0.1:{port}/")
    return process


def x_settings(url: str) -> dict[str, str]:
    """Return the settings with which the bot uses the local X."""
    known = Credentials.sandbox()
    return {
        "X_API_BASE_URL": url,
        "X_AUTHORIZE_URL": f"{url}/i/oauth2/authorize",
        "X_BEARER_TOKEN": known.bearer_token,
        "X_API_KEY": known.api_key,
        "X_API_SECRET": known.api_secret,
        "X_ACCESS_TOKEN": known.access_token,
        "X_ACCESS_TOKEN_SECRET": known.access_token_secret,
        "X_CLIENT_ID": known.client_id,
        "X_CLIENT_SECRET": known.client_secret,
        "SMS_BASE_URL": url,
    }


def _client(url: str) -> httpx.Client:
    """Return a client that leaves a connection before its server does, after 5 s of rest."""
    limits = httpx.Limits(keepalive_expiry=2)
    return httpx.Client(base_url=url, trust_env=False, verify=False, timeout=30, limits=limits)


class LocalX:
    """What people do on the local X."""

    def __init__(self, url: str) -> None:
        self._client = _client(url)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def lift_limits(self) -> None:
        """Let X's limits alone: they are another weather."""
        self._post("/_sandbox/limits", {"scale": 1_000_000})

    def person(self, handle: str) -> str:
        """Let somebody have an account; return its id."""
        return str(self._post("/_sandbox/people", {"handle": handle})["id"])

    def post(self, handle: str, text: str) -> str:
        """Let somebody post; return the post's id."""
        return str(self._post("/_sandbox/posts", {"as": handle, "text": text})["id"])

    def post_all(self, posts: list[Obj]) -> list[Obj]:
        """Let people post, one right after another; return the posts."""
        answer = self._client.post("/_sandbox/posts", json=posts).raise_for_status()
        made: list[Obj] = answer.json()
        return made

    def write(self, handle: str, text: str) -> str:
        """Let somebody write to the bot; return the message's id."""
        return str(self._post("/_sandbox/dms", {"as": handle, "text": text})["id"])

    def messages(self) -> list[Obj]:
        """Return every direct message."""
        found: list[Obj] = self._client.get("/_sandbox/dms").raise_for_status().json()
        return found

    def is_heard(self) -> bool:
        """Whether somebody reads the stream."""
        state = self._client.get("/_sandbox/state").raise_for_status().json()
        return bool(state["stream"])

    def limit(self, **wanted: Any) -> None:
        """Change X's limits, or the speed of their clock."""
        self._post("/_sandbox/limits", wanted)

    def fault(self, **wanted: Any) -> None:
        """Let something go wrong."""
        self._client.post("/_sandbox/faults", json=wanted).raise_for_status()

    def forget_faults(self) -> list[Obj]:
        """Let everything work again; return what could go wrong, and how often it did."""
        waiting: list[Obj] = self._client.get("/_sandbox/faults").raise_for_status().json()
        self._client.delete("/_sandbox/faults").raise_for_status()
        return waiting

    def violations(self) -> list[Obj]:
        """Return what X would have objected to."""
        found: list[Obj] = self._client.get("/_sandbox/violations").raise_for_status().json()
        return found

    def edit(self, post_id: str, text: str) -> bool:
        """Let the author edit a post; False where X does not let them any more."""
        path = f"/_sandbox/posts/{post_id}/edit"
        return self._client.post(path, json={"text": text}).is_success

    def posts(self) -> list[Obj]:
        """Return every post as it stands."""
        found: list[Obj] = self._client.get("/_sandbox/posts").raise_for_status().json()
        return found

    def _post(self, path: str, body: Obj) -> Obj:
        shown: Obj = self._client.post(path, json=body).raise_for_status().json()
        return shown


class Network:
    """The card network as people, operators and the proof meet it."""

    def __init__(self, url: str) -> None:
        self._client = _client(url)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def try_card(self, url: str, number: str, *, passes: bool) -> None:
        """Type a card on the hosted page at `url`, and answer 3-D Secure where it asks."""
        form = {"number": number, "expiry": "12/34", "cvc": "123", "country": _COUNTRY[number]}
        answer = self._client.post(url, data=form)
        where = answer.headers.get("location", "")
        if where.startswith("/3ds/"):
            self._client.post(where, data={"result": "succeed" if passes else "fail"})

    def control(self, path: str, body: Any = None) -> Any:
        """Use test control; None where the network says that this cannot be."""
        answer = self._client.post(f"/_sandbox/{path}", json=body)
        return answer.json() if answer.is_success else None

    def forget_faults(self) -> int:
        """Let everything work again; return how many faults had not struck."""
        left = self._client.get("/_sandbox/faults").raise_for_status().json()
        self._client.delete("/_sandbox/faults").raise_for_status()
        return sum(one["times"] for one in left)

    def waiting_webhooks(self) -> int:
        """Return how many deliveries are not done."""
        shown = self._client.get("/_sandbox/webhooks").raise_for_status().json()
        return int(shown["waiting"])

    def available_cents(self) -> int:
        """Return what the network has for us, below zero where we owe it."""
        (shown,) = self._get("balance")["available"]
        return int(shown["amount"])

    def every(self, path: str, **params: str) -> Iterator[Obj]:
        """Yield every object of a list of the API, the newest first."""
        more: dict[str, str] = {}
        while True:
            shown = self._get(path, limit=str(PAGE), **params, **more)
            yield from shown["data"]
            if not shown["has_more"]:
                return
            more = {"starting_after": shown["data"][-1]["id"]}

    def _get(self, path: str, **params: str) -> Obj:
        headers = {"Authorization": f"Bearer {STRIPE_KEY}"}
        answer = self._client.get(f"/v1/{path}", params=params, headers=headers)
        shown: Obj = answer.raise_for_status().json()
        return shown


GOOD: Final = "4000002500000003"
ASKED: Final = "4000000000003220"
"""It always asks for 3-D Secure; people pass."""
FAILED: Final = "4000000000003055"
"""It asks for 3-D Secure too; people fail it."""
DECLINED: Final = "4000000000000002"
FOREIGN: Final = "4000008260000000"
DISPUTED: Final = "4000000000000259"
"""Its holder disputes every payment at once."""
REFUND_FAILS: Final = "4000000000005126"
_COUNTRY: Final = {
    FOREIGN: "GB",
    **dict.fromkeys((GOOD, ASKED, FAILED, DECLINED, DISPUTED, REFUND_FAILS), "FR"),
}
