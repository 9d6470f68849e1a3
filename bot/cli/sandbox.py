"""`smoney sandbox`: the whole bot on this machine, with a local X and a local card network.

Its settings are constants: neither the environment nor an `.env` has a say, save for the port and
for `--people`, which makes the sandbox's people in the database that the settings name.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bot.cli.common import No, reason_of, settings_for
from bot.cli.signals import Signals

if TYPE_CHECKING:
    from fastapi import FastAPI

    from bot.config import Settings
    from bot.sandbox.serve import Running

DATABASE: Final = "sandbox.db"
"""In the folder that it is started in; new at each start."""
PORT: Final = click.IntRange(1, 65_535)
"""What TCP knows as a port; 0 would be any free one, which nothing else here would know of."""
DM_POLL_S: Final = 2
"""Between two reads of direct messages (seconds), so that one takes effect within 5."""
DM_LIMIT_SCALE: Final = 45.0
"""X answers one read a minute. `DM_POLL_S` is 30 times shorter, and half as much again is left for
second pages: idle polls alone must never use the window up, or a message would wait for its end."""
READY_WITHIN_S: Final = 30.0
"""How long the worker may take to hear the local X (seconds); it takes one or two."""
CONTACT: Final = "help@smoney.example"
LOG_LEVEL: Final = "WARNING"
"""What a person who plays wants to see: what went wrong, and what was refused as forged."""
SECRET_KEY: Final = "sandbox-secret-key-that-is-worth-nothing"  # noqa: S105 (it says so)
STRIPE_KEY: Final = "sk_test_sandbox"
WEBHOOK_SECRET: Final = "whsec_sandbox"  # noqa: S105 (the local card network's, worth nothing)


@click.command(short_help="The whole bot here, to play with.", epilog="Example: smoney sandbox")
@click.option(
    "--port", type=PORT, default=8000, envvar="PORT", show_default=True, help="Of the web."
)
@click.option("--x-port", type=PORT, default=8001, show_default=True, help="Of the local X.")
@click.option(
    "--card-port", type=PORT, default=8002, show_default=True, help="Of the card network."
)
@click.option("--servers", is_flag=True, help="Start the two servers alone; print settings.")
@click.option("--people", is_flag=True, help="Make @bob and the others in your own database.")
def sandbox(*, port: int, x_port: int, card_port: int, servers: bool, people: bool) -> int:
    """Run the whole bot here, with a local X and a local card network, on a new sandbox.db.

    On another database: `--servers` in one terminal prints settings for an .env, in which you set
    DATABASE_URL; then `smoney migrate`, `smoney sandbox --people`, `smoney run` in another.
    """
    if people and servers:
        raise click.UsageError(
            "--people needs the servers running: start --servers in another terminal first.",
            click.get_current_context(),
        )
    if people:
        return _make_people()
    _check_ports_differ({"--port": port, "--x-port": x_port, "--card-port": card_port})
    with Signals() as signals, ExitStack() as stack:
        if servers:
            stack.enter_context(_servers(port, x_port, card_port))
            for name, value in given(port, x_port, card_port).items():
                if name != "LOG_LEVEL":  # quiet where all runs here; who runs the rest wants to see
                    click.echo(f"{name}={value}")
            click.echo("The local X and card network run until Ctrl-C.", err=True)
            signals.wait()
            return 0
        return _whole(signals, stack, port, x_port, card_port)


def _check_ports_differ(ports: dict[str, int]) -> None:
    for (one, port), (other, same) in combinations(ports.items(), 2):
        if port == same:
            raise click.UsageError(
                f"{one} and {other} are both {port}: each needs a port of its own.",
                click.get_current_context(),
            )


def _make_people() -> int:
    """Make the sandbox's people in the database that the settings name."""
    from sqlalchemy.exc import DBAPIError

    from bot import telemetry
    from bot.app import open_deps
    from bot.cli.common import check_sqlite_is_there, explain_database
    from bot.config import Needs
    from bot.domain.errors import BotError
    from bot.services.demo import CODE, make_people

    if settings_for(Needs.DATABASE).environment != "sandbox":
        raise No("Demo people are made where ENVIRONMENT is sandbox, and nowhere else.")
    settings = settings_for(Needs.X | Needs.CARDS | Needs.TEXTS | Needs.LINKS | Needs.FIGURES)
    if settings.sms_provider != "sandbox":
        raise No("SMS_PROVIDER must be sandbox: demo people have no phones that ring.")
    telemetry.configure(log_format=settings.log_format, level=LOG_LEVEL)
    check_sqlite_is_there(settings.database_url)
    deps = open_deps(settings)
    try:
        made = make_people(deps, settings.environment)
    except DBAPIError as error:
        raise No(explain_database(error)) from None
    except BotError as error:
        raise No(
            f"The sandbox's people could not be made ({error}): is `smoney sandbox --servers` "
            "running, with these settings?"
        ) from None
    finally:
        deps.store.close()
    click.echo(
        f"@bob has 100 € and a saved card, @alice an empty wallet, @secours_demo is verified. "
        f"Their wallet code is {CODE}."
        if made
        else "The sandbox's people are there already: nothing was changed."
    )
    return 0


