"""What the doors share: settings or the sentences that say what is wrong, output, the database."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from bot.config import Needs, Settings
    from bot.services.deps import Deps


NUMBER: Final = click.IntRange(1, 2**63 - 1)
"""What numbers a row: the database counts in 64 bits."""


class No(click.ClickException):
    """The answer is no: a sentence, and exit code 1."""

    exit_code = 1


class BadSettings(click.ClickException):
    """Settings that cannot be worked with: a sentence each, and exit code 2."""

    exit_code = 2


def settings_for(needs: "Needs", given: Mapping[str, str] | None = None) -> "Settings":
    """Return the settings that a door uses, or end it with every sentence at once."""
    from bot.config import SettingsError, load

    try:
        return load(needs, given)
    except SettingsError as error:
        raise BadSettings("\n".join(error.sentences)) from None


def reason_of(error: OSError) -> str:
    """Say why the machine refused, without the address that Python adds in brackets."""
    return (error.strerror or str(error)).partition(" (")[0]


def put(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print objects as JSON, one a line."""
    for row in rows:
        click.echo(json.dumps(row, ensure_ascii=False, default=str))


def euros(cents: int) -> str:
    """Write an amount for an operator's eyes."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d} €"


def moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    """Read a date or a time; without a zone it is UTC."""
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):  # in UTC it may be in the year 0 or 10000
        raise click.BadParameter("write it as 2026-08-31 or 2026-08-31T12:00.") from None


@contextmanager
def books(
    needs: "Needs | None" = None, opened: "Callable[[Settings], Deps] | None" = None
) -> Iterator["Deps"]:
    """Open the database alone, or as `opened` does, for a door that needs nothing else."""
    from sqlalchemy.exc import DBAPIError

    from bot.app import open_books
    from bot.config import Needs

    settings = settings_for(Needs.DATABASE if needs is None else needs)
    _configure_log(settings)
    check_sqlite_is_there(settings.database_url)
    deps = (opened or open_books)(settings)
    try:
        yield deps
    except DBAPIError as error:
        raise No(explain_database(error)) from None
    finally:
        deps.store.close()


def check_sqlite_is_there(url: str, *, may_come: bool = False) -> None:
    """Refuse a SQLite file that does not exist: opening it would make an empty one.

    `may_come`: unless its folder is not there either, as where a disk is mounted late.
    """
    from sqlalchemy.engine import make_url

    parsed = make_url(url)
    path = Path(parsed.database or "")
    waits = may_come and not path.parent.exists()
    if parsed.get_backend_name() == "sqlite" and not path.exists() and not waits:
        raise No(
            f"There is no database at {parsed.database}: check DATABASE_URL, or run "
            "`smoney migrate`."
        )


def explain_database(error: Exception) -> str:
    """Say in a sentence why the database cannot be used."""
    first = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    if "no such table" in first or "does not exist" in first:
        return f"The database has not the newest schema ({first}): run `smoney migrate`."
    return f"The database does not answer ({first}): check DATABASE_URL and that it runs."


def _configure_log(settings: "Settings") -> None:
    from bot import telemetry

    telemetry.configure(log_format=settings.log_format, level="WARNING")
