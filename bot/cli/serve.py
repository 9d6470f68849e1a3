"""`smoney run`, `worker`, `web` and `migrate`: the processes of an installation."""

import logging
import os
import sys
from typing import TYPE_CHECKING

import click

from bot.cli.common import No, check_sqlite_is_there, explain_database, settings_for
from bot.cli.signals import Ending, Signals

if TYPE_CHECKING:
    from bot.cli.http import WebServer
    from bot.config import Needs, Settings
    from bot.services.deps import Deps
    from bot.web.down import DatabaseWatch
    from bot.worker import Worker


@click.command(short_help="Worker and web in one process.", epilog="Example: smoney run")
def run() -> int:
    """Run worker and web in one process: the small installation, on SQLite."""
    from bot.config import Needs

    return _serve(Needs.RUN, worker=True, web=True)


@click.command(short_help="A worker: hears X, answers, settles.", epilog="Example: smoney worker")
def worker() -> int:
    """Run a worker: it hears X, answers, and does the jobs."""
    from bot.config import Needs

    return _serve(Needs.WORKER, worker=True, web=False)


@click.command(short_help="The pages and the webhooks.", epilog="Example: PORT=8080 smoney web")
def web() -> int:
    """Run a web process: the pages and the webhooks."""
    from bot.config import Needs

    return _serve(Needs.WEB, worker=False, web=True)


@click.command(
    short_help="Bring the database to the newest schema.",
    epilog="Example: DATABASE_URL=sqlite:///smoney.db smoney migrate",
)
def migrate() -> None:
    """Bring the database to the newest schema; one that is there stays as it is."""
    from sqlalchemy.exc import DBAPIError

    from bot import migrations
    from bot.config import Needs

    settings = settings_for(Needs.DATABASE)
    configure_log(settings)
    try:
        migrations.upgrade(settings.database_url)
    except DBAPIError as error:
        raise No(explain_database(error)) from None
    except (migrations.NewerSchema, migrations.BrokenReferences) as error:
        raise No(f"The database stays as it was, since {error}.") from None
    click.echo(f"The database is at revision {migrations.head()}.", err=True)


def configure_log(settings: "Settings") -> None:
    """Send the log to standard error as the settings say."""
    from bot import telemetry

    telemetry.configure(log_format=settings.log_format, level=settings.log_level)
    # At INFO it lists its own plugins.
    logging.getLogger("alembic").setLevel(logging.WARNING)


def _serve(needs: "Needs", *, worker: bool, web: bool) -> int:
    with Signals() as signals:
        from bot.app import open_deps

        settings = settings_for(needs)
        configure_log(settings)
        check_sqlite_is_there(settings.database_url, may_come=True)
        deps = open_deps(settings)
        site = make_web(settings, deps) if web else None
        hand = make_worker(settings, deps, signals) if worker else None
        if site is not None:
            site.start()
        if hand is not None:
            hand.start()
        # The worker looks at the database itself.
        watch = None if hand is not None else watch_database(deps)
        ending = signals.wait()
        assert ending is not None, "without a time-out there is an ending"
        if watch is not None:
            watch.stop()
        drained = stop_together(hand, site)
        deps.store.close()
        return finish(ending, drained=drained)


def stop_together(*parts: "Worker | WebServer | None") -> bool:
    """End the parts of a process side by side, each in its own time; False where one took too long.

    One after the other they would take longer than whoever sent SIGTERM waits.
    """
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(len(parts)) as pool:
        return all(list(pool.map(lambda part: part is None or part.stop(), parts)))


def watch_database(deps: "Deps") -> "DatabaseWatch":
    """Begin to say whether the web process's database answers, until it does."""
    from bot.web.down import DatabaseWatch

    watch = DatabaseWatch(deps.store)
    watch.start()
    return watch


def finish(ending: Ending, *, drained: bool) -> int:
    """Say why the process ends, and end it though a thread may hang in a call."""
    if ending.sentence:
        click.echo(ending.sentence, err=True)
    if not drained:
        # Python would wait for the threads of pools; their rows are taken up by leases.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ending.code)
    return ending.code


def make_worker(settings: "Settings", deps: "Deps", signals: Signals) -> "Worker":
    """Build a worker that ends the process where it cannot go on."""
    from bot import jobs
    from bot.app import open_stream, worker_name
    from bot.worker import Worker

    return Worker(
        deps,
        jobs.table(settings),
        open_stream(settings, deps),
        name=worker_name(deps),
        on_end=signals.end,
    )


def make_web(settings: "Settings", deps: "Deps") -> "WebServer":
    """Build the web server on the address of the settings, which must be free."""
    from bot.cli.http import WebServer, listen
    from bot.web import create_app

    listener = listen(settings.host, settings.port)
    return WebServer(create_app(settings, deps), listener, proxies=settings.trusted_proxies)