def given(port: int, x_port: int, card_port: int) -> dict[str, str]:
    """Return every setting of the sandbox."""
    from bot.sandbox.x_server.credentials import Credentials

    known = Credentials.sandbox()
    x_url = f"http://localhost:{x_port}"
    return {
        "ENVIRONMENT": "sandbox",
        "DATABASE_URL": f"sqlite:///{DATABASE}",
        "PUBLIC_URL": f"http://localhost:{port}",
        "CONTACT": CONTACT,
        "SECRET_KEY": SECRET_KEY,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "LOG_LEVEL": LOG_LEVEL,
        "X_API_BASE_URL": x_url,
        "X_AUTHORIZE_URL": f"{x_url}/i/oauth2/authorize",
        "X_BEARER_TOKEN": known.bearer_token,
        "X_API_KEY": known.api_key,
        "X_API_SECRET": known.api_secret,
        "X_ACCESS_TOKEN": known.access_token,
        "X_ACCESS_TOKEN_SECRET": known.access_token_secret,
        "X_CLIENT_ID": known.client_id,
        "X_CLIENT_SECRET": known.client_secret,
        "X_DM_POLL_S": str(DM_POLL_S),
        "STRIPE_API_KEY": STRIPE_KEY,
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "STRIPE_API_BASE": f"http://localhost:{card_port}",
        "CARD_SCA_COVERS_TRANSFER": "true",
        "COMMANDS_AN_HOUR": "500",  # as with texts:
        "SMS_PER_DAY": "100",  # whoever tries it out does in an hour what others do in months
        "SMS_PROVIDER": "sandbox",
        "SMS_BASE_URL": x_url,
    }


@contextmanager
def _servers(port: int, x_port: int, card_port: int) -> Iterator[None]:
    """Run the local X (with its phones) and the local card network."""
    from bot.sandbox.card_network.app import create_app as card_network
    from bot.sandbox.x_server.app import create_app as local_x
    from bot.sandbox.x_server.app import make_site

    cards = card_network(
        api_key=STRIPE_KEY,
        webhook_secret=WEBHOOK_SECRET,
        webhook_url=f"http://127.0.0.1:{port}/webhooks/stripe",
        public_url=f"http://localhost:{card_port}",
    )
    with (
        _running(local_x(make_site(dm_limit_scale=DM_LIMIT_SCALE)), x_port, "--x-port"),
        _running(cards, card_port, "--card-port"),
    ):
        yield


def _running(app: "FastAPI", port: int, option: str) -> "Running":
    """Start a server, or say in a sentence that its port is taken."""
    from bot.sandbox.serve import serve

    try:
        return serve(app, port=port)
    except OSError as error:
        raise No(
            f"Nothing can listen on 127.0.0.1:{port} ({reason_of(error)}): choose another "
            f"with {option}, or stop what listens there."
        ) from None


def _whole(signals: Signals, stack: ExitStack, port: int, x_port: int, card_port: int) -> int:
    """Run everything until a signal comes; what was started last ends first."""
    from bot import migrations
    from bot.app import open_deps
    from bot.cli.http import listen
    from bot.cli.serve import configure_log, finish, make_web, make_worker, stop_together
    from bot.config import Needs
    from bot.domain.errors import BotError
    from bot.services import receive
    from bot.services.demo import make_people

    settings = settings_for(Needs.RUN, given(port, x_port, card_port))
    configure_log(settings)
    listen(settings.host, port, setting="--port").close()
    stack.enter_context(_servers(port, x_port, card_port))
    if signals.were_caught:
        return 0
    _remove_database(settings.database_url)
    migrations.upgrade(settings.database_url)
    deps = open_deps(settings)
    stack.callback(deps.store.close)
    receive.first_start(deps)  # whoever finds the pages up may post before the worker hears X
    site = make_web(settings, deps)
    site.start()
    stack.callback(site.stop)
    try:
        make_people(deps, settings.environment)
    except BotError as error:
        raise No(f"The sandbox's people could not be made ({error}): see the log above.") from None
    if signals.were_caught:
        return 0
    hand = make_worker(settings, deps, signals)
    hand.start()
    ended = signals.wait_until(lambda: hand.is_connected, READY_WITHIN_S)
    if ended is None and not hand.is_connected:
        signals.end(1, "The worker does not hear the local X: see the log above.")
    elif ended is None:
        _say_where(settings, x_port, card_port)
    ending = ended or signals.wait()
    assert ending is not None, "without a time-out there is an ending"
    click.echo(f"S-money ends here; the books stay in {DATABASE}.")
    return finish(ending, drained=stop_together(hand, site))


def _remove_database(url: str) -> None:
    """Remove the last sandbox's database, unless it is still running on it."""
    from bot.worker.alone import AnotherWorker, hold_alone

    try:
        lock = hold_alone(url)
    except AnotherWorker:
        raise No(
            f"Another sandbox runs on {DATABASE} in this folder: stop it, or start in another one."
        ) from None
    if lock is not None:
        lock.close()
    for ending in ("", "-wal", "-shm", "-worker"):
        Path(f"{DATABASE}{ending}").unlink(missing_ok=True)


def _say_where(settings: "Settings", x_port: int, card_port: int) -> None:
    from bot.services.demo import ALICE, BOB, CODE, IBAN

    click.echo(
        f"""
S-money runs here. Ctrl-C ends it.

  X, to play in         http://localhost:{x_port}
  S-money               {settings.public_url}
  the card network      http://localhost:{card_port}

Play @bob: post   @smoney pay @alice 10€ for pizza
then follow the link of the reply, or send @smoney the direct message   oui REFERENCE

@bob has 100 € and a saved card, @alice an empty wallet, @carol and @dave are new here.
The wallet code of @bob, @alice and @secours_demo is {CODE}; texts arrive on the local X,
@bob's to {BOB.phone}, @alice's to {ALICE.phone}.
Cards: 4242 4242 4242 4242 pays up to 30 €, 4000 0027 6000 3184 asks for 3-D Secure,
4000 0000 0000 0002 declines. An IBAN to take money to: {IBAN}.
The books, proven:
  ENVIRONMENT=sandbox DATABASE_URL=sqlite:///{DATABASE} .venv/bin/smoney ledger check
"""
    )
